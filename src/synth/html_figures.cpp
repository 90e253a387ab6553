// Tables and receipts as pages of HTML, in many themes of CSS.
#include <fmt/format.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "synth/chromium.h"
#include "synth/draws.h"
#include "synth/receipt.h"
#include "synth/table.h"

namespace molmo::synth {
namespace {

// Rules of CSS, one draw each.
class Theme {
 public:
  Theme(const Page& page, RandomStream& draws) : style(page.style()), draws_(draws) {
    add("body {{ font-family: \"{}\"; color: {}; background: {}; }}", style.font, to_hex(style.ink),
        to_hex(style.paper));
    add("body {{ line-height: {:.2f}; }}", number(1.2, 1.45));
    add("body {{ justify-content: {}; }}", word({"center", "center", "flex-start"}));
    if (!happens(0.45)) return;
    // A sheet on something else.
    const double share = number(0.08, 0.2);
    add("body {{ background: {}; }}", to_hex(mix(style.paper, happens(0.5) ? style.ink : style.accent, share)));
    add("main {{ background: {}; box-shadow: 0 .1em .5em #0005; }}", to_hex(style.paper));
    add("main {{ padding: {:.2f}em; }}", number(0.5, 1.1));
    if (happens(0.6)) add("main {{ border-radius: {:.2f}em; }}", number(0.2, 0.9));
  }

  template <class... Values>
  void add(fmt::format_string<Values...> rule, Values&&... values) {
    rules_ += fmt::format(rule, std::forward<Values>(values)...) + "\n";
  }
  void fill(std::string_view selector, Color color) {
    add("{} {{ background: {}; color: {}; }}", selector, to_hex(color),
        luminance(color) > 0.55 ? "#0d0d0d" : "#ffffff");
  }
  double number(double low, double high) { return between(draws_, low, high); }
  bool happens(double probability) { return chance(draws_, probability); }
  std::string_view word(std::initializer_list<std::string_view> words) {
    return words.begin()[draws_.below(words.size())];
  }
  std::string line(std::string_view kind, Color color) {
    return fmt::format("{}px {} {}", whole(draws_, 1, 2), kind, to_hex(color));
  }
  Color draw_fill() {
    switch (whole(draws_, 0, 3)) {
      case 0:
        return style.accent;
      case 1:
        return mix(style.accent, style.ink, 0.4);
      case 2:
        return mix(style.paper, style.ink, 0.85);
      default:
        return mix(style.paper, style.ink, 0.12);
    }
  }
  const std::string& rules() const { return rules_; }

  const PageStyle& style;

