// molmo tokenize against the golden ids of the reference's tokenizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

using test::fixture_path;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

std::string model_folder(const std::string& name) {
  return test::checkpoint_path(name);
}

// The texts of the golden file in one run of the program.
TEST(Tokenize, AnswersLinesAsTheReferenceDoes) {
  for (const std::string& name :
       {std::string("P1-qwen2-clip"), std::string("P2-olmo-clip"), std::string("P3-olmoe-clip")}) {
    const Json golden = read_json_file(fixture_path("model/" + name + "/tokenizer_golden.json"));
    std::string input;
    for (const Json& row : golden["encode"]) input += dump_json(row["text"]) + "\n";
    const Result result = run_molmo({"tokenize", "-m", model_folder(name), "--jsonl"}, {.input = input});
    ASSERT_EQ(result.status, kExitDone) << result.err;
    std::istringstream lines(result.out);
    std::string line;
    for (const Json& row : golden["encode"]) {
      ASSERT_TRUE(std::getline(lines, line));
      const Json answer = parse_json(line, "molmo tokenize");
      EXPECT_EQ(answer["ids"], row["ids"]) << row["text"];
      EXPECT_EQ(answer["text"], row["decoded"]) << row["text"];
    }
    EXPECT_FALSE(std::getline(lines, line)) << line;
  }
}

TEST(Tokenize, TextAndIdsGoBothWays) {
  const std::string folder = model_folder("P1-qwen2-clip");
  const Result ids = run_molmo({"tokenize", "-m", folder, "Point to the mug."});
  EXPECT_EQ(ids.status, kExitDone);
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder, "--decode", ids.out}).out, "Point to the mug.\n");
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder, "-"}, {.input = "Point to the mug."}).out, ids.out);
  const Json document =
      parse_json(run_molmo({"tokenize", "-m", folder, "--json", "--bos", "a "}).out, "molmo tokenize");
  EXPECT_EQ(document["ids"], Json::array({660, 64, 220}));
  EXPECT_EQ(document["tokens"][1], "a");
  EXPECT_EQ(document["text"].get<std::string>().substr(document["text"].get<std::string>().size() - 2), "a ");
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder, "--json", "--decode", "[64, 220]"}).out,
            "{\"ids\":[64,220],\"text\":\"a \",\"tokens\":[\"a\",\"\u0120\"]}\n");
}

TEST(Tokenize, NeedsNoWeights) {
  const test::TemporaryFolder folder;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy(std::filesystem::path(model_folder("P1-qwen2-clip")) / name, folder.path() / name);
  }
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder.path(), "a "}).out, "64 220\n");
}

TEST(Tokenize, InvalidBytesBecomeReplacementCharacters) {
  const Result result =
      run_molmo({"tokenize", "-m", model_folder("P1-qwen2-clip"), "--jsonl"}, {.input = "\"a\xff\xe2\x82z\"\n"});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(parse_json(result.out, "molmo tokenize")["text"], "a\uFFFD\uFFFDz");
}

TEST(Tokenize, SaysWhichLineOrIdIsBad) {
  const std::string folder = model_folder("P1-qwen2-clip");
  const Result line = run_molmo({"tokenize", "-m", folder, "--jsonl"}, {.input = "\"fine\"\n[1]\n"});
  EXPECT_EQ(line.status, kExitFailed);
  EXPECT_THAT(line.err, HasSubstr("standard input, line 2: expected a JSON string, found array"));
  const Result id = run_molmo({"tokenize", "-m", folder, "--decode", "12 x3"});
  EXPECT_EQ(id.status, kExitFailed);
  EXPECT_THAT(id.err, HasSubstr("'x3' is not a token id"));
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder}).status, kExitUsage);
  EXPECT_EQ(run_molmo({"tokenize", "-m", folder, "--jsonl", "text"}).status, kExitUsage);
}

TEST(Tokenize, BrokenTokenizersAreOneClearLine) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "tokenizer.json") << "{\"model\": {\"type\": \"BPE\", \"vocab\":";
  const Result result = run_molmo({"tokenize", "-m", folder.path(), "hi"});
  EXPECT_EQ(result.status, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("tokenizer.json"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(Tokenize, LearnsFromTextsAndFromOwnData) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "a.txt") << "abab abab\nabab\n";
  std::ofstream(folder.path() / "b.jsonl") << R"({"id": "abcd", "text": "cdcd cdcd"})"
                                           << "\n"
                                           << R"({"annotations": [{"question": "cdcd", "answer": "cdcd"}]})"
                                           << "\n";
  const std::string output = folder.path() / "tokenizer";
  const Result result = run_molmo({"tokenize", "--train", folder.path() / "a.txt", folder.path() / "b.jsonl",
                                   "--vocab-size", "262", "-o", output, "--json"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  const Json document = parse_json(result.out, "molmo tokenize");
  EXPECT_EQ(document["tokens"], 262);
  EXPECT_EQ(document["texts"], 5);
  // One special token, 256 bytes, then the pairs that were learnt: cd, cdcd, ab, abab before the fifth.
  const auto num_tokens = [&](const std::string& text) {
    return parse_json(run_molmo({"tokenize", "-m", output, "--json", text}).out, "ids")["ids"].size();
  };
  EXPECT_EQ(num_tokens("abab"), 1u);
  EXPECT_EQ(num_tokens("cdcd"), 1u);
  EXPECT_EQ(num_tokens("abcd"), 2u);
  EXPECT_EQ(run_molmo({"tokenize", "--train", folder.path() / "a.txt"}).status, kExitUsage);
  const Result missing = run_molmo({"tokenize", "--train", folder.path() / "none.txt", "-o", output});
  EXPECT_EQ(missing.status, kExitFailed);
  EXPECT_THAT(missing.err, HasSubstr("none.txt: cannot be read"));
}

}  // namespace
}  // namespace molmo::cli
