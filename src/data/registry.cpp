#include "data/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::data {

// One factory for each line, in the file of the set.
std::shared_ptr<const Dataset> open_jsonl(const DatasetSource& source);

namespace {

constexpr DatasetEntry kEntries[] = {
    {"jsonl", "Own data: one JSON object for each picture (docs/data.md)", "yours", "yours", open_jsonl},
};

}  // namespace

std::span<const DatasetEntry> dataset_entries() {
  return kEntries;
}

const DatasetEntry& find_dataset(std::string_view name) {
  for (const DatasetEntry& entry : kEntries) {
    if (entry.name == name) return entry;
  }
  std::vector<std::string> names;
  for (const DatasetEntry& entry : kEntries) names.emplace_back(entry.name);
  fail(ErrorCategory::InvalidArgument, "there is no data set '{}'.{} `molmo data list` names all of them.", name,
       did_you_mean(name, names));
}

std::shared_ptr<const Dataset> open_dataset(const DatasetSource& source) {
  return find_dataset(source.name).open(source);
}

std::string source_option(const DatasetSource& source, std::string_view key, std::span<const std::string_view> known) {
  std::string value;
  for (const std::string& option : source.options) {
    const size_t equals = option.find('=');
    const std::string name = option.substr(0, equals);
    if (equals == std::string::npos || std::find(known.begin(), known.end(), name) == known.end()) {
      const std::vector<std::string> names(known.begin(), known.end());
      fail(ErrorCategory::InvalidArgument, "{}: unknown option '{}', expected KEY=VALUE with one of: {}.{}",
           source.name, option, fmt::format("{}", fmt::join(names, ", ")), did_you_mean(name, names));
    }
    if (name == key) value = option.substr(equals + 1);
  }
  return value;
}

}  // namespace molmo::data