 private:
  RandomStream& draws_;
  std::string rules_;
};

// `font_share`: largest size of the font, of the page's side.
void show(Page& page, const std::string& style, const std::string& main, double font_share, RandomStream& draws) {
  const HtmlPicture shown =
      render_html({.size = {static_cast<int64_t>(page.height()), static_cast<int64_t>(page.width())},
                   .style = style,
                   .main = main,
                   .font_size = page.size(font_share),
                   .margin = page.side() * between(draws, 0.03, 0.07)});
  page.paste(shown.picture, 0, 0);
  for (const HtmlText& text : shown.texts) {
    page.note_text(text.text, text.left, text.baseline, text.width, text.size,
                   text.is_bold ? FontStyle::Bold : FontStyle::Regular);
  }
}

std::string draw_table_theme(const Page& page, RandomStream& draws) {
  Theme theme(page, draws);
  const PageStyle& style = theme.style;
  theme.add("body {{ align-items: {}; }}", theme.word({"stretch", "center", "center", "flex-start"}));
  if (theme.happens(0.6)) theme.add("table {{ width: 100%; }}");
  theme.add("td, th {{ padding: {:.2f}em .6em; }}", theme.number(0.2, 0.6));
  theme.add("td, th {{ text-align: {}; }}", theme.word({"left", "left", "center"}));
  theme.add(".number {{ text-align: {}; }}", theme.word({"right", "right", "center", "left"}));
  const std::string line = theme.line("solid", theme.happens(0.7) ? style.faint : mix(style.accent, style.ink, 0.2));
  theme.add("{} {{ border: {}; }}", theme.word({"td, th", "table", "table, th"}), line);
  theme.add("{}: {}; }}",
            theme.word({"td, th { border-bottom", "td + td, th + th { border-left", "th { border-bottom"}), line);
  if (theme.happens(0.5)) {
    const double share = theme.number(0.05, 0.14);
    const Color stripe = mix(style.paper, theme.happens(0.6) ? style.ink : style.accent, share);
    theme.add("tbody tr:nth-child({}) {{ background: {}; }}", theme.word({"even", "odd"}), to_hex(stripe));
  }
  if (theme.happens(0.7)) {
    theme.fill("th", theme.draw_fill());
  } else if (theme.happens(0.6)) {
    theme.add("th {{ border-bottom: 2px solid {}; }}", to_hex(style.ink));
  }
  if (theme.happens(0.35)) theme.add("td:first-child {{ font-weight: bold; }}");
  theme.add("caption, h1 {{ font-size: {:.2f}em; padding: .4em 0; }}", theme.number(1, 1.35));
  theme.add("caption, h1 {{ text-align: {}; }}", theme.word({"left", "center"}));
  theme.add("caption {{ caption-side: {}; }}", theme.word({"top", "bottom"}));
  theme.add("caption {{ font-weight: {}; }}", theme.word({"bold", "normal"}));
  return theme.rules();
}

std::string table_body(const Table& table, bool has_caption) {
  const std::string title = html_span(table.title);
  std::string html = table.title.empty() || has_caption ? "<table>" : "<h1>" + title + "</h1><table>";
  if (!table.title.empty() && has_caption) html += "<caption>" + title + "</caption>";
  const auto cell = [](std::string_view tag, const TableColumn& column, const std::string& text) {
    return fmt::format("<{0}{1}>{2}</{0}>", tag, column.is_number ? " class=\"number\"" : "", html_span(text));
  };
  html += "<thead><tr>";
  for (const TableColumn& column : table.columns) html += cell("th", column, column.name);
  html += "</tr></thead><tbody>";
  for (size_t i = 0; i < table.num_rows(); ++i) {
    html += "<tr>";
    for (const TableColumn& column : table.columns) html += cell("td", column, column.cells[i]);
    html += "</tr>";
  }
  return html + "</tbody></table>";
}

std::string draw_receipt_theme(const Page& page, RandomStream& draws) {
  Theme theme(page, draws);
  const PageStyle& style = theme.style;
  theme.add("body {{ align-items: center; }} main {{ width: {:.0f}%; }}", theme.number(60, 94));
  theme.add("h1 {{ font-size: {:.2f}em; }} header {{ padding: .5em; }}", theme.number(1.1, 1.7));
  theme.add("header {{ text-align: {}; }}", theme.word({"center", "left"}));
  if (theme.happens(0.5)) theme.fill("header", theme.draw_fill());
  theme.add("p {{ display: flex; padding: {:.2f}em .5em; }} i {{ flex: 1; min-width: 1em; }}", theme.number(0.1, 0.45));
  const std::string line = theme.line(theme.word({"dotted", "dashed", "solid"}), style.faint);
  theme.add("section {{ border-top: {0}; border-bottom: {0}; }}", line);
  const std::string_view rows = theme.word({"lines", "leaders", "stripes", "plain"});
  if (rows == "lines") theme.add("p + p {{ border-top: {}; }}", line);
  if (rows == "leaders") theme.add("p i {{ border-bottom: {}; margin: 0 .3em .35em; }}", line);
  if (rows == "stripes")
    theme.add("p:nth-child(even) {{ background: {}; }}", to_hex(mix(style.paper, style.ink, 0.07)));
  theme.add(".total {{ font-weight: bold; font-size: {:.2f}em; }}", theme.number(1, 1.3));
  if (theme.happens(0.4)) theme.add(".total {{ color: {}; }}", to_hex(mix(style.accent, style.ink, 0.35)));
  theme.add("footer {{ text-align: center; padding: .5em; }}");
  return theme.rules();
}

std::string receipt_body(const Receipt& receipt) {
  const auto row = [](std::string_view name, const std::string& value) {
    return "<p>" + html_span(name) + "<i></i>" + html_span(value) + "</p>";
  };
  std::string html =
      "<header><h1>" + html_span(receipt.shop) + "</h1>" + html_span(receipt.date) + "</header><section>";
  for (size_t i = 0; i < receipt.items.size(); ++i) html += row(receipt.items[i], money(receipt.prices[i]));
  html += "</section><div class=\"total\">" + row("TOTAL", money(receipt.total())) + "</div>";
  if (!receipt.payment.empty())
    html += row("PAID BY", receipt.payment) + "<footer>" + html_span("THANK YOU") + "</footer>";
  return html;
}

}  // namespace

Questions draw_chromium_table(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const Table table = draw_table_data(context);
  const bool has_caption = chance(draws, 0.5);
  const std::string theme = draw_table_theme(page, draws);
  const double font_share = context.is_easy ? 0.085 : between(draws, 0.045, 0.065);
  show(page, theme, table_body(table, has_caption), font_share, draws);
  describe_table(page, table);
  return ask_about_table(table, context);
}

Questions draw_chromium_receipt(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  Receipt receipt = draw_receipt_data(context);
  draw_payment(receipt, context);
  const std::string theme = draw_receipt_theme(page, draws);
  const double font_share = context.is_easy ? 0.08 : between(draws, 0.045, 0.06);
  show(page, theme, receipt_body(receipt), font_share, draws);
  describe_receipt(page, receipt);
  return ask_about_receipt(receipt, context);
}

}  // namespace molmo::synth
