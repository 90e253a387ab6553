// molmo data info NAME
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "data/set_info.h"

namespace molmo::cli {
namespace {

class DataInfo final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Where a data set comes from, under which licence, what its tables hold, and how its questions are asked. With "
        "--from also how many examples of each split are there.");
    flags.examples(
        "# what is PixMo-Points?\nmolmo data info pixmo_points\n"
        "# how much of it was downloaded?\nmolmo data info pixmo_points --from data/pixmo-points\n");
    flags.add_option("NAME", name_, "data set, as `molmo data list` names it").required().group("Arguments");
    flags.add_option("--from", path_, "folder with the files of the set").type_name("DIR");
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    const data::SetInfo info = data::set_info(data::find_dataset(name_), path_);
    is_json_ ? fmt::print("{}\n", dump_json(info.json(), /*pretty=*/true)) : fmt::print("{}", info.text());
    return kExitDone;
  }

 private:
  std::string name_, path_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_data_info() {
  return std::make_unique<DataInfo>();
}

}  // namespace molmo::cli
