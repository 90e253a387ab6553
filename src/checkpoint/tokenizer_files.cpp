#include "checkpoint/tokenizer_files.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxTokenizerBytes = 256u << 20;
constexpr const char* kTokenizerName = "tokenizer.json";
constexpr const char* kTokenizerConfigName = "tokenizer_config.json";
constexpr const char* kCompanions[] = {kTokenizerConfigName, "vocab.json", "merges.txt", "special_tokens_map.json",
                                       "added_tokens.json"};

// Qwen2's pre-tokenizer.
constexpr const char* kSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Sorted documents: a vocabulary has 150,000 keys, and the document that keeps their order searches through all for
// each new one.
nlohmann::json read_document(const fs::path& path) {
  try {
    return nlohmann::json::parse(read_file(path, kMaxTokenizerBytes));
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCategory::BadData, "{}: not valid JSON: {}", path.string(), error.what());
  }
}

// Id of an added token of tokenizer.json.
std::optional<int64_t> added_token_id(const nlohmann::json& tokenizer, std::string_view text) {
  const auto tokens = tokenizer.find("added_tokens");
  if (tokens == tokenizer.end() || !tokens->is_array()) return std::nullopt;
  for (const auto& token : *tokens) {
    if (!token.is_object() || token.value("content", nlohmann::json()) != text) continue;
    const auto id = token.find("id");
    if (id != token.end() && id->is_number_integer()) return id->get<int64_t>();
  }
  return std::nullopt;
}

// A special token of tokenizer_config.json: a text, or an object with one.
std::optional<std::string> special_token(const nlohmann::json& config, const char* name) {
  auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  if (found->is_object() && found->contains("content"))
    return found->at("content").is_string() ? std::optional(found->at("content").get<std::string>()) : std::nullopt;
  return found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

void append_utf8(std::string& text, uint32_t code_point) {  // below U+0800
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else {
    text += static_cast<char>(0xC0 | (code_point >> 6));
    text += static_cast<char>(0x80 | (code_point & 0x3F));
  }
}

// The printable stand-ins of byte-level BPE, in the order of their ids: printable bytes for themselves, then the rest
// from U+0100 on.
std::vector<std::string> byte_tokens() {
  const auto is_printable = [](uint32_t byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  };
  std::vector<std::string> tokens;
  for (const bool printable : {true, false}) {
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (is_printable(byte) != printable) continue;
      tokens.emplace_back();
      append_utf8(tokens.back(), printable ? byte : next++);
    }
  }
  return tokens;
}

Json added_token(int64_t id, std::string_view text) {
  return {{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

Json byte_level(bool add_prefix_space, bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"trim_offsets", false}, {"use_regex", use_regex}};
}

}  // namespace

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  if (!fs::exists(from / kTokenizerName)) {
    fail(ErrorCategory::NotFound, "{}: has no tokenizer.json. Copy it from the repository of the released model.",
         from.string());
  }
  write_file_atomic(to / kTokenizerName, read_file(from / kTokenizerName, kMaxTokenizerBytes));
  for (const char* name : kCompanions) {
    if (fs::exists(from / name)) write_file_atomic(to / name, read_file(from / name, kMaxTokenizerBytes));
  }
}

void check_image_tokens(const fs::path& folder, const config::ModelConfig& config) {
  const nlohmann::json tokenizer = read_document(folder / kTokenizerName);
  int64_t expected = config.image_start_id();
  for (std::string_view text : config::image_token_texts()) {
    const std::optional<int64_t> found = added_token_id(tokenizer, text);
    if (found != expected) {
      fail(ErrorCategory::InvalidArgument, "{}: its token '{}' has the id {}, a model with {} token ids needs {}",
           (folder / kTokenizerName).string(), text, found ? std::to_string(*found) : "(none)",
           config.decoder.vocab_size, expected);
    }
    ++expected;
  }
}

