// molmo synth KIND -n N -o DIR
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/fields.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "image/encode.h"
#include "synth/sheet.h"
#include "synth/write_set.h"

namespace molmo::cli {
namespace {

std::string kind_list() {
  std::string list;
  for (const synth::GeneratorEntry& entry : synth::generators())
    list += fmt::format("{}{} ({})", list.empty() ? "" : "; ", entry.name, entry.summary);
  return list;
}

class Synth final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Draws pictures with questions whose answers are known exactly, and writes them as the PixMo data sets are "
        "published, "
        "with the truth of everything that was drawn in truth.jsonl. The same seed gives the same bytes, whatever the "
        "number of threads. Kinds: " +
        kind_list() + ".");
    flags.examples(
        "# a thousand scenes with things to point at\nmolmo synth points -n 1000 --seed 7 -o points\n"
        "# easy charts and documents for a small model, and a sheet of them to look at\n"
        "molmo synth docs -n 1000 -o docs --sheet docs.jpg size=224 difficulty=easy\n"
        "# only look\nmolmo synth clocks --sheet clocks.jpg\n");
    flags.add_option("KIND", kind_, "what to draw").required().group("Arguments");
    flags.add_option("KEY=VALUE", assignments_, "settings of the drawing, as docs/synth.md lists them")
        .group("Arguments");
    flags.add_option("-n,--count", options_.num_examples, "examples")
        .type_name("N")
        .range(int64_t{1}, int64_t{1} << 40)
        .shows_default();
    flags.add_option("-s,--seed", options_.synth.seed, "of all draws").type_name("S").shows_default();
    flags.add_option("-o,--output", options_.output, "folder to write").type_name("DIR");
    flags.add_option("--sheet", sheet_, "write the first pictures with their answers on one picture").type_name("FILE");
    flags.add_option("--sheet-count", sheet_count_, "pictures on the sheet")
        .type_name("N")
        .range(1, 400)
        .shows_default();
    flags.add_flag("--json", is_json_, "print one JSON document");
    flags.add_flag("--overwrite", options_.overwrite, "replace a folder that is not empty");
    threads_.define(flags);
  }

  int run() override {
    if (options_.output.empty() && sheet_.empty()) throw UsageError("nothing to write: give -o DIR or --sheet FILE");
    threads_.apply();
    const synth::GeneratorEntry& generator = synth::find_generator(kind_);
    for (const std::string& assignment : assignments_) set_field(options_.synth, assignment);
    options_.synth.validate();
    if (!sheet_.empty()) write_sheet(generator);
    if (!options_.output.empty()) {
      const synth::WriteSummary summary = synth::write_set(generator, options_);
      if (is_json_) {
        fmt::print("{}\n", dump_json({{"kind", kind_},
                                      {"output", options_.output.string()},
                                      {"examples", summary.num_examples},
                                      {"rows", summary.num_rows},
                                      {"picture_bytes", summary.picture_bytes}}));
      } else {
        fmt::print("{} examples, {} rows, {:.1f} MB of pictures in {}\n", summary.num_examples, summary.num_rows,
                   static_cast<double>(summary.picture_bytes) / 1e6, options_.output.string());
      }
    }
    return kExitDone;
  }

 private:
  void write_sheet(const synth::GeneratorEntry& generator) const {
    const image::Image sheet = synth::draw_sheet(generator, options_.synth, sheet_count_);
    if (sheet_.extension() == ".png") {
      image::write_png(sheet, sheet_);
    } else {
      image::write_jpeg(sheet, sheet_, static_cast<int>(options_.synth.quality));
    }
  }

  std::string kind_;
  std::vector<std::string> assignments_;
  synth::WriteOptions options_;
  std::filesystem::path sheet_;
  int64_t sheet_count_ = 16;
  bool is_json_ = false;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_synth() {
  return std::make_unique<Synth>();
}

}  // namespace molmo::cli
