#include "text/tokenizer_file.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "text/byte_level.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

namespace fs = std::filesystem;
using Document = nlohmann::json;

// The field `name` of an object, or null where it is absent.
const Document& field(const Document& object, const char* name) {
  static const Document kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

[[noreturn]] void wrong_type(const std::string& source, std::string_view name, std::string_view expected,
                             const Document& found) {
  fail(ErrorCategory::BadData, "{}: '{}' should be {}, but is {}", source, name, expected, found.type_name());
}

bool read_bool(const Document& object, const char* name, bool otherwise, const std::string& source) {
  const Document& value = field(object, name);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) wrong_type(source, name, "true or false", value);
  return value.get<bool>();
}

std::string read_text(const Document& object, const char* name, const std::string& source) {
  const Document& value = field(object, name);
  if (!value.is_string()) wrong_type(source, name, "a text", value);
  return value.get<std::string>();
}

// The "type" of a component of the pipeline, "" for null.
std::string component_type(const Document& component, const char* name, const std::string& source) {
  if (component.is_null()) return "";
  if (!component.is_object()) wrong_type(source, name, "a mapping", component);
  return read_text(component, "type", source);
}

// Calls `visit` for a component, or for the parts of one of type "Sequence".
template <class Visit>
void for_each_part(const Document& component, const char* name, const char* list, const std::string& source,
                   const Visit& visit) {
  const std::string type = component_type(component, name, source);
  if (type == "Sequence") {
    const Document& parts = field(component, list);
    if (!parts.is_array()) wrong_type(source, list, "a list", parts);
    for (const Document& part : parts) visit(part, component_type(part, name, source));
  } else if (!type.empty()) {
    visit(component, type);
  }
}

void read_normalizer(const Document& document, const std::string& source, TokenizerFile& file) {
  for_each_part(field(document, "normalizer"), "normalizer", "normalizers", source,
                [&](const Document&, const std::string& type) {
                  if (type != "NFC") {
                    fail(ErrorCategory::Unsupported, "{}: normalizer '{}' is not supported, only NFC is", source, type);
                  }
                  file.normalizes = true;
                });
}

void read_pre_tokenizer(const Document& document, const std::string& source, TokenizerFile& file) {
  bool has_byte_level = false;
  const auto read_part = [&](const Document& part, const std::string& type) {
    WordSplit split;
    if (type == "ByteLevel") {
      has_byte_level = true;
      split.adds_space_in_front = read_bool(part, "add_prefix_space", true, source);
      if (read_bool(part, "use_regex", true, source)) split.pattern = SplitPattern::Gpt2;
    } else if (type == "Split") {
      const Document& pattern = field(part, "pattern");
      if (!pattern.is_object()) wrong_type(source, "pattern", "a mapping", pattern);
      if (!pattern.contains("Regex")) {
        fail(ErrorCategory::Unsupported,
             "{}: a pre-tokenizer splits at a fixed text, only known patterns are supported", source);
      }
      split.pattern = find_split_pattern(read_text(pattern, "Regex", source), source);
      // The known patterns match every character, so keeping matches and dropping what is between them is the same.
      const std::string behavior = read_text(part, "behavior", source);
      const bool inverts = read_bool(part, "invert", false, source);
      if (!(behavior == "Isolated" || (behavior == "Removed" && inverts))) {
        fail(ErrorCategory::Unsupported, "{}: pre-tokenizer behavior '{}' with invert={} is not supported", source,
             behavior, inverts);
      }
    } else {
      fail(ErrorCategory::Unsupported, "{}: pre-tokenizer '{}' is not supported, expected Split or ByteLevel", source,
           type);
    }
    file.splits.push_back(split);
  };
  for_each_part(field(document, "pre_tokenizer"), "pre_tokenizer", "pretokenizers", source, read_part);
  if (!has_byte_level) {
    fail(ErrorCategory::Unsupported, "{}: only byte-level tokenizers are supported, and the pre-tokenizer is none",
         source);
  }
}

void check_decoder(const Document& document, const std::string& source) {
  bool has_byte_level = false;
  for_each_part(field(document, "decoder"), "decoder", "decoders", source,
                [&](const Document&, const std::string& type) {
                  if (type != "ByteLevel")
                    fail(ErrorCategory::Unsupported, "{}: decoder '{}' is not supported", source, type);
                  has_byte_level = true;
                });
  if (!has_byte_level) fail(ErrorCategory::Unsupported, "{}: the decoder is not of type ByteLevel", source);
}

