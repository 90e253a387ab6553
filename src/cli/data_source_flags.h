// The flags by which verbs name a data set: what it is, where its files lie, which part of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/registry.h"

namespace molmo::cli {

class Flags;

// A set of the registry, or one that is drawn: "synth:points". Throws as data::open_dataset and open_synth_dataset do.
std::shared_ptr<const data::Dataset> open_data_source(const data::DatasetSource& source);

class DataSourceFlags {
 public:
  void define(Flags& flags);
  // A file of own data has the name "jsonl". Throws InvalidArgument for a set that does not exist, UsageError where the
  // folder is missing.
  data::DatasetSource source() const;
  std::shared_ptr<const data::Dataset> open() const { return open_data_source(source()); }

 private:
  std::string name_, path_, split_ = "train";
  std::vector<std::string> options_;
  config::Quirks quirks_ = config::Quirks::Reference;
};

}  // namespace molmo::cli
