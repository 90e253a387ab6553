// molmo caption IMAGE...
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "api/tasks.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/task_flags.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Caption final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "With several pictures the model is loaded once; one that cannot be read does not stop the others.");
    flags.examples(
        "# describe a picture\nmolmo caption photo.jpg\n"
        "# shorter, from a model that was trained to a length\nmolmo caption photo.jpg --length 40\n"
        "# many pictures, one JSON document a line\nmolmo caption album/*.jpg --json > captions.jsonl\n");
    flags.add_option("IMAGE", images_, "pictures to describe").required().group("Arguments");
    flags
        .add_option(
            "--length", length_,
            "length in units of 15 characters, for models trained to a length; without it, as the model was trained")
        .type_name("N")
        .range(1, 1000)
        .group("Question");
    flags_.define(flags);
  }

  int run() override {
    const config::GenerationConfig generation = flags_.generation.get();
    const TimedModel loaded = flags_.model.load();
    const config::PromptConfig& prompt = loaded.model->molmo.config().prompt;
    if (length_ && !api::follows_length(prompt))
      log_warn("--length has no effect: this model was not trained to a length");
    generate::Session session(loaded.model);
    int status = kExitDone;
    for (const auto& path : images_) {
      try {
        const ReadImages picture = flags_.images.read({path});
        generate::Request request = api::caption_request(prompt, picture.images[0], length_);
        flags_.images.apply(request);
        if (!flags_.answer.is_json() && images_.size() > 1) fmt::print("{}:\n", path.string());
        const auto answers =
            ask(session, request, generation, {.streams = !flags_.answer.is_json(), .reading = picture.time});
        print(path, answers.at(0), loaded.load_ms);
        if (exit_status(answers) != kExitDone) return exit_status(answers);
      } catch (const Error& error) {
        if (images_.size() == 1) throw;
        print_error(error);
        status = kExitFailed;
      }
    }
    return status;
  }

 private:
  void print(const std::filesystem::path& path, const generate::Answer& answer, double load_ms) const {
    if (flags_.answer.is_json()) {
      Json document = answer_json(answer, load_ms);
      document["file"] = path.string();
      fmt::print("{}\n", dump_json(document));
      std::fflush(stdout);
      return;
    }
    if (!flags_.answer.is_quiet()) print_timings(answer, load_ms);
  }

  std::vector<std::filesystem::path> images_;
  std::optional<int64_t> length_;
  TaskFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_caption() {
  return std::make_unique<Caption>();
}

}  // namespace molmo::cli
