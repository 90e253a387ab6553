// molmo data check FILE
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/data_source_flags.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "data/check_set.h"

namespace molmo::cli {
namespace {

class DataCheck final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Reads every record of own data (JSON lines or parquet) and says what is wrong with it, where, and what to "
        "write instead; of a published set, it reads every example, decodes its picture and writes its prompts. Exit "
        "status 1 where something is wrong.");
    flags.examples(
        "# before training on own data\nmolmo data check own.jsonl\n"
        "# fields only, without opening pictures\nmolmo data check own.parquet --no-decode\n"
        "# a set as it was downloaded\nmolmo data check pixmo_count --from pixmo-count\n");
    source_.define(flags);
    flags.add_flag("--no-decode", skips_pictures_, "do not open pictures");
    flags.add_option("--max-problems", options_.max_problems, "problems that are described")
        .type_name("N")
        .shows_default();
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    options_.decode_pictures = !skips_pictures_;
    const data::DatasetSource source = source_.source();
    const data::RecordCheck check = source.name == "jsonl" ? data::check_records(source.path, options_)
                                                           : data::check_set(*source_.open(), options_);
    is_json_ ? print_json(check) : print_text(check);
    return check.num_problems == 0 ? kExitDone : kExitFailed;
  }

 private:
  static void print_json(const data::RecordCheck& check) {
    Json problems = Json::array();
    for (const data::RecordProblem& problem : check.problems)
      problems.push_back({{"number", problem.number}, {"message", problem.message}});
    const Json document = {{"records", check.num_records}, {"problems", check.num_problems}, {"described", problems}};
    fmt::print("{}\n", dump_json(document, /*pretty=*/true));
  }

  static void print_text(const data::RecordCheck& check) {
    for (const data::RecordProblem& problem : check.problems) fmt::print("{}\n", problem.message);
    if (check.problems.size() < check.num_problems)
      fmt::print("... and {} more\n", check.num_problems - check.problems.size());
    fmt::print("{} records, {} with problems\n", check.num_records, check.num_problems);
  }

  DataSourceFlags source_;
  bool skips_pictures_ = false, is_json_ = false;
  data::RecordCheckOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_data_check() {
  return std::make_unique<DataCheck>();
}

}  // namespace molmo::cli
