// tokenizer_golden.json: ids, token strings and decodings of texts; decodings of id sequences that are not valid UTF-8.
#include <nlohmann/json.hpp>

#include "cli/conformance/kind.h"
#include "cli/conformance/model_case.h"

namespace molmo::conformance {
namespace {

using Ids = std::vector<int64_t>;

void answer_decodings(const Place& place, const text::Tokenizer& tokenizer, const Ids& ids) {
  place.answer_field("decoded", tokenizer.decode(ids));
  place.answer_field("decoded_no_cleanup", tokenizer.decode(ids, {.skips_special = false, .cleans_up_spaces = false}));
  place.answer_field("decoded_skip_special", tokenizer.decode(ids, {.skips_special = true, .cleans_up_spaces = {}}));
  place.answer_field("wrapper_decode_truncate", text::decode_generated(tokenizer, ids, text::AtEos::Stop));
  place.answer_field("wrapper_decode_keep", text::decode_generated(tokenizer, ids, text::AtEos::Skip));
}

void answer_encoding(const Place& place, const text::Tokenizer& tokenizer, const std::string& text) {
  const Ids ids = tokenizer.encode(text);
  place.answer_field("ids", ids);
  answer_decodings(place, tokenizer, ids);
  Json tokens = Json::array();
  for (int64_t id : ids) tokens.push_back(tokenizer.token_of(id));
  place.answer_field("tokens", tokens);
}

}  // namespace

void answer_tokenizer(Run& run, const std::filesystem::path& file) {
  const ModelCase& model_case = run.model_case(file);
  const text::Tokenizer& tokenizer = model_case.tokenizer();
  run.answer_json(file, [&](const Place& root, const Json& document) {
    root.answer_field("vocab_len", tokenizer.size());
    root.answer_field("bos", optional_id(tokenizer.bos_id()));
    root.answer_field("eos", optional_id(tokenizer.eos_id()));
    root.answer_field("special", special_token_ids(tokenizer));
    root.answer_field("clean_up_tokenization_spaces", tokenizer.cleans_up_spaces());
    const Json encode = document.value("encode", Json::array()),
               decode_only = document.value("decode_only", Json::array());
    for (size_t i = 0; i < encode.size(); ++i) {
      const Place place = root["encode"][i];
      place.attempt([&] { answer_encoding(place, tokenizer, encode[i].at("text").get<std::string>()); });
    }
    for (size_t i = 0; i < decode_only.size(); ++i) {
      const Place place = root["decode_only"][i];
      place.attempt([&] { answer_decodings(place, tokenizer, decode_only[i].at("ids").get<Ids>()); });
    }
  });
}

}  // namespace molmo::conformance
