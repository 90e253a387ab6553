#include "cli/judge_flags.h"

#include <chrono>
#include <cstdlib>

#include "cli/flags.h"
#include "cli/verb.h"

namespace molmo::cli {

void JudgeFlags::define(Flags& flags) {
  flags
      .add_option(
          "--judge", url_,
          "judge of captions: an endpoint of OpenAI's form, \"http://127.0.0.1:8000/v1\"; without it, a built-in "
          "one that compares words")
      .type_name("URL");
  flags.add_option("--judge-model", model_, "what the endpoint calls the model that judges").type_name("NAME");
  flags.add_option("--judge-key-variable", key_variable_, "environment variable that holds the endpoint's key")
      .type_name("VARIABLE")
      .shows_default();
  flags.add_option("--judge-timeout", timeout_s_, "seconds that one request may take")
      .type_name("S")
      .range(1, 3600)
      .shows_default();
  flags.add_option("--judge-requests", num_requests_, "requests at a time")
      .type_name("N")
      .range(1, 256)
      .shows_default();
}

std::shared_ptr<const eval::CaptionJudge> JudgeFlags::open() const {
  if (url_.empty() != model_.empty()) throw UsageError("--judge URL and --judge-model NAME belong together");
  if (url_.empty()) return eval::lexical_judge();
  const char* key = std::getenv(key_variable_.c_str());
  return eval::open_endpoint_judge({.url = url_,
                                    .model = model_,
                                    .key = key != nullptr ? key : "",
                                    .timeout = std::chrono::seconds(timeout_s_),
                                    .num_threads = static_cast<int>(num_requests_)});
}

}  // namespace molmo::cli
