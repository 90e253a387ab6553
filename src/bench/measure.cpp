#include "bench/measure.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/process_memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/timing.h"
#include "bench/limits.h"
#include "bench/photo.h"
#include "generate/decode_batch.h"
#include "generate/picture_cache.h"
#include "generate/sampling.h"
#include "image/encode.h"
#include "model/linear_meter.h"
#include "molmo/model.h"
#include "preprocess/image_tokens.h"
#include "preprocess/pictures.h"

namespace molmo::bench {
namespace {

constexpr int64_t kNoEos = -1;

template <class Work>
Step timed(const Work& work) {
  model::LinearTotals totals;
  model::linear_totals = &totals;
  const double seconds = seconds_of(work);
  model::linear_totals = nullptr;
  return {.ms = 1e3 * seconds,
          .linear_ms = totals.time.count(),
          .operations = static_cast<double>(totals.operations),
          .weight_bytes = static_cast<double>(totals.weight_bytes)};
}

void add(Step& sum, const Step& step) {
  sum = {sum.ms + step.ms, sum.linear_ms + step.linear_ms, sum.operations + step.operations,
         sum.weight_bytes + step.weight_bytes};
}

Step per_token(const Step& step, int64_t count) {
  const auto n = static_cast<double>(count);
  return {step.ms / n, step.linear_ms / n, step.operations / n, step.weight_bytes / n};
}

// One prompt on its way through the model.
class Journey {
 public:
  Journey(const model::Molmo& molmo, const MeasureOptions& options) : molmo_(molmo), options_(options) {
    const config::ModelConfig& config = molmo.config();
    RandomStream random(1, "bench prompt");
    for (int64_t i = 0; i < options.prompt_tokens; ++i)
      text_ids_.push_back(static_cast<int64_t>(random.below(static_cast<uint64_t>(config.decoder.vocab_size))));
    if (options.image_crops > 0)
      photo_ = image::encode_jpeg(draw_photo(photo_size(config, options.image_crops), 1), 95);
  }

  Step preprocess() {
    return timed([this] {
      pictures_ = preprocess::Pictures{};
      std::vector<image::Image> images;
      if (!photo_.empty()) images.push_back(image::decode_image(std::as_bytes(std::span(photo_)), "drawn photo"));
      preprocess::InputOptions input;
      if (!photo_.empty()) input.max_crops = options_.image_crops;
      pictures_ = preprocess::prepare_pictures(images, molmo_.config(), input);
      layout_ = preprocess::lay_out_tokens(text_ids_, pictures_.tokens, molmo_.config().image_placeholder_id());
    });
  }

  // As many crops at a time as a session takes.
  void see(Repetition& repetition) {
    features_.reset();
    std::vector<at::Tensor> pieces;
    for (int64_t begin = 0; begin < num_crops(); begin += generate::kCropsPerPiece) {
      const int64_t size = std::min(generate::kCropsPerPiece, num_crops() - begin);
      at::Tensor features;
      add(repetition.vision, timed([&] {
            features =
                molmo_.vision_features(pictures_.patches.narrow(0, begin, size).unsqueeze(0).to(molmo_.device()));
          }));
      add(repetition.connector, timed([&] {
            const at::Tensor masks = pictures_.masks.narrow(0, begin, size).unsqueeze(0).to(molmo_.device());
            pieces.push_back(molmo_.connect(features, masks));
          }));
    }
    if (!pieces.empty()) features_ = at::cat(pieces, 1);
  }

  Step read() {
    return timed([this] {
      generate::PrefillInput input{.input_ids = at::tensor(layout_.ids, at::kLong).unsqueeze(0)};
      if (features_.defined()) {
        input.image_features = features_;
        input.image_input_idx =
            at::tensor(layout_.image_input_idx, at::kLong).view({1, num_crops(), molmo_.config().tokens_per_crop()});
      }
      batch_.emplace(molmo_, options_.cache_type);
      choose(batch_->prefill(input));
    });
  }

  Step write() {
    const int64_t count = options_.generated_tokens;
    return per_token(timed([&] {
                       for (int64_t i = 0; i < count; ++i) choose(batch_->step(std::array{generated_.back()}));
                     }),
                     count);
  }

  Step outside_of_layers() const {
    return timed([this] {
      molmo_.logits(molmo_.embed(at::tensor({generated_.back()}, at::kLong).unsqueeze(0).to(molmo_.device()), {}, {}));
    });
  }