// Options of the model that we do not have must be switched off.
void check_model(const Document& model, const std::string& source) {
  const Document& type = field(model, "type");  // absent in the oldest files
  if (!type.is_null() && type != "BPE") {
    fail(ErrorCategory::Unsupported, "{}: model type {} is not supported, expected \"BPE\"", source,
         type.is_string() ? type.get<std::string>() : type.type_name());
  }
  const Document& dropout = field(model, "dropout");
  if (!dropout.is_null() && dropout != 0)
    fail(ErrorCategory::Unsupported, "{}: BPE with dropout is not supported", source);
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Document& value = field(model, affix);
    if (!value.is_null() && value != "") fail(ErrorCategory::Unsupported, "{}: '{}' is not supported", source, affix);
  }
  if (read_bool(model, "byte_fallback", false, source)) {
    fail(ErrorCategory::Unsupported, "{}: 'byte_fallback' is not supported", source);
  }
}

// Added tokens are looked for at every position of a text, so their length bounds the time that a byte takes.
constexpr size_t kMaxAddedTokenBytes = 1024;

// Every byte that UTF-8 can contain must have a token, or text would silently lose characters.
void check_bytes(const Vocabulary& vocabulary, const std::string& source) {
  for (int byte = 0; byte < 0xF5; ++byte) {
    if (byte == 0xC0 || byte == 0xC1) continue;
    std::string token;
    append_utf8(token, byte_to_char(static_cast<unsigned char>(byte)));
    if (!vocabulary.find(token)) {
      fail(ErrorCategory::BadData, "{}: the vocabulary has no token for byte {}, expected a byte-level vocabulary",
           source, byte);
    }
  }
}

void resolve_merges(const TokenTables& tables, const std::string& source, TokenizerFile& file) {
  file.merges.reserve(tables.merges.num_halves() / 2);
  std::string merged;
  const auto id_of = [&](std::string_view token, size_t rank) {
    const auto id = tables.vocabulary.find(token);
    if (!id) {
      fail(ErrorCategory::BadData, "{}: merge {} needs token '{}', which is not in the vocabulary", source, rank,
           token.substr(0, 80));
    }
    return *id;
  };
  for (size_t i = 0; i < tables.merges.num_halves(); i += 2) {
    const std::string_view left = tables.merges.half(i), right = tables.merges.half(i + 1);
    merged.assign(left).append(right);
    file.merges.push_back({id_of(left, i / 2), id_of(right, i / 2), id_of(merged, i / 2)});
  }
}

// Collects the added tokens of all files, each content once.
class AddedTokens {
 public:
  AddedTokens(TokenizerFile& file) : file_(file) {}

  // A later description of the same token replaces the earlier one. Tokens of no text are ignored, as in the reference.
  void add(AddedToken token, const std::string& source) {
    if (token.content.empty()) return;
    if (token.content.size() > kMaxAddedTokenBytes) {
      fail(ErrorCategory::BadData, "{}: added token '{}...' has {} bytes, expected at most {}", source,
           token.content.substr(0, 80), token.content.size(), kMaxAddedTokenBytes);
    }
    if (const auto known = file_.vocabulary.find(token.content)) {
      if (*known != token.id) {
        fail(ErrorCategory::BadData, "{}: added token '{}' has id {}, but elsewhere id {}", source,
             token.content.substr(0, 80), token.id, *known);
      }
    } else {
      file_.vocabulary.add(token.content, token.id, source);
    }
    const auto [entry, is_new] = index_.emplace(token.id, file_.added_tokens.size());
    if (is_new) {
      file_.added_tokens.push_back(std::move(token));
    } else {
      file_.added_tokens[entry->second] = std::move(token);
    }
  }

  bool contains(int64_t id) const { return index_.contains(id); }

  // Marks a token that a role ("eos_token") names as special, and returns its id.
  int64_t add_special(const std::string& content, std::string_view role, const std::string& source) {
    const auto id = file_.vocabulary.find(content);
    if (!id) {
      fail(ErrorCategory::BadData, "{}: {} is '{}', which is not in the vocabulary", source, role,
           content.substr(0, 80));
    }
    if (!contains(*id)) {
      add({.content = content, .id = *id, .is_special = true}, source);
    } else {
      file_.added_tokens[index_.at(*id)].is_special = true;
    }
    return *id;
  }

 private:
  TokenizerFile& file_;
  std::unordered_map<int64_t, size_t> index_;  // by id, into file_.added_tokens
};

int64_t read_id(const Document& value, std::string_view name, const std::string& source) {
  if (!value.is_number_integer()) wrong_type(source, name, "a whole number", value);
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return -1;  // out of range for the vocabulary
  return value.get<int64_t>();
}

AddedToken read_added_token(const Document& entry, int64_t id, const std::string& source) {
  AddedToken token;
  token.id = id;
  token.content = read_text(entry, "content", source);
  token.is_special = read_bool(entry, "special", false, source);
  token.is_normalized = read_bool(entry, "normalized", !token.is_special, source);
  token.strips_left = read_bool(entry, "lstrip", false, source);
  token.strips_right = read_bool(entry, "rstrip", false, source);
  token.is_single_word = read_bool(entry, "single_word", false, source);
  return token;
}

