#include "cli/answer_output.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/process_memory.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/program.h"

namespace molmo::cli {
namespace {

using generate::Answer;

Json point_json(const generate::AnswerPoint& point) {
  return {{"x", point.point.at.x},      {"y", point.point.at.y},  {"x_px", point.px.x},  {"y_px", point.px.y},
          {"label", point.point.label}, {"alt", point.point.alt}, {"image", point.image}};
}

double mebibytes(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

}  // namespace

Json answer_json(const Answer& answer, double load_ms) {
  Json points = Json::array();
  for (const auto& point : answer.points) points.push_back(point_json(point));
  const generate::Timings& timings = answer.timings;
  return {{"text", answer.text},
          {"tokens", answer.tokens},
          {"points", points},
          {"finish_reason", enum_name(answer.finish_reason)},
          {"usage",
           {{"prompt_tokens", answer.usage.prompt_tokens},
            {"image_tokens", answer.usage.image_tokens},
            {"completion_tokens", answer.usage.completion_tokens}}},
          {"timings",
           {{"load_ms", load_ms},
            {"image_ms", timings.image.count()},
            {"prefill_ms", timings.prefill.count()},
            {"decode_ms", timings.decode.count()},
            {"prefill_per_second", timings.prefill_per_second},
            {"decode_per_second", timings.decode_per_second}}},
          {"peak_memory_bytes", peak_memory_bytes()}};
}

std::vector<image::OverlayPoint> overlay_points(const Answer& answer) {
  std::vector<image::OverlayPoint> points;
  for (const auto& point : answer.points) {
    if (point.image == 0) points.push_back({point.px, point.point.label});
  }
  return points;
}

void print_timings(const Answer& answer, double load_ms) {
  const generate::Timings& timings = answer.timings;
  fmt::print(stderr,
             "load {:.2f} s, image {:.2f} s ({} tokens), prefill {} tokens {:.1f}/s, decode {} tokens {:.1f}/s, peak "
             "memory {:.0f} MiB\n",
             load_ms / 1000, timings.image.count() / 1000, answer.usage.image_tokens, answer.usage.prompt_tokens,
             timings.prefill_per_second, answer.usage.completion_tokens, timings.decode_per_second,
             mebibytes(peak_memory_bytes()));
}

void AnswerFlags::define(Flags& flags) {
  flags.add_flag("--json", is_json_, "print one JSON document, and nothing else, on standard output").group("Output");
  define_quiet(flags);
}

void AnswerFlags::define_quiet(Flags& flags) {
  flags.add_flag("-q,--quiet", is_quiet_, "no timings on standard error").group("Output");
}

std::vector<Answer> ask(generate::Session& session, const generate::Request& request,
                        const config::GenerationConfig& generation, const AskOptions& options) {
  const InterruptibleWork running;
  const generate::OnText on_text = [&](std::string_view text, int64_t) {
    if (options.streams) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    }
    return !running.is_interrupted();
  };
  auto answers =
      options.continues ? session.ask_next(request, generation, on_text) : session.ask(request, generation, on_text);
  if (options.streams) {
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }
  for (Answer& answer : answers) answer.timings.image += options.reading;
  return answers;
}

int exit_status(const std::vector<Answer>& answers) {
  const bool is_cancelled = std::any_of(answers.begin(), answers.end(), [](const Answer& answer) {
    return answer.finish_reason == generate::FinishReason::Cancelled;
  });
  return is_cancelled ? kExitCancelled : kExitDone;
}

}  // namespace molmo::cli
