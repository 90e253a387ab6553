// Progress of long work. Library code reports; the program decides how it looks (a bar on a terminal, plain lines
// elsewhere).
//   Progress progress("convert", num_tensors, "tensors");
//   for (...) { ...; progress.advance(); }
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace molmo {

struct ProgressState {
  std::string label;
  std::string unit;
  uint64_t done = 0;
  uint64_t total = 0;  // 0 when unknown
  uint64_t begin = 0;  // of `total`, done before this process began
  std::string detail;  // what else is worth seeing, for example a loss
  std::chrono::duration<double> elapsed{};
  bool finished = false;

  double per_second() const;
  // Zero when the total is unknown or nothing was done yet.
  std::chrono::duration<double> remaining() const;
};

using ProgressSink = std::function<void(const ProgressState&)>;
void set_progress_sink(ProgressSink sink);

// A bar on a terminal, redrawn in place; elsewhere a plain line at most every ten seconds. Writes to `descriptor`.
ProgressSink make_text_progress_sink(int descriptor);

// Reports at most ten times a second. Thread-compatible: one thread advances.
class Progress {
 public:
  Progress(std::string label, uint64_t total, std::string unit, uint64_t begin = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(uint64_t count = 1);
  // Shown from the next report on.
  void describe(std::string detail) { state_.detail = std::move(detail); }

 private:
  void report();
  ProgressState state_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_report_;
};

}  // namespace molmo
