#include "text/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "text/lower_case.h"
#include "text/styles.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

constexpr std::array<std::string_view, 4> kDemoStyles = {"point_count", "pointing", "user_qa", "long_caption"};
constexpr double kDemoTagShare = 0.1;       // of demo prompts carry their tag
constexpr double kNoLengthShare = 0.1;      // of captions in pre-training carry no length
constexpr double kLengthNoise = 25;         // standard deviation, in characters
constexpr int64_t kCharactersPerUnit = 15;  // of a length hint
constexpr std::string_view kLetters = "ABCDEFG";
constexpr std::string_view kPointPlaceholder = "<|POINT|>";

bool is_demo_style(std::string_view style) {
  return std::find(kDemoStyles.begin(), kDemoStyles.end(), style) != kDemoStyles.end();
}

bool is_pointing_style(std::string_view style) {
  return style == "pointing" || style == "point_count";
}

// Benchmarks ask in the style that the model was trained with.
std::string_view trained_style(std::string_view style) {
  if (style == "eval_short_answer") return "vqa2";
  if (style == "eval_multiple_choice") return "a_okvqa_mc";
  return style;
}

int64_t floor_divide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

std::string length_tag(std::string_view style, std::optional<int64_t> length) {
  return length ? fmt::format("{} {}:", style, *length) : fmt::format("{} :", style);
}

std::string join_tag(std::string_view tag, std::string_view text) {
  if (tag.empty()) return std::string(text);
  return text.empty() ? std::string(tag) : fmt::format("{} {}", tag, text);
}

bool has_options(const Annotation& annotation) {
  return annotation.question && (annotation.options || annotation.unlabelled_options);
}

std::vector<std::string> option_names(const Annotation& annotation) {
  if (!annotation.options) return *annotation.unlabelled_options;
  std::vector<std::string> letters;
  for (size_t i = 0; i < std::min(annotation.options->size(), kLetters.size()); ++i)
    letters.emplace_back(1, kLetters[i]);
  return letters;
}

// "QUESTION\nA: red\nB: blue\n", or the options without letters. At most as many as there are letters are shown.
std::string question_with_options(const Annotation& annotation) {
  std::string text = *annotation.question + "\n";
  if (annotation.options) {
    for (size_t i = 0; i < std::min(annotation.options->size(), kLetters.size()); ++i) {
      text += fmt::format("{}{}: {}", i > 0 ? "\n" : "", kLetters[i], (*annotation.options)[i]);
    }
  } else {
    text += fmt::format("{}", fmt::join(*annotation.unlabelled_options, "\n"));
  }
  return text + "\n";
}

std::string chosen_option(const Annotation& annotation, const std::vector<std::string>& names) {
  const int64_t index = *annotation.answer_index;
  if (index < 0 || index >= static_cast<int64_t>(names.size())) {
    fail(ErrorCategory::InvalidArgument, "answer_idx is {}, but there are {} options", index, names.size());
  }
  return names[index];
}

// Draws that always take the first choice: inference phrases requests in one fixed way.
class FirstChoice : public PromptDraws {
 public:
  double uniform() override { return 1; }
  double normal(double) override { return 0; }
  size_t choice(size_t) override { return 0; }
};

}  // namespace

struct PromptFormatter::Turn {
  std::string request;
  std::optional<std::string> answer;
  std::vector<std::string> option_names;
};

PromptFormatter::PromptFormatter(const config::PromptConfig& config, PromptOptions options)
    : config_(config), options_(std::move(options)) {}

std::vector<Conversation> PromptFormatter::format(const Example& example, Purpose purpose, PromptDraws& draws) const {
  std::vector<Conversation> conversations;
  for (const Annotation& annotation : example.annotations) {
    conversations.push_back(format(annotation, example, purpose, draws));
  }
  return conversations;
}

Conversation PromptFormatter::format(const Annotation& annotation, const Example& example, Purpose purpose,
                                     PromptDraws& draws) const {
  Conversation conversation;
  if (annotation.messages) {
    conversation.messages = *annotation.messages;
  } else {
    Turn turn = compose(annotation, example, purpose, draws);
    conversation.messages.push_back(std::move(turn.request));
    if (purpose == Purpose::Training) conversation.messages.push_back(*std::move(turn.answer));
    conversation.option_names = std::move(turn.option_names);
  }
  if (conversation.messages.empty()) fail(ErrorCategory::InvalidArgument, "an example has an empty list of messages");
  if (config_.system_prompt != config::SystemPrompt::None) {
    // The reference loses the style of a conversation that is not part of a list, and then cannot write its tag.
    const bool loses_style = options_.quirks == config::Quirks::Reference && annotation.messages && !example.is_list;
    if (!annotation.style || loses_style) {
      fail(ErrorCategory::InvalidArgument, "an example needs a style, because system_prompt is '{}'",
           enum_name(config_.system_prompt));
    }
    std::string& first = conversation.messages.front();
    first = join_tag(tag(trained_style(*annotation.style), purpose, conversation.messages, draws), first);
  }
  conversation.messages = with_roles(std::move(conversation.messages));
  return conversation;
}

