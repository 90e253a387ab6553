#include "generate/session.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "generate/generator.h"
#include "generate/picture_cache.h"
#include "generate/prompt_tokens.h"
#include "generate/text_stream.h"
#include "preprocess/build_input.h"
#include "text/prompt.h"

namespace molmo::generate {
namespace {

using Clock = std::chrono::steady_clock;

double per_second(int64_t count, std::chrono::duration<double> time) {
  return count > 0 && time.count() > 0 ? static_cast<double>(count) / time.count() : 0;
}

// The context must hold the prompt and the answer; the answer gets what the prompt leaves.
config::GenerationConfig fit_to_context(config::GenerationConfig generation, const PromptTokens& prompt,
                                        int64_t context) {
  const int64_t room = context - prompt.size();
  if (room < 1) {
    fail(ErrorCategory::InvalidArgument,
         "the prompt has {} tokens, {} of them for pictures, but the context holds {} with the answer. "
         "Hint: ask less, reset the conversation, or use fewer pictures or crops",
         prompt.size(), prompt.num_image_tokens(), context);
  }
  generation.max_new_tokens = std::min(generation.max_new_tokens, room);
  generation.min_new_tokens = std::min(generation.min_new_tokens, generation.max_new_tokens);
  return generation;
}

std::string prompt_text(const Request& request, const config::PromptConfig& config, int64_t turn) {
  if (request.is_raw) return request.prompt;
  const text::PromptFormatter formatter(config, {.quirks = request.quirks});
  return formatter.ask({.text = request.prompt, .style = request.style, .length_hint = request.length_hint}, turn);
}

// Shows the text of answers while they grow, and tells when one has to end.
class AnswerStreams {
 public:
  AnswerStreams(const text::Tokenizer& tokenizer, const config::GenerationConfig& generation, const OnText& on_text)
      : streams_(static_cast<size_t>(std::max(generation.num_answers, generation.num_beams)),
                 TextStream(tokenizer, generation.stop)),
        on_text_(on_text) {}

  AfterToken push(int64_t answer, int64_t token) {
    TextStream& stream = streams_[static_cast<size_t>(answer)];
    const std::string text = stream.push(token);
    if (on_text_ && !on_text_(text, answer)) return AfterToken::Cancel;
    return stream.has_stopped() ? AfterToken::EndAnswer : AfterToken::Continue;
  }
  // Shows what was held back. A stop string may turn up in it.
  void finish(int64_t answer, Generated& generated) {
    TextStream& stream = streams_[static_cast<size_t>(answer)];
    const std::string text = stream.finish();
    if (on_text_ && !text.empty()) on_text_(text, answer);
    if (stream.has_stopped()) generated.finish_reason = FinishReason::StopString;
  }
  const std::string& text(int64_t answer) const { return streams_[static_cast<size_t>(answer)].text(); }

 private:
  std::vector<TextStream> streams_;
  const OnText& on_text_;
};

}  // namespace

struct Session::Impl {
 public:
  explicit Impl(std::shared_ptr<const LoadedModel> model)
      : model_(std::move(model)),
        eos_(preprocess::eos_id(model_->tokenizer)),
        batch_(model_->molmo, model_->cache_type) {
    preprocess::check_tokenizer(model_->molmo.config(), model_->tokenizer);
    begin_conversation();
  }

  void begin_conversation();
  void reset();
  std::vector<Answer> answer(const Request& request, const config::GenerationConfig& generation, const OnText& on_text);

 private:
  PromptTokens prompt_of(const Request& request);
  at::Tensor prefill(const PromptTokens& prompt, const OnText& on_text, Answer& shared);
  std::vector<Generated> decode(const PromptTokens& prompt, const at::Tensor& logits,
                                const config::GenerationConfig& generation, const OnText& on_text,
                                AnswerStreams& streams);
  void remember(PromptTokens prompt, const Answer& answer);

  std::shared_ptr<const LoadedModel> model_;
  int64_t eos_;
  PictureCache pictures_;

  // The conversation, up to and including the last answer.
  PromptTokens conversation_;
  int64_t num_turns_ = 0;
  PointedPicture pointed_;

