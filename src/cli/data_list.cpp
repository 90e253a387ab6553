// molmo data list
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "data/registry.h"

namespace molmo::cli {
namespace {

class DataList final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "All data sets that training and evaluation can open: those of PixMo, the academic ones, and own data. Nothing "
        "is downloaded.");
    flags.examples("# what is there?\nmolmo data list\n# for a script\nmolmo data list --json\n");
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    if (is_json_) {
      Json sets = Json::array();
      for (const data::DatasetEntry& entry : data::dataset_entries())
        sets.push_back({{"name", entry.name}, {"summary", entry.summary}, {"origin", entry.origin}});
      fmt::print("{}\n", dump_json(sets, /*pretty=*/true));
      return kExitDone;
    }
    size_t width = 0;
    for (const data::DatasetEntry& entry : data::dataset_entries()) width = std::max(width, entry.name.size());
    for (const data::DatasetEntry& entry : data::dataset_entries())
      fmt::print("{:<{}}  {}\n", entry.name, width, entry.summary);
    return kExitDone;
  }

 private:
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_data_list() {
  return std::make_unique<DataList>();
}

}  // namespace molmo::cli
