// A judge of captions behind an endpoint of OpenAI's form: a language model splits and compares.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "eval/caption_judge.h"
#include "http/post.h"
#include "http/url.h"

namespace molmo::eval {
namespace {

constexpr std::string_view kPath = "/chat/completions";

constexpr std::string_view kSplit =
    "You get one or several descriptions of the same picture. Split them into statements: short sentences of which "
    "each says one thing about the picture and can be understood alone. Leave out repetitions, opinions and talk about "
    "the describing itself. Answer with JSON and nothing else: {\"statements\": [\"...\", \"...\"]}";
constexpr std::string_view kCompare =
    "You get a text about a picture, and a numbered list of statements. For each statement say whether the text says "
    "the same, or something from which it follows. Wording does not matter; numbers, colors, places and names do. "
    "What the text does not mention is false. Answer with JSON and nothing else, one entry for each statement, in "
    "their order: {\"supported\": [true, false]}";

std::string completions_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with(kPath) ? url : url + std::string(kPath);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (size_t i = 0; i < texts.size(); ++i)
    all += fmt::format("{}Description {}:\n{}", i > 0 ? "\n\n" : "", i + 1, texts[i]);
  return all;
}

// From the first brace to the last: models like to put fences around JSON.
Json parse_answer(const std::string& content, const std::string& where) {
  const size_t begin = content.find('{'), end = content.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    fail(ErrorCategory::BadData, "{}: expected JSON, found '{}'", where, content.substr(0, 200));
  return parse_json(std::string_view(content).substr(begin, end + 1 - begin), where);
}

class EndpointJudge final : public CaptionJudge {
 public:
  explicit EndpointJudge(EndpointOptions options) : options_(std::move(options)) {
    options_.url = completions_url(options_.url);
    http::Url::parse(options_.url);
    if (options_.model.empty())
      fail(ErrorCategory::InvalidArgument, "the judge at {} has no model. Hint: --judge-model NAME", options_.url);
    post_.total_timeout = options_.timeout;
    if (!options_.key.empty()) post_.headers.push_back("Authorization: Bearer " + options_.key);
  }

  std::string name() const override { return fmt::format("{} at {}", options_.model, options_.url); }
  int num_threads() const override { return options_.num_threads; }

  Judgement judge(const std::string& caption, const std::vector<std::string>& references) const override {
    const std::string meant = joined(references);
    Judgement judgement{.caption = split(joined({caption})), .reference = split(meant)};
    compare(meant, judgement.caption);
    compare(caption, judgement.reference);
    return judgement;
  }

 private:
  std::vector<Statement> split(const std::string& text) const {
    std::vector<Statement> statements;
    ask(kSplit, text, [&](const Json& answer) {
      statements.clear();
      for (const std::string& statement : answer.at("statements").get<std::vector<std::string>>())
        statements.push_back({statement, false});
    });
    return statements;
  }

  void compare(const std::string& text, std::vector<Statement>& statements) const {
    if (statements.empty()) return;
    std::string question = "Text:\n" + text + "\n\nStatements:";
    for (size_t i = 0; i < statements.size(); ++i) question += fmt::format("\n{}. {}", i + 1, statements[i].text);
    ask(kCompare, question, [&](const Json& answer) {
      const auto supported = answer.at("supported").get<std::vector<bool>>();
      if (supported.size() != statements.size()) {
        fail(ErrorCategory::BadData, "{} verdicts on {} statements", supported.size(), statements.size());
      }
      for (size_t i = 0; i < statements.size(); ++i) statements[i].is_borne_out = supported[i];
    });
  }

  // Gives the answer to `take`; where that throws because the answer makes no sense, asks again.
  void ask(std::string_view task, const std::string& question, const std::function<void(const Json&)>& take) const {
    const Json request = {
        {"model", options_.model},
        {"temperature", 0},
        {"messages", {{{"role", "system"}, {"content", task}}, {{"role", "user"}, {"content", question}}}}};
    const std::string body = dump_json(request);
    std::string trouble;
    auto wait = options_.first_wait;
    for (int attempt = 1;; ++attempt) {
      const http::PostResponse response = http::post(options_.url, body, post_);
      trouble = trouble_of(response);
      if (trouble.empty()) {
        try {
          const Json reply = parse_json(response.body, name());
          take(parse_answer(reply.at("choices").at(0).at("message").at("content").get<std::string>(), name()));
          return;
        } catch (const nlohmann::json::exception& error) {
          trouble = fmt::format("an answer of another form: {}; it begins with '{}'", error.what(),
                                response.body.substr(0, 200));
        } catch (const Error& error) {
          trouble = fmt::format("an answer that makes no sense: {}", error.what());
        }
      } else if (!may_pass(response)) {
        fail(ErrorCategory::Io, "the judge {} refuses: {}{}", name(), trouble, hint(response));
      }
      if (attempt >= options_.num_attempts)
        fail(ErrorCategory::Io, "the judge {} failed {} times, the last time with {}", name(), attempt, trouble);
      constexpr std::chrono::seconds kLongestWait{60};
      const auto asked = response.retry_after.value_or(std::chrono::seconds(0));
      std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(
          asked.count() > 0 ? std::chrono::milliseconds(asked) : wait, kLongestWait));
      wait *= 2;
    }
  }

  static std::string trouble_of(const http::PostResponse& response) {
    if (response.failure != http::Failure::None)
      return fmt::format("{}: {}", enum_name(response.failure), response.message);
    if (response.status >= 200 && response.status < 300) return "";
    return fmt::format("status {}: '{}'", response.status, response.body.substr(0, 300));
  }

  static bool may_pass(const http::PostResponse& response) {
    using enum http::Failure;
    if (response.failure != None)
      return response.failure != BadUrl && response.failure != TlsFailed && response.failure != TooLarge;
    return response.status == 408 || response.status == 409 || response.status == 429 || response.status >= 500;
  }

  static std::string_view hint(const http::PostResponse& response) {
    if (response.status == 401 || response.status == 403)
      return ". Hint: the key comes from the environment variable MOLMO_JUDGE_KEY, or the one that "
             "--judge-key-variable names";
    if (response.status == 404)
      return ". Hint: is the URL the one before /chat/completions, and the model's name right?";
    return "";
  }

  EndpointOptions options_;
  http::PostOptions post_;
};

}  // namespace

std::shared_ptr<const CaptionJudge> open_endpoint_judge(EndpointOptions options) {
  return std::make_shared<const EndpointJudge>(std::move(options));
}

}  // namespace molmo::eval
