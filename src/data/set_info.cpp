#include "data/set_info.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/pixmo.h"
#include "text/prompt.h"
#include "text/templates.h"

namespace molmo::data {
namespace {

// "train, validation" as a list.
std::vector<std::string> parts(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t comma = list.find(", ");
    parts.emplace_back(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 2);
  }
  return parts;
}

PromptInfo prompt_info(const std::string& style) {
  const auto templates = text::TemplateLists::builtin();
  const bool is_templated = style == "long_caption" || style == "pointing" || style == "point_count";
  const text::PromptFormatter formatter{config::PromptConfig()};
  text::Question question{.text = is_templated ? "" : "QUESTION", .style = style};
  if (style == "pointing" || style == "point_count") {
    question.text = "LABEL";
    question.is_label = true;
  }
  PromptInfo info{.style = style, .prompt = {}, .num_templates = is_templated ? templates->list(style).size() : 0};
  const std::string tagged = formatter.ask(question);
  question.has_tag = false;
  info.prompt = formatter.ask(question);
  info.is_rarely_tagged = info.prompt != tagged;
  return info;
}

}  // namespace

SetInfo set_info(const DatasetEntry& set, const std::filesystem::path& path) {
  SetInfo info{.name = std::string(set.name),
               .summary = std::string(set.summary),
               .origin = std::string(set.origin),
               .licence = std::string(set.licence),
               .splits = std::string(set.splits),
               .columns = {},
               .prompts = {},
               .found = {}};
  if (!set.table.empty()) info.columns = pixmo_columns(set.table);
  if (set.name != "jsonl") {
    for (const std::string& style : parts(set.styles)) info.prompts.push_back(prompt_info(style));
  }
  if (path.empty()) return info;
  for (const std::string& split : parts(set.splits)) {
    SplitInfo& found = info.found.emplace_back(SplitInfo{.name = split, .num_examples = {}, .problem = {}});
    try {
      found.num_examples = set.open({.name = info.name, .path = path, .split = split})->size();
    } catch (const Error& error) {
      found.problem = error.what();
    }
  }
  return info;
}

std::string SetInfo::text() const {
  std::string text =
      fmt::format("{}: {}\norigin:  {}\nlicence: {}\nsplits:  {}\n", name, summary, origin, licence, splits);
  if (!columns.empty()) text += "\ncolumns:\n";
  for (const TableColumn& column : columns) text += fmt::format("  {:<20}{}\n", column.name, column.type);
  if (!prompts.empty()) text += "\nprompts:\n";
  for (const PromptInfo& prompt : prompts) {
    text += fmt::format("  {:<20}\"{}\"", prompt.style, prompt.prompt);
    if (prompt.num_templates > 0) text += fmt::format(", in {} ways of asking", prompt.num_templates);
    text += prompt.is_rarely_tagged ? fmt::format(", one in ten behind \"{}:\"\n", prompt.style) : "\n";
  }
  if (!found.empty()) text += "\nfound:\n";
  for (const SplitInfo& split : found) {
    text += split.num_examples ? fmt::format("  {:<20}{} examples\n", split.name, *split.num_examples)
                               : fmt::format("  {:<20}{}\n", split.name, split.problem);
  }
  return text;
}

Json SetInfo::json() const {
  Json json = {
      {"name", name}, {"summary", summary}, {"origin", origin}, {"licence", licence}, {"splits", parts(splits)}};
  if (!columns.empty()) {
    for (const TableColumn& column : columns) json["columns"][column.name] = column.type;
  }
  for (const PromptInfo& prompt : prompts)
    json["prompts"].push_back({{"style", prompt.style},
                               {"prompt", prompt.prompt},
                               {"templates", prompt.num_templates},
                               {"is_rarely_tagged", prompt.is_rarely_tagged}});
  for (const SplitInfo& split : found) {
    json["found"][split.name] =
        split.num_examples ? Json{{"examples", *split.num_examples}} : Json{{"problem", split.problem}};
  }
  return json;
}

}  // namespace molmo::data