void copy_tokenizer_with_image_tokens(const fs::path& from, const fs::path& to, const config::ModelConfig& config) {
  copy_tokenizer(from, to);
  const fs::path path = to / kTokenizerName;
  nlohmann::json document = read_document(path);
  if (!added_token_id(document, config::image_token_texts()[0])) {
    if (!document.is_object() || !document["model"].is_object() || !document["model"]["vocab"].is_object()) {
      fail(ErrorCategory::BadData, "{}: has no vocabulary", (from / kTokenizerName).string());
    }
    int64_t next = 0;
    for (const auto& id : document["model"]["vocab"]) next = std::max(next, id.is_number() ? id.get<int64_t>() + 1 : 0);
    nlohmann::json& added = document["added_tokens"];
    if (!added.is_array()) added = nlohmann::json::array();
    for (const auto& token : added) next = std::max(next, token.value("id", int64_t{-1}) + 1);
    if (next > config.decoder.vocab_size) {
      fail(ErrorCategory::InvalidArgument, "{}: has {} tokens, the model's vocabulary has {}",
           (from / kTokenizerName).string(), next, config.decoder.vocab_size);
    }
    for (int64_t i = 0; next < config.decoder.vocab_size; ++i)
      added.push_back(nlohmann::json(added_token(next++, fmt::format("|<EXTRA_TOKENS_{}>|", i))));
    for (const std::string_view text : config::image_token_texts())
      added.push_back(nlohmann::json(added_token(next++, text)));
    write_file_atomic(path, document.dump());
  }
  check_image_tokens(to, config);
}

void write_byte_tokenizer(const fs::path& folder, int64_t vocab_size) {
  std::vector<std::string> tokens = byte_tokens();
  Json added = Json::array();
  for (const char* text : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    added.push_back(added_token(static_cast<int64_t>(tokens.size()), text));
    tokens.emplace_back(text);
  }
  if (vocab_size < static_cast<int64_t>(tokens.size())) {
    fail(ErrorCategory::InvalidArgument, "decoder.vocab_size is {}, a tokenizer of bytes needs at least {}", vocab_size,
         tokens.size());
  }
  for (int64_t i = 0; static_cast<int64_t>(tokens.size()) < vocab_size; ++i)
    tokens.push_back(fmt::format("|<EXTRA_TOKENS_{}>|", i));
  int64_t image_token = vocab_size;
  for (std::string_view text : config::image_token_texts()) added.push_back(added_token(image_token++, text));

  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", kSplitPattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  Json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", ""},
                {"end_of_word_suffix", ""},
                {"fuse_unk", false},
                {"byte_fallback", false},
                {"vocab", "@vocab"},
                {"merges", Json::array()}};
  const Json document = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", {{"type", "NFC"}}},
      {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, byte_level(false, false)}}}},
      {"post_processor", nullptr},
      {"decoder", byte_level(true, true)},
      {"model", model}};
  // The vocabulary goes in as text, in the order of ids, which a document could only keep by searching through all keys
  // for each new one.
  std::string vocabulary = "{";
  for (size_t id = 0; id < tokens.size(); ++id)
    vocabulary += fmt::format("{}{}:{}", id == 0 ? "" : ",", dump_json(Json(tokens[id])), id);
  vocabulary += "}";
  std::string text = dump_json(document);
  const std::string_view placeholder = "\"@vocab\"";
  text.replace(text.find(placeholder), placeholder.size(), vocabulary);
  write_file_atomic(folder / kTokenizerName, text);
  write_json_file(folder / kTokenizerConfigName, {{"add_prefix_space", false},
                                                  {"bos_token", nullptr},
                                                  {"clean_up_tokenization_spaces", false},
                                                  {"eos_token", "<|endoftext|>"},
                                                  {"pad_token", "<|endoftext|>"},
                                                  {"unk_token", nullptr},
                                                  {"additional_special_tokens", config::image_token_texts()},
                                                  {"tokenizer_class", "PreTrainedTokenizerFast"}});
}

void write_generation_config(const fs::path& folder) {
  if (!fs::exists(folder / kTokenizerConfigName)) return;
  const nlohmann::json config = read_document(folder / kTokenizerConfigName),
                       tokenizer = read_document(folder / kTokenizerName);
  const auto id_of = [&](const char* name) {
    const auto text = special_token(config, name);
    return text ? added_token_id(tokenizer, *text) : std::nullopt;
  };
  const auto end = id_of("eos_token");
  if (!end) {
    log_warn("{}: names no eos_token that tokenizer.json knows, so generation_config.json is left out",
             (folder / kTokenizerConfigName).string());
    return;
  }
  write_json_file(folder / "generation_config.json", {{"_from_model_config", true},
                                                      {"eos_token_id", *end},
                                                      {"pad_token_id", id_of("pad_token").value_or(*end)},
                                                      {"transformers_version", "4.43.3"}});
}

}  // namespace molmo::checkpoint
