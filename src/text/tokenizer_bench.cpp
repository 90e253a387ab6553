// Speed of a tokenizer of the size of Qwen2's (151,643 tokens), made up here: loading, encoding, decoding, one thread.
#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/json.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "text/byte_level.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

constexpr size_t kVocabularySize = 151'643;
constexpr size_t kTextBytes = 1 << 20;
constexpr size_t kMaxTokenBytes = 14;

// Favours low indices, as frequent tokens have them.
size_t skewed(RandomStream& stream, size_t size) {
  return static_cast<size_t>(std::pow(stream.uniform(), 3) * static_cast<double>(size));
}

// Bytes, then merges of tokens that came before: words with and without a space in front, as training would find them.
struct MadeUpTokenizer {
  MadeUpTokenizer() {
    RandomStream stream(1, "tokenizer_bench");
    std::unordered_set<std::string> known;
    std::vector<std::string> parts;  // what merges are made of
    std::vector<std::array<std::string, 2>> pairs;
    for (char c = 'a'; c <= 'z'; ++c) parts.emplace_back(1, c);
    while (256 + pairs.size() < kVocabularySize) {
      std::string left = parts[skewed(stream, parts.size())], right = parts[skewed(stream, parts.size())];
      if (pairs.size() < 26) {
        left = "\u0120";  // a space
        right = std::string(1, static_cast<char>('a' + pairs.size()));
      }
      if (left.size() + right.size() > kMaxTokenBytes || right.starts_with("\u0120") ||
          !known.insert(left + right).second)
        continue;
      parts.push_back(left + right);
      pairs.push_back({left, right});
    }
    write(pairs);
    for (const auto& pair : pairs) words.push_back(*bytes_of_token(pair[0] + pair[1]));
  }

  void write(const std::vector<std::array<std::string, 2>>& pairs) {
    nlohmann::json vocab, merges;  // sorted by key: the ordered one would take minutes
    for (int byte = 0; byte < 256; ++byte) {
      std::string token;
      append_utf8(token, byte_to_char(static_cast<unsigned char>(byte)));
      vocab[token] = byte;
    }
    for (size_t i = 0; i < pairs.size(); ++i) {
      vocab[pairs[i][0] + pairs[i][1]] = 256 + i;
      merges.push_back(pairs[i][0] + " " + pairs[i][1]);
    }
    const char* pattern =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    nlohmann::json document = {
        {"normalizer", {{"type", "NFC"}}},
        {"pre_tokenizer",
         {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}}},
        {"decoder", {{"type", "ByteLevel"}}},
        {"added_tokens", {{{"id", kVocabularySize}, {"content", "<|endoftext|>"}, {"special", true}}}},
        {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
    std::ofstream(folder.path() / "tokenizer.json") << document;
  }

  TemporaryFolder folder;
  std::vector<std::string> words;
};

const MadeUpTokenizer& made_up() {
  static const MadeUpTokenizer kTokenizer;
  return kTokenizer;
}

const Tokenizer& tokenizer() {
  static const Tokenizer kTokenizer = Tokenizer::load(made_up().folder.path());
  return kTokenizer;
}

// Words of one to three tokens with signs, digits and other scripts among them.
std::string prose() {
  const std::string others[] = {"caf\u00e9",
                                "\u0440\u0443\u0441\u0441\u043a\u0438\u0439",
                                "\u65e5\u672c\u8a9e",
                                "\ud55c\uad6d\uc5b4",
                                "don't",
                                "3.14",
                                "(x)",
                                "--"};
  RandomStream stream(2, "tokenizer_bench");
  std::string text;
  while (text.size() < kTextBytes) {
    if (stream.below(10) == 0) {
      text += " " + others[stream.below(std::size(others))];
    } else {
      text += " ";
      for (uint64_t i = 1 + stream.below(3); i > 0; --i)
        text += made_up().words[skewed(stream, made_up().words.size())];
    }
    if (stream.below(12) == 0) text += stream.below(4) == 0 ? ".\n" : ",";
  }
  return text;
}

std::string random_letters() {
  RandomStream stream(3, "tokenizer_bench");
  std::string text;
  for (size_t i = 0; i < kTextBytes; ++i) text.push_back(static_cast<char>('a' + stream.below(26)));
  return text;
}

void encode(benchmark::State& state, const std::string& text) {
  const Tokenizer& encoder = tokenizer();
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(text));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void load(benchmark::State& state) {
  const auto& folder = made_up().folder.path();
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(folder));
}

void encode_prose(benchmark::State& state) {
  encode(state, prose());
}
void encode_without_spaces(benchmark::State& state) {
  encode(state, random_letters());
}
void encode_prompt(benchmark::State& state) {
  encode(state, " User: Point to the mug. Assistant:");
}

void decode(benchmark::State& state) {
  const std::string text = prose();
  const auto ids = tokenizer().encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer().decode(ids));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

BENCHMARK(load)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_prose)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_without_spaces)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_prompt);
BENCHMARK(decode)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace molmo::text
