// Judges of captions: the built-in one, and one behind an endpoint, which here is a server of this process.
#include "eval/caption_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "fixtures.h"
#include "http/loopback_server.h"

namespace molmo::eval {
namespace {

using http::IncomingRequest;
using http::Reply;
using testing::AllOf;
using testing::HasSubstr;

std::vector<std::string> texts(const std::vector<Statement>& statements) {
  std::vector<std::string> all;
  for (const Statement& statement : statements) all.push_back(statement.text);
  return all;
}

std::map<std::string, double> scores(const Judgement& judgement) {
  const NamedValues values = judgement_scores(judgement);
  return {values.begin(), values.end()};
}

TEST(LexicalJudge, ComparesStatementsByTheirWords) {
  const Judgement judgement =
      lexical_judge()->judge("Two brown dogs are running over a green meadow. A red kite flies in the sky.",
                             {"I see two dogs, brown ones, running on a meadow that is green.",
                              "Two brown dogs running. Three children wait."});
  EXPECT_EQ(texts(judgement.caption), (std::vector<std::string>{"Two brown dogs are running over a green meadow",
                                                                "A red kite flies in the sky"}));
  EXPECT_TRUE(judgement.caption[0].is_borne_out);
  EXPECT_FALSE(judgement.caption[1].is_borne_out);
  // What the second person repeats counts once.
  EXPECT_EQ(judgement.reference.back().text, "Three children wait");
  EXPECT_FALSE(judgement.reference.back().is_borne_out);
  const auto values = scores(judgement);
  EXPECT_DOUBLE_EQ(values.at("precision"), 0.5);
  EXPECT_GT(values.at("recall"), 0.4);
  EXPECT_LT(values.at("recall"), 1);
}

TEST(LexicalJudge, GivesFullMarksToTheSameWordsAndNoneToNothing) {
  const std::string text = "A tall house of 3.5 m stands by the sea; its door is open. A man waits.";
  EXPECT_DOUBLE_EQ(scores(lexical_judge()->judge(text, {text})).at("f1"), 1);
  const auto nothing = scores(lexical_judge()->judge("", {text}));
  EXPECT_DOUBLE_EQ(nothing.at("f1"), 0);
  EXPECT_FALSE(nothing.contains("precision"));
  EXPECT_TRUE(scores(lexical_judge()->judge("", {})).empty());
}

// An endpoint that splits at full stops and compares letter by letter.
std::string judge_of_letters(const IncomingRequest& request) {
  const Json body = parse_json(request.body, "request");
  const auto task = body.at("messages").at(0).at("content").get<std::string>(),
             text = body.at("messages").at(1).at("content").get<std::string>();
  Json answer;
  if (task.find("Split") != std::string::npos) {
    answer["statements"] = Json::array();
    std::string rest = text.substr(text.find('\n') + 1);
    for (size_t at; (at = rest.find('.')) != std::string::npos; rest = rest.substr(std::min(rest.size(), at + 2)))
      answer["statements"].push_back(rest.substr(0, at));
  } else {
    const size_t list = text.find("\n\nStatements:");
    answer["supported"] = Json::array();
    for (size_t at = list; (at = text.find(". ", at)) != std::string::npos; ++at) {
      const std::string statement = text.substr(at + 2, text.find('\n', at) - at - 2);
      answer["supported"].push_back(text.substr(0, list).find(statement) != std::string::npos);
    }
  }
  Json reply;
  reply["choices"][0]["message"]["content"] = "```json\n" + dump_json(answer) + "\n```";
  return dump_json(reply);
}

EndpointOptions endpoint(const http::LoopbackServer& server) {
  return {.url = server.url("/v1"),
          .model = "tiny-judge",
          .timeout = std::chrono::milliseconds(5000),
          .num_attempts = 3,
          .first_wait = std::chrono::milliseconds(1)};
}

std::string error_of(const EndpointOptions& options) {
  try {
    open_endpoint_judge(options)->judge("A dog.", {"A dog."});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(EndpointJudge, SplitsAndComparesThroughAModel) {
  std::mutex mutex;
  std::string target, authorization, model;
  http::LoopbackServer server([&](const IncomingRequest& request, Reply& reply) {
    {
      const std::lock_guard lock(mutex);
      target = request.target;
      authorization = request.headers.at("authorization");
      model = parse_json(request.body, "request").at("model").get<std::string>();
    }
    reply.send(http::http_answer(200, judge_of_letters(request)));
  });
  EndpointOptions options = endpoint(server);
  options.key = "a-key";
  const auto judge = open_endpoint_judge(options);
  EXPECT_EQ(judge->name(), "tiny-judge at " + server.url("/v1/chat/completions"));
  const Judgement judgement = judge->judge("A dog. A cat.", {"A cat. A bird. A fish."});
  EXPECT_EQ(texts(judgement.caption), (std::vector<std::string>{"A dog", "A cat"}));
  EXPECT_DOUBLE_EQ(scores(judgement).at("precision"), 0.5);
  EXPECT_DOUBLE_EQ(scores(judgement).at("recall"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(scores(judgement).at("f1"), 0.4);
  EXPECT_EQ(target, "/v1/chat/completions");
  EXPECT_EQ(authorization, "Bearer a-key");
  EXPECT_EQ(model, "tiny-judge");
}

TEST(EndpointJudge, TriesAgainWhatMayPass) {
  std::atomic<int> num_requests = 0;
  http::LoopbackServer server([&](const IncomingRequest& request, Reply& reply) {
    const int number = num_requests++;
    if (number == 0) reply.send(http::http_answer(503, "starting"));
    if (number == 1) reply.send(http::http_answer(200, R"({"choices":[{"message":{"content":"Sure! No JSON."}}]})"));
    if (number >= 2) reply.send(http::http_answer(200, judge_of_letters(request)));
  });
  EXPECT_DOUBLE_EQ(scores(open_endpoint_judge(endpoint(server))->judge("A dog.", {"A dog."})).at("f1"), 1);
  EXPECT_EQ(num_requests, 6);
}

TEST(EndpointJudge, SaysWhatIsWrong) {
  std::atomic<int> status = 401;
  std::atomic<int> num_requests = 0;
  http::LoopbackServer server([&](const IncomingRequest&, Reply& reply) {
    ++num_requests;
    reply.send(http::http_answer(status, status == 200 ? R"({"choices":[]})" : R"({"error":"no such key"})"));
  });
  EndpointOptions options = endpoint(server);
  options.key = "a-secret";
  const std::string refused = error_of(options);
  EXPECT_THAT(refused, AllOf(HasSubstr("tiny-judge at http://127.0.0.1"), HasSubstr("status 401"),
                             HasSubstr("no such key"), HasSubstr("MOLMO_JUDGE_KEY")));
  EXPECT_THAT(refused, testing::Not(HasSubstr("a-secret")));
  EXPECT_EQ(num_requests, 1);
  status = 404;
  EXPECT_THAT(error_of(options), HasSubstr("/chat/completions"));
  status = 500;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("failed 3 times"), HasSubstr("status 500")));
  status = 200;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("failed 3 times"), HasSubstr("another form")));
  options.url = "http://127.0.0.1:1/v1";
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("failed 3 times"), HasSubstr("connect_failed")));
  EXPECT_THROW(open_endpoint_judge({.url = "file:///etc/passwd", .model = "m"}), Error);
  EXPECT_THROW(open_endpoint_judge({.url = "http://127.0.0.1/v1", .model = ""}), Error);
}

