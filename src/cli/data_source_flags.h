// The flags by which verbs name a data set: what it is, where its files lie, which part of it.
#pragma once

#include <string>
#include <vector>

#include "data/registry.h"

namespace molmo::cli {

class Flags;

class DataSourceFlags {
 public:
  // NAME may be left out where own data is meant.
  void define(Flags& flags);
  data::DatasetSource source() const;

 private:
  std::string name_, path_, split_ = "train";
  std::vector<std::string> options_;
  config::Quirks quirks_ = config::Quirks::Reference;
};

}  // namespace molmo::cli
