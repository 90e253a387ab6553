// The kind `android`: screens of phones, and what to do on them next (AndroidControl, in the four forms of the
// reference: given the instruction, the goal, both, or the goal with a plan as the answer).
#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "synth/draws.h"
#include "synth/generator.h"
#include "synth/screen.h"

namespace molmo::synth {
namespace {

struct Task {
  std::string goal, instruction, action;
  const ScreenElement* target = nullptr;  // of a click
};

class Tasker {
 public:
  Tasker(const ScreenLook& look, ImageSize size, const FigureContext& context)
      : look_(look), size_(size), context_(context), draws_(context.draws) {}

  Task make() {
    const double kind = draws_.uniform();
    if (kind < 0.06) return scroll();
    if (kind < 0.1) return {"Wait for the screen " + look_.title, "Wait until the screen has loaded", "Wait"};
    if (kind < 0.14) return {"Go to the home screen", "Go to the home screen", "Navigate Home"};
    if (kind < 0.18) return {"Leave " + look_.title, "Go back to the screen before", "Navigate Back"};
    std::vector<const ScreenElement*> targets;
    for (const ScreenElement& element : look_.elements) {
      if (element.kind != ElementKind::Title) targets.push_back(&element);
    }
    return tap(*pick(draws_, targets));
  }

 private:
  Task scroll() {
    const bool is_down = chance(draws_, 0.7);
    return {"See more of " + look_.title, is_down ? "Scroll down to see more" : "Scroll up to the top",
            is_down ? "Scroll down" : "Scroll up"};
  }

  Task tap(const ScreenElement& element) {
    Task task;
    task.target = &element;
    const std::string& name = element.name;
    switch (element.kind) {
      case ElementKind::Back:
        task = {"Leave " + look_.title, "Tap the arrow in the upper left", "", &element};
        break;
      case ElementKind::Switch: {
        const std::string verb = element.is_on ? "Turn off " : "Turn on ";
        task = {verb + name, "Tap the switch of " + name, "", &element};
        break;
      }
      case ElementKind::Check:
        task = {(element.is_on ? "Uncheck " : "Check ") + name, "Tap the box of " + name, "", &element};
        break;
      case ElementKind::Field: {
        const std::string value = name == "City"    ? context_.words.pick("cities", draws_)
                                  : name == "Phone" ? std::to_string(whole(draws_, 1000, 9999))
                                                    : context_.words.pick("first_names", draws_);
        if (chance(draws_, 0.4))
          return {"Fill in " + value + " as " + name, "Type " + value + " into the field " + name, "Type " + value};
        task = {"Fill in the " + name, "Tap the field " + name, "", &element};
        break;
      }
      case ElementKind::App:
        if (chance(draws_, 0.3)) return {"Use the app " + name, "Open the app " + name, "Open App " + name};
        task = {"Open " + name, "Tap on " + name, "", &element};
        break;
      case ElementKind::Button:
        task = {name + " on the screen " + look_.title, "Tap the button " + name, "", &element};
        break;
      case ElementKind::Row:
        if (chance(draws_, 0.15)) {
          task = {"Move " + name, "Press " + name + " for a long time", "", &element};
          task.action = click("Long Press", element);
          return task;
        }
        task = {"Look at " + name, "Tap on " + name, "", &element};
        break;
      case ElementKind::Title:
        fail(ErrorCategory::Internal, "a title is no target");
    }
    task.action = click("Click", element);
    return task;
  }

  // In percent of the screen with one decimal, as the reference scales what AndroidControl has in pixels.
  std::string click(std::string_view verb, const ScreenElement& element) const {
    return fmt::format("{}({:.1f}, {:.1f})", verb,
                       (element.left + element.right) / 2 / static_cast<double>(size_.width) * 100,
                       (element.top + element.bottom) / 2 / static_cast<double>(size_.height) * 100);
  }

  const ScreenLook& look_;
  ImageSize size_;
  const FigureContext& context_;
  RandomStream& draws_;
};

void add_step(text::Example& example, const std::string& prompt, const std::string& answer) {
  text::Annotation annotation;
  annotation.style = "android_control";
  annotation.prompt = prompt;
  annotation.text = answer;
  example.annotations.push_back(std::move(annotation));
}

}  // namespace

SynthSample make_android(const SynthOptions& options, RandomStream& draws) {
  const bool is_easy = options.difficulty == Difficulty::Easy;
  const Words words(is_easy);
  const FigureContext context{words, draws, is_easy, options.difficulty == Difficulty::Hard, {}};
  ImageSize size{options.size, options.size};
  if (options.vary_aspect) size.width = options.size / 2;
  Page page(size, draw_page_style(options, draws));
  const ScreenLook look = paint_screen(page, context);
  SynthSample sample;
  sample.text.is_list = true;
  Tasker tasker(look, size, context);
  // Four forms of each task, as AndroidControl has them.
  const int64_t num_tasks = std::max<int64_t>(1, options.questions / 4);
  for (int64_t i = 0; i < num_tasks; ++i) {
    const Task task = tasker.make();
    add_step(sample.text, "low_level: " + task.instruction, task.action);
    add_step(sample.text, "high_level: " + task.goal + " low_level: " + task.instruction, task.action);
    add_step(sample.text, "high_level: " + task.goal, task.action);
    add_step(sample.text, "high_level_cot: " + task.goal, "Plan: " + task.instruction + " Action: " + task.action);
    Json entry = {{"hl_instruction", task.goal},
                  {"ll_instruction", task.instruction},
                  {"target_action", task.action},
                  {"target_box", nullptr}};
    if (task.target) {
      const auto percent = [](double value, int64_t side) {
        return std::round(value / static_cast<double>(side) * 1000) / 10;
      };
      entry["target_box"] = {percent(task.target->left, size.width), percent(task.target->top, size.height),
                             percent(task.target->right, size.width), percent(task.target->bottom, size.height)};
    }
    page.truth()["tasks"].push_back(std::move(entry));
  }
  if (options.labels != LabelMap::None) sample.labels = page.label_map(options.labels);
  sample.picture = page.finish(draws);
  sample.truth = std::make_shared<const Json>(std::move(page.truth()));
  return sample;
}

}  // namespace molmo::synth
