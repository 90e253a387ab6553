#include "synth/screen.h"

#include <cairo.h>
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "synth/draws.h"

namespace molmo::synth {
namespace {

constexpr double kTurn = 6.2832;

class ScreenPainter {
 public:
  ScreenPainter(Page& page, const FigureContext& context)
      : page_(page),
        context_(context),
        draws_(context.draws),
        size_(page.size(context.is_easy ? 0.095 : 0.044)),
        margin_(page.side() * 0.05),
        accent_(typical(page.style().colors[0])) {}

  ScreenLook paint() {
    static constexpr std::string_view kLayouts[] = {"settings", "list", "form", "apps"};
    look_.layout = pick(draws_, kLayouts);
    look_.title = look_.layout == "settings" ? "Settings" : context_.words.pick("screens.titles", draws_);
    bar();
    if (look_.layout == "settings") {
      rows("screens.settings", ElementKind::Switch);
    } else if (look_.layout == "list") {
      rows("screens.items", chance(draws_, 0.5) ? ElementKind::Check : ElementKind::Row);
    } else if (look_.layout == "form") {
      fields();
    } else {
      apps();
    }
    return std::move(look_);
  }

 private:
  void bar() {
    const double height = size_ * 2.3;
    const bool is_filled = chance(draws_, 0.6);
    const Color ink = is_filled ? readable_on(accent_) : page_.style().ink;
    if (is_filled) page_.rectangle(0, 0, page_.width(), height, accent_);
    double left = margin_;
    if (chance(draws_, 0.6)) {
      const double middle = height / 2, reach = size_ * 0.4;
      page_.line(left + reach, middle - reach, left, middle, ink, size_ * 0.16);
      page_.line(left, middle, left + reach, middle + reach, ink, size_ * 0.16);
      look_.elements.push_back({ElementKind::Back, "back", 0, 0, left + size_ * 1.2, height});
      left += size_ * 1.4;
    }
    page_.text_at_middle(look_.title,
                         {.x = left,
                          .size = size_ * 1.15,
                          .style = FontStyle::Bold,
                          .max_width = page_.width() - left - margin_,
                          .color = &ink},
                         height / 2);
    look_.elements.push_back({ElementKind::Title, look_.title, left, 0, page_.width(), height});
    top_ = height;
  }

  void rows(std::string_view list, ElementKind kind) {
    const auto count =
        static_cast<size_t>(context_.is_easy ? whole(draws_, 2, 3) : whole(draws_, 3, context_.is_hard ? 8 : 6));
    const bool has_button = kind != ElementKind::Switch && chance(draws_, 0.5);
    const double room = page_.height() - top_ - (has_button ? size_ * 3 : size_ * 0.5);
    const double height = std::min(size_ * 2.6, room / static_cast<double>(count));
    for (const std::string& name : context_.words.pick_some(list, count, draws_)) {
      const double middle = top_ + height / 2;
      ScreenElement row{kind, name, 0, top_, page_.width(), top_ + height, chance(draws_, 0.5)};
      page_.text_at_middle(name, {.x = margin_, .size = size_, .max_width = page_.width() - margin_ * 2 - size_ * 2.4},
                           middle);
      if (kind == ElementKind::Switch) paint_switch(row.is_on, middle);
      if (kind == ElementKind::Check) paint_check(row.is_on, middle);
      look_.elements.push_back(std::move(row));
      top_ += height;
      page_.line(margin_, top_, page_.width() - margin_, top_, page_.style().faint, 1);
    }
    if (has_button) button(page_.height() - size_ * 1.7);
  }

  void fields() {
    const auto count = static_cast<size_t>(context_.is_easy ? 2 : whole(draws_, 2, 4));
    const double height = std::min(size_ * 3.4, (page_.height() - top_ - size_ * 3) / static_cast<double>(count));
    for (const std::string& name : context_.words.pick_some("screens.fields", count, draws_)) {
      const double left = margin_, right = page_.width() - margin_;
      page_.text(name, {.x = left, .baseline = top_ + height * 0.32, .size = size_ * 0.85});
      page_.frame(left, top_ + height * 0.42, right - left, height * 0.48, page_.style().faint,
                  std::max(1.0, page_.side() * 0.006));
      look_.elements.push_back({ElementKind::Field, name, left, top_ + height * 0.42, right, top_ + height * 0.9});
      top_ += height;
    }
    button(page_.height() - size_ * 1.7);
  }

  void apps() {
    const int64_t columns = context_.is_easy ? 2 : whole(draws_, 3, 4),
                  num_rows = context_.is_easy ? 2 : whole(draws_, 2, 4);
    const double width = page_.width() / static_cast<double>(columns),
                 height = (page_.height() - top_) / static_cast<double>(num_rows);
    const auto names = context_.words.pick_some("screens.apps", static_cast<size_t>(columns * num_rows), draws_);
    const double size = size_ * 0.9;
    for (size_t i = 0; i < names.size(); ++i) {
      const double left = width * static_cast<double>(static_cast<int64_t>(i) % columns),
                   top = top_ + height * static_cast<double>(static_cast<int64_t>(i) / columns);
      const double side = std::min(width * 0.6, height * 0.55), x = left + (width - side) / 2, y = top + height * 0.08;
      const Color color = typical(pick(draws_, page_.style().colors));
      set_color(page_.cairo(), color);
      cairo_new_path(page_.cairo());
      rounded_rectangle(page_.cairo(), x, y, side, side, side * 0.24);
      cairo_fill(page_.cairo());
      const Color ink = readable_on(color);
      page_.text_at_middle(
          names[i].substr(0, 1),
          {.x = x + side / 2, .size = side * 0.6, .align = Align::Center, .style = FontStyle::Bold, .color = &ink},
          y + side / 2);
      page_.text(names[i], {.x = left + width / 2,
                            .baseline = std::min(y + side + size * 1.1, page_.height() - 2),
                            .size = size,
                            .align = Align::Center,
                            .max_width = width * 0.94});
      look_.elements.push_back({ElementKind::App, names[i], x, y, x + side, top + height});
    }
  }

