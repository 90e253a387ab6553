// Broken tokenizer files: each gives one error that names the file and what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "fixtures.h"
#include "text/mini_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_folder.h"

namespace molmo::text {
namespace {

using testing::HasSubstr;

void expect_refused(const std::filesystem::path& folder, const std::string& file, ErrorCategory category,
                    const std::string& message) {
  try {
    Tokenizer::load(folder);
    ADD_FAILURE() << "accepted, expected an error about: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.category()), to_string(category)) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_THAT(error.what(), HasSubstr(file));
    EXPECT_LT(std::string_view(error.what()).size(), 1000u);
  }
}

void expect_text_refused(const std::string& content, ErrorCategory category, const std::string& message) {
  const test::TemporaryFolder folder;
  write_text(folder.path() / "tokenizer.json", content);
  expect_refused(folder.path(), "tokenizer.json", category, message);
}

// `json` as a value, put at a JSON pointer of the valid file; "" removes what is there.
struct Damage {
  const char* pointer;
  const char* json;
  ErrorCategory category;
  const char* message;
};

constexpr auto kBad = ErrorCategory::BadData;
constexpr auto kUnsupported = ErrorCategory::Unsupported;

const Damage kDamages[] = {
    {"/model", "", kBad, "'model' should be a mapping"},
    {"/model", "[]", kBad, "'model' should be a mapping"},
    {"/model/vocab", "", kBad, "'model.vocab' should be"},
    {"/model/vocab", "[]", kBad, "'model.vocab' should be"},
    {"/model/vocab", "{}", kBad, "no token for byte 0"},
    {"/model/merges", "", kBad, "'model.merges' should be"},
    {"/model/merges", "{}", kBad, "'model.merges' should be"},
    {"/model/merges", "3", kBad, "'model.merges' should be"},
    {"/model/vocab/th", "\"256\"", kBad, "token 'th' of 'model.vocab' has a text as its id"},
    {"/model/vocab/th", "1.5", kBad, "has a fraction as its id"},
    {"/model/vocab/th", "null", kBad, "has null as its id"},
    {"/model/vocab/th", "[1]", kBad, "has a list as its id"},
    {"/model/vocab/th", "{\"a\": 1}", kBad, "has a mapping as its id"},
    {"/model/vocab/th", "-1", kBad, "token 'th' has id -1, expected 0 to"},
    {"/model/vocab/th", "4194304", kBad, "expected 0 to 4194303"},
    {"/model/vocab/th", "18446744073709551615", kBad, "expected 0 to"},
    {"/model/vocab/th", "1e300", kBad, "has a fraction as its id"},
    {"/model/vocab/th", "7", kBad, "share id 7"},
    {"/model/vocab/th", "", kBad, "needs token 'th'"},
    {"/model/vocab/the", "", kBad, "needs token 'the'"},
    {"/model/vocab/a", "", kBad, "no token for byte 97"},
    {"/model/merges/0", "\"t h e\"", kBad, "merge 't h e' is not two tokens"},
    {"/model/merges/0", "\"th\"", kBad, "merge 'th' is not two tokens"},
    {"/model/merges/0", "\"\"", kBad, "is not two tokens"},
    {"/model/merges/0", "[\"t\"]", kBad, "a merge names 1 tokens"},
    {"/model/merges/0", "[\"t\", \"h\", \"e\"]", kBad, "a merge names 3 tokens"},
    {"/model/merges/0", "[]", kBad, "a merge names 0 tokens"},
    {"/model/merges/0", "[\"t\", [\"h\"]]", kBad, "'model.merges' contains a list"},
    {"/model/merges/0", "[\"t\", 3]", kBad, "'model.merges' contains a number"},
    {"/model/merges/0", "3", kBad, "'model.merges' contains a number"},
    {"/model/merges/0", "{}", kBad, "'model.merges' contains a mapping"},
    {"/model/merges/0", "[\"q\", \"z\"]", kBad, "merge 0 needs token 'qz'"},
    {"/model/merges/0", "[\"nowhere\", \"z\"]", kBad, "merge 0 needs token 'nowhere'"},
    {"/model/type", "\"WordPiece\"", kUnsupported, "WordPiece"},
    {"/model/type", "3", kUnsupported, "model type"},
    {"/model/dropout", "0.1", kUnsupported, "dropout"},
    {"/model/continuing_subword_prefix", "\"##\"", kUnsupported, "continuing_subword_prefix"},
    {"/model/end_of_word_suffix", "\"</w>\"", kUnsupported, "end_of_word_suffix"},
    {"/model/byte_fallback", "true", kUnsupported, "byte_fallback"},
    {"/model/byte_fallback", "1", kBad, "'byte_fallback' should be true or false"},
    {"/model/ignore_merges", "\"no\"", kBad, "'ignore_merges' should be true or false"},
    {"/normalizer", "\"NFC\"", kBad, "'normalizer' should be a mapping"},
    {"/normalizer", "{}", kBad, "'type' should be a text"},
    {"/normalizer", "{\"type\": \"NFKC\"}", kUnsupported, "normalizer 'NFKC'"},
    {"/normalizer", "{\"type\": \"Sequence\"}", kBad, "'normalizers' should be a list"},
    {"/normalizer", "{\"type\": \"Sequence\", \"normalizers\": [3]}", kBad, "'normalizer' should be a mapping"},
    {"/pre_tokenizer", "null", kUnsupported, "byte-level"},
    {"/pre_tokenizer", "[]", kBad, "'pre_tokenizer' should be a mapping"},
    {"/pre_tokenizer", "{\"type\": \"Whitespace\"}", kUnsupported, "pre-tokenizer 'Whitespace'"},
    {"/pre_tokenizer", "{\"type\": \"ByteLevel\", \"use_regex\": 1}", kBad, "'use_regex' should be"},
    {"/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": 3}", kBad, "'pattern' should be a mapping"},
    {"/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"String\": \" \"}}", kUnsupported, "fixed text"},
    {"/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\w+|x\"}}", kUnsupported, "\"\\w+|x\""},
    {"/pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": {}}", kBad, "'pretokenizers' should be a list"},
    {"/decoder", "null", kUnsupported, "decoder"},
    {"/decoder", "{\"type\": \"WordPiece\"}", kUnsupported, "decoder 'WordPiece'"},
    {"/added_tokens", "{}", kBad, "'added_tokens' should be a list"},
    {"/added_tokens/0", "3", kBad, "'added_tokens' should be a list of mappings"},
    {"/added_tokens/0/id", "", kBad, "'id' should be a whole number"},
    {"/added_tokens/0/id", "\"258\"", kBad, "'id' should be a whole number"},
    {"/added_tokens/0/id", "18446744073709551615", kBad, "has id -1"},
    {"/added_tokens/0/id", "7", kBad, "share id 7"},
    {"/added_tokens/0/id", "99999999", kBad, "expected 0 to"},
    {"/added_tokens/0/content", "", kBad, "'content' should be a text"},
    {"/added_tokens/0/content", "[]", kBad, "'content' should be a text"},
    {"/added_tokens/0/content", "\"the\"", kBad, "added token 'the' has id 258, but elsewhere id 257"},
    {"/added_tokens/0/special", "\"yes\"", kBad, "'special' should be true or false"},
    {"/added_tokens/1", "{\"id\": 258, \"content\": \"<x>\"}", kBad, "two added tokens have id 258"},
    {"/added_tokens/1", "{\"id\": 259, \"content\": \"<end>\"}", kBad, "has id 259, but elsewhere id 258"},
};

TEST(TokenizerFile, RefusesDamagedParts) {
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(std::string(damage.pointer) + " = " + damage.json);
    Json document = mini_tokenizer();
    const Json::json_pointer pointer(damage.pointer);
    if (*damage.json == '\0') {
      document[pointer.parent_pointer()].erase(pointer.back());
    } else {
      document[pointer] = parse_json(damage.json, "damage");
    }
    expect_text_refused(document.dump(), damage.category, damage.message);
  }
}

TEST(TokenizerFile, RefusesWhatIsNoTokenizer) {
  const std::string valid = mini_tokenizer().dump();
  expect_text_refused("", kBad, "not valid JSON");
  expect_text_refused("<html>", kBad, "not valid JSON");
  expect_text_refused("[]", kBad, "expected a JSON object");
  expect_text_refused("null", kBad, "expected a JSON object");
  expect_text_refused("{}", kBad, "'model' should be a mapping");
  expect_text_refused(valid.substr(0, valid.size() / 2), kBad, "not valid JSON");
  expect_text_refused(valid + "x", kBad, "not valid JSON");
  expect_text_refused("{\"model\": {\"vocab\": {\"\xFF\": 1}}}", kBad, "not valid JSON");
  expect_text_refused("{\"model\": {\"vocab\": {\"\\ud800\": 1}}}", kBad, "not valid JSON");
  expect_text_refused("version https://git-lfs.github.com/spec/v1\n", kBad, "not valid JSON");
}

TEST(TokenizerFile, RefusesRepeatedKeys) {
  expect_text_refused(R"({"model": {}, "model": {}})", kBad, "key 'model' appears twice");
  expect_text_refused(R"({"model": {"vocab": {}, "vocab": {}}})", kBad, "'model.vocab' appears twice");
  expect_text_refused(R"({"model": {"merges": [], "merges": []}})", kBad, "'model.merges' appears twice");
  expect_text_refused(R"({"model": {"vocab": {"a": 1, "a": 2}}})", kBad, "token 'a' appears twice");
}

TEST(TokenizerFile, RefusesDeepNesting) {
  const size_t depth = 1'000'000;
  expect_text_refused(std::string(depth, '['), kBad, "nested deeper");
  std::string objects;
  for (size_t i = 0; i < depth; ++i) objects += "{\"a\":";
  expect_text_refused(objects, kBad, "nested deeper");
  expect_text_refused("{\"model\":{\"merges\":" + std::string(depth, '['), kBad, "contains a list");
}

TEST(TokenizerFile, RefusesMoreThanATokenizerCanNeed) {
  expect_text_refused("{\"model\": {\"vocab\": {\"" + std::string(100 << 20, 'a') + "\": 1}}}", kBad,
                      "expected at most 65536");
  std::string values = "{\"x\":[0";
  for (int i = 0; i < 1'000'001; ++i) values += ",0";
  expect_text_refused(values + "]}", kBad, "more than 1000000 values");
  Json document = mini_tokenizer();
  document["added_tokens"][0]["content"] = std::string(1025, 'a');
  expect_text_refused(document.dump(), kBad, "expected at most 1024");

  const test::TemporaryFolder folder;  // a sparse file of 10 GB
  write_text(folder.path() / "tokenizer.json", "{");
  std::filesystem::resize_file(folder.path() / "tokenizer.json", 10'000'000'000);
  expect_refused(folder.path(), "tokenizer.json", kBad, "larger than 134217728 bytes");
}

TEST(TokenizerFile, RefusesAMissingFile) {
  const test::TemporaryFolder folder;
  expect_refused(folder.path(), "tokenizer.json", ErrorCategory::NotFound, "no such file");
  expect_refused(folder.path() / "nowhere", "tokenizer.json", ErrorCategory::NotFound, "no such file");
}

TEST(TokenizerFile, RefusesDamagedSideFiles) {
  const std::tuple<const char*, const char*, const char*> kCases[] = {
      {"tokenizer_config.json", "{", "not valid JSON"},
      {"tokenizer_config.json", "[]", "expected a JSON object"},
      {"tokenizer_config.json", R"({"eos_token": 3})", "'eos_token' should be a token"},
      {"tokenizer_config.json", R"({"eos_token": {}})", "'content' should be a text"},
      {"tokenizer_config.json", R"({"eos_token": "<nowhere>"})",
       "eos_token is '<nowhere>', which is not in the vocabulary"},
      {"tokenizer_config.json", R"({"clean_up_tokenization_spaces": "yes"})", "should be true or false"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": []})", "should be a mapping"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"1x": {}}})", "key '1x' of 'added_tokens_decoder'"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"": {}}})", "is not an id"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"99999999999999999999": {}}})", "is not an id"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"300": 1}})", "should be a mapping of mappings"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"300": {"content": "<end>"}}})", "elsewhere id 258"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"-3": {"content": "<x>"}}})", "has id -3"},
      {"tokenizer_config.json", R"({"additional_special_tokens": {}})", "should be a list"},
      {"tokenizer_config.json", R"({"additional_special_tokens": ["<nowhere>"]})", "not in the vocabulary"},
      {"special_tokens_map.json", R"({"pad_token": ["a"]})", "'pad_token' should be a token"},
      {"added_tokens.json", R"({"<x>": "300"})", "'<x>' should be a whole number"},
      {"added_tokens.json", R"({"<x>": 7})", "share id 7"},
  };
  for (const auto& [name, content, message] : kCases) {
    SCOPED_TRACE(std::string(name) + " " + content);
    const test::TemporaryFolder folder;
    write_text(folder.path() / "tokenizer.json", mini_tokenizer().dump());
    write_text(folder.path() / name, content);
    expect_refused(folder.path(), name, kBad, message);
  }
}

