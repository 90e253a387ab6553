#include "eval/submission.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "eval/answers.h"

namespace molmo::eval {

bool has_hidden_answers(const Benchmark& benchmark, const BenchmarkData& data) {
  return !benchmark.submission_id.empty() && !data.is_drawn && split_of(benchmark, data).starts_with("test");
}

Json submission_entry(const Benchmark& benchmark, const Json& reference, std::string_view answer) {
  const Json number = reference.value("example_id", Json());
  if (!number.is_number_integer()) {
    fail(ErrorCategory::BadData,
         "{}: 'example_id' of a question is {}, expected the whole number that the server knows", benchmark.name,
         dump_json(number));
  }
  return {{std::string(benchmark.submission_id), number}, {"answer", submission_text(answer)}};
}

}  // namespace molmo::eval
