#include "text/tokenizer_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace molmo::text {
namespace {

using Document = nlohmann::json;

constexpr uint64_t kMaxFileBytes = 128u << 20;  // the largest published ones have some 35 MB
constexpr int kMaxDepth = 32;
constexpr size_t kMaxDocumentValues = 1'000'000;
constexpr size_t kMaxMerges = Vocabulary::kMaxIds;

// Receives the parser's events. Outside of the two tables it builds the document that the events describe.
class Reader : public nlohmann::json_sax<Document> {
 public:
  Reader(std::string source, TokenTables* tables) : source_(std::move(source)), tables_(tables) {}

  Document take_document() { return std::move(root_); }

  bool null() override { return add(nullptr, "null"); }
  bool boolean(bool value) override { return add(value, "a boolean"); }
  bool number_float(double value, const std::string&) override { return add(value, "a fraction"); }
  bool binary(binary_t&) override { return false; }  // JSON text has none

  bool number_integer(int64_t value) override {
    if (place_ == Place::Vocabulary) return add_token(value);
    return add(value, "a number");
  }

  bool number_unsigned(uint64_t value) override {
    if (place_ == Place::Vocabulary) {
      return add_token(std::in_range<int64_t>(value) ? static_cast<int64_t>(value) : -1);
    }
    return add(value, "a number");
  }

  bool string(std::string& value) override {
    if (place_ == Place::Merges) {
      add_merge_line(value);
    } else if (place_ == Place::MergePair) {
      tables_->merges.add(value);
      ++num_halves_;
    } else {
      add(std::move(value), "a text");
    }
    return true;
  }

  bool start_object(size_t) override {
    if (is_table("vocab")) {
      place_ = Place::Vocabulary;
      tables_->has_vocabulary = true;
      return true;
    }
    return open(Document::object(), "a mapping");
  }

  bool start_array(size_t) override {
    if (is_table("merges")) {
      place_ = Place::Merges;
      tables_->has_merges = true;
      return true;
    }
    if (place_ == Place::Merges) {
      place_ = Place::MergePair;
      num_halves_ = 0;
      return true;
    }
    return open(Document::array(), "a list");
  }

  bool key(std::string& value) override {
    key_ = std::move(value);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::Vocabulary) {
      place_ = Place::Rest;
    } else {
      close();
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::MergePair) {
      if (num_halves_ != 2)
        fail(ErrorCategory::BadData, "{}: a merge names {} tokens, expected 2", source_, num_halves_);
      check_num_merges();
      place_ = Place::Merges;
    } else if (place_ == Place::Merges) {
      place_ = Place::Rest;
    } else {
      close();
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail(ErrorCategory::BadData, "{}: not valid JSON: {}", source_, error.what());
  }

 private:
  enum class Place { Rest, Vocabulary, Merges, MergePair };

  // Whether the value that begins here is model.NAME. It stays out of the document, so a second one must be refused
  // here.
  bool is_table(std::string_view name) {
    if (!tables_ || place_ != Place::Rest || open_.size() != 2 || model_depth_ != 2 || key_ != name) return false;
    if (name == "vocab" ? tables_->has_vocabulary : tables_->has_merges) {
      fail(ErrorCategory::BadData, "{}: 'model.{}' appears twice", source_, name);
    }
    return true;
  }

  bool add_token(int64_t id) {
    tables_->vocabulary.add(key_, id, source_);
    return true;
  }

  // "left right"; lines that begin with "#version" are left over from the older file format.
  void add_merge_line(std::string_view line) {
    if (line.starts_with("#version")) return;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail(ErrorCategory::BadData, "{}: merge '{}' is not two tokens with one space between them", source_,
           line.substr(0, 80));
    }
    tables_->merges.add(line.substr(0, space));
    tables_->merges.add(line.substr(space + 1));
    check_num_merges();
  }

  void check_num_merges() const {
    if (tables_->merges.num_halves() > 2 * kMaxMerges) {
      fail(ErrorCategory::BadData, "{}: more than {} merges", source_, kMaxMerges);
    }
  }

  // Puts a value where the document is being built, and returns its place there.
  Document* place(Document value) {
    if (++num_values_ > kMaxDocumentValues) {
      fail(ErrorCategory::BadData, "{}: more than {} values besides vocabulary and merges", source_,
           kMaxDocumentValues);
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    const auto [entry, is_new] = open_.back()->emplace(key_, std::move(value));
    if (!is_new) fail(ErrorCategory::BadData, "{}: key '{}' appears twice in one object", source_, key_.substr(0, 80));
    return &*entry;
  }

  void refuse_in_table(std::string_view found) const {
    if (place_ == Place::Vocabulary) {
      fail(ErrorCategory::BadData, "{}: token '{}' of 'model.vocab' has {} as its id", source_, key_.substr(0, 80),
           found);
    }
    if (place_ != Place::Rest) fail(ErrorCategory::BadData, "{}: 'model.merges' contains {}", source_, found);
  }

  bool add(Document value, std::string_view what) {
    refuse_in_table(what);
    place(std::move(value));
    return true;
  }

  bool open(Document value, std::string_view what) {
    refuse_in_table(what);
    if (open_.size() >= kMaxDepth) fail(ErrorCategory::BadData, "{}: nested deeper than {} levels", source_, kMaxDepth);
    const bool is_model = open_.size() == 1 && open_[0]->is_object() && key_ == "model";
    open_.push_back(place(std::move(value)));
    if (is_model) model_depth_ = open_.size();
    return true;
  }

  void close() {
    if (open_.size() == model_depth_) model_depth_ = 0;
    open_.pop_back();
  }

  std::string source_;
  TokenTables* tables_;  // null for side files
  Document root_;
  std::vector<Document*> open_;  // objects and lists that are not closed yet; only the last one grows
  size_t model_depth_ = 0;       // of the open object "model", 0 outside of it
  std::string key_;
  size_t num_values_ = 0;
  Place place_ = Place::Rest;
  int num_halves_ = 0;
};

Document parse(const std::filesystem::path& path, TokenTables* tables) {
  const std::string text = read_file(path, kMaxFileBytes);
  Reader reader(path.string(), tables);
  Document::sax_parse(text, &reader);
  Document document = reader.take_document();
  if (!document.is_object()) fail(ErrorCategory::BadData, "{}: expected a JSON object", path.string());
  return document;
}

}  // namespace

void MergeNames::add(std::string_view half) {
  characters_.append(half);
  ends_.push_back(characters_.size());
}

std::string_view MergeNames::half(size_t index) const {
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(characters_).substr(begin, ends_[index] - begin);
}

Document read_tokenizer_json(const std::filesystem::path& path, TokenTables& tables) {
  return parse(path, &tables);
}

Document read_side_json(const std::filesystem::path& path) {
  return parse(path, nullptr);
}

}  // namespace molmo::text
