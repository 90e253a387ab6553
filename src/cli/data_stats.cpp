// molmo data stats NAME
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/data_source_flags.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "data/statistics.h"

namespace molmo::cli {
namespace {

class DataStats final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Counts examples, conversations by style, words of captions and answers, and points of pictures. With -o also "
        "one HTML page with a picture of each histogram.");
    flags.examples(
        "# words per caption, on a page\nmolmo data stats pixmo_cap --from pixmo-cap -o cap.html\n"
        "# own data, for a script\nmolmo data stats own.jsonl --json\n");
    source_.define(flags);
    flags.add_option("--limit", options_.max_examples, "examples to read; 0: all").type_name("N").shows_default();
    flags.add_option("--seed", options_.seed, "of what is left to chance").type_name("SEED").shows_default();
    flags.add_option("-o,--output", output_, "page to write").type_name("FILE");
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    const auto dataset = source_.open();
    const data::Statistics statistics = data::collect_statistics(*dataset, options_);
    if (!output_.empty()) data::statistics_page(statistics).write(output_);
    is_json_ ? fmt::print("{}\n", dump_json(statistics.json(), /*pretty=*/true)) : print_text(statistics);
    return kExitDone;
  }

 private:
  static void print_line(std::string_view name, const data::Histogram& histogram) {
    if (histogram.counts.empty()) return;
    fmt::print("  {:<34}{:>10}{:>10.1f}{:>8}{:>8}{:>8}\n", name, histogram.total(), histogram.mean(),
               histogram.quantile(0.5), histogram.quantile(0.95), histogram.largest());
  }

  static void print_text(const data::Statistics& statistics) {
    fmt::print("{}: {} examples, {} pictures", statistics.name, statistics.num_examples, statistics.num_pictures);
    if (statistics.num_unreadable > 0) fmt::print(", and {} that cannot be read", statistics.num_unreadable);
    fmt::print("\n\n  {:<34}{:>10}{:>10}{:>8}{:>8}{:>8}\n", "", "count", "mean", "median", "95 %", "most");
    print_line("conversations of an example", statistics.conversations);
    print_line("points of an example", statistics.points);
    for (const auto& [style, of_style] : statistics.styles) {
      print_line(style + ", words asked", of_style.question_words);
      print_line(style + ", words answered", of_style.answer_words);
      print_line(style + ", points", of_style.points);
    }
    for (const std::string& problem : statistics.problems) fmt::print("{}\n", problem);
  }

  DataSourceFlags source_;
  std::filesystem::path output_;
  bool is_json_ = false;
  data::StatisticsOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_data_stats() {
  return std::make_unique<DataStats>();
}

}  // namespace molmo::cli
