// molmo eval report DIR... -o DIR
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "eval/eval_report.h"

namespace molmo::cli {
namespace {

class EvalReport final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Reports what `molmo eval run -o DIR` measured: report.html, report.md and report.json. The table has the "
        "columns "
        "of the paper with the paper's rows beside ours; then come all scores with their intervals, scores by "
        "category, "
        "wrong answers with pictures, and, of two folders, what the second one changed.");
    flags.examples(
        "# one run\nmolmo eval report results -o report\n"
        "# what has training changed?\nmolmo eval report before after -o report\n");
    flags.add_option("DIR", folders_, "folders of runs").required().group("Arguments");
    flags.add_option("-o,--output", output_, "folder to write").type_name("DIR");
    flags.add_flag("--json", is_json_, "print the report as one JSON document");
  }

  int run() override {
    if (output_.empty() && !is_json_) throw UsageError("nothing to write: give -o DIR or --json");
    const auto runs = eval::read_runs(folders_);
    if (!output_.empty()) eval::write_report(runs, output_);
    if (is_json_) fmt::print("{}\n", dump_json(eval::report_json(runs), /*pretty=*/true));
    return kExitDone;
  }

 private:
  std::vector<std::filesystem::path> folders_;
  std::filesystem::path output_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_eval_report() {
  return std::make_unique<EvalReport>();
}

}  // namespace molmo::cli
