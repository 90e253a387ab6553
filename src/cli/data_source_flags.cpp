#include "cli/data_source_flags.h"

#include "cli/flags.h"
#include "cli/verb.h"
#include "config/quirks.h"
#include "synth/synth_dataset.h"

namespace molmo::cli {

void DataSourceFlags::define(Flags& flags) {
  flags
      .add_option("NAME", name_,
                  "data set, as `molmo data list` names it, a file of own data, or a generator such as synth:points")
      .required()
      .group("Arguments");
  flags.add_option("--from", path_, "folder with the files of the set, as they were published").type_name("DIR");
  flags.add_option("--split", split_, "part of the set, for example train, validation or test")
      .type_name("SPLIT")
      .shows_default();
  flags.add_option("--option", options_, "a setting of the set, see docs/data.md").type_name("KEY=VALUE").takes_one();
  flags.add_enum("--quirks", quirks_, "as the reference reads the set, or repaired");
}

data::DatasetSource DataSourceFlags::source() const {
  const bool is_file = std::filesystem::is_regular_file(name_);
  if (is_file && path_.empty())
    return {.name = "jsonl", .path = name_, .split = split_, .options = options_, .quirks = quirks_};
  if (synth::is_synth_dataset(name_)) return {.name = name_, .path = {}, .split = split_, .options = options_};
  data::find_dataset(name_);
  if (path_.empty()) throw UsageError("--from is missing: the folder with the files of " + name_ + ".");
  return {.name = name_, .path = path_, .split = split_, .options = options_, .quirks = quirks_};
}

std::shared_ptr<const data::Dataset> DataSourceFlags::open() const {
  return synth::open_any_dataset(source());
}

}  // namespace molmo::cli
