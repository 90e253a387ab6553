#include "synth/options.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "synth/reading.h"
#include "text/styles.h"

namespace molmo::synth {
namespace {

template <class T>
void check_range(std::string_view name, T value, T low, T high) {
  if (value >= low && value <= high) return;
  fail(ErrorCategory::InvalidArgument, "{} is {}, allowed are {} to {}", name, value, low, high);
}

// gnuplot does not say where it writes.
void check_renderers(const SynthOptions& options) {
  if (options.renderers.empty()) fail(ErrorCategory::InvalidArgument, "renderers is empty, expected at least page");
  if (std::ranges::find(options.renderers, Renderer::Gnuplot) == options.renderers.end()) return;
  constexpr std::string_view kCure = "leave gnuplot out of renderers, or ask for something else";
  for (const std::string& form : options.question_forms) {
    if (std::ranges::find(kPlacedForms, form) == std::end(kPlacedForms)) continue;
    fail(ErrorCategory::InvalidArgument,
         "question_forms: '{}' needs the places of texts, which gnuplot does not tell; {}", form, kCure);
  }
  if (options.labels == LabelMap::Characters || options.labels == LabelMap::All || options.labels == LabelMap::Words) {
    fail(ErrorCategory::InvalidArgument, "labels: '{}' needs the places of texts, which gnuplot does not tell; {}",
         enum_name(options.labels), kCure);
  }
}

}  // namespace

void SynthOptions::validate() const {
  check_range<int64_t>("size", size, 32, 4096);
  text::check_style(style, "style");
  check_range<int64_t>("quality", quality, 1, 100);
  if (num_kinds) check_range<int64_t>("num_kinds", *num_kinds, 1, 255);
  // More would not fit, and the count of a label stays within what PixMo-Points keeps.
  if (min_objects) check_range<int64_t>("min_objects", *min_objects, 0, 40);
  if (max_objects) check_range<int64_t>("max_objects", *max_objects, 1, 40);
  if (max_groups) check_range<int64_t>("max_groups", *max_groups, 1, 40);
  if (max_colors) check_range<int64_t>("max_colors", *max_colors, 1, 11);
  if (min_object_size) check_range("min_object_size", *min_object_size, 0.02, 0.9);
  if (max_object_size) check_range("max_object_size", *max_object_size, 0.02, 0.9);
  check_range<int64_t>("questions", questions, 1, 64);
  check_range("absent_share", absent_share, 0.0, 1.0);
  check_range("hand_drawn", hand_drawn, 0.0, 1.0);
  check_range("invented_words", invented_words, 0.0, 1.0);
  check_range("common_words", common_words, 0.0, 1.0);
  // Columns of ten different numbers must be possible.
  if (max_value) check_range<int64_t>("max_value", *max_value, 20, 1'000'000);
  check_range<int64_t>("transcripts", transcripts, 0, 8);
  check_range<int64_t>("minute_step", minute_step, 1, 30);
  check_renderers(*this);
  check_range<int64_t>("examples", examples, 1, int64_t{1} << 40);
}

}  // namespace molmo::synth
