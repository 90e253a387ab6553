// Documents: receipts, forms, letters, posters and slides.
#include <cairo.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "synth/docs.h"
#include "synth/draws.h"
#include "synth/receipt.h"

namespace molmo::synth {
namespace {

constexpr std::string_view kOrdinals[] = {"first", "second", "third", "fourth", "fifth"};

void describe(Page& page, std::string_view figure) {
  page.truth()["part"] = "other";
  page.truth()["figure"] = figure;
}

void add_field(Page& page, std::string_view name, std::string_view value) {
  page.truth()["fields"].push_back({{"name", name}, {"value", value}});
}

// Writes lines below each other.
class Column {
 public:
  Column(Page& page, double left, double top, double width) : page_(page), left_(left), top_(top), width_(width) {}

  void line(std::string_view words, double size, Align align = Align::Left, FontStyle style = FontStyle::Regular,
            const Color* color = nullptr) {
    const double x = align == Align::Left ? left_ : align == Align::Right ? left_ + width_ : left_ + width_ / 2;
    page_.text(words, {.x = x,
                       .baseline = top_ + page_.cap_height(size),
                       .size = size,
                       .align = align,
                       .style = style,
                       .max_width = width_,
                       .color = color});
    top_ += size * 1.35;
  }
  void paragraph(std::string_view words, double size) {
    for (const std::string& part : wrap_text(find_font(page_.style().font), words, size, width_)) line(part, size);
  }
  void pair(std::string_view name, std::string_view value, double size, FontStyle style = FontStyle::Regular) {
    const double baseline = top_ + page_.cap_height(size);
    page_.text(value, {.x = left_ + width_,
                       .baseline = baseline,
                       .size = size,
                       .align = Align::Right,
                       .style = style,
                       .max_width = width_ * 0.48});
    page_.text(name, {.x = left_, .baseline = baseline, .size = size, .style = style, .max_width = width_ * 0.5});
    top_ += size * 1.35;
  }
  void rule(double size) {
    page_.line(left_, top_ + size * 0.1, left_ + width_, top_ + size * 0.1, page_.style().faint,
               std::max(1.0, page_.side() * 0.004));
    top_ += size * 0.5;
  }
  void skip(double height) { top_ += height; }
  double top() const { return top_; }

