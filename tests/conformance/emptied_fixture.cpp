#include "conformance/emptied_fixture.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"

namespace molmo::conformance::test {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kTraining = {"n_crops",
                                            "seq_len",
                                            "max_crops_padded",
                                            "step1/*",
                                            "grads/*",
                                            "loss_denominator",
                                            "steps/*/step",
                                            "steps/*/metrics/*",
                                            "steps/*/lr/*",
                                            "param_groups",
                                            "params_after_3/*",
                                            "ce_after_3",
                                            "lr_schedule",
                                            "lr_schedule_released/*/v/*",
                                            "lr_schedule_released/*/*/v/*"};

// Where each kind of file holds what it expects: paths with * for every element or key.
const std::map<std::string, std::vector<std::string>> kExpected = {
    {"tokenizer_golden.json",
     {"vocab_len", "bos", "eos", "special/*", "clean_up_tokenization_spaces", "encode/*/ids", "encode/*/decoded",
      "encode/*/decoded_no_cleanup", "encode/*/decoded_skip_special", "encode/*/wrapper_decode_truncate",
      "encode/*/wrapper_decode_keep", "encode/*/tokens", "decode_only/*/decoded", "decode_only/*/decoded_no_cleanup",
      "decode_only/*/decoded_skip_special", "decode_only/*/wrapper_decode_truncate",
      "decode_only/*/wrapper_decode_keep"}},
    {"preprocess.json",
     {"images/*/decoded_hw", "images/*/decoded_rgb_sha256", "images/*/tiling_hw", "images/*/n_crops",
      "images/*/crops_shape", "images/*/n_tokens", "images/*/token_rle", "images/*/key", "images/*/global_min",
      "images/*/global_max", "images/*/inference_input_ids_rle", "images/*/inference_len",
      "images/*/inference_image_input_idx_offset"}},
    {"generate.json",
     {"eos", "min_greedy_margin", "prompts/*/prompt_len", "prompts/*/*/tokens", "prompts/*/*/score",
      "prompts/*/*/scores", "prompts/*/*/text", "batched/tokens", "batched/scores", "batched/*/tokens",
      "batched/*/scores"}},
    {"sampling.json", {"rows/*/n_candidates", "rows/*/ids", "rows/*/probs"}},
    {"expected.json",
     {"n_params", "special_tokens", "eos", "bos", "n_tokenizer_strings", "batch_B_vs_single_text_maxdiff",
      "forward/n_crops", "forward/logits_scale", "generate/min_greedy_margin", "generate/lengths/*",
      // of fixtures/arena
      "models", "ratings_reference/*", "ratings_mle/*", "max_abs_difference_reference_vs_mle", "ranking",
      "online_elo/ratings/*", "bootstrap/q025/*", "bootstrap/median/*", "bootstrap/q975/*", "wins/wins", "wins/ties",
      "counts/*"}},
    {"train.json", kTraining},
    {"train_aux.json", kTraining},
    {"tiling.json", {"rows/*/tiling"}},
    {"packing.json", {"examples/*/position_ids", "examples/*/may_attend", "cases/*/expected"}},
    {"pixmo_rows.json", {"cases/*/expected"}},
    {"grouping.json", {"cases/*/expected"}},
    {"mixture_rates.json", {"cases/*/expected"}},
    {"manifest.json",
     {"files/*/rows", "files/*/row_groups", "files/*/columns", "files/*/compression", "files/*/outcome_hash_mode",
      "files/*/outcome_image_mode", "images/*/sha256", "images/*/bytes"}},
    {"resize.json",
     {"scaled_size_rows/rows/*/4", "scaled_size_rows/rows/*/5", "reference_raises_zero_size", "left_out_width_one"}},
    {"prompts.json", {"cases/*/expected"}},
    {"roles.json", {"cases/*/expected"}},
    {"points_to_text.json", {"cases/*/expected"}},
    {"count_templates.json", {"cases/*/expected"}},
    {"academic_rows.json", {"cases/*/expected"}},
    {"android_encoding.json", {"cases/*/expected"}},
};

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream stream(path);
  for (std::string part; std::getline(stream, part, '/');) parts.push_back(part);
  return parts;
}

