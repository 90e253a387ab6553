// A conversation with a model: pictures and questions in, streamed answers out.
//   Session session(loaded_model);
//   Answer answer = session.ask({.prompt = "Point to the mug.", .images = {image}}, generation, on_text);
// Image encoding and prefill of an unchanged prefix (same picture, next question) are not computed twice.
// One thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/generation.h"
#include "config/quirks.h"
#include "generate/answer_points.h"
#include "generate/finish_reason.h"
#include "image/image.h"
#include "model/molmo.h"
#include "text/tokenizer.h"

namespace molmo::generate {

// What a session needs; shared between sessions.
struct LoadedModel {
  model::Molmo molmo;
  text::Tokenizer tokenizer;
  std::optional<at::ScalarType> cache_type =
      {};  // of keys and values (model/kv_cache.h); empty: that of the activations
};

struct Request {
  std::string prompt;
  std::vector<image::Image> images{};
  std::string style{};                   // "", or "point_count", "long_caption", ...: puts the style tag in front
  std::optional<int64_t> length_hint{};  // of captions, units of 15 characters
  bool is_raw = false;                   // the prompt is the whole text: no roles, no leading space
  std::optional<int64_t> max_crops{};    // instead of the configuration's
  config::Quirks quirks = config::Quirks::Reference;
};

struct Usage {
  int64_t prompt_tokens = 0, image_tokens = 0, completion_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, taken from the turn before
};

struct Timings {
  std::chrono::duration<double, std::milli> image{}, prefill{}, decode{};
  double prefill_per_second = 0, decode_per_second = 0;  // tokens
};

struct Answer {
  std::string text;             // without special tokens
  std::vector<int64_t> tokens;  // with the final EOS where there is one
  std::vector<AnswerPoint> points;
  FinishReason finish_reason = FinishReason::Stop;
  double score = 0;  // sum of log probabilities
  Usage usage;
  Timings timings;
};

// Called after every token and between pieces of a long prompt, often with an empty text; returns false to cancel.
// Gets whole UTF-8 characters only. `answer_index` counts the answers of one request. Beams come once they are
// complete.
using OnText = std::function<bool(std::string_view text, int64_t answer_index)>;

class Session {
 public:
  explicit Session(std::shared_ptr<const LoadedModel> model);
  ~Session();
  Session(Session&&) noexcept;

  // One answer per generation.num_answers, or the beams, best first.
  // Throws InvalidArgument for a prompt longer than the context.
  std::vector<Answer> ask(const Request& request, const config::GenerationConfig& generation,
                          const OnText& on_text = {});

  // Next turn of the conversation: earlier turns stay in the prompt.
  std::vector<Answer> ask_next(const Request& request, const config::GenerationConfig& generation,
                               const OnText& on_text = {});
  void reset();  // forgets the conversation and what was computed for it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::generate
