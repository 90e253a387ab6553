// How much of what is true of a picture a caption says, and how much of what it says is true (paper, appendix C): both
// the caption and what people said about the picture are split into statements, and a judge says which statements of
// one side the other one bears out. The paper's judge is a large model. Ours is either one that the user names, behind
// an endpoint of OpenAI's form, or a built-in one that compares words, for tests and for tracking one model over time.
//   const auto judge = open_endpoint_judge({.url = "http://127.0.0.1:8000/v1", .model = "qwen2.5-72b-instruct"});
//   const Judgement judgement = judge->judge(caption, {transcript, another_transcript});
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "eval/scores.h"

namespace molmo::eval {

struct Statement {
  std::string text;
  bool is_borne_out = false;  // by the other side
};

struct Judgement {
  std::vector<Statement> caption;    // precision: share of these that the references bear out
  std::vector<Statement> reference;  // recall: share of these that the caption bears out
};

// precision, recall and f1 where there is something to divide by.
NamedValues judgement_scores(const Judgement& judgement);

class CaptionJudge {
 public:
  virtual ~CaptionJudge() = default;
  virtual std::string name() const = 0;  // as reports say it
  virtual int num_threads() const = 0;   // that may usefully ask at the same time
  // Thread-safe. Throws Io where the judge cannot be reached, BadData where its answers make no sense.
  virtual Judgement judge(const std::string& caption, const std::vector<std::string>& references) const = 0;
};

// Statements are sentences and their parts; one is borne out when at least two thirds of its words that mean something
// stand, but for endings, in one sentence of the other side and the one before it. Of references that say the same
// thing twice it counts once.
std::shared_ptr<const CaptionJudge> lexical_judge();

struct EndpointOptions {
  std::string url;                             // "https://host/v1", or of the completions themselves
  std::string model;                           // as the endpoint calls it
  std::string key = {};                        // sent as a bearer token; never written anywhere
  std::chrono::milliseconds timeout{120000};   // of one request
  int num_attempts = 5;                        // of one request: errors of the network, 429 and 5xx are tried again
  std::chrono::milliseconds first_wait{1000};  // before the second attempt; doubles, unless the endpoint says how long
  int num_threads = 8;                         // requests at a time
};
// Throws InvalidArgument for a URL that is none or a model without a name.
std::shared_ptr<const CaptionJudge> open_endpoint_judge(EndpointOptions options);

// One caption to judge. `references` of its reference are texts.
struct CaptionToJudge {
  std::string id, caption;
  std::vector<std::string> references;
};

// The scores of all, in order. What was judged stands in the file as JSON lines, each once it is known, and is not
// asked for again: {"id", "judge", "prediction", "caption", "reference", "scores"}, the two sides as lists of
// [statement, is borne out]. Without a file nothing is kept. Throws the first error of the judge.
struct JudgedCaptions {
  std::vector<ItemScores> scores;  // empty ones of captions that were not judged
  bool is_finished = true;         // it was not asked to stop
};
JudgedCaptions judge_captions(const CaptionJudge& judge, const std::vector<CaptionToJudge>& captions,
                              const std::filesystem::path& file, const std::function<bool()>& is_stop_requested);

}  // namespace molmo::eval
