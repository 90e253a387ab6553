#include "cli/model_name.h"

#include "base/error.h"
#include "base/nearest.h"
#include "config/model.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;

// Beside the program in the build tree, and in the share folder of an installation.
fs::path shipped_model() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* place : {"../share/molmo/models/nano", "../../models/nano"}) {
    if (fs::is_directory(program / place, ignored)) return (program / place).lexically_normal();
  }
  return {};
}

void refuse_quantized(const std::string& text) {
  for (const char* suffix : {":q4", ":q8"}) {
    if (!text.ends_with(suffix)) continue;
    const std::string type = suffix + 1, folder = text.substr(0, text.size() - type.size() - 1);
    fail(ErrorCategory::Unsupported,
         "model '{0}': weights are packed once, into a folder of their own. Hint: molmo quantize -m {1} --type {2} -o "
         "{1}-{2}",
         text, folder, type);
  }
}

}  // namespace

ModelName resolve_model(const std::string& text) {
  if (text.empty()) {
    const fs::path shipped = shipped_model();
    if (shipped.empty())
      fail(ErrorCategory::NotFound,
           "no model was given, and none ships with this build: pass -m MODEL or set MOLMO_MODEL");
    return {shipped, ""};
  }
  std::error_code ignored;
  if (fs::is_directory(text, ignored)) return {text, ""};
  refuse_quantized(text);
  if (config::is_preset(text)) return {{}, text};
  if (fs::exists(text, ignored))
    fail(ErrorCategory::NotFound, "model '{}' is a file, expected the folder that holds the checkpoint", text);
  fail(ErrorCategory::NotFound, "model '{}' is neither a folder nor a preset.{}", text,
       did_you_mean(text, config::preset_names()));
}

std::filesystem::path resolve_model_folder(const std::string& text) {
  const ModelName name = resolve_model(text);
  if (!name.preset.empty()) {
    fail(ErrorCategory::NotFound,
         "'{0}' is a preset, which has no weights: pass the folder of a checkpoint, or make random weights with 'molmo "
         "init {0} -o DIR'",
         text);
  }
  return name.folder;
}

}  // namespace molmo::cli
