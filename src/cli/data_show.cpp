// molmo data show NAME
#include <fmt/core.h>

#include "cli/data_source_flags.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "config/prompt.h"
#include "data/example_page.h"

namespace molmo::cli {
namespace {

enum class ShownPrompts { Chat, Captions };

}  // namespace
}  // namespace molmo::cli

template <>
struct molmo::EnumNames<molmo::cli::ShownPrompts> {
  using enum cli::ShownPrompts;
  static constexpr EnumName<cli::ShownPrompts> kValues[] = {{Chat, "chat"}, {Captions, "captions"}};
};

namespace molmo::cli {
namespace {

class DataShow final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes one HTML page that stands alone: pictures with their points drawn on them, the prompts with their "
        "style "
        "tags as a model is trained on them, and the answers. The same seed gives the same page.");
    flags.examples(
        "# twelve examples of PixMo-Points\n"
        "molmo data show pixmo_points --from pixmo-points -o points.html\n"
        "# of own data, drawn at random\nmolmo data show own.jsonl --random --seed 7\n");
    source_.define(flags);
    flags.add_option("-n,--count", options_.count, "examples").type_name("N").range(1, 1000).shows_default();
    flags.add_option("--first", options_.first, "number of the first one").type_name("N").shows_default();
    flags.add_flag("--random", options_.is_random, "draw the examples by the seed");
    flags.add_option("--seed", options_.seed, "of what is left to chance").type_name("SEED").shows_default();
    flags.add_enum("--prompts", prompts_, "as in fine-tuning, or as in the pre-training on captions");
    flags.add_option("-o,--output", output_, "the page").type_name("FILE").shows_default();
  }

  int run() override {
    const data::DatasetSource source = source_.source();
    options_.quirks = source.quirks;
    if (prompts_ == ShownPrompts::Captions) {
      options_.prompt.templates = config::PromptTemplates::None;
      options_.prompt.system_prompt = config::SystemPrompt::StyleAndLength;
      options_.prompt.message_format = config::MessageFormat::None;
    }
    const auto dataset = source_.open();
    data::example_page(*dataset, options_).write(output_);
    fmt::print("{}\n", output_.string());
    return kExitDone;
  }

 private:
  DataSourceFlags source_;
  ShownPrompts prompts_ = ShownPrompts::Chat;
  std::filesystem::path output_ = "show.html";
  data::ExamplePageOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_data_show() {
  return std::make_unique<DataShow>();
}

}  // namespace molmo::cli
