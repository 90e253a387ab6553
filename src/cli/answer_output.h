// How answers leave the program: text as it comes on stdout and timings on stderr, or one JSON document on stdout.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/model_flags.h"
#include "config/generation.h"
#include "generate/session.h"
#include "image/overlay.h"

namespace molmo::cli {

// {"text", "tokens", "points", "finish_reason", "usage", "timings", "peak_memory_bytes"}; docs/cli.md describes the
// members.
Json answer_json(const generate::Answer& answer, double load_ms);

// Points of the first picture, to draw on it.
std::vector<image::OverlayPoint> overlay_points(const generate::Answer& answer);

// One line: load, image, prefill and decode speed, peak memory.
void print_timings(const generate::Answer& answer, double load_ms);

class AnswerFlags {
 public:
  void define(Flags& flags);
  void define_quiet(Flags& flags);  // without --json
  bool is_json() const { return is_json_; }
  bool is_quiet() const { return is_quiet_; }

 private:
  bool is_json_ = false, is_quiet_ = false;
};

// Asks, streaming the answer to stdout unless it is wanted as JSON, or several answers are. Ctrl-C ends the answer.
// With `continues`, the question is the next turn of the session's conversation.
struct AskOptions {
  bool streams = true;
  bool continues = false;
  std::chrono::duration<double, std::milli> reading{};  // of the picture files: part of what the pictures cost
};
std::vector<generate::Answer> ask(generate::Session& session, const generate::Request& request,
                                  const config::GenerationConfig& generation, const AskOptions& options);

// 130 when Ctrl-C ended one of the answers, else 0.
int exit_status(const std::vector<generate::Answer>& answers);

}  // namespace molmo::cli