// Whatever happens to the bytes of a file, it loads or is refused.
TEST(TokenizerFile, SurvivesRandomDamage) {
  const std::string valid = mini_tokenizer().dump();
  RandomStream stream(3, "damage");
  const test::TemporaryFolder folder;
  int num_refused = 0;
  for (int i = 0; i < 500; ++i) {
    std::string damaged = valid;
    for (uint64_t changes = 1 + stream.below(4); changes > 0; --changes) {
      const size_t at = stream.below(damaged.size());
      switch (stream.below(4)) {
        case 0:
          damaged[at] = static_cast<char>(stream.below(256));
          break;
        case 1:
          damaged[at] = "{}[]\",:0-e\\"[stream.below(11)];
          break;
        case 2:
          damaged.erase(at, 1 + stream.below(20));
          break;
        default:
          damaged.insert(at, damaged.substr(stream.below(damaged.size()), stream.below(60)));
          break;
      }
      if (damaged.empty()) damaged = " ";
    }
    write_text(folder.path() / "tokenizer.json", damaged);
    try {
      const Tokenizer tokenizer = Tokenizer::load(folder.path());
      tokenizer.decode(tokenizer.encode("the cat <end> caf\u00e9 12 \n"));
    } catch (const Error&) {
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 250);
}

}  // namespace
}  // namespace molmo::text
