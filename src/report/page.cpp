#include "report/page.h"

#include <fmt/core.h>

#include <cstdint>

#include "base/error.h"
#include "base/file.h"

namespace molmo::report {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #6b7480; --line: #d8dde3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #16191d; --faint: #98a2ad; --line: #363c44; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
figure { margin: 1rem 0; } figcaption { color: var(--faint); font-size: .9rem; }
svg, img { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
.wide table { font-size: .8rem; } .wide th, .wide td { padding-right: .45rem; } .wide td:first-child { min-width: 8rem; }
td { white-space: pre-wrap; overflow-wrap: anywhere; } td:first-child { overflow-wrap: break-word; }
)";

// Length of the valid UTF-8 character at `at`, or 0.
size_t character_length(std::string_view bytes, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > bytes.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool is_outside = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return is_overlong || is_outside ? 0 : length;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? static_cast<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string_view picture_type(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 12));
  if (head.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (head.size() == 12 && head.starts_with("RIFF") && head.ends_with("WEBP")) return "image/webp";
  fail(ErrorCategory::InvalidArgument, "a picture of {} bytes is neither PNG, JPEG nor WebP", bytes.size());
}

}  // namespace

Html text(std::string_view plain) {
  Html html;
  for (size_t at = 0; at < plain.size();) {
    const size_t length = character_length(plain, at);
    const char c = plain[at];
    const bool is_control = static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t';
    if (length == 0 || is_control || c == 0x7f) {
      html.code += "\xEF\xBF\xBD";
    } else if (c == '&') {
      html.code += "&amp;";
    } else if (c == '<') {
      html.code += "&lt;";
    } else if (c == '>') {
      html.code += "&gt;";
    } else if (c == '"') {
      html.code += "&quot;";
    } else if (c == '\'') {
      html.code += "&#39;";
    } else {
      html.code += plain.substr(at, length);
    }
    at += std::max<size_t>(length, 1);
  }
  return html;
}

Html picture(std::span<const std::byte> bytes, std::string_view alternative) {
  return {fmt::format("<img alt=\"{}\" src=\"data:{};base64,{}\">", text(alternative).code, picture_type(bytes),
                      base64(bytes))};
}

Page::Page(std::string_view title) : title_(text(title).code) {}

void Page::heading(std::string_view plain) {
  body_ += fmt::format("<h2>{}</h2>\n", text(plain).code);
}

void Page::paragraph(std::string_view plain) {
  body_ += fmt::format("<p>{}</p>\n", text(plain).code);
}

void Page::add(const Html& html) {
  body_ += html.code + "\n";
}

void Page::figure(const Html& content, std::string_view caption) {
  body_ += fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", content.code, text(caption).code);
}

void Page::table(const std::vector<std::string>& header, const std::vector<std::vector<Html>>& rows) {
  constexpr size_t kManyColumns = 10;  // they fit on a page when they are small
  body_ += fmt::format("<div class=\"scroll{}\"><table>\n<thead><tr>", header.size() > kManyColumns ? " wide" : "");
  for (const std::string& name : header) body_ += fmt::format("<th scope=\"col\">{}</th>", text(name).code);
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (const Html& cell : row) body_ += fmt::format("<td>{}</td>", cell.code);
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

std::string Page::html() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n{2}</body>\n</html>\n",
      title_, kStyle, body_);
}

void Page::write(const std::filesystem::path& path) const {
  write_file_atomic(path, html());
}

}  // namespace molmo::report
