#include "synth/chromium.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "synth/renderer_program.h"

namespace molmo::synth {
namespace {

// The window of a headless browser is at least 500 pixels wide, whatever the picture: body gets the size instead.
constexpr std::string_view kBaseStyle =
    "* { box-sizing: border-box; margin: 0; }\n"
    "body { overflow: hidden; white-space: nowrap; display: flex; flex-direction: column; }\n"
    "table { border-collapse: collapse; font-size: 1em; }\n";

// Shrinks the font until everything is within the margins, then says where each text is: a mark of no size stands on
// its baseline.
constexpr std::string_view kScript = R"js(
const body = document.body, edge = body.getBoundingClientRect(), margin = +body.dataset.margin - 0.5;
const elements = [...document.querySelectorAll('main, main *')];
const fits = () => elements.every(element => {
  const box = element.getBoundingClientRect();
  return box.left >= margin && box.top >= margin && box.right <= edge.right - margin &&
         box.bottom <= edge.bottom - margin;
});
for (let size = +body.dataset.size; body.style.fontSize = size + 'px', size > 2 && !fits();) size *= 0.97;
const texts = [...document.querySelectorAll('span')].map(span => {
  const text = span.textContent, box = span.getBoundingClientRect(), style = getComputedStyle(span);
  const mark = document.createElement('x-mark');
  mark.style.display = 'inline-block';
  span.append(mark);
  const baseline = mark.getBoundingClientRect().bottom;
  mark.remove();
  return {text, left: box.left, baseline, width: box.width, size: parseFloat(style.fontSize),
          bold: +style.fontWeight >= 600};
});
const result = document.createElement('script');
result.type = 'application/json';
result.id = 'texts';
result.textContent = JSON.stringify(texts).replaceAll('<', '\\u003c');
body.append(result);
)js";
constexpr ProgramLimits kLimits{.time = std::chrono::minutes(2)};  // a second or two, but eight on a busy machine
constexpr std::string_view kTextsBegin = R"(id="texts">)", kTextsEnd = "</script>";

std::vector<HtmlText> read_texts(const std::string& document, const std::filesystem::path& browser) {
  // A text of the page cannot look like this: its > is written &gt;.
  const size_t begin = document.rfind(kTextsBegin), end = document.rfind(kTextsEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    fail(ErrorCategory::Io, "{}: expected the places of texts in the page, found none", browser.string());
  const size_t from = begin + kTextsBegin.size();
  std::vector<HtmlText> texts;
  for (const Json& text : parse_json(std::string_view(document).substr(from, end - from), browser.string())) {
    const auto number = [&](const char* name) { return text.at(name).get<double>(); };
    texts.push_back({text.at("text").get<std::string>(), number("left"), number("baseline"), number("width"),
                     number("size"), text.at("bold").get<bool>()});
  }
  return texts;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += character;
    }
  }
  return result;
}

std::string html_span(std::string_view text) {
  return "<span>" + html_text(text) + "</span>";
}

HtmlPicture render_html(const HtmlPage& page) {
  const std::filesystem::path browser = find_renderer_program(Renderer::Chromium);
  const TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  write_file_atomic(
      file("page.html"),
      fmt::format(
          "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n<style>\n{}"
          "body {{ width: {}px; height: {}px; padding: {:.2f}px; }}\n{}</style></head>\n"
          "<body data-size=\"{:.2f}\" data-margin=\"{:.2f}\"><main>{}</main><script>{}</script></body></html>\n",
          kBaseStyle, page.size.width, page.size.height, page.margin, page.style, page.font_size, page.margin,
          page.main, kScript));
  std::vector<std::string> arguments = {
      "--headless=new", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
      // The same pixels on all machines.
      "--force-color-profile=srgb", "--disable-lcd-text", "--font-render-hinting=none",
      // Nothing is asked of others, nothing is kept.
      "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-breakpad", "--no-first-run",
      "--disable-dev-shm-usage",  // 64 MB in containers
      "--user-data-dir=" + file("profile"), "--screenshot=" + file("page.png"), "--dump-dom",
      fmt::format("--window-size={},{}", page.size.width, page.size.height)};
  if (::geteuid() == 0) arguments.emplace_back("--no-sandbox");  // Chromium refuses to start otherwise
  arguments.push_back("file://" + file("page.html"));
  HtmlPicture result;
  result.texts = read_texts(run_program(browser, arguments, kLimits), browser);
  result.picture = image::read_image(file("page.png"));
  if (result.picture.size.width != page.size.width || result.picture.size.height != page.size.height) {
    fail(ErrorCategory::Io, "{}: expected a picture of {} x {} pixels, found {} x {}", browser.string(),
         page.size.width, page.size.height, result.picture.size.width, result.picture.size.height);
  }
  return result;
}

}  // namespace molmo::synth
