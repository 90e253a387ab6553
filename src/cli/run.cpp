// molmo run -p TEXT
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/question_flags.h"
#include "cli/standard_input.h"
#include "cli/task_flags.h"
#include "cli/verb.h"
#include "image/overlay.h"

namespace molmo::cli {
namespace {

using generate::Answer;

class Run final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "The answer is streamed to standard output; timings go to standard error. Ctrl-C ends the answer.");
    flags.examples(
        "# ask about a picture\nmolmo run -m MODEL --image photo.jpg -p \"What is on the desk?\"\n"
        "# the prompt from another program, the answer for a script\necho \"Describe this image.\" | molmo run -m "
        "MODEL --image photo.jpg -p - --json\n"
        "# three different answers\nmolmo run -m MODEL --image photo.jpg -p \"Tell a story.\" --answers 3 --temp 0.8 "
        "--seed 1\n"
        "# a task by the name it was trained with\nmolmo run -m MODEL --image chart.png -p \"Which year is highest?\" "
        "--style chart_qa\n");
    flags.add_option("-p,--prompt", prompt_, "what to ask; - reads standard input")
        .type_name("TEXT")
        .required()
        .group("Question");
    flags.add_option("-i,--image", images_, "pictures, in order").type_name("FILE").group("Question");
    define_question_flags(flags, request_);
    flags.add_option("--answers", num_answers_, "independent answers; more than one differ only with --temp")
        .range(1, 1024)
        .type_name("K")
        .shows_default()
        .group("Answer");
    flags.add_option("--overlay", overlay_, "draw the points of the answer on the first picture")
        .type_name("FILE")
        .group("Output");
    flags_.define(flags);
  }

  int run() override {
    config::GenerationConfig generation = flags_.generation.get();
    generation.num_answers = num_answers_;
    if (!overlay_.empty() && images_.empty())
      throw UsageError("--overlay needs a picture to draw on: pass --image FILE.");
    request_.prompt = prompt_ == "-" ? read_standard_input() : prompt_;
    ReadImages pictures = flags_.images.read(images_);
    request_.images = std::move(pictures.images);
    flags_.images.apply(request_);
    const TimedModel loaded = flags_.model.load();
    generate::Session session(loaded.model);
    const bool streams = !flags_.answer.is_json() && num_answers_ == 1 && generation.num_beams == 1;
    std::vector<Answer> answers = ask(session, request_, generation, {.streams = streams, .reading = pictures.time});
    answers.resize(std::min<size_t>(answers.size(), static_cast<size_t>(num_answers_)));  // of beams, the best
    if (!overlay_.empty()) image::write_overlay(request_.images[0], overlay_points(answers.at(0)), overlay_);
    print(answers, loaded.load_ms, streams);
    return exit_status(answers);
  }

 private:
  void print(const std::vector<Answer>& answers, double load_ms, bool is_printed) const {
    if (flags_.answer.is_json()) {
      Json documents = Json::array();
      for (const Answer& answer : answers) documents.push_back(answer_json(answer, load_ms));
      fmt::print("{}\n", dump_json(num_answers_ > 1 ? Json{{"choices", documents}} : documents.at(0)));
      return;
    }
    if (!is_printed) {
      for (size_t i = 0; i < answers.size(); ++i) {
        if (answers.size() > 1) fmt::print("{}[{}] ", i > 0 ? "\n" : "", i + 1);
        fmt::print("{}\n", answers[i].text);
      }
    }
    if (!flags_.answer.is_quiet()) print_timings(answers.at(0), load_ms);
  }

  std::string prompt_;
  std::vector<std::filesystem::path> images_;
  generate::Request request_;
  int64_t num_answers_ = 1;
  std::filesystem::path overlay_;
  TaskFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_run() {
  return std::make_unique<Run>();
}

}  // namespace molmo::cli
