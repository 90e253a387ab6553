#include "cli/conformance/kind.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "cli/conformance/metric_fixtures.h"
#include "cli/conformance/model_case.h"

namespace molmo::conformance {
namespace {

namespace fs = std::filesystem;

bool is_in_model_case(const fs::path& file) {
  return find_case_folder(file).has_value();
}
// The other packing.json is a table of formatted rows. A file that cannot be read fails when it is answered.
bool has_examples(const fs::path& file) {
  try {
    return read_json_file(file).contains("examples");
  } catch (const Error&) {
    return true;
  }
}

bool has_cases(const fs::path& file) {
  return read_json_file(file).contains("cases");
}
bool has_comparisons(const fs::path& file) {
  return fs::exists(file) && fs::exists(file.parent_path() / "comparisons.csv");
}
bool has_tables(const fs::path& file) {
  const Json document = read_json_file(file);
  return document.contains("files") && document.contains("images");
}

const Kind* find_kind(const fs::path& file) {
  static const Kind kMetric = {"", "", nullptr, answer_metric};
  if (is_metric(file)) return &kMetric;
  for (const Kind& kind : kinds()) {
    const bool is_named =
        file.filename() == kind.file || (!kind.companion.empty() && file.filename() == kind.companion);
    if (is_named && (!kind.is_mine || kind.is_mine(file.parent_path() / kind.file))) return &kind;
  }
  return nullptr;
}

// Files that stand for the fixtures at and below `path`, in order.
std::set<fs::path> find_fixtures(const fs::path& path) {
  std::set<fs::path> files;
  const auto add = [&](const fs::path& file) {
    const Kind* kind = find_kind(file);
    if (kind != nullptr) files.insert(kind->file.empty() ? file : file.parent_path() / kind->file);
  };
  if (!fs::is_directory(path)) {
    add(path);
    return files;
  }
  for (const auto& entry : fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied)) {
    if (entry.is_regular_file()) add(entry.path());
  }
  return files;
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {"expected.json", "", is_in_model_case, answer_model_summary},
      {"expected.json", "comparisons.csv", has_comparisons, answer_arena},
      {"tokenizer_golden.json", "", nullptr, answer_tokenizer},
      {"preprocess.json", "preprocess.safetensors", is_in_model_case, answer_preprocess},
      {"forward.safetensors", "forward_bf16weights.safetensors", is_in_model_case, answer_forward},
      {"generate.json", "", is_in_model_case, answer_generation},
      {"sampling.json", "", is_in_model_case, answer_sampling},
      {"train.json", "", is_in_model_case, answer_training},
      {"train_aux.json", "", is_in_model_case, answer_training},
      {"tiling.json", "", nullptr, answer_tiling},
      {"resize.json", "resize.safetensors", nullptr, answer_resize},
      {"packing.json", "", has_examples, answer_attention_packing},
      {"packing.json", "", has_cases, answer_formatting_packing},
      {"prompts.json", "", nullptr, answer_prompts},
      {"roles.json", "", nullptr, answer_roles},
      {"points_to_text.json", "", nullptr, answer_points_to_text},
      {"count_templates.json", "", nullptr, answer_count_templates},
      {"academic_rows.json", "", nullptr, answer_academic_rows},
      {"android_encoding.json", "", nullptr, answer_android_encoding},
      {"pixmo_rows.json", "", nullptr, answer_pixmo_rows},
      {"grouping.json", "", nullptr, answer_grouping},
      {"mixture_rates.json", "", nullptr, answer_mixture_rates},
      {"rows.jsonl", "", nullptr, answer_parquet_rows},
      {"aggregation.json", "", nullptr, answer_aggregation},
      {"manifest.json", "", has_tables, answer_parquet_manifest},
  };
  return kKinds;
}

Run::Run(Report& report, fs::path root, std::optional<fs::path> actual_root)
    : report_(report), root_(std::move(root)), actual_root_(std::move(actual_root)) {}

Run::~Run() = default;

std::string Run::name(const fs::path& file) const {
  return (root_.filename() / fs::relative(file, root_)).string();
}

std::optional<fs::path> Run::output(const fs::path& file) const {
  if (!actual_root_) return std::nullopt;
  return *actual_root_ / fs::relative(file, root_);
}

ModelCase& Run::model_case(const fs::path& file) {
  const auto folder = find_case_folder(file);
  if (!folder) fail(ErrorCategory::NotFound, "{}: no checkpoint (hf/ or native/) in the folders above", file.string());
  auto& model_case = model_cases_[*folder];
  if (!model_case) model_case = std::make_unique<ModelCase>(*folder);
  return *model_case;
}

void Run::answer_json(const fs::path& file,
                      const std::function<void(const Place& root, const Json& document)>& answer) {
  Json document = read_json_file(file);
  const Json fixture = document;
  report_.attempt(name(file), [&] { answer(Place(report_, name(file), document), fixture); });
  if (const auto path = output(file)) {
    fs::create_directories(path->parent_path());
    write_json_file(*path, document);
  }
}

void answer_fixtures(const fs::path& path, const std::optional<fs::path>& actual_root, Report& report) {
  if (!fs::exists(path)) fail(ErrorCategory::NotFound, "{}: no such file or folder", path.string());
  const fs::path absolute = fs::canonical(path);
  const auto files = find_fixtures(absolute);
  if (files.empty()) fail(ErrorCategory::NotFound, "{}: no fixture of a known kind here", path.string());
  Run run(report, fs::is_directory(absolute) ? absolute : absolute.parent_path(), actual_root);
  for (const auto& file : files) {
    report.attempt(run.name(file), [&] { find_kind(file)->answer(run, file); });
  }
}

}  // namespace molmo::conformance
