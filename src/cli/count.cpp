// molmo count TEXT IMAGE
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "api/tasks.h"
#include "base/error.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/task_flags.h"
#include "cli/verb.h"
#include "image/overlay.h"

namespace molmo::cli {
namespace {

class Count final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Prints a number. Molmo counts by pointing: --overlay shows what was counted, --json has the points.");
    flags.examples(
        "# how many?\nmolmo count \"apples\" basket.jpg\n"
        "# check what was counted\nmolmo count \"sheep\" meadow.jpg --overlay sheep.png\n");
    flags.add_option("TEXT", what_, "what to count, in the plural").required().group("Arguments");
    flags.add_option("IMAGE", image_, "the picture").required().group("Arguments");
    flags.add_option("--overlay", overlay_, "draw the counted points on the picture: .png, .jpg or .svg")
        .type_name("FILE")
        .group("Output");
    flags_.define(flags);
  }

  int run() override {
    const config::GenerationConfig generation = flags_.generation.get();
    const ReadImages picture = flags_.images.read({image_});
    generate::Request request = api::count_request(what_, picture.images[0]);
    flags_.images.apply(request);
    const TimedModel loaded = flags_.model.load();
    generate::Session session(loaded.model);
    const auto answers = ask(session, request, generation, {.streams = false, .reading = picture.time});
    const generate::Answer& answer = answers.at(0);
    const auto count = api::parse_count(answer);
    if (!overlay_.empty()) image::write_overlay(request.images[0], overlay_points(answer), overlay_);
    if (flags_.answer.is_json()) {
      Json document = answer_json(answer, loaded.load_ms);
      document["count"] = count ? Json(*count) : Json(nullptr);
      fmt::print("{}\n", dump_json(document));
      return exit_status(answers);
    }
    if (!flags_.answer.is_quiet()) print_timings(answer, loaded.load_ms);
    if (exit_status(answers) != kExitDone) return exit_status(answers);
    if (!count) fail(ErrorCategory::BadData, "the model's answer has no number: {}", answer.text);
    fmt::print("{}\n", *count);
    return kExitDone;
  }

 private:
  std::string what_;
  std::filesystem::path image_, overlay_;
  TaskFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_count() {
  return std::make_unique<Count>();
}

}  // namespace molmo::cli
