#include "eval/caption_judge.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/line_log.h"
#include "base/progress.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

double share_borne_out(const std::vector<Statement>& statements) {
  const auto count = std::count_if(statements.begin(), statements.end(), [](const auto& s) { return s.is_borne_out; });
  return static_cast<double>(count) / static_cast<double>(statements.size());
}

Json pairs(const std::vector<Statement>& statements) {
  Json list = Json::array();
  for (const Statement& statement : statements) list.push_back({statement.text, statement.is_borne_out});
  return list;
}

// Which captions the file has judgements of: the same judge and the same caption.
class JudgementFile {
 public:
  JudgementFile(const fs::path& file, std::string judge) : judge_(std::move(judge)) {
    if (file.empty()) return;
    uint64_t num_bytes = 0;
    if (fs::exists(file)) {
      const std::string text = read_file(file, uint64_t{4} << 30);
      num_bytes = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
      read_lines(file, [&](const Json& line) {
        if (line.value("judge", "") == judge_) known_.insert_or_assign(key(line.at("id"), line.at("prediction")), line);
      });
    }
    log_.emplace(file, num_bytes);
  }

  std::optional<NamedValues> find(const CaptionToJudge& caption) const {
    const auto found = known_.find(key(caption.id, caption.caption));
    if (found == known_.end()) return std::nullopt;
    NamedValues values;
    for (const char* name : {"recall", "precision", "f1"}) {
      if (found->second.at("scores").contains(name))
        values.emplace_back(name, found->second["scores"][name].get<double>());
    }
    return values;
  }

  void add(const CaptionToJudge& caption, const Judgement& judgement, const NamedValues& values) {
    if (!log_) return;
    Json scores = Json::object();
    for (const auto& [name, value] : values) scores[name] = value;
    const std::lock_guard lock(mutex_);
    log_->append({{"id", caption.id},
                  {"judge", judge_},
                  {"prediction", caption.caption},
                  {"caption", pairs(judgement.caption)},
                  {"reference", pairs(judgement.reference)},
                  {"scores", std::move(scores)}});
  }

 private:
  static std::pair<std::string, std::string> key(const std::string& id, const std::string& caption) {
    return {id, caption};
  }

  std::string judge_;
  std::map<std::pair<std::string, std::string>, Json> known_;
  std::optional<LineLog> log_;
  std::mutex mutex_;
};

}  // namespace

NamedValues judgement_scores(const Judgement& judgement) {
  NamedValues values;
  std::optional<double> recall, precision;
  if (!judgement.reference.empty()) recall = share_borne_out(judgement.reference);
  if (!judgement.caption.empty()) precision = share_borne_out(judgement.caption);
  if (recall) values.emplace_back("recall", *recall);
  if (precision) values.emplace_back("precision", *precision);
  // A caption that says nothing is worth nothing.
  if (recall) {
    const double sum = *recall + precision.value_or(0);
    values.emplace_back("f1", sum > 0 ? 2 * *recall * precision.value_or(0) / sum : 0);
  }
  return values;
}

JudgedCaptions judge_captions(const CaptionJudge& judge, const std::vector<CaptionToJudge>& captions,
                              const fs::path& file, const std::function<bool()>& is_stop_requested) {
  JudgementFile judgements(file, judge.name());
  JudgedCaptions judged{.scores = std::vector<ItemScores>(captions.size())};
  std::vector<size_t> open;
  for (size_t i = 0; i < captions.size(); ++i) {
    const auto known = judgements.find(captions[i]);
    known ? void(judged.scores[i].scores = *known) : open.push_back(i);
  }
  std::atomic<size_t> next = 0, num_done = 0;
  std::atomic<bool> is_over = false;
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      for (size_t at; !is_over && (at = next++) < open.size(); ++num_done) {
        const CaptionToJudge& caption = captions[open[at]];
        const Judgement judgement = judge.judge(caption.caption, caption.references);
        NamedValues values = judgement_scores(judgement);
        judgements.add(caption, judgement, values);
        judged.scores[open[at]].scores = std::move(values);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      is_over = true;
    }
  };
  std::vector<std::thread> threads;
  const size_t num_threads = std::min(open.size(), static_cast<size_t>(std::max(1, judge.num_threads())));
  std::atomic<size_t> num_running = num_threads;
  for (size_t i = 0; i < num_threads; ++i) {
    threads.emplace_back([&] {
      work();
      --num_running;
    });
  }
  Progress progress("judge captions", captions.size(), "captions", captions.size() - open.size());
  for (size_t shown = 0; num_running > 0;) {
    if (is_stop_requested()) is_over = true;
    for (const size_t done = num_done; shown < done; ++shown) progress.advance();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  judged.is_finished = num_done == open.size();
  return judged;
}

}  // namespace molmo::eval
