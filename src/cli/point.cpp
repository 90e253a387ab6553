// molmo point TEXT IMAGE
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "api/tasks.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/task_flags.h"
#include "cli/verb.h"
#include "image/overlay.h"

namespace molmo::cli {
namespace {

class PointVerb final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Prints one point a line: x and y in pixels of the upright picture, and the label, separated by tabs. --json "
        "has percent "
        "coordinates and the model's own words as well.");
    flags.examples(
        "# where is it?\nmolmo point \"the mug\" photo.jpg\n"
        "# look at the points\nmolmo point \"cars\" street.jpg --overlay cars.png\n"
        "# for a program\nmolmo point \"the search button\" screen.png --json\n");
    flags.add_option("TEXT", what_, "what to point to").required().group("Arguments");
    flags.add_option("IMAGE", image_, "the picture").required().group("Arguments");
    flags.add_option("--overlay", overlay_, "draw the points on the picture: .png, .jpg or .svg")
        .type_name("FILE")
        .group("Output");
    flags_.define(flags);
  }

  int run() override {
    const config::GenerationConfig generation = flags_.generation.get();
    const ReadImages picture = flags_.images.read({image_});
    generate::Request request = api::point_request(what_, picture.images[0]);
    flags_.images.apply(request);
    const TimedModel loaded = flags_.model.load();
    generate::Session session(loaded.model);
    const auto answers = ask(session, request, generation, {.streams = false, .reading = picture.time});
    const generate::Answer& answer = answers.at(0);
    if (!overlay_.empty()) image::write_overlay(request.images[0], overlay_points(answer), overlay_);
    if (flags_.answer.is_json()) {
      fmt::print("{}\n", dump_json(answer_json(answer, loaded.load_ms)));
      return exit_status(answers);
    }
    for (const auto& point : answer.points)
      fmt::print("{:.1f}\t{:.1f}\t{}\n", point.px.x, point.px.y, point.point.label);
    if (answer.points.empty()) fmt::print(stderr, "molmo: no points, the model said: {}\n", answer.text);
    if (!flags_.answer.is_quiet()) print_timings(answer, loaded.load_ms);
    return exit_status(answers);
  }

 private:
  std::string what_;
  std::filesystem::path image_, overlay_;
  TaskFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_point() {
  return std::make_unique<PointVerb>();
}

}  // namespace molmo::cli