PromptFormatter::Turn PromptFormatter::compose(const Annotation& annotation, const Example& example, Purpose purpose,
                                               PromptDraws& draws) const {
  Turn turn;
  const std::string_view style = annotation.style ? std::string_view(*annotation.style) : std::string_view();
  turn.request = request(annotation, draws);
  if (!annotation.prompt && is_pointing_style(style)) {
    if (annotation.points) turn.answer = points_answer(annotation, example.image_size);
  } else if (!annotation.prompt && has_options(annotation)) {
    turn.option_names = option_names(annotation);
    if (annotation.answer_index) turn.answer = chosen_option(annotation, turn.option_names);
  }
  if (!turn.answer && purpose == Purpose::Training) turn.answer = answer(annotation, draws);
  return turn;
}

// What a user might type.
std::string PromptFormatter::request(const Annotation& annotation, PromptDraws& draws) const {
  if (annotation.prompt) return *annotation.prompt;
  const bool is_templated = config_.templates == config::PromptTemplates::UberModel;
  if (is_templated && !annotation.style) {
    fail(ErrorCategory::InvalidArgument, "an example needs a style, because templates is '{}'",
         enum_name(config_.templates));
  }
  const std::string style = annotation.style.value_or("");
  const auto draw_template = [&] {
    const auto& templates = options_.templates->list(style);
    return templates[draws.choice(templates.size())];
  };
  if (is_templated && style == "long_caption") return draw_template();
  if (is_pointing_style(style)) {
    if (annotation.question) return *annotation.question;
    if (!annotation.label)
      fail(ErrorCategory::InvalidArgument, "an example of style '{}' has neither question nor label", style);
    const std::string label = to_lower(*annotation.label);
    return is_templated ? fill_template(draw_template(), "label", label) : label;
  }
  if (has_options(annotation)) return question_with_options(annotation);
  return annotation.question.value_or("");
}

std::string PromptFormatter::answer(const Annotation& annotation, PromptDraws& draws) const {
  if (annotation.answers) return best_answer(*annotation.answers, draws);
  if (annotation.answer) return answer_with_points(annotation);
  if (annotation.answer_with_points) return *annotation.answer_with_points;
  if (annotation.text) return *annotation.text;
  fail(ErrorCategory::InvalidArgument, "an example of style '{}' has no answer to train on",
       annotation.style.value_or(""));
}

std::string PromptFormatter::best_answer(const std::vector<std::string>& answers, PromptDraws& draws) const {
  if (answers.empty()) fail(ErrorCategory::InvalidArgument, "an example has an empty list of answers");
  if (options_.answer_choice == AnswerChoice::Smallest) return *std::min_element(answers.begin(), answers.end());
  std::vector<std::string_view> candidates;  // the most frequent ones, in the order in which they first appear
  int64_t most = 0;
  for (auto it = answers.begin(); it != answers.end(); ++it) {
    if (std::find(answers.begin(), it, *it) != it) continue;
    const int64_t count = std::count(it, answers.end(), *it);
    if (count > most) candidates.clear();
    most = std::max(most, count);
    if (count == most) candidates.push_back(*it);
  }
  return std::string(candidates[draws.choice(candidates.size())]);
}

std::string PromptFormatter::tag(std::string_view style, Purpose purpose, const std::vector<std::string>& messages,
                                 PromptDraws& draws) const {
  switch (config_.system_prompt) {
    case config::SystemPrompt::None:
      return "";
    case config::SystemPrompt::Style:
      return fmt::format("{}:", style);
    case config::SystemPrompt::DemoOrStyle: {
      if (style == "android_control" || style == "demo") return "";
      if (is_demo_style(style)) {
        // The reference draws at evaluation, too, so that a tenth of its prompts carry the tag.
        const bool draws_tag = purpose == Purpose::Training || options_.quirks == config::Quirks::Reference;
        if (!draws_tag || draws.uniform() > kDemoTagShare) return "";
      }
      return fmt::format("{}:", style);
    }
    case config::SystemPrompt::StyleAndLength: {
      if (purpose == Purpose::Inference) return length_tag(style, config_.default_length_hint);
      if (draws.uniform() <= kNoLengthShare) return length_tag(style, std::nullopt);
      const auto noise = static_cast<int64_t>(std::trunc(draws.normal(kLengthNoise)));
      const auto length = static_cast<int64_t>(count_utf8(messages.back())) + noise;
      return length_tag(style, floor_divide(length, kCharactersPerUnit));
    }
  }
  fail(ErrorCategory::Internal, "internal error: unknown system prompt");
}

