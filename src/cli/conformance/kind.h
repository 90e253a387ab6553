// The kinds of fixtures. A new kind is one source file with one function, and one line of the table in kinds.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/conformance/report.h"

namespace molmo::conformance {

class ModelCase;

// What the answers to the fixtures under one PATH of the command line share.
class Run {
 public:
  // `root`: the PATH, or its folder where it is a file. Answers are written below `actual_root` if there is one.
  Run(Report& report, std::filesystem::path root, std::optional<std::filesystem::path> actual_root);
  ~Run();

  Report& report() { return report_; }
  std::string name(const std::filesystem::path& file) const;                             // for messages
  std::optional<std::filesystem::path> output(const std::filesystem::path& file) const;  // where its answer goes
  // The model whose folder holds `file`, loaded once.
  ModelCase& model_case(const std::filesystem::path& file);
  // Reads the document, lets `answer` fill its places, and writes it.
  void answer_json(const std::filesystem::path& file,
                   const std::function<void(const Place& root, const Json& document)>& answer);

 private:
  Report& report_;
  std::filesystem::path root_;
  std::optional<std::filesystem::path> actual_root_;
  std::map<std::filesystem::path, std::unique_ptr<ModelCase>> model_cases_;
};

struct Kind {
  std::string_view file;       // name of the file that stands for the fixture
  std::string_view companion;  // answered together with it; may be absent
  bool (*is_mine)(
      const std::filesystem::path& file);  // tells apart fixtures with the same file name; null: by the name alone
  void (*answer)(Run& run, const std::filesystem::path& file);
};

const std::vector<Kind>& kinds();

// Answers every fixture below `path`, or the one that `path` is. A fixture that cannot be answered fails; the others
// are still answered. Throws NotFound when there is no fixture.
void answer_fixtures(const std::filesystem::path& path, const std::optional<std::filesystem::path>& actual_root,
                     Report& report);

// One function per kind.
void answer_tokenizer(Run& run, const std::filesystem::path& file);
void answer_preprocess(Run& run, const std::filesystem::path& file);
void answer_forward(Run& run, const std::filesystem::path& file);
void answer_generation(Run& run, const std::filesystem::path& file);
void answer_sampling(Run& run, const std::filesystem::path& file);
void answer_model_summary(Run& run, const std::filesystem::path& file);
void answer_tiling(Run& run, const std::filesystem::path& file);
void answer_resize(Run& run, const std::filesystem::path& file);
void answer_attention_packing(Run& run, const std::filesystem::path& file);
void answer_prompts(Run& run, const std::filesystem::path& file);
void answer_roles(Run& run, const std::filesystem::path& file);
void answer_points_to_text(Run& run, const std::filesystem::path& file);
void answer_count_templates(Run& run, const std::filesystem::path& file);
void answer_academic_rows(Run& run, const std::filesystem::path& file);
void answer_android_encoding(Run& run, const std::filesystem::path& file);
void answer_training(Run& run, const std::filesystem::path& file);
// What expected.json says about the training files of its case.
void answer_training_summary(const Place& root, ModelCase& model_case);
void answer_pixmo_rows(Run& run, const std::filesystem::path& file);
void answer_grouping(Run& run, const std::filesystem::path& file);
void answer_formatting_packing(Run& run, const std::filesystem::path& file);
void answer_mixture_rates(Run& run, const std::filesystem::path& file);
void answer_arena(Run& run, const std::filesystem::path& file);
void answer_parquet_rows(Run& run, const std::filesystem::path& file);
void answer_parquet_manifest(Run& run, const std::filesystem::path& file);

}  // namespace molmo::conformance
