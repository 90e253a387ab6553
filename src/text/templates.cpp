#include "text/templates.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/nearest.h"

namespace molmo::text {
namespace {

constexpr std::string_view kBuiltin =
#include "embedded/text/templates.yaml.inc"
    ;

}  // namespace

TemplateLists TemplateLists::parse(std::string_view yaml, std::string_view source) {
  const Json document = parse_yaml(yaml, source);
  if (!document.is_object()) fail(ErrorCategory::BadData, "{}: expected a mapping from names to lists", source);
  TemplateLists templates;
  for (const auto& [name, list] : document.items()) {
    if (!list.is_array() || list.empty()) fail(ErrorCategory::BadData, "{}: '{}' is not a list of texts", source, name);
    for (const Json& entry : list) {
      if (!entry.is_string()) fail(ErrorCategory::BadData, "{}: '{}' is not a list of texts", source, name);
      templates.lists_[name].push_back(entry.get<std::string>());
    }
  }
  return templates;
}

std::shared_ptr<const TemplateLists> TemplateLists::builtin() {
  static const auto kTemplates = std::make_shared<const TemplateLists>(parse(kBuiltin, "templates.yaml"));
  return kTemplates;
}

const std::vector<std::string>& TemplateLists::list(std::string_view name) const {
  const auto found = lists_.find(name);
  if (found != lists_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, unused] : lists_) names.push_back(known);
  fail(ErrorCategory::InvalidArgument, "no templates are named '{}'.{}", name, did_you_mean(name, names));
}

std::string fill_template(std::string_view text, std::string_view field, std::string_view value) {
  const std::string mark = "{" + std::string(field) + "}";
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) {
    fail(ErrorCategory::InvalidArgument, "template '{}' has no field {}", text, mark);
  }
  return std::string(text.substr(0, at)).append(value).append(text.substr(at + mark.size()));
}

}  // namespace molmo::text