std::string PromptFormatter::ask(const Question& question, int64_t turn) const {
  check_style(question.style, "style");
  std::string style(trained_style(question.style));
  const bool is_captioner = config_.system_prompt == config::SystemPrompt::StyleAndLength;
  if (style.empty() && is_captioner) style = "long_caption";  // all that such a model was trained for
  if (question.is_label && !is_pointing_style(style)) {
    fail(ErrorCategory::InvalidArgument,
         "style is '{}', but a label can only be asked for by 'pointing' or 'point_count'", style);
  }

  std::string text = question.text;
  if (question.is_label || (style == "long_caption" && text.empty())) {
    Annotation annotation;
    annotation.style = style;
    if (question.is_label) annotation.label = question.text;
    FirstChoice first;
    text = request(annotation, first);
  }

  const bool never_tagged =
      config_.system_prompt == config::SystemPrompt::None ||
      (config_.system_prompt == config::SystemPrompt::DemoOrStyle &&
       (style == "android_control" || style == "demo" || (is_demo_style(style) && !question.has_tag)));
  if (!style.empty() && (!never_tagged || question.length_hint)) {
    const auto length = question.length_hint ? question.length_hint : config_.default_length_hint;
    text = join_tag(is_captioner || question.length_hint ? length_tag(style, length) : style + ":", text);
  }
  return with_role(text, static_cast<size_t>(turn) * 2);
}

std::string PromptFormatter::with_role(std::string_view message, size_t index) const {
  const bool has_roles = config_.message_format == config::MessageFormat::Role && index % 2 == 0;
  const std::string_view space = index > 0 || config_.starts_with_space ? " " : "";
  return has_roles ? fmt::format("{}User: {} Assistant:", space, message) : fmt::format("{}{}", space, message);
}

std::vector<std::string> PromptFormatter::with_roles(std::vector<std::string> messages) const {
  for (size_t i = 0; i < messages.size(); ++i) messages[i] = with_role(messages[i], i);
  return messages;
}

std::string points_answer(const Annotation& annotation, const std::optional<ImageSize>& image_size) {
  if (!annotation.label && !annotation.question)
    fail(ErrorCategory::InvalidArgument, "points have neither label nor question");
  if (!annotation.points || annotation.points->empty()) return "There are none.";
  const std::string label = annotation.label ? to_lower(*annotation.label) : *annotation.question;
  PointScale scale;
  if (annotation.point_scale) {
    scale = *annotation.point_scale;
  } else if (image_size) {
    scale = std::array{static_cast<double>(image_size->width) / 100, static_cast<double>(image_size->height) / 100};
  } else {
    fail(ErrorCategory::InvalidArgument, "the points of '{}' are in pixels, but the size of the image is not known",
         label);
  }
  const std::string text = point_text(*annotation.points, scale, label, label, annotation.point_precision);
  if (annotation.style != "point_count") return text;
  return fmt::format("Counting the {} shows a total of {}.", text, annotation.points->size());
}

std::string answer_with_points(const Annotation& annotation) {
  std::string answer = annotation.answer.value_or("");
  for (const AnswerPoints& entry : annotation.answer_points) {
    const size_t at = answer.find(kPointPlaceholder);
    if (at == std::string::npos) {
      fail(ErrorCategory::InvalidArgument, "the answer has fewer {} than the {} that come with it", kPointPlaceholder,
           annotation.answer_points.size());
    }
    answer.replace(at, kPointPlaceholder.size(), point_text(entry.points, 100.0, entry.inline_text, entry.alt_text));
  }
  return answer;
}

std::string join_messages(std::span<const std::string> messages, std::string_view end_of_sequence) {
  std::string text;
  for (size_t i = 0; i < messages.size(); ++i) {
    text += messages[i];
    if (i % 2 == 1) text += end_of_sequence;
  }
  return text;
}

}  // namespace molmo::text
