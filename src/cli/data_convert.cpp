// molmo data convert NAME -o FILE
#include <fmt/core.h>

#include "base/log.h"
#include "cli/data_source_flags.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "data/convert_set.h"

namespace molmo::cli {
namespace {

class DataConvert final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes the records of own data as JSON lines or as a parquet table, by the ending of FILE; a published set "
        "becomes own data that can be edited. Pictures that a table carries become files in images/ beside FILE.");
    flags.examples(
        "# to parquet and back\nmolmo data convert own.jsonl -o own.parquet\n"
        "molmo data convert own.parquet -o again.jsonl\n"
        "# the charts of PixMo-Docs as lines to edit\n"
        "molmo data convert pixmo_docs_charts --from pixmo-docs -o charts/charts.jsonl\n");
    source_.define(flags);
    flags.add_option("-o,--output", output_, "file to write: .jsonl or .parquet").type_name("FILE").required();
    flags.add_option("--limit", options_.max_examples, "examples to convert; 0: all").type_name("N").shows_default();
    flags.add_option("--seed", options_.seed, "of what is left to chance").type_name("SEED").shows_default();
  }

  int run() override {
    const auto dataset = source_.open();
    const data::ConvertSetReport report = data::convert_set(*dataset, output_, options_);
    for (const std::string& problem : report.problems) log_warn("left out: {}", problem);
    fmt::print("{}: {} records", output_.string(), report.num_records);
    if (report.num_pictures > 0) fmt::print(", {} pictures written", report.num_pictures);
    if (report.num_left_out > 0) fmt::print(", {} left out", report.num_left_out);
    fmt::print("\n");
    return report.num_left_out == 0 ? kExitDone : kExitFailed;
  }

 private:
  DataSourceFlags source_;
  std::filesystem::path output_;
  data::ConvertSetOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_data_convert() {
  return std::make_unique<DataConvert>();
}

}  // namespace molmo::cli
