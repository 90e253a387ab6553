#include "molmo/session.h"

#include "api/guard.h"
#include "api/impl.h"
#include "api/tasks.h"
#include "base/error.h"

namespace molmo {
namespace {

generate::Request to_internal(const Request& request) {
  generate::Request result{.prompt = request.prompt,
                           .style = request.style,
                           .length_hint = request.length_hint,
                           .is_raw = request.is_raw,
                           .max_crops = request.max_crops};
  for (const Image& image : request.images) result.images.push_back(image.impl().image);
  return result;
}

config::GenerationConfig to_internal(const GenerationOptions& options) {
  config::GenerationConfig result;
  result.max_new_tokens = options.max_new_tokens;
  result.min_new_tokens = options.min_new_tokens;
  result.temperature = options.temperature;
  result.top_k = options.top_k;
  result.top_p = options.top_p;
  result.min_p = options.min_p;
  result.repetition_penalty = options.repetition_penalty;
  result.seed = options.seed;
  result.num_beams = options.num_beams;
  result.num_answers = options.num_answers;
  result.stop = options.stop;
  result.validate();
  return result;
}

generate::OnText to_internal(const OnText& on_text) {
  if (!on_text) return {};
  return [&on_text](std::string_view text, int64_t) { return on_text(text); };
}

FinishReason to_public(generate::FinishReason reason) {
  switch (reason) {
    case generate::FinishReason::Stop:
      return FinishReason::Stop;
    case generate::FinishReason::Length:
      return FinishReason::Length;
    case generate::FinishReason::StopString:
      return FinishReason::StopString;
    case generate::FinishReason::Cancelled:
      return FinishReason::Cancelled;
  }
  fail(ErrorCategory::Internal, "internal error: finish reason without a public name");
}

Answer to_public(const generate::Answer& answer) {
  Answer result;
  result.text = answer.text;
  result.tokens = answer.tokens;
  for (const auto& point : answer.points) result.points.push_back(api::to_public(point));
  result.finish_reason = to_public(answer.finish_reason);
  result.score = answer.score;
  result.prompt_tokens = answer.usage.prompt_tokens;
  result.image_tokens = answer.usage.image_tokens;
  result.completion_tokens = answer.usage.completion_tokens;
  result.image_ms = answer.timings.image.count();
  result.prefill_ms = answer.timings.prefill.count();
  result.decode_ms = answer.timings.decode.count();
  return result;
}

// Several answers are the business of ask_many; one call gives one.
config::GenerationConfig for_one_answer(const GenerationOptions& options) {
  config::GenerationConfig result = to_internal(options);
  result.num_answers = 1;
  return result;
}

}  // namespace

Point api::to_public(const generate::AnswerPoint& point) {
  return {point.point.at.x, point.point.at.y, point.px.x, point.px.y, point.point.label, point.point.alt, point.image};
}

struct Session::Impl {
  std::shared_ptr<const generate::LoadedModel> loaded;
  generate::Session session;
};

Session::Session(const Model& model)
    : impl_(api::guarded([&] {
        return std::make_unique<Impl>(Impl{model.impl().loaded, generate::Session(model.impl().loaded)});
      })) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Answer Session::ask(const Request& request, const GenerationOptions& options, const OnText& on_text) {
  return api::guarded([&] {
    return to_public(impl_->session.ask(to_internal(request), for_one_answer(options), to_internal(on_text)).at(0));
  });
}

Answer Session::ask_next(const Request& request, const GenerationOptions& options, const OnText& on_text) {
  return api::guarded([&] {
    return to_public(
        impl_->session.ask_next(to_internal(request), for_one_answer(options), to_internal(on_text)).at(0));
  });
}

std::vector<Answer> Session::ask_many(const Request& request, const GenerationOptions& options) {
  return api::guarded([&] {
    std::vector<Answer> answers;
    for (const auto& answer : impl_->session.ask(to_internal(request), to_internal(options)))
      answers.push_back(to_public(answer));
    return answers;
  });
}

void Session::reset() {
  api::guarded([&] { impl_->session.reset(); });
}

std::vector<Point> Session::point(const std::string& what, const Image& image) {
  return ask_to_point(what, image).points;
}

Answer Session::ask_to_point(const std::string& what, const Image& image, const OnText& on_text) {
  return api::guarded([&] {
    return to_public(impl_->session.ask(api::point_request(what, image.impl().image), {}, to_internal(on_text)).at(0));
  });
}

int64_t Session::count(const std::string& what, const Image& image) {
  return api::guarded([&] {
    const generate::Answer answer = impl_->session.ask(api::count_request(what, image.impl().image), {}).at(0);
    const auto count = api::parse_count(answer);
    if (!count) fail(ErrorCategory::BadData, "the model's answer has no number: '{}'", answer.text);
    return *count;
  });
}

std::string Session::caption(const Image& image) {
  return api::guarded([&] {
    const config::PromptConfig& prompt = impl_->loaded->molmo.config().prompt;
    return impl_->session.ask(api::caption_request(prompt, image.impl().image, std::nullopt), {}).at(0).text;
  });
}

}  // namespace molmo