TEST(EndpointJudge, GivesUpOnASilentEndpoint) {
  http::LoopbackServer server([](const IncomingRequest&, Reply& reply) { reply.stall(std::chrono::seconds(30)); });
  EndpointOptions options = endpoint(server);
  options.timeout = std::chrono::milliseconds(100);
  options.num_attempts = 2;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("failed 2 times"), HasSubstr("timeout")));
}

TEST(JudgeCaptions, AsksOnceAboutEachAndGoesOnAfterAKill) {
  http::LoopbackServer server([](const IncomingRequest& request, Reply& reply) {
    reply.send(http::http_answer(200, judge_of_letters(request)));
  });
  const auto judge = open_endpoint_judge(endpoint(server));
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "judgements.jsonl";
  std::vector<CaptionToJudge> captions;
  for (int i = 0; i < 20; ++i) captions.push_back({std::to_string(i), i % 2 == 0 ? "A dog." : "A cat.", {"A dog."}});
  const auto never = [] { return false; };
  const JudgedCaptions whole = judge_captions(*judge, captions, {}, never);
  EXPECT_TRUE(whole.is_finished);
  for (size_t i = 0; i < 20; ++i) EXPECT_DOUBLE_EQ(whole.scores[i].scores.back().second, i % 2 == 0) << i;
  const uint64_t num_asked = server.num_requests();
  EXPECT_EQ(num_asked, 80u);
  EXPECT_FALSE(judge_captions(*judge, captions, file, [] { return true; }).is_finished);
  // What a kill left: some whole lines and a torn one.
  write_file_atomic(file, read_file(file) + R"({"id":"19","jud)");
  const JudgedCaptions rest = judge_captions(*judge, captions, file, never);
  EXPECT_EQ(server.num_requests(), 2 * num_asked);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(rest.scores[i].scores, whole.scores[i].scores) << i;
  judge_captions(*judge, captions, file, never);
  EXPECT_EQ(server.num_requests(), 2 * num_asked);
  // Another caption, or another judge, is another question.
  captions[3].caption = "A fish.";
  judge_captions(*judge, captions, file, never);
  EXPECT_EQ(server.num_requests(), 2 * num_asked + 4);
  judge_captions(*lexical_judge(), captions, file, never);
  EXPECT_EQ(server.num_requests(), 2 * num_asked + 4);
}

}  // namespace
}  // namespace molmo::eval
