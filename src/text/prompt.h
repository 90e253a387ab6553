// From examples and questions to the messages that the model reads (paper, section 4; reference:
// olmo/data/data_formatter.py).
//   PromptFormatter formatter(model.prompt);
//   std::string prompt = formatter.ask({.text = "What is this?"});          // " User: What is this? Assistant:"
//   std::vector<Conversation> turns = formatter.format(example, Purpose::Training, draws);
// The text is built in this order: what is asked, the tag of the style, the role words, a leading space. Images, BOS
// and EOS are put in later, see preprocess/. Const calls are thread-safe when each has draws of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "config/prompt.h"
#include "config/quirks.h"
#include "text/example.h"
#include "text/templates.h"

namespace molmo::text {

// Where prompts in training come from chance.
class PromptDraws {
 public:
  virtual ~PromptDraws() = default;
  virtual double uniform() = 0;  // in [0, 1)
  virtual double normal(double standard_deviation) = 0;
  virtual size_t choice(size_t count) = 0;  // in [0, count)
};

class StreamDraws : public PromptDraws {
 public:
  explicit StreamDraws(RandomStream& stream) : stream_(stream) {}
  double uniform() override { return stream_.uniform(); }
  double normal(double standard_deviation) override { return standard_deviation * stream_.normal(); }
  size_t choice(size_t count) override { return stream_.below(count); }

 private:
  RandomStream& stream_;
};

enum class Purpose { Training, Inference };  // inference gives the first message only

enum class AnswerChoice { MostFrequent, Smallest };  // which of several people's answers: ties by chance; in text order

struct PromptOptions {
  config::Quirks quirks = config::Quirks::Reference;
  AnswerChoice answer_choice = AnswerChoice::MostFrequent;
  std::shared_ptr<const TemplateLists> templates = TemplateLists::builtin();
};

struct Conversation {
  std::vector<std::string> messages;      // user, assistant, user, ...
  std::vector<std::string> option_names;  // the answers to choose from, where the question has options
};

// A question at inference, where nothing is left to chance.
struct Question {
  std::string text;                         // as typed, or the label of the things to point at or count
  std::string style = {};                   // "" asks in the model's own way
  bool is_label = false;                    // phrase `text` by the first template of "pointing" or "point_count"
  bool has_tag = true;                      // false: demo styles without their tag, which is how models mostly saw them
  std::optional<int64_t> length_hint = {};  // of a caption, in units of 15 characters; empty: as configured
};

class PromptFormatter {
 public:
  explicit PromptFormatter(const config::PromptConfig& config, PromptOptions options = {});

  // One conversation for each annotation. Throws InvalidArgument for examples that have no prompt or no answer.
  std::vector<Conversation> format(const Example& example, Purpose purpose, PromptDraws& draws) const;

  // The prompt of turn 0, 1, ... of a conversation. Throws InvalidArgument for a style that is not known.
  std::string ask(const Question& question, int64_t turn = 0) const;

  // Role words and leading spaces for a conversation that is written already.
  std::vector<std::string> with_roles(std::vector<std::string> messages) const;

 private:
  struct Turn;  // what is asked and answered, before tag and roles
  Conversation format(const Annotation& annotation, const Example& example, Purpose purpose, PromptDraws& draws) const;
  Turn compose(const Annotation& annotation, const Example& example, Purpose purpose, PromptDraws& draws) const;
  std::string request(const Annotation& annotation, PromptDraws& draws) const;
  std::string answer(const Annotation& annotation, PromptDraws& draws) const;
  std::string best_answer(const std::vector<std::string>& answers, PromptDraws& draws) const;
  std::string tag(std::string_view style, Purpose purpose, const std::vector<std::string>& messages,
                  PromptDraws& draws) const;
  std::string with_role(std::string_view message, size_t index) const;

  config::PromptConfig config_;
  PromptOptions options_;
};

// The answer to a request to point or count: the tag, a sentence with the total, or that there are none.
std::string points_answer(const Annotation& annotation, const std::optional<ImageSize>& image_size);

// The answer of an annotation with the points that belong to it in place of each `<|POINT|>`. Throws InvalidArgument
// where there are fewer places than points.
std::string answer_with_points(const Annotation& annotation);

// All messages joined, with `end_of_sequence` after each of the assistant's.
std::string join_messages(std::span<const std::string> messages, std::string_view end_of_sequence);

}  // namespace molmo::text
