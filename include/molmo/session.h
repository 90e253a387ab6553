// A conversation with a model: pictures and questions in, answers out.
//   molmo::Session session(model);
//   molmo::Answer answer = session.ask({"What is on the desk?", {photo}}, {}, [](std::string_view text) {
//     std::cout << text << std::flush;
//     return true;  // false ends the answer
//   });
//   session.ask_next({"Point to the mug."});        // the picture stays, and is not encoded again
//   auto points = session.point("the mug", photo);  // or in one call
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "molmo/export.h"
#include "molmo/image.h"
#include "molmo/model.h"
#include "molmo/point.h"

namespace molmo {

struct Request {
  Request(std::string prompt_, std::vector<Image> images_ = {})
      : prompt(std::move(prompt_)), images(std::move(images_)) {}

  std::string prompt;
  std::vector<Image> images;
  std::string style;  // a task that the model was trained on: "vqa2", "point_count", "long_caption", ...
  std::optional<int64_t>
      length_hint;                   // of captions, in units of 15 characters; for models that were trained to a length
  std::optional<int64_t> max_crops;  // instead of the model's: fewer are faster, more see finer detail
  bool is_raw = false;               // the prompt is the whole text, without role words and leading space
};

struct GenerationOptions {
  int64_t max_new_tokens = 448;
  int64_t min_new_tokens = 0;
  double temperature = 0;         // 0: the likeliest token, always
  int64_t top_k = 0;              // draw among the k likeliest tokens; 0: all
  double top_p = 1;               // draw among the likeliest tokens that reach this probability
  double min_p = 0;               // leave out tokens below this share of the likeliest one's probability
  double repetition_penalty = 1;  // divides the scores of tokens that were generated already
  uint64_t seed = 0;              // the same seed gives the same answer
  int64_t num_beams = 1;
  int64_t num_answers = 1;        // for ask_many
  std::vector<std::string> stop;  // texts that end the answer, and are not part of it
};

enum class FinishReason {
  Stop,        // the model ended its answer
  Length,      // max_new_tokens, or the context is full
  StopString,  // a text of GenerationOptions::stop
  Cancelled,   // the callback returned false
};

struct Answer {
  std::string text;             // without special tokens
  std::vector<int64_t> tokens;  // with the final end-of-sequence token, where there is one
  std::vector<Point> points;
  FinishReason finish_reason = FinishReason::Stop;
  double score = 0;  // sum of the log probabilities of the tokens

  int64_t prompt_tokens = 0, image_tokens = 0, completion_tokens = 0;
  double image_ms = 0, prefill_ms = 0, decode_ms = 0;
};

// Gets the answer piece by piece, whole UTF-8 characters only. Returns false to end the answer.
using OnText = std::function<bool(std::string_view text)>;

// Not thread-safe: one thread at a time. Every call throws Error; InvalidArgument when the prompt is longer than the
// context.
class MOLMO_API Session {
 public:
  explicit Session(const Model& model);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Begins a new conversation.
  Answer ask(const Request& request, const GenerationOptions& options = {}, const OnText& on_text = {});
  // The next turn: the model sees the turns before it, and their pictures.
  Answer ask_next(const Request& request, const GenerationOptions& options = {}, const OnText& on_text = {});
  // options.num_answers independent answers, or the beams, best first, from one reading of the prompt.
  std::vector<Answer> ask_many(const Request& request, const GenerationOptions& options);
  void reset();  // forgets the conversation

  // The three things people want most, in the words that the released models know.
  std::vector<Point> point(const std::string& what, const Image& image);
  Answer ask_to_point(const std::string& what, const Image& image,
                      const OnText& on_text = {});  // with the text as well
  int64_t count(const std::string& what, const Image& image);
  std::string caption(const Image& image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo
