// molmo tokenize TEXT
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "cli/flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/standard_input.h"
#include "cli/verb.h"
#include "text/bpe_corpus.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace molmo::cli {
namespace {

text::Tokenizer load_tokenizer(const std::filesystem::path& folder) {
  const bool is_tokenizer_folder = std::filesystem::exists(folder / "tokenizer.json");
  return text::Tokenizer::load(is_tokenizer_folder ? folder : checkpoint::Checkpoint::open(folder).tokenizer_folder());
}

// Ids separated by spaces, commas or brackets, so that what `tokenize` prints can be given back.
std::vector<int64_t> parse_ids(const std::string& text) {
  std::vector<int64_t> ids;
  for (size_t at = text.find_first_not_of(" ,[]\n\t"); at != std::string::npos;
       at = text.find_first_not_of(" ,[]\n\t", at)) {
    const size_t end = std::min(text.find_first_of(" ,[]\n\t", at), text.size());
    int64_t id = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + end, id);
    if (error != std::errc() || rest != text.data() + end || id < 0) {
      fail(ErrorCategory::InvalidArgument, "--decode: '{}' is not a token id", text.substr(at, end - at));
    }
    ids.push_back(id);
    at = end;
  }
  return ids;
}

class Tokenize final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Needs no weights. Nothing is added to the text; --bos puts the token in front that every prompt begins with.");
    flags.examples(
        "# ids of a text\nmolmo tokenize -m MODEL \"Point to the mug.\"\n"
        "# and back\nmolmo tokenize -m MODEL --decode \"100 101\"\n"
        "# many texts, one JSON string a line\nmolmo tokenize -m MODEL --jsonl < texts.jsonl\n"
        "# learn a tokenizer from your own texts\n"
        "molmo tokenize --train texts.txt data.jsonl --vocab-size 8000 -o my-tokenizer\n");
    flags.add_option("TEXT", text_, "what to tokenise, or the ids for --decode; - reads standard input")
        .group("Arguments");
    flags.add_option("-m,--model", model_, "checkpoint folder").type_name("MODEL");
    flags.add_flag("--decode", decodes_, "TEXT is ids: print the text");
    flags.add_flag("--bos", has_bos_, "put the token in front that every prompt begins with");
    flags.add_flag("--json", is_json_, "print one JSON document: ids, tokens, text");
    flags.add_flag("--jsonl", is_jsonl_,
                   "read one JSON string a line from standard input, print {\"ids\", \"text\"} a line");
    flags.add_option("--train", corpus_, "learn a byte-level BPE tokenizer from texts, or from JSON lines of own data")
        .type_name("FILE")
        .group("Training");
    flags.add_option("-o,--output", output_, "folder for tokenizer.json").type_name("DIR").group("Training");
    flags.add_option("--vocab-size", training_.vocab_size, "tokens, special ones and the 256 bytes included")
        .type_name("N")
        .range(257, 1 << 20)
        .shows_default()
        .group("Training");
    flags.add_option("--min-frequency", training_.min_frequency, "of a pair that becomes a token")
        .type_name("N")
        .not_negative()
        .shows_default()
        .group("Training");
    flags.add_option("--special", training_.special_tokens, "special tokens, the first of which ends texts")
        .type_name("TOKEN")
        .shows_default()
        .group("Training");
  }

  int run() override {
    if (!corpus_.empty()) return train();
    if (is_jsonl_ ? !text_.empty() || decodes_ : text_.empty()) {
      throw UsageError(is_jsonl_ ? "--jsonl reads standard input: it takes neither TEXT nor --decode."
                                 : "TEXT is required.");
    }
    const text::Tokenizer tokenizer = load_tokenizer(resolve_model_folder(model_));
    if (is_jsonl_) {
      print_lines(tokenizer);
      return kExitDone;
    }
    const std::string input = text_ == "-" ? read_standard_input() : text_;
    const std::vector<int64_t> ids = decodes_ ? parse_ids(input) : encode(tokenizer, input);
    if (is_json_) {
      Json document = describe(tokenizer, ids);
      document["tokens"] = Json::array();
      for (const int64_t id : ids) document["tokens"].push_back(tokenizer.token_of(id));
      fmt::print("{}\n", dump_json(document));
    } else if (decodes_) {
      fmt::print("{}\n", tokenizer.decode(ids));
    } else {
      fmt::print("{}\n", fmt::join(ids, " "));
    }
    return kExitDone;
  }

 private:
  std::vector<int64_t> encode(const text::Tokenizer& tokenizer, const std::string& text) const {
    std::vector<int64_t> ids = tokenizer.encode(text);
    if (!has_bos_) return ids;
    const auto bos = tokenizer.bos_id();
    if (!bos) fail(ErrorCategory::Unsupported, "--bos: this tokenizer has no token to put in front of a prompt");
    ids.insert(ids.begin(), *bos);
    return ids;
  }

  static Json describe(const text::Tokenizer& tokenizer, const std::vector<int64_t>& ids) {
    return {{"ids", ids}, {"text", tokenizer.decode(ids)}};
  }

  void print_lines(const text::Tokenizer& tokenizer) const {
    std::ios::sync_with_stdio(false);  // standard input is read here only
    int64_t number = 0;
    for (std::string line; std::getline(std::cin, line);) {
      const std::string source = fmt::format("standard input, line {}", ++number);
      const Json value = parse_json(text::replace_invalid_utf8(line), source);
      if (!value.is_string())
        fail(ErrorCategory::BadData, "{}: expected a JSON string, found {}", source, value.type_name());
      fmt::print("{}\n", dump_json(describe(tokenizer, encode(tokenizer, value.get<std::string>()))));
    }
  }

  int train() const {
    if (!text_.empty() || output_.empty())
      throw UsageError(output_.empty() ? "--train needs -o DIR." : "--train takes no TEXT.");
    text::BpeTrainer trainer;
    uint64_t num_texts = 0;
    for (const auto& file : corpus_) num_texts += text::add_corpus(trainer, file);
    const text::TrainedTokenizer trained = trainer.train(training_);
    text::write_tokenizer(trained, output_);
    if (is_json_) {
      fmt::print("{}\n",
                 dump_json({{"output", output_.string()}, {"tokens", trained.tokens.size()}, {"texts", num_texts}}));
    } else {
      fmt::print("{} tokens from {} texts in {}\n", trained.tokens.size(), num_texts, output_.string());
    }
    return kExitDone;
  }

  std::string text_, model_;
  std::vector<std::filesystem::path> corpus_;
  std::filesystem::path output_;
  text::BpeTrainingOptions training_;
  bool decodes_ = false, has_bos_ = false, is_json_ = false, is_jsonl_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_tokenize() {
  return std::make_unique<Tokenize>();
}

}  // namespace molmo::cli