void empty_at(Json& json, std::span<const std::string> path) {
  if (path.empty()) {
    json = nullptr;
  } else if (path[0] == "*") {
    if (!json.is_structured()) return;
    for (auto& child : json) empty_at(child, path.subspan(1));
  } else if (json.is_object() && json.contains(path[0])) {
    empty_at(json[path[0]], path.subspan(1));
  } else if (json.is_array() && std::ranges::all_of(path[0], ::isdigit) && std::stoul(path[0]) < json.size()) {
    empty_at(json[std::stoul(path[0])], path.subspan(1));
  }
}

void copy_json(const fs::path& source, const fs::path& target) {
  Json document = read_json_file(source);
  const auto paths = kExpected.find(source.filename());
  if (paths == kExpected.end()) empty_at(document, split("cases/*/expected"));
  if (paths != kExpected.end()) {
    for (const auto& path : paths->second) empty_at(document, split(path));
  }
  // What expected.json says about training is computed where the training files are there, too.
  for (const std::string name : {"train", "train_aux"}) {
    const bool has_training = fs::exists(source.parent_path() / "train" / (name + ".json"));
    if (source.filename() == "expected.json" && has_training) empty_at(document, split(name + "/loss/*"));
  }
  write_json_file(target, document);
}

// Rows of tables, one document a line.
void copy_rows(const fs::path& source, const fs::path& target) {
  std::istringstream lines(read_file(source));
  std::string emptied;
  for (std::string line; std::getline(lines, line);) {
    Json row = parse_json(line, source.string());
    row["values"] = nullptr;
    emptied += dump_json(row) + "\n";
  }
  write_file_atomic(target, emptied);
}

bool is_input(const std::string& tensor) {
  return tensor.starts_with("in/") || tensor == "masks/image_masks" ||
         tensor.find("/reference_raw_") != std::string::npos;
}

void copy_tensors(const fs::path& source, const fs::path& target) {
  const auto file = checkpoint::SafetensorsFile::open(source);
  std::vector<std::pair<std::string, checkpoint::TensorEntry>> entries(file.entries().begin(), file.entries().end());
  std::ranges::sort(entries, {}, [](const auto& entry) { return entry.second.offset; });
  checkpoint::write_safetensors(target, entries, file.metadata(), [&](const std::string& name) {
    return is_input(name) ? file.tensor(name) : at::zeros_like(file.tensor(name));
  });
}

bool is_checkpoint(const fs::path& folder) {
  return fs::exists(folder / "config.json") || fs::exists(folder / "config.yaml");
}

}  // namespace

void copy_emptied(const fs::path& source, const fs::path& target) {
  fs::create_directories(target);
  if (const fs::path images = source.parent_path() / "images";
      fs::exists(images) && !fs::exists(target.parent_path() / "images")) {
    fs::create_directory_symlink(images, target.parent_path() / "images");
  }
  for (const auto& entry : fs::directory_iterator(source)) {
    const fs::path to = target / entry.path().filename();
    if (entry.is_directory()) {
      if (is_checkpoint(entry.path())) {
        fs::create_directory_symlink(entry.path(), to);
      } else {
        copy_emptied(entry.path(), to);
      }
    } else if (entry.path().extension() == ".safetensors") {
      copy_tensors(entry.path(), to);
    } else if (entry.path().filename() == "rows.jsonl") {
      copy_rows(entry.path(), to);
    } else if (entry.path().extension() == ".parquet" || entry.path().extension() == ".png" ||
               entry.path().extension() == ".csv") {
      fs::create_symlink(entry.path(), to);
    } else if (kExpected.contains(entry.path().filename()) || source.filename() == "metrics") {
      copy_json(entry.path(), to);
    }
  }
}

}  // namespace molmo::conformance::test
