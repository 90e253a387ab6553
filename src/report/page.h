// A page of HTML that stands alone: no scripts, no requests, everything inside one file.
//   Page page("Training of molmo-7b-d");
//   page.heading("Loss");
//   page.figure(line_plot(plot), "Cross-entropy of each step.");
//   page.table({"setting", "value"}, {{text("steps"), text("22300")}});
//   page.write("report.html");
// Whatever comes from outside goes through text(), which escapes it; the page's own policy forbids scripts as well.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::report {

// A piece of a document that is HTML already.
struct Html {
  std::string code;
};

// Escaped text; damaged UTF-8 becomes U+FFFD.
Html text(std::string_view plain);
// A picture inside the page. `bytes` is a PNG, JPEG or WebP file. Throws InvalidArgument for anything else.
Html picture(std::span<const std::byte> bytes, std::string_view alternative);

class Page {
 public:
  explicit Page(std::string_view title);

  void heading(std::string_view plain);
  void paragraph(std::string_view plain);
  void add(const Html& html);
  void figure(const Html& content, std::string_view caption);
  // Rows may be shorter than the header.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<Html>>& rows);

  std::string html() const;
  void write(const std::filesystem::path& path) const;  // atomic

 private:
  std::string title_, body_;
};

}  // namespace molmo::report
