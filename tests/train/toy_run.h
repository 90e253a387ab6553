// A run that takes seconds: a model of 60 thousand parameters whose pictures are 28 x 28 pixels, and data that it can
// learn by heart.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "checkpoint/init.h"
#include "config/model.h"
#include "config/training.h"
#include "image/encode.h"

namespace molmo::test {

inline config::ModelConfig toy_model() {
  config::ModelConfig config;
  config.vision.input_size = {28, 28};
  config.vision.patch_size = 7;
  config.vision.width = 32;
  config.vision.num_layers = 2;
  config.vision.num_heads = 2;
  config.vision.head_dim = 16;
  config.vision.mlp_width = 64;
  config.vision.num_positions = 17;
  config.connector.feature_layers = {-1, -2};
  config.connector.mlp_width = 64;
  config.decoder.width = 48;
  config.decoder.num_layers = 2;
  config.decoder.num_heads = 4;
  config.decoder.num_kv_heads = 2;
  config.decoder.head_dim = 12;
  config.decoder.mlp_width = 96;
  config.decoder.vocab_size = config.decoder.embedding_size = 272;
  config.decoder.max_sequence_length = 512;
  config.image_input.crop_mode = config::CropMode::Resize;
  config.image_input.overlap_margins = {0, 0};
  return config;
}

// A picture of 4 x 4 squares in colours of its own.
inline image::Image toy_picture(int number, int64_t side_px = 28) {
  RandomStream draws(5, "toy_picture", static_cast<uint64_t>(number));
  std::vector<uint8_t> colors(4 * 4 * 3);
  for (uint8_t& value : colors) value = static_cast<uint8_t>(draws.below(256));
  image::Image image{{side_px, side_px}, std::vector<uint8_t>(static_cast<size_t>(side_px * side_px * 3))};
  for (int64_t y = 0; y < side_px; ++y) {
    for (int64_t x = 0; x < side_px; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        image.pixels[static_cast<size_t>((y * side_px + x) * 3 + c)] =
            colors[static_cast<size_t>((y * 4 / side_px * 4 + x * 4 / side_px) * 3 + c)];
      }
    }
  }
  return image;
}

// What a model that has learnt the toy data answers to "What is this?".
inline std::string toy_answer(int number) {
  static const char* const kNames[] = {"ash", "bee", "cat", "dew", "elk", "fig", "gnu", "hat",
                                       "ink", "jay", "kit", "log", "mud", "nut", "oak", "pea"};
  return std::string(kNames[number % 16]) + (number < 16 ? "" : " " + std::string(kNames[number / 16]));
}

// pictures/N.png and data.jsonl in the format of own data: a question and a caption for each picture.
inline void write_toy_data(const std::filesystem::path& folder, int num_pictures, int64_t side_px = 28) {
  std::filesystem::create_directories(folder / "pictures");
  std::ofstream lines(folder / "data.jsonl");
  for (int i = 0; i < num_pictures; ++i) {
    const std::string name = "pictures/" + std::to_string(i) + ".png";
    image::write_png(toy_picture(i, side_px), folder / name);
    const Json record = {{"id", "toy-" + std::to_string(i)},
                         {"image", name},
                         {"annotations",
                          {{{"style", "user_qa"}, {"question", "What is this?"}, {"answer", toy_answer(i)}},
                           {{"style", "vqa2"}, {"question", "Name?"}, {"answer", toy_answer(i)}}}}};
    lines << dump_json(record) << "\n";
  }
}

// Everything below `folder`: model, data, run.
inline config::TrainingConfig toy_config(const std::filesystem::path& folder) {
  config::DataSource source;
  source.name = "jsonl";
  source.path = folder / "data.jsonl";
  config::StageConfig stage;
  stage.name = "tuning";
  stage.steps = 12;
  stage.global_batch = 4;
  stage.micro_batch = 2;
  stage.sequence_length = 128;
  stage.data = {{1, {source}}};
  stage.residual_dropout = 0.1;
  for (auto* component : {&stage.vision, &stage.connector, &stage.language}) {
    component->learning_rate = 2e-3;
    component->warmup_steps = 4;
  }
  config::TrainingConfig config;
  config.output = folder / "run";
  config.init.model = folder / "model";
  config.stages = {stage};
  config.save_every = 4;
  config.num_workers = 1;
  return config;
}

inline void write_toy_run(const std::filesystem::path& folder, int num_pictures = 16) {
  checkpoint::init_checkpoint(toy_model(), folder / "model", {.seed = 3, .dtype = DType::F32});
  write_toy_data(folder, num_pictures);
}

}  // namespace molmo::test
