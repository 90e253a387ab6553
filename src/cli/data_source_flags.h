// The flags by which verbs name a data set: what it is, where its files lie, which part of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/registry.h"

namespace molmo::cli {

class Flags;

class DataSourceFlags {
 public:
  void define(Flags& flags);
  // A file of own data has the name "jsonl". Throws InvalidArgument for a set that does not exist, UsageError where the
  // folder is missing.
  data::DatasetSource source() const;
  std::shared_ptr<const data::Dataset> open() const;

 private:
  std::string name_, path_, split_ = "train";
  std::vector<std::string> options_;
  config::Quirks quirks_ = config::Quirks::Reference;
};

}  // namespace molmo::cli