 private:
  Page& page_;
  double left_, top_, width_;
};

}  // namespace

std::string money(int64_t cents) {
  return fmt::format("{}.{:02}", cents / 100, cents % 100);
}

int64_t Receipt::total() const {
  return std::accumulate(prices.begin(), prices.end(), int64_t{0});
}

Receipt draw_receipt_data(const FigureContext& context) {
  RandomStream& draws = context.draws;
  const auto count = static_cast<size_t>(context.is_easy ? 2 : whole(draws, 3, context.is_hard ? 9 : 6));
  Receipt receipt;
  receipt.shop = context.words.pick("shops", draws);
  receipt.date = context.words.date(draws);
  receipt.items = context.words.pick_some("groceries", count, draws);
  for (size_t i = 0; i < receipt.items.size(); ++i)
    receipt.prices.push_back(context.is_easy ? whole(draws, 1, 19) * 50 : whole(draws, 49, 2999));
  return receipt;
}

void draw_payment(Receipt& receipt, const FigureContext& context) {
  static constexpr std::string_view kPayments[] = {"CASH", "CARD", "VISA"};
  if (!context.is_easy) receipt.payment = pick(context.draws, kPayments);
}

Questions draw_receipt(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  Receipt receipt = draw_receipt_data(context);
  const size_t count = receipt.items.size();
  // A strip of paper on a table.
  const double size = page.size(context.is_easy ? 0.09 : std::min(0.046, 0.55 / static_cast<double>(count + 6)));
  const double width = page.width() * (context.is_easy ? 0.86 : between(draws, 0.55, 0.75));
  const double left = (page.width() - width) / 2;
  if (!context.is_easy) {
    const Color table = to_rgb({between(draws, 20, 40), between(draws, 0.1, 0.5), between(draws, 0.4, 0.8)});
    page.rectangle(0, 0, page.width(), page.height(), table);
    page.rectangle(left - size, 0, width + 2 * size, page.height(), page.style().paper);
  }
  Column column(page, left, page.side() * 0.05, width);
  column.line(receipt.shop, size * 1.15, Align::Center, FontStyle::Bold);
  column.line(receipt.date, size, Align::Center);
  column.rule(size);
  for (size_t i = 0; i < count; ++i) column.pair(receipt.items[i], money(receipt.prices[i]), size);
  column.rule(size);
  column.pair("TOTAL", money(receipt.total()), size * 1.1, FontStyle::Bold);
  draw_payment(receipt, context);
  if (!receipt.payment.empty()) {
    column.pair("PAID BY", receipt.payment, size);
    column.skip(size * 0.5);
    column.line("THANK YOU", size, Align::Center);
  }
  describe_receipt(page, receipt);
  return ask_about_receipt(receipt, context);
}

void describe_receipt(Page& page, const Receipt& receipt) {
  if (!receipt.payment.empty()) add_field(page, "payment", receipt.payment);
  describe(page, "receipt");
  add_field(page, "shop", receipt.shop);
  add_field(page, "date", receipt.date);
  add_field(page, "total", money(receipt.total()));
  for (size_t i = 0; i < receipt.items.size(); ++i)
    page.truth()["items"].push_back({{"name", receipt.items[i]}, {"price", money(receipt.prices[i])}});
}

Questions ask_about_receipt(const Receipt& receipt, const FigureContext& context) {
  const auto& [shop, date, payment, items, prices] = receipt;
  const size_t count = items.size();
  Questions questions;
  if (!payment.empty()) questions.push_back({"How was it paid?", payment, 1});
  for (size_t i = 0; i < count; ++i)
    questions.push_back({"How much is the " + items[i] + "?", money(prices[i]), 3.0 / static_cast<double>(count)});
  questions.push_back({"What is the total?", money(receipt.total()), 2.5});
  questions.push_back({"What is the name of the shop?", shop, 1.5});
  questions.push_back({"What is the date?", date, 1.5});
  questions.push_back({"How many items were bought?", std::to_string(count), 1});
  const auto dearest = std::max_element(prices.begin(), prices.end());
  if (std::count(prices.begin(), prices.end(), *dearest) == 1) {
    questions.push_back({"Which item costs the most?", items[static_cast<size_t>(dearest - prices.begin())], 1.2});
  }
  const size_t at = context.draws.below(std::min<size_t>(count, 3));
  questions.push_back({fmt::format("What is the {} item?", kOrdinals[at]), items[at], 1});
  return questions;
}

Questions draw_form(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const std::string title = context.words.pick("form_titles", draws);
  struct Field {
    std::string name, value;
  };
  std::vector<Field> fields = {
      {"Name", context.is_easy ? context.words.pick("first_names", draws) : context.words.person(draws)},
      {"City", context.words.pick("cities", draws)},
      {"Age", std::to_string(whole(draws, 18, 89))},
      {"Job", context.words.pick("jobs", draws)},
      {"Date", context.words.date(draws)}};
  if (!context.is_easy) {
    fields.push_back({"Street", fmt::format("{} {}", whole(draws, 1, 99), context.words.pick("streets", draws))});
    fields.push_back({"Phone", fmt::format("{}-{:04}", whole(draws, 200, 999), whole(draws, 0, 9999))});
    fields.push_back({"Member no.", std::to_string(whole(draws, 1000, 99999))});
  }
  shuffle(draws, fields);
  fields.resize(std::min<size_t>(
      fields.size(),
      static_cast<size_t>(context.is_easy ? whole(draws, 2, 3) : whole(draws, 4, context.is_hard ? 8 : 6))));
  const double margin = page.side() * 0.06, size = page.size(context.is_easy ? 0.095 : 0.042);
  const bool is_hand = chance(draws, context.is_easy ? 0.15 : 0.5);
  const std::string_view hand = is_hand ? pick(draws, handwriting_families()) : std::string_view{};
  // Blue ink cannot be read on dark paper.
  const bool is_blue = is_hand && luminance(page.style().paper) > 0.5;
  const Color pen = is_blue ? to_rgb({between(draws, 215, 240), 0.8, between(draws, 0.4, 0.7)}) : page.style().ink;
  double top = margin;
  page.text(title, {.x = page.width() / 2,
                    .baseline = top + page.cap_height(size * 1.2),
                    .size = size * 1.2,
                    .align = Align::Center,
                    .style = FontStyle::Bold,
                    .max_width = page.width() - 2 * margin});
  top += size * 2;
  double widest = 0;
  for (const Field& field : fields) widest = std::max(widest, page.text_width(field.name + ":", size));
  const bool has_boxes = chance(draws, 0.5);
  const double line_height =
      std::min(size * 2.1, (page.height() - top - size * 2) / static_cast<double>(fields.size()));
  for (const Field& field : fields) {
    const double middle = top + line_height / 2, x = margin + widest + size * 0.5, right = page.width() - margin;
    page.text_at_middle(field.name + ":", {.x = margin, .size = size}, middle);
    if (has_boxes) {
      page.frame(x, middle - line_height * 0.42, right - x, line_height * 0.84, page.style().faint,
                 std::max(1.0, page.side() * 0.004));
    } else {
      page.line(x, middle + size * 0.6, right, middle + size * 0.6, page.style().faint,
                std::max(1.0, page.side() * 0.004));
    }
    page.text_at_middle(field.value,
                        {.x = x + size * 0.3,
                         .size = size * (is_hand ? 1.1 : 1),
                         .max_width = right - x - size * 0.5,
                         .font = hand,
                         .color = &pen},
                        middle);
    top += line_height;
  }
  describe(page, "form");
  page.truth()["title"] = title;
  Questions questions;
  for (const Field& field : fields) {
    add_field(page, field.name, field.value);
    questions.push_back(
        {"What is the " + field.name + " on the form?", field.value, 4.0 / static_cast<double>(fields.size())});
  }
  questions.push_back({"What is the title of the form?", title, 1.2});
  questions.push_back({"How many fields does the form have?", std::to_string(fields.size()), 0.5});
  if (!context.is_easy || chance(draws, 0.4)) {
    const std::string label = context.words.pick("checkbox_labels", draws);
    const bool is_checked = chance(draws, 0.5);
    const double side = size * 0.9, y = std::min(top + size * 0.4, page.height() - margin * 0.5 - side);
    page.frame(margin, y, side, side, page.style().ink, std::max(1.0, page.side() * 0.006));
    if (is_checked) {
      page.line(margin + side * 0.2, y + side * 0.5, margin + side * 0.45, y + side * 0.8, pen,
                std::max(1.5, page.side() * 0.01));
      page.line(margin + side * 0.42, y + side * 0.8, margin + side * 0.85, y + side * 0.15, pen,
                std::max(1.5, page.side() * 0.01));
    }
    page.text_at_middle(label, {.x = margin + side * 1.5, .size = size}, y + side / 2);
    page.truth()["checkbox"] = {{"name", label}, {"is_checked", is_checked}, {"box", box_json(margin, y, side, side)}};
    questions.push_back({"Is the box " + label + " checked?", is_checked ? "Yes" : "No", 1.5});
  }
  return questions;
}

Questions draw_letter(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const std::string to = context.words.pick("first_names", draws);
  std::string from = to;
  while (from == to) from = context.words.pick("first_names", draws);
  const std::string date = context.words.date(draws);
  const std::string place = context.words.pick("places", draws), city = context.words.pick("cities", draws),
                    day = context.words.pick("days", draws), time = context.words.time(draws);
  const int64_t number = whole(draws, 2, 40);
  // Each fact is said at most once, so that questions about it have one answer.
  std::vector<size_t> facts = {0, 1, 2, 3};
  shuffle(draws, facts);
  facts.resize(context.is_easy ? 1 : static_cast<size_t>(whole(draws, 2, 4)));
  const double margin = page.side() * 0.07, size = page.size(context.is_easy ? 0.09 : 0.042);
  Column column(page, margin, margin, page.width() - 2 * margin);
  column.line(date, size, Align::Right);
  column.line("Dear " + to + ",", size);
  column.skip(size * 0.3);
  std::string body;
  Questions questions;
  for (const size_t fact : facts) {
    if (!body.empty()) body += " ";
    if (fact == 0) {
      body += "We meet at the " + place + ".";
      questions.push_back({"Where do they meet?", "At the " + place, 1.5});
    } else if (fact == 1) {
      body += fmt::format("Please bring {} chairs.", number);
      questions.push_back({"How many chairs are needed?", std::to_string(number), 1.5});
    } else if (fact == 2) {
      body += "The train leaves at " + time + ".";
      questions.push_back({"When does the train leave?", "At " + time, 1.5});
    } else {
      body += "I will be in " + city + " on " + day + ".";
      questions.push_back({"In which city will " + from + " be?", city, 1.5});
    }
  }
  column.paragraph(body, size);
  column.skip(size * 0.3);
  column.line("Yours,", size);
  const bool is_hand = !context.is_easy && chance(draws, 0.5);
  if (is_hand) {
    const Color pen = luminance(page.style().paper) > 0.5 ? to_rgb({225, 0.8, 0.55}) : page.style().ink;
    page.text(from, {.x = margin,
                     .baseline = column.top() + size,
                     .size = size * 1.3,
                     .font = pick(draws, handwriting_families()),
                     .color = &pen});
  } else {
    column.line(from, size, Align::Left, FontStyle::Bold);
  }
  describe(page, "letter");
  add_field(page, "to", to);
  add_field(page, "from", from);
  add_field(page, "date", date);
  page.truth()["body"] = body;
  questions.push_back({"Who wrote the letter?", from, 2});
  questions.push_back({"To whom is the letter?", to, 2});
  questions.push_back({"What is the date of the letter?", date, 1.5});
  return questions;
}

// As many words and numbers as there is room for, without an order that would help to guess them.
Questions draw_word_list(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const double size = page.size((context.is_easy ? 0.13 : 0.06) * between(draws, 0.65, 1)), margin = page.side() * 0.04;
  // From words that nearly touch to words that stand alone.
  const double looseness = between(draws, 0, 1), gap = size * (0.35 + looseness), step = size * (1.3 + 1.2 * looseness);
  int64_t num_lines = 0;
  for (double baseline = margin + size; baseline + size * 0.3 < page.height(); baseline += step, ++num_lines) {
    double x = margin + (chance(draws, 0.5) ? 0 : between(draws, 0, gap));
    for (bool is_first = true;; is_first = false) {
      const std::string word = chance(draws, 0.2) ? std::to_string(whole(draws, 0, context.max_value.value_or(20)))
                                                  : context.words.pick(context.words.topic(draws).categories, draws);
      const FontStyle style = chance(draws, 0.25) ? FontStyle::Bold : FontStyle::Regular;
      const double width = page.text_width(word, size, style);
      if (!is_first && x + width > page.width() - margin) break;
      page.text(word,
                {.x = x, .baseline = baseline, .size = size, .style = style, .max_width = page.width() - margin - x});
      x += width + gap + between(draws, 0, gap);
      if (x > page.width() - margin - size) break;
    }
  }
  describe(page, "word_list");
  const Json& texts = page.truth()["texts"];
  return {{"What is the first word?", texts.front()["text"].get<std::string>(), 1},
          {"What is the last word?", texts.back()["text"].get<std::string>(), 1},
          {"How many lines are there?", std::to_string(num_lines), 0.5}};
}

Questions draw_poster(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const std::string event = context.words.pick("events", draws), place = context.words.pick("places", draws),
                    date = context.words.date(draws), time = context.words.time(draws);
  const int64_t price = whole(draws, 1, 40);
  const Color ground = typical(pick(draws, page.style().colors));
  const Color ink = luminance(ground) > 0.55 ? Color{0.06, 0.06, 0.1} : Color{1, 1, 1};
  page.rectangle(0, 0, page.width(), page.height(), ground);
  if (!context.is_easy) {
    set_color(page.cairo(), mix(ground, ink, 0.14));
    for (int i = 0; i < 4; ++i) {
      const double x = between(draws, 0, page.width()), y = between(draws, 0, page.height()),
                   radius = between(draws, 0.08, 0.25) * page.side();
      cairo_new_path(page.cairo());
      cairo_arc(page.cairo(), x, y, radius, 0, 6.3);
      cairo_fill(page.cairo());
    }
  }
  const double size = page.size(context.is_easy ? 0.1 : 0.055), margin = page.side() * 0.07;
  Column column(page, margin, page.height() * (context.is_easy ? 0.12 : between(draws, 0.1, 0.2)),
                page.width() - 2 * margin);
  const Align align = chance(draws, 0.7) ? Align::Center : Align::Left;
  column.line(event, size * (context.is_easy ? 1.5 : 2), align, FontStyle::Bold, &ink);
  column.skip(size * 0.6);
  column.line(date, size * 1.1, align, FontStyle::Regular, &ink);
  column.line(time, size * 1.1, align, FontStyle::Regular, &ink);
  column.line(place, size * 1.1, align, FontStyle::Regular, &ink);
  Questions questions = {{"What is the event?", event, 2},
                         {"When is it?", date, 1.5},
                         {"At what time does it begin?", time, 2},
                         {"Where is it?", place, 2}};
  if (chance(draws, 0.7)) {
    const std::string entry = fmt::format("Entry ${}", price);
    column.skip(size * 0.4);
    column.line(entry, size, align, FontStyle::Bold, &ink);
    add_field(page, "price", fmt::format("${}", price));
    questions.push_back({"How much is the entry?", fmt::format("${}", price), 2});
  }
  describe(page, "poster");
  add_field(page, "event", event);
  add_field(page, "date", date);
  add_field(page, "time", time);
  add_field(page, "place", place);
  return questions;
}

Questions draw_slide(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const std::string title = context.words.pick("slide_titles", draws);
  const auto count = static_cast<size_t>(context.is_easy ? 2 : whole(draws, 2, context.is_hard ? 5 : 4));
  const std::vector<std::string> points = context.words.pick_some("slide_points", count, draws);
  const double margin = page.side() * 0.07, size = page.size(context.is_easy ? 0.1 : 0.055);
  const bool has_bar = chance(draws, 0.5);
  const Color bar = typical(page.style().colors[0]);
  const Color bar_ink = luminance(bar) > 0.55 ? Color{0.05, 0.05, 0.05} : Color{1, 1, 1};
  if (has_bar) page.rectangle(0, 0, page.width(), size * 2.4, bar);
  page.text_at_middle(title,
                      {.x = margin,
                       .size = size * 1.3,
                       .style = FontStyle::Bold,
                       .max_width = page.width() - 2 * margin,
                       .color = has_bar ? &bar_ink : nullptr},
                      size * 1.2);
  double top = size * 3.2;
  const double line_height = std::min(size * 2.2, (page.height() - top - margin) / static_cast<double>(count));
  const bool is_numbered = chance(draws, 0.4);
  for (size_t i = 0; i < count; ++i) {
    const double middle = top + line_height / 2;
    if (is_numbered) {
      page.text_at_middle(fmt::format("{}.", i + 1), {.x = margin, .size = size}, middle);
    } else {
      page.rectangle(margin, middle - size * 0.15, size * 0.3, size * 0.3, page.style().ink);
    }
    page.text_at_middle(points[i],
                        {.x = margin + size * 1.2, .size = size, .max_width = page.width() - 2 * margin - size * 1.2},
                        middle);
    top += line_height;
  }
  describe(page, "slide");
  page.truth()["title"] = title;
  page.truth()["points"] = points;
  Questions questions = {{"What is the title of the slide?", title, 2},
                         {"How many points does the slide list?", std::to_string(count), 1}};
  for (size_t i = 0; i < count; ++i) {
    questions.push_back(
        {fmt::format("What is the {} point?", kOrdinals[i]), points[i], 3.0 / static_cast<double>(count)});
  }
  questions.push_back({"What is the last point?", points.back(), 0.8});
  return questions;
}

}  // namespace molmo::synth