void read_added_list(const Document& document, const std::string& source, AddedTokens& added) {
  const Document& list = field(document, "added_tokens");
  if (list.is_null()) return;
  if (!list.is_array()) wrong_type(source, "added_tokens", "a list", list);
  for (const Document& entry : list) {
    if (!entry.is_object()) wrong_type(source, "added_tokens", "a list of mappings", entry);
    const int64_t id = read_id(field(entry, "id"), "id", source);
    if (added.contains(id)) fail(ErrorCategory::BadData, "{}: two added tokens have id {}", source, id);
    added.add(read_added_token(entry, id, source), source);
  }
}

// tokenizer_config.json: {"151643": {"content": ..., "special": ...}, ...}
void read_added_decoder(const Document& config, const std::string& source, AddedTokens& added) {
  const Document& entries = field(config, "added_tokens_decoder");
  if (entries.is_null()) return;
  if (!entries.is_object()) wrong_type(source, "added_tokens_decoder", "a mapping", entries);
  for (const auto& [key, entry] : entries.items()) {
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      fail(ErrorCategory::BadData, "{}: key '{}' of 'added_tokens_decoder' is not an id", source, key.substr(0, 80));
    }
    if (!entry.is_object()) wrong_type(source, "added_tokens_decoder", "a mapping of mappings", entry);
    added.add(read_added_token(entry, id, source), source);
  }
}

// added_tokens.json: {"<|endoftext|>": 151643, ...}
void read_added_ids(const Document& ids, const std::string& source, AddedTokens& added) {
  for (const auto& [content, value] : ids.items()) {
    const int64_t id = read_id(value, content.substr(0, 80), source);
    if (!added.contains(id)) added.add({.content = content, .id = id, .is_normalized = true}, source);
  }
}

// A special token is written as its text or as a mapping with "content".
std::optional<std::string> read_special(const Document& value, std::string_view role, const std::string& source) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) wrong_type(source, role, "a token", value);
  return read_text(value, "content", source);
}

// Roles in tokenizer_config.json come before those of special_tokens_map.json.
void read_special_roles(const Document& roles, const std::string& source, AddedTokens& added, TokenizerFile& file) {
  for (const char* role :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const auto content = read_special(field(roles, role), role, source);
    if (!content) continue;
    const int64_t id = added.add_special(*content, role, source);
    if (role == std::string_view("bos_token") && !file.bos_id) file.bos_id = id;
    if (role == std::string_view("eos_token") && !file.eos_id) file.eos_id = id;
  }
  const Document& additional = field(roles, "additional_special_tokens");
  if (additional.is_null()) return;
  if (!additional.is_array()) wrong_type(source, "additional_special_tokens", "a list", additional);
  for (const Document& value : additional) {
    const auto content = read_special(value, "additional_special_tokens", source);
    if (content) added.add_special(*content, "an additional special token", source);
  }
}

void read_side_files(const fs::path& folder, AddedTokens& added, TokenizerFile& file) {
  const auto read = [&](const char* name) {
    const fs::path path = folder / name;
    return fs::exists(path) ? read_side_json(path) : Document::object();
  };
  const auto source = [&](const char* name) { return (folder / name).string(); };
  const Document config = read("tokenizer_config.json");
  read_added_decoder(config, source("tokenizer_config.json"), added);
  read_added_ids(read("added_tokens.json"), source("added_tokens.json"), added);
  read_special_roles(config, source("tokenizer_config.json"), added, file);
  read_special_roles(read("special_tokens_map.json"), source("special_tokens_map.json"), added, file);
  file.cleans_up_spaces = read_bool(config, "clean_up_tokenization_spaces", false, source("tokenizer_config.json"));
}

}  // namespace

TokenizerFile read_tokenizer_files(const fs::path& folder) {
  const fs::path path = folder / "tokenizer.json";
  const std::string source = path.string();
  if (!fs::exists(path)) {
    fail(ErrorCategory::NotFound, "{}: no such file. Hint: a model folder needs its tokenizer.json", source);
  }
  TokenizerFile file;
  TokenTables tables;
  const Document document = read_tokenizer_json(path, tables);
  const Document& model = field(document, "model");
  if (!model.is_object()) wrong_type(source, "model", "a mapping", model);
  check_model(model, source);
  if (!tables.has_vocabulary) wrong_type(source, "model.vocab", "a mapping from token to id", field(model, "vocab"));
  if (!tables.has_merges) wrong_type(source, "model.merges", "a list", field(model, "merges"));
  check_bytes(tables.vocabulary, source);
  resolve_merges(tables, source, file);
  file.prefers_whole_words = read_bool(model, "ignore_merges", false, source);
  read_normalizer(document, source, file);
  read_pre_tokenizer(document, source, file);
  check_decoder(document, source);

  file.vocabulary = std::move(tables.vocabulary);
  AddedTokens added(file);
  read_added_list(document, source, added);
  read_side_files(folder, added, file);
  return file;
}

}  // namespace molmo::text
