// Reads a tokenizer.json as a stream: its hundreds of thousands of tokens and merges go straight into flat tables, and
// only the small rest becomes a document.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace molmo::text {

// The two halves of each merge, in the order of the file.
class MergeNames {
 public:
  void add(std::string_view half);
  size_t num_halves() const { return ends_.size(); }
  std::string_view half(size_t index) const;

 private:
  std::string characters_;
  std::vector<size_t> ends_;
};

// The parts that grow with the vocabulary: model.vocab and model.merges.
struct TokenTables {
  Vocabulary vocabulary;
  MergeNames merges;
  bool has_vocabulary = false, has_merges = false;
};

// Everything else; model.vocab and model.merges are left out. Throws NotFound, Io or BadData: syntax, invalid UTF-8, a
// key twice, wrong types, nesting or size beyond what such a file can need.
nlohmann::json read_tokenizer_json(const std::filesystem::path& path, TokenTables& tables);

// A small JSON file with the same limits.
nlohmann::json read_side_json(const std::filesystem::path& path);

}  // namespace molmo::text
