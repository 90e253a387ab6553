// The data loader: from a row of a PixMo-Cap table and a photo-sized JPEG to a batch of training tensors. The
// reference's figures for the same work stand in docs/performance.md.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "base/threads.h"
#include "bench/photo.h"
#include "config/model.h"
#include "data/loader.h"
#include "data/parquet.h"
#include "data/pixmo.h"
#include "data/registry.h"
#include "image/encode.h"
#include "image/image.h"
#include "preprocess/training_example.h"
#include "text/tokenizer.h"

namespace molmo::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kNumPictures = 24;
constexpr int kBatch = 4;

std::string words(uint64_t number, int count) {
  constexpr std::string_view kWords[] = {"a",    "wooden", "table", "with",     "three", "mugs",   "beside", "the",
                                         "open", "window", "where", "sunlight", "falls", "across", "old",    "books"};
  RandomStream random(number, "words");
  std::string text = "In this picture";
  for (int i = 0; i < count; ++i) text += " " + std::string(kWords[random.below(std::size(kWords))]);
  return text + ".";
}

// A table with its pictures, removed with it.
class Set {
 public:
  Set() {
    std::string pattern = (fs::temp_directory_path() / "molmo-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    fs::create_directories(folder_ / "images");
    data::ParquetWriter writer(folder_ / "train.parquet", data::pixmo_columns("pixmo-cap"));
    for (int i = 0; i < kNumPictures; ++i) {
      const std::string name = "images/" + std::to_string(i) + ".jpg";
      write_file_atomic(folder_ / name, image::encode_jpeg(draw_photo({1500, 2000}, static_cast<uint64_t>(i)), 95));
      const auto number = static_cast<uint64_t>(i);
      writer.add({{"image_url", name}, {"caption", words(number, 160)}, {"transcripts", {words(number + 100, 140)}}});
    }
    writer.commit();
  }
  ~Set() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

preprocess::TrainingExample prepare(const data::Example& example, RandomStream& stream,
                                    const config::ModelConfig& config, const text::Tokenizer& tokenizer) {
  const image::Image picture = image::read_image(example.pictures.at(0).file);
  config::PromptConfig prompt;  // as in the pre-training on captions
  prompt.templates = config::PromptTemplates::None;
  prompt.system_prompt = config::SystemPrompt::StyleAndLength;
  prompt.message_format = config::MessageFormat::None;
  text::StreamDraws draws(stream);
  const auto conversations = text::PromptFormatter(prompt).format(example.text, text::Purpose::Training, draws);
  return preprocess::build_training_example(config, tokenizer, {&picture, 1}, conversations);
}

// Arguments: workers; whether batches are padded to 2304 tokens and 13 crops.
void loader(benchmark::State& state) {
  at::set_num_threads(1);
  set_num_threads(1);  // of the pool: the workers are the threads
  static const Set set;
  config::ModelConfig config = config::preset("molmo-7b-d");
  config.image_input.max_crops = 12;
  const text::Tokenizer tokenizer =
      text::Tokenizer::load(fs::path(MOLMO_SOURCE_DIR) / "tests" / "fixtures" / "model" / "P1-qwen2-clip" / "hf");
  const auto dataset =
      data::open_dataset({.name = "pixmo_cap_with_transcripts", .path = set.folder(), .options = {"validation=0"}});
  const auto mixture = std::make_shared<const data::Mixture>(data::single_mixture(dataset, {.seed = 1}));
  data::Loader<preprocess::TrainingExample> examples(
      mixture,
      [&](const data::Example& example, RandomStream& stream) { return prepare(example, stream, config, tokenizer); },
      {.num_workers = static_cast<int>(state.range(0)), .prefetch = 8});
  const preprocess::PaddedSize padded =
      state.range(1) != 0 ? preprocess::PaddedSize{.num_tokens = 2304, .num_crops = 13} : preprocess::PaddedSize{};
  const auto next_batch = [&] {
    std::vector<preprocess::TrainingExample> batch;
    for (int i = 0; i < kBatch; ++i) batch.push_back(*examples.next());
    return preprocess::collate(batch, padded);
  };
  for (int i = 0; i < 4; ++i) next_batch();  // what was prepared ahead before the clock ran
  int64_t num_crops = 0;
  for (auto _ : state) {
    const auto batch = next_batch();
    num_crops = batch.input.images.size(1);
    benchmark::DoNotOptimize(batch);
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.counters["crops"] = static_cast<double>(num_crops);
}

BENCHMARK(loader)
    ->ArgNames({"workers", "padded"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({2, 1})
    ->Iterations(24)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace molmo::bench