  void button(double middle) {
    const std::string name = context_.words.pick("screens.buttons", draws_);
    const double width = std::max(page_.width() * 0.45, page_.text_width(name, size_) + size_ * 2), height = size_ * 2;
    const double left = (page_.width() - width) / 2;
    set_color(page_.cairo(), accent_);
    cairo_new_path(page_.cairo());
    rounded_rectangle(page_.cairo(), left, middle - height / 2, width, height, height * between(draws_, 0.1, 0.5));
    cairo_fill(page_.cairo());
    const Color ink = readable_on(accent_);
    page_.text_at_middle(name,
                         {.x = page_.width() / 2,
                          .size = size_,
                          .align = Align::Center,
                          .style = FontStyle::Bold,
                          .max_width = width * 0.9,
                          .color = &ink},
                         middle);
    look_.elements.push_back({ElementKind::Button, name, left, middle - height / 2, left + width, middle + height / 2});
  }

  void paint_switch(bool is_on, double middle) {
    const double width = size_ * 1.9, height = size_ * 1.05, left = page_.width() - margin_ - width;
    cairo_t* cairo = page_.cairo();
    set_color(cairo, is_on ? accent_ : mix(page_.style().paper, page_.style().ink, 0.3));
    cairo_new_path(cairo);
    rounded_rectangle(cairo, left, middle - height / 2, width, height, height / 2);
    cairo_fill(cairo);
    set_color(cairo, {1, 1, 1});
    cairo_new_path(cairo);
    cairo_arc(cairo, is_on ? left + width - height / 2 : left + height / 2, middle, height * 0.4, 0, kTurn);
    cairo_fill(cairo);
  }

  void paint_check(bool is_on, double middle) {
    const double side = size_ * 1.1, left = page_.width() - margin_ - side, top = middle - side / 2;
    page_.frame(left, top, side, side, page_.style().ink, std::max(1.0, size_ * 0.1));
    if (!is_on) return;
    page_.line(left + side * 0.2, top + side * 0.5, left + side * 0.43, top + side * 0.78, accent_, size_ * 0.2);
    page_.line(left + side * 0.4, top + side * 0.78, left + side * 0.82, top + side * 0.2, accent_, size_ * 0.2);
  }

  static Color readable_on(Color color) { return luminance(color) > 0.55 ? Color{0.05, 0.05, 0.08} : Color{1, 1, 1}; }

  Page& page_;
  const FigureContext& context_;
  RandomStream& draws_;
  double size_, margin_;
  Color accent_;
  double top_ = 0;
  ScreenLook look_;
};

}  // namespace

ScreenLook paint_screen(Page& page, const FigureContext& context) {
  ScreenLook look = ScreenPainter(page, context).paint();
  static constexpr std::string_view kKinds[] = {"title", "back", "row", "switch", "check", "field", "button", "app"};
  Json& truth = page.truth();
  truth["part"] = "other";
  truth["figure"] = "screen";
  truth["layout"] = look.layout;
  for (const ScreenElement& element : look.elements) {
    truth["elements"].push_back(
        {{"kind", kKinds[static_cast<size_t>(element.kind)]},
         {"name", element.name},
         {"is_on", element.is_on},
         {"box", box_json(element.left, element.top, element.right - element.left, element.bottom - element.top)}});
  }
  return look;
}

Questions draw_screen(Page& page, const FigureContext& context) {
  const ScreenLook look = paint_screen(page, context);
  Questions questions = {{"What is the title of the screen?", look.title, 1.5}};
  size_t num_rows = 0, num_on = 0;
  ElementKind kind = ElementKind::Row;
  std::vector<std::string> names;
  for (const ScreenElement& element : look.elements) {
    if (element.kind == ElementKind::Title || element.kind == ElementKind::Back) continue;
    if (element.kind == ElementKind::Button) {
      questions.push_back({"What does the button say?", element.name, 2});
      continue;
    }
    kind = element.kind;
    names.push_back(element.name);
    ++num_rows;
    num_on += element.is_on;
    if (kind == ElementKind::Switch)
      questions.push_back({"Is " + element.name + " on?", element.is_on ? "Yes" : "No", 1});
    if (kind == ElementKind::Check)
      questions.push_back({"Is \"" + element.name + "\" checked?", element.is_on ? "Yes" : "No", 1});
  }
  if (kind == ElementKind::Switch) questions.push_back({"How many switches are on?", std::to_string(num_on), 1});
  if (kind == ElementKind::Check) questions.push_back({"How many items are checked?", std::to_string(num_on), 1});
  const std::string what = kind == ElementKind::App      ? "apps"
                           : kind == ElementKind::Field  ? "fields"
                           : kind == ElementKind::Switch ? "switches"
                                                         : "items";
  questions.push_back({"How many " + what + " are shown?", std::to_string(num_rows), 1});
  questions.push_back({"What is the first of the " + what + "?", names.front(), 1});
  questions.push_back({"What is the last of the " + what + "?", names.back(), 0.7});
  return questions;
}

}  // namespace molmo::synth
