// The data sets by name: what they are, where they come from, and how they are opened.
//   auto dataset = open_dataset({.name = "pixmo_cap", .path = "data/pixmo-cap"});
// Adding a set is one file with its factory and one line in registry.cpp.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/quirks.h"
#include "data/dataset.h"

namespace molmo::data {

struct DatasetSource {
  std::string name;
  std::filesystem::path path;             // folder (or file) with the data, as it was published
  std::string split = "train";            // train, validation or test
  std::vector<std::string> options = {};  // "key=value" settings that the set has
  config::Quirks quirks = config::Quirks::Reference;
};

// The value of one of the settings, or "". Throws InvalidArgument for a setting that is not among `known`.
std::string source_option(const DatasetSource& source, std::string_view key, std::span<const std::string_view> known);

struct DatasetEntry {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view origin;   // where it is published: "hub:allenai/pixmo-cap", or an address
  std::string_view licence;
  std::string_view splits;  // "train, validation"
  std::string_view styles;  // tags of its prompts: "pointing"
  std::string_view table;   // of PixMo (data/pixmo.h): "pixmo-points"; "" for other files
  // Throws NotFound for a missing file or a split that the set does not have, BadData for a file of another form.
  std::shared_ptr<const Dataset> (*open)(const DatasetSource& source);
};

std::span<const DatasetEntry> dataset_entries();
// Throws InvalidArgument, naming the nearest name, for a set that does not exist.
const DatasetEntry& find_dataset(std::string_view name);
std::shared_ptr<const Dataset> open_dataset(const DatasetSource& source);

}  // namespace molmo::data
