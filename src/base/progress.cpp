#include "base/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <memory>

namespace molmo {
namespace {

using Clock = std::chrono::steady_clock;

ProgressSink& progress_sink() {
  static ProgressSink installed;
  return installed;
}

std::string format_seconds(double seconds) {
  auto whole = static_cast<uint64_t>(seconds);
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

std::string format_line(const ProgressState& state, bool with_bar) {
  std::string line = state.label;
  if (state.total > 0) {
    const double fraction = static_cast<double>(state.done) / static_cast<double>(state.total);
    if (with_bar) {
      const int width = 24;
      const int filled = static_cast<int>(fraction * width);
      line += " [" + std::string(filled, '#') + std::string(width - filled, '.') + "]";
    }
    line += fmt::format(" {}/{} {} ({:.0f} %)", state.done, state.total, state.unit, 100 * fraction);
  } else {
    line += fmt::format(" {} {}", state.done, state.unit);
  }
  line += fmt::format(", {:.1f}/s", state.per_second());
  if (state.finished) {
    line += ", took " + format_seconds(state.elapsed.count());
  } else if (state.remaining().count() > 0) {
    line += ", " + format_seconds(state.remaining().count()) + " left";
  }
  return state.detail.empty() ? line : line + " | " + state.detail;
}

void write_text(int descriptor, const std::string& text) {
  (void)!::write(descriptor, text.data(), text.size());
}

}  // namespace

double ProgressState::per_second() const {
  return elapsed.count() > 0 ? static_cast<double>(done - begin) / elapsed.count() : 0;
}

std::chrono::duration<double> ProgressState::remaining() const {
  if (total <= done || done == begin) return {};
  return elapsed * (static_cast<double>(total - done) / static_cast<double>(done - begin));
}

void set_progress_sink(ProgressSink installed) {
  progress_sink() = std::move(installed);
}

ProgressSink make_text_progress_sink(int descriptor) {
  if (::isatty(descriptor)) {
    return [descriptor](const ProgressState& state) {
      write_text(descriptor, "\r\x1b[K" + format_line(state, /*with_bar=*/true) + (state.finished ? "\n" : ""));
    };
  }
  auto last_line = std::make_shared<double>(0.0);
  return [descriptor, last_line](const ProgressState& state) {
    const double now = state.elapsed.count();
    if (now < *last_line) *last_line = 0;  // the next piece of work has begun
    if (now - *last_line < 10) return;
    *last_line = now;
    write_text(descriptor, format_line(state, /*with_bar=*/false) + "\n");
  };
}

Progress::Progress(std::string label, uint64_t total, std::string unit, uint64_t begin)
    : start_(Clock::now()), last_report_(start_) {
  state_.label = std::move(label);
  state_.unit = std::move(unit);
  state_.total = total;
  state_.done = state_.begin = begin;
}

Progress::~Progress() {
  state_.finished = true;
  report();
}

void Progress::advance(uint64_t count) {
  state_.done += count;
  if (Clock::now() - last_report_ >= std::chrono::milliseconds(100)) report();
}

void Progress::report() {
  last_report_ = Clock::now();
  state_.elapsed = last_report_ - start_;
  if (progress_sink()) progress_sink()(state_);
}

}  // namespace molmo
