// The sentences by which requests are phrased in training: src/text/templates.yaml, compiled in.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::text {

class TemplateLists {
 public:
  // A YAML mapping from names to lists of texts. Throws BadData, naming `source`, for anything else and for empty
  // lists.
  static TemplateLists parse(std::string_view yaml, std::string_view source);
  static std::shared_ptr<const TemplateLists> builtin();

  // Throws InvalidArgument for a name that is not there.
  const std::vector<std::string>& list(std::string_view name) const;
  const std::map<std::string, std::vector<std::string>, std::less<>>& lists() const { return lists_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> lists_;
};

// `text` with `{field}` replaced by `value`. Throws InvalidArgument where the template has no such field.
std::string fill_template(std::string_view text, std::string_view field, std::string_view value);

}  // namespace molmo::text