  // What the model has read: `read_` names the tokens that `batch_` holds, and is empty while a computation runs, so
  // that nothing is believed after an error.
  DecodeBatch batch_;
  std::vector<PromptToken> read_;
};

void Session::Impl::begin_conversation() {
  conversation_ = PromptTokens();
  conversation_.append(std::array{preprocess::bos_id(model_->tokenizer)});
  num_turns_ = 0;
  pointed_ = {};
}

void Session::Impl::reset() {
  begin_conversation();
  pictures_.clear();
  read_.clear();
  batch_ = DecodeBatch(model_->molmo, model_->cache_type);
}

PromptTokens Session::Impl::prompt_of(const Request& request) {
  const config::ModelConfig& config = model_->molmo.config();
  std::vector<std::shared_ptr<Picture>> pictures;
  for (const auto& image : request.images) {
    pictures.push_back(
        pictures_.find_or_prepare(image, config, {.max_crops = request.max_crops, .quirks = request.quirks}));
  }
  PromptTokens prompt = conversation_;
  prompt.append(model_->tokenizer.encode(prompt_text(request, config.prompt, num_turns_)), pictures,
                config.image_placeholder_id());
  return prompt;
}

// Undefined when cancelled.
at::Tensor Session::Impl::prefill(const PromptTokens& prompt, const OnText& on_text, Answer& shared) {
  const auto num_known = std::min(static_cast<int64_t>(common_prefix(read_, prompt.tokens())), prompt.size() - 1);
  const auto keep_going = [&] { return !on_text || on_text("", 0); };
  const auto image_start = Clock::now();
  for (const auto& placed : prompt.pictures_from(num_known)) {
    if (!placed.picture->encode(model_->molmo, keep_going)) return {};
  }
  const auto start = Clock::now();
  read_.clear();
  if (num_known == 0) batch_ = DecodeBatch(model_->molmo, model_->cache_type);
  batch_.truncate(num_known);
  const at::Tensor logits = batch_.prefill(prompt.input_from(num_known), keep_going);
  read_.assign(prompt.tokens().begin(), prompt.tokens().begin() + batch_.num_cached());
  const auto end = Clock::now();

  shared.usage.cached_tokens = num_known;
  shared.timings.image += start - image_start;
  shared.timings.prefill = end - start;
  shared.timings.prefill_per_second = per_second(batch_.num_cached() - num_known, end - start);
  return logits;
}

std::vector<Generated> Session::Impl::decode(const PromptTokens& prompt, const at::Tensor& logits,
                                             const config::GenerationConfig& generation, const OnText& on_text,
                                             AnswerStreams& streams) {
  const auto on_token = [&](int64_t answer, int64_t token) { return streams.push(answer, token); };
  if (generation.num_beams > 1) {
    DecodeBatch beams = batch_.clone();
    auto found = decode_beams(beams, logits, generation, eos_, [&] { return !on_text || on_text("", 0); }).front();
    for (size_t beam = 0; beam < found.size(); ++beam) {
      for (const int64_t token : found[beam].tokens) on_token(static_cast<int64_t>(beam), token);
    }
    return found;
  }
  if (generation.num_answers > 1) {
    DecodeBatch answers = batch_.clone();
    answers.select(std::vector<int64_t>(static_cast<size_t>(generation.num_answers), 0));
    return decode_rows(answers, logits.expand({generation.num_answers, -1}), generation, eos_, on_token);
  }
  read_.clear();
  std::vector<Generated> generated = decode_rows(batch_, logits, generation, eos_, on_token);
  PromptTokens all = prompt;
  all.append(generated.front().tokens);
  read_.assign(all.tokens().begin(), all.tokens().begin() + batch_.num_cached());
  return generated;
}

void Session::Impl::remember(PromptTokens prompt, const Answer& answer) {
  // The text of a stop string is no part of the conversation, although the model wrote it.
  std::vector<int64_t> tokens =
      answer.finish_reason == FinishReason::StopString ? model_->tokenizer.encode(answer.text) : answer.tokens;
  if (tokens.empty() || tokens.back() != eos_) tokens.push_back(eos_);
  prompt.append(tokens);
  conversation_ = std::move(prompt);
  ++num_turns_;
}

std::vector<Answer> Session::Impl::answer(const Request& request, const config::GenerationConfig& generation,
                                          const OnText& on_text) {
  generation.validate();
  const c10::InferenceMode no_gradients;
  const auto start = Clock::now();
  const PromptTokens prompt = prompt_of(request);
  const config::GenerationConfig fitted =
      fit_to_context(generation, prompt, model_->molmo.config().decoder.max_sequence_length);
  PointedPicture pointed = pointed_;
  if (!request.images.empty()) {
    pointed = {.size = request.images.front().size, .index = static_cast<int64_t>(conversation_.pictures().size())};
  }
  Answer shared;  // what all answers have in common
  shared.usage.prompt_tokens = prompt.size();
  shared.usage.image_tokens = prompt.num_image_tokens();
  shared.timings.image = Clock::now() - start;

  std::vector<Answer> answers;
  const at::Tensor logits = prefill(prompt, on_text, shared);
  if (!logits.defined()) {
    shared.finish_reason = FinishReason::Cancelled;
    return {shared};
  }
  AnswerStreams streams(model_->tokenizer, fitted, on_text);
  const auto decode_start = Clock::now();
  std::vector<Generated> generated = decode(prompt, logits, fitted, on_text, streams);
  shared.timings.decode = Clock::now() - decode_start;
  int64_t num_steps = 0;  // the first token comes from the prefill
  for (const auto& one : generated) num_steps += static_cast<int64_t>(one.tokens.size()) - 1;
  shared.timings.decode_per_second = per_second(num_steps, shared.timings.decode);

  for (size_t i = 0; i < generated.size(); ++i) {
    streams.finish(static_cast<int64_t>(i), generated[i]);
    Answer& answer = answers.emplace_back(shared);
    answer.text = streams.text(static_cast<int64_t>(i));
    answer.points = locate_points(answer.text, pointed);
    answer.finish_reason = generated[i].finish_reason;
    answer.score = generated[i].score;
    answer.usage.completion_tokens = static_cast<int64_t>(generated[i].tokens.size());
    answer.tokens = std::move(generated[i].tokens);
  }
  remember(prompt, answers.front());
  pointed_ = pointed;
  return answers;
}

Session::Session(std::shared_ptr<const LoadedModel> model) : impl_(std::make_unique<Impl>(std::move(model))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

std::vector<Answer> Session::ask(const Request& request, const config::GenerationConfig& generation,
                                 const OnText& on_text) {
  impl_->begin_conversation();
  return impl_->answer(request, generation, on_text);
}

std::vector<Answer> Session::ask_next(const Request& request, const config::GenerationConfig& generation,
                                      const OnText& on_text) {
  return impl_->answer(request, generation, on_text);
}

void Session::reset() {
  impl_->reset();
}

}  // namespace molmo::generate
