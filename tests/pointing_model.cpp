#include "pointing_model.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/init.h"
#include "checkpoint/safetensors.h"
#include "config/model.h"

namespace molmo::test {
namespace {

constexpr int64_t kAnswerToken = 300;  // one of the tokens that fill up the vocabulary
constexpr int64_t kEndToken = 256;     // behind the single bytes

config::ModelConfig small_config() {
  config::ModelConfig config;
  config.vision.input_size = {28, 28};
  config.vision.width = 16;
  config.vision.num_layers = 9;
  config.vision.num_heads = 2;
  config.vision.head_dim = 8;
  config.vision.mlp_width = 16;
  config.vision.num_positions = 5;
  config.connector.mlp_width = 16;
  config.decoder.width = 16;
  config.decoder.num_layers = 2;
  config.decoder.num_heads = 2;
  config.decoder.num_kv_heads = 2;
  config.decoder.head_dim = 8;
  config.decoder.mlp_width = 16;
  config.decoder.vocab_size = config.decoder.embedding_size = 320;
  config.image_input.crop_mode = config::CropMode::Resize;
  return config;
}

}  // namespace

void write_pointing_model(const std::filesystem::path& folder, const std::string& answer) {
  checkpoint::init_checkpoint(small_config(), folder, {.dtype = DType::F32});

  const auto weights_path = folder / "model.safetensors";
  const auto drawn = checkpoint::SafetensorsFile::open(weights_path);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, entry] : drawn.entries()) {
    const bool is_norm = name.find("norm") != std::string::npos || name.find("ln_f") != std::string::npos;
    weights[name] = is_norm && name.ends_with("weight") ? at::ones(entry.shape) : at::zeros(entry.shape);
  }
  at::Tensor& embedding = weights.at("model.transformer.wte.embedding");
  embedding.select(1, 0).fill_(1);
  embedding[kAnswerToken][0] = 0;
  embedding[kAnswerToken][1] = 1;
  at::Tensor& head = weights.at("model.transformer.ff_out.weight");
  head[kAnswerToken][0] = 1;
  head[kEndToken][1] = 1;
  checkpoint::write_safetensors(weights_path, weights, drawn.metadata());

  const auto tokenizer_path = folder / "tokenizer.json";
  Json tokenizer = read_json_file(tokenizer_path);
  tokenizer["added_tokens"].push_back({{"id", kAnswerToken},
                                       {"content", answer},
                                       {"single_word", false},
                                       {"lstrip", false},
                                       {"rstrip", false},
                                       {"normalized", false},
                                       {"special", false}});
  Json vocabulary = Json::object();
  for (const auto& [token, id] : tokenizer["model"]["vocab"].items())
    vocabulary[id == kAnswerToken ? answer : token] = id;
  tokenizer["model"]["vocab"] = vocabulary;
  write_json_file(tokenizer_path, tokenizer);
}

}  // namespace molmo::test
