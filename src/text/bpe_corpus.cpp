#include "text/bpe_corpus.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/json.h"

namespace molmo::text {
namespace {

// Every text below a value; keys are not text.
uint64_t add_texts(BpeTrainer& trainer, const Json& json) {
  if (json.is_string()) {
    trainer.add(json.get_ref<const std::string&>());
    return 1;
  }
  uint64_t count = 0;
  if (json.is_structured()) {
    for (const Json& item : json) count += add_texts(trainer, item);
  }
  return count;
}

uint64_t add_record(BpeTrainer& trainer, const Json& record, const std::string& where) {
  if (!record.is_object()) fail(ErrorCategory::BadData, "{}: expected an object, found {}", where, record.type_name());
  uint64_t count = 0;
  for (const char* key : {"text", "annotations"}) {
    if (record.contains(key)) count += add_texts(trainer, record[key]);
  }
  return count;
}

}  // namespace

uint64_t add_corpus(BpeTrainer& trainer, const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCategory::NotFound, "{}: cannot be read", path.string());
  const bool is_json = path.extension() == ".jsonl";
  uint64_t count = 0, number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (is_json) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string where = fmt::format("{}, line {}", path.string(), number);
      count += add_record(trainer, parse_json(line, where), where);
    } else {
      if (!file.eof()) line += '\n';
      trainer.add(line);
      ++count;
    }
  }
  if (file.bad()) fail(ErrorCategory::Io, "{}: cannot be read", path.string());
  return count;
}

}  // namespace molmo::text
