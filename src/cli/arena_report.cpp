// molmo arena report COMPARISONS -o FILE
#include <fmt/core.h>

#include "arena/standings_page.h"
#include "base/log.h"
#include "cli/arena_flags.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class ArenaReport final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes one HTML page that stands alone: ratings with their intervals, who wins against whom, predicted "
        "against "
        "seen shares of wins, and whether people agree.");
    flags.examples(
        "# a page to look at\nmolmo arena report comparisons.csv -o arena.html\n"
        "# with style control and what to compare next\n"
        "molmo arena report arena.db --style length,points --next 10 --rounds 1000\n");
    arena_.define(flags);
    flags.add_option("-o,--output", output_, "the page").type_name("FILE").shows_default();
  }

  int run() override {
    const arena::Standings standings = arena_.standings();
    for (const std::string& warning : standings.warnings) log_warn("{}", warning);
    arena::standings_page(standings).write(output_);
    fmt::print("{}\n", output_.string());
    return kExitDone;
  }

 private:
  ArenaFlags arena_;
  std::filesystem::path output_ = "arena.html";
};

}  // namespace

std::unique_ptr<Verb> make_arena_report() {
  return std::make_unique<ArenaReport>();
}

}  // namespace molmo::cli