  void forget() {
    batch_.reset();
    generated_.clear();
  }

  int64_t num_crops() const { return pictures_.patches.defined() ? pictures_.patches.size(0) : 0; }
  int64_t num_tokens() const { return static_cast<int64_t>(layout_.ids.size()); }
  int64_t num_image_tokens() const { return layout_.num_image_tokens; }

 private:
  void choose(const at::Tensor& logits) { generated_.push_back(sampler_.choose(logits[0], generated_).token); }

  const model::Molmo& molmo_;
  MeasureOptions options_;
  std::string photo_;  // a JPEG
  std::vector<int64_t> text_ids_;
  preprocess::Pictures pictures_;
  preprocess::TokenLayout layout_;
  at::Tensor features_;  // [1, C, Q, D]
  std::optional<generate::DecodeBatch> batch_;
  generate::Sampler sampler_{config::GenerationConfig{}, kNoEos, /*stream=*/0};
  std::vector<int64_t> generated_;
};

void check_context(const Journey& journey, const MeasureOptions& options, int64_t context) {
  if (journey.num_tokens() + options.generated_tokens <= context) return;
  fail(ErrorCategory::InvalidArgument,
       "the prompt has {} tokens, {} of them for the picture, and {} are to be generated, but the context holds {}. "
       "Hint: fewer crops or fewer tokens",
       journey.num_tokens(), journey.num_image_tokens(), options.generated_tokens, context);
}

constexpr Step Repetition::*kSteps[] = {&Repetition::preprocess, &Repetition::vision, &Repetition::connector,
                                        &Repetition::prefill,    &Repetition::decode, &Repetition::outside};
constexpr double Step::*kFigures[] = {&Step::ms, &Step::linear_ms, &Step::operations, &Step::weight_bytes};
constexpr double Repetition::*kLimits[] = {&Repetition::int8_gops, &Repetition::float32_gops,
                                           &Repetition::read_gb_per_s};

template <class Get>
double median_of(const std::vector<Repetition>& repetitions, const Get& get) {
  std::vector<double> values;
  for (const Repetition& repetition : repetitions) values.push_back(get(repetition));
  return median(std::move(values));
}

}  // namespace

Repetition Run::medians() const {
  Repetition result;
  for (const auto step : kSteps) {
    for (const auto figure : kFigures)
      result.*step.*figure = median_of(repetitions, [&](const Repetition& one) { return one.*step.*figure; });
  }
  for (const auto limit : kLimits)
    result.*limit = median_of(repetitions, [&](const Repetition& one) { return one.*limit; });
  return result;
}

Measurement measure(const model::Molmo& molmo, const MeasureOptions& options) {
  const c10::InferenceMode no_gradients;
  Journey journey(molmo, options);
  ReadBandwidth bandwidth;
  Measurement measurement;
  for (const int threads : options.threads) measurement.runs.push_back({.threads = threads, .repetitions = {}});
  Progress progress("bench", 4 * options.threads.size() * static_cast<uint64_t>(options.repetitions), "steps");
  const auto done = [&](const char* next) {
    progress.advance();
    progress.describe(next);
  };
  progress.describe("vision");
  for (int64_t i = 0; i < options.repetitions; ++i) {
    for (Run& run : measurement.runs) {
      set_compute_threads(run.threads);
      Repetition& repetition = run.repetitions.emplace_back();
      repetition.preprocess = journey.preprocess();
      check_context(journey, options, molmo.config().decoder.max_sequence_length);
      journey.see(repetition);
      done("prefill");
      repetition.int8_gops = int8_gops();
      repetition.float32_gops = float32_gops();
      repetition.prefill = journey.read();
      done("decoding");
      repetition.decode = journey.write();
      repetition.outside = journey.outside_of_layers();
      done("read bandwidth");
      journey.forget();
      if (measurement.peak_memory_bytes == 0) measurement.peak_memory_bytes = peak_memory_bytes();
      repetition.read_gb_per_s = bandwidth.gb_per_s();
      done("vision");
    }
  }
  measurement.num_crops = journey.num_crops();
  measurement.image_tokens = journey.num_image_tokens();
  measurement.prompt_tokens = journey.num_tokens();
  measurement.generated_tokens = options.generated_tokens;
  return measurement;
}

}  // namespace molmo::bench
