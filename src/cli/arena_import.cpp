// molmo arena import FILE... -o STORE
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "arena/read_comparisons.h"
#include "arena/store.h"
#include "base/json.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class ArenaImport final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Adds comparisons to a store, an SQLite file that is made where there is none. Each needs a comparison_id: "
        "what "
        "is there already is not counted twice, and the same id with other values is refused. All files are stored, or "
        "none.");
    flags.examples(
        "# what was collected this week\nmolmo arena import monday.csv tuesday.jsonl -o arena.db\n"
        "# rate the models\nmolmo arena fit arena.db\n");
    flags.add_option("FILE", files_, "comparisons: .csv, .jsonl, or another store").required().group("Arguments");
    flags.add_option("-o,--output", output_, "the store").type_name("STORE").required();
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    std::vector<arena::Comparisons> files;
    for (const auto& file : files_) files.push_back(arena::read_comparisons(file));
    auto store = arena::ComparisonStore::open_or_create(output_);
    const arena::AddedComparisons added = store.add(files);
    if (is_json_) {
      fmt::print("{}\n", dump_json({{"added", added.num_added}, {"known", added.num_known}}));
    } else {
      fmt::print("{}: {} comparisons added, {} were there\n", output_.string(), added.num_added, added.num_known);
    }
    return kExitDone;
  }

 private:
  std::vector<std::filesystem::path> files_;
  std::filesystem::path output_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_arena_import() {
  return std::make_unique<ArenaImport>();
}

}  // namespace molmo::cli
