#include "eval/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "eval/predictions.h"
#include "eval/submission.h"
#include "generate/ask_together.h"
#include "image/overlay.h"
#include "text/prompt.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

constexpr int kMostFailurePictures = 12;

// A question that has an answer, in the order of the questions, whenever it was answered.
struct Answered {
  std::string id, reference;  // a line of references.jsonl
  ItemScores scored;          // empty where nobody here knows, or not yet
  std::optional<CaptionToJudge> caption;
  Json submission;  // null but where a server has the answers
};

struct Asked {
  Question question;
  generate::PreparedPrompt prompt;
  size_t place;  // among all questions
};

class Run {
 public:
  Run(const Benchmark& benchmark, const BenchmarkData& data, const generate::LoadedModel& model,
      const RunOptions& options)
      : benchmark_(benchmark), data_(data), model_(model), options_(options), formatter_(model.molmo.config().prompt) {
    generation_.max_new_tokens = options.max_new_tokens.value_or(benchmark.max_new_tokens);
    generation_.validate();
    max_crops_ = options.max_crops ? options.max_crops : benchmark.max_crops;
  }

  RunResult run() {
    if (num_ranks() > 1 && options_.output.empty())
      fail(ErrorCategory::InvalidArgument, "{} ranks share a run, but there is no folder where they meet", num_ranks());
    dataset_ = open_benchmark(benchmark_, data_);
    const auto size = static_cast<int64_t>(dataset_->size());
    num_examples_ = std::min(size, options_.limit.value_or(has_drawn_data() ? kDrawnExamples : size));
    if (!options_.output.empty()) open_folder();
    result_.is_finished = go_through();
    if (num_ranks() > 1) join_ranks();
    if (rank() == 0) summarize();
    if (num_ranks() > 1) result_.is_finished = options_.group->all_agree(result_.is_finished);
    return std::move(result_);
  }

 private:
  int64_t rank() const { return options_.group ? options_.group->rank() : 0; }
  int64_t num_ranks() const { return options_.group ? options_.group->num_ranks() : 1; }
  bool has_drawn_data() const { return data_.is_drawn || is_drawn(benchmark_); }
  fs::path file(const char* name) const { return options_.output / benchmark_.name / name; }

  // What the answers depend on.
  Json settings() const {
    return {{"benchmark", benchmark_.name},
            {"model", options_.model_name},
            {"data", data_.is_drawn ? "drawn" : data_.path.string()},
            {"split", split_of(benchmark_, data_)},
            {"options", data_.options},
            {"max_new_tokens", generation_.max_new_tokens},
            {"max_crops", max_crops_ ? Json(*max_crops_) : Json(nullptr)},
            {"seed", options_.seed}};
  }

  // The first rank opens the folder, and then the others read what is known.
  void open_folder() {
    const fs::path predictions = file("predictions.jsonl");
    if (rank() == 0) {
      fs::create_directories(options_.output / benchmark_.name);
      check_settings();
      was_shared_ = join_parts(predictions) || num_ranks() > 1;
      log_.emplace(predictions);  // cuts off what a kill left of a line
    }
    if (num_ranks() == 1) return;
    options_.group->all_agree(true);
    known_ = read_answers(predictions);
    log_.emplace(part_file(predictions, rank()));
  }

  void check_settings() const {
    const Json now = settings();
    if (fs::exists(file("run.json"))) {
      const Json before = read_json_file(file("run.json"));
      for (const auto& [key, value] : now.items()) {
        if (before.contains(key) && before[key] == value) continue;
        fail(ErrorCategory::InvalidArgument,
             "{}: '{}' was {} and is now {}; answers of two kinds do not belong into one folder. Hint: another folder, "
             "or remove this one",
             file("run.json").string(), key, before.contains(key) ? dump_json(before[key]) : "not there",
             dump_json(value));
      }
    }
    write_json_file(file("run.json"), now);
  }

  // Asks and scores this rank's share of the examples. False when it was asked to stop.
  bool go_through() {
    const int64_t first = rank(), step = num_ranks();
    const auto num_mine = static_cast<uint64_t>((num_examples_ - first + step - 1) / step);
    Progress progress(std::string(benchmark_.name), num_mine, "examples");
    int64_t index = first;
    for (; index < num_examples_ && !options_.is_stop_requested(); index += step) {
      add_example(static_cast<size_t>(index));
      if (static_cast<int64_t>(waiting_.size()) >= options_.batch_size) answer();
      progress.advance();
    }
    if (!options_.is_stop_requested()) answer();
    return index >= num_examples_ && waiting_.empty();
  }

  // What all ranks answered becomes one file, in the order of the questions, and the first rank scores it.
  void join_ranks() {
    double num_answered = static_cast<double>(result_.num_answered);
    options_.group->sum({&num_answered, 1});
    result_.num_answered = static_cast<int64_t>(num_answered);
    log_.reset();
    result_.is_finished = options_.group->all_agree(result_.is_finished);
    if (rank() > 0) return;
    const fs::path predictions = file("predictions.jsonl");
    join_parts(predictions);
    known_ = read_answers(predictions);
    waiting_.clear();
    answered_.clear();
    for (int64_t index = 0; index < num_examples_; ++index) {
      RandomStream draws(options_.seed, dataset_->name(), static_cast<uint64_t>(index));
      for (const Question& question : benchmark_.ask(dataset_->example(static_cast<size_t>(index), draws))) {
        if (const std::string* known = find_answer(question.id)) score(question, *known, answered_.size());
      }
    }
  }

  const std::string* find_answer(const std::string& id) const {
    const auto known = known_.find(id);
    if (known != known_.end()) return &known->second;
    return log_ ? log_->find(id) : nullptr;
  }

  void add_example(size_t index) {
    RandomStream draws(options_.seed, dataset_->name(), index);
    const data::Example example = dataset_->example(index, draws);
    std::vector<image::Image> pictures;
    for (Question& question : benchmark_.ask(example)) {
      if (const std::string* known = find_answer(question.id)) {
        score(question, *known, num_questions_++);
        continue;
      }
      if (pictures.empty()) {
        for (const data::Picture& picture : example.pictures) pictures.push_back(data::decode_picture(picture));
      }
      Asked asked{std::move(question), {}, num_questions_++};
      asked.prompt = {.text = prompt_text(asked.question, example, index), .images = pictures};
      waiting_.push_back(std::move(asked));
    }
  }

  std::string prompt_text(const Question& question, const data::Example& example, size_t index) const {
    RandomStream stream(options_.seed, std::string(benchmark_.name) + " prompts", index);
    text::StreamDraws draws(stream);
    const text::Example one{
        .annotations = {question.annotation}, .is_list = true, .image_size = example.text.image_size};
    return formatter_.format(one, text::Purpose::Inference, draws).at(0).messages.at(0);
  }

  void answer() {
    if (waiting_.empty()) return;
    std::vector<generate::PreparedPrompt> prompts;
    for (Asked& asked : waiting_) prompts.push_back(std::move(asked.prompt));
    const auto start = std::chrono::steady_clock::now();
    const auto answers = generate::ask_together(model_, prompts, generation_, {.max_crops = max_crops_}, &pictures_);
    result_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::vector<Json> lines;
    for (size_t i = 0; i < answers.size(); ++i) {
      const Question& question = waiting_[i].question;
      const ItemScores scored = score(question, answers[i].text, waiting_[i].place);
      if (log_) keep_failure(question, prompts[i], answers[i], scored);
      Json scores = Json::object();
      for (const auto& [name, value] : scored.scores) scores[name] = value;
      lines.push_back({{"id", question.id},
                       {"prompt", prompts[i].text},
                       {"prediction", answers[i].text},
                       {"parsed", scored.parsed},
                       {"scores", std::move(scores)},
                       {"tokens", answers[i].usage.completion_tokens},
                       {"finish_reason", std::string(enum_name(answers[i].finish_reason))}});
    }
    result_.num_answered += static_cast<int64_t>(answers.size());
    if (log_) log_->append(lines);
    waiting_.clear();
  }

  // A picture of a wrong answer, with the points that were given and those that are true.
  void keep_failure(const Question& question, const generate::PreparedPrompt& prompt, const generate::Answer& answer,
                    const ItemScores& scored) {
    if (num_failures_ * num_ranks() >= kMostFailurePictures || prompt.images.empty()) return;
    // What a judge has still to say is shown from the first on.
    if (scored.scores.empty() && !benchmark_.is_judged) return;
    const auto main = std::find_if(scored.scores.begin(), scored.scores.end(),
                                   [&](const auto& score) { return score.first == benchmark_.main_score; });
    const bool is_main = main != scored.scores.end();
    if (!scored.scores.empty() && (is_main ? *main : scored.scores.front()).second >= 0.5) return;
    ++num_failures_;
    std::vector<image::OverlayPoint> points;
    for (const generate::AnswerPoint& point : answer.points) points.push_back({point.px, "answer"});
    if (question.reference->contains("gt_points")) {
      for (const Json& point : question.reference->at("gt_points"))
        points.push_back({{point.at(0).get<double>(), point.at(1).get<double>()}, "truth"});
    }
    std::string name = question.id;
    std::replace(name.begin(), name.end(), '/', '_');
    fs::create_directories(file("failures"));
    image::write_overlay(prompt.images.front(), points, file("failures") / (name + ".jpg"));
  }

  const ItemScores& score(const Question& question, const std::string& answer, size_t place) {
    if (answered_.size() <= place) answered_.resize(place + 1);
    Answered& answered = answered_[place];
    const Json& reference = *question.reference;
    answered.id = question.id;
    if (!options_.output.empty()) {
      Json line = {{"id", question.id}};
      line.update(reference);
      answered.reference = dump_json(line) + "\n";
    }
    if (has_hidden_answers(benchmark_, data_)) {
      answered.submission = submission_entry(benchmark_, reference, answer);
    } else if (benchmark_.is_judged) {
      answered.caption = {question.id, answer, reference.at("references").get<std::vector<std::string>>()};
    } else {
      answered.scored = benchmark_.score(reference, answer, options_.quirks);
    }
    return answered.scored;
  }

  void summarize() {
    std::erase_if(answered_, [](const Answered& answered) { return answered.id.empty(); });  // still without an answer
    if (benchmark_.is_judged) judge();
    ScoreTable table;
    for (const Answered& answered : answered_) table.add(answered.scored);
    result_.scores = table.summarize(benchmark_.name, benchmark_.balanced);
    if (!options_.output.empty()) write_results();
  }

  // All at the end, because a judge far away is asked about many at the same time.
  void judge() {
    std::vector<CaptionToJudge> captions;
    for (const Answered& answered : answered_) captions.push_back(*answered.caption);
    const fs::path kept = options_.output.empty() ? fs::path() : file("judgements.jsonl");
    JudgedCaptions judged = judge_captions(*options_.judge, captions, kept, options_.is_stop_requested);
    for (size_t i = 0; i < answered_.size(); ++i) answered_[i].scored = std::move(judged.scores[i]);
    result_.is_finished = result_.is_finished && judged.is_finished;
  }

  void write_results() const {
    std::string references;
    std::vector<std::string> ids;
    for (const Answered& answered : answered_) {
      references += answered.reference;
      ids.push_back(answered.id);
    }
    if (was_shared_) order_predictions(file("predictions.jsonl"), ids);
    write_file_atomic(file("references.jsonl"), references);
    Json scores = result_.scores.json();
    scores["is_finished"] = result_.is_finished;
    scores["is_drawn"] = has_drawn_data();
    if (benchmark_.is_judged) scores["judge"] = options_.judge->name();
    write_json_file(file("scores.json"), scores);
    if (has_hidden_answers(benchmark_, data_)) write_submission();
  }

  void write_submission() const {
    Json submission = Json::array();
    for (const Answered& answered : answered_) submission.push_back(answered.submission);
    write_json_file(file("submission.json"), submission);
    if (!result_.is_finished || options_.limit) {
      log_warn("{}: {} questions are answered; test servers take all or none", file("submission.json").string(),
               submission.size());
    }
  }

  const Benchmark& benchmark_;
  const BenchmarkData& data_;
  const generate::LoadedModel& model_;
  const RunOptions& options_;
  text::PromptFormatter formatter_;
  config::GenerationConfig generation_;
  std::optional<int64_t> max_crops_;
  std::shared_ptr<const data::Dataset> dataset_;
  int64_t num_examples_ = 0;
  std::map<std::string, std::string, std::less<>> known_;  // answers of other ranks and of earlier runs
  std::optional<PredictionLog> log_;
  generate::PictureCache pictures_;
  std::vector<Asked> waiting_;
  size_t num_questions_ = 0;
  std::vector<Answered> answered_;
  bool was_shared_ = false;  // between ranks, so that the predictions are not in order
  int num_failures_ = 0;
  RunResult result_;
};

}  // namespace

RunResult run_benchmark(const Benchmark& benchmark, const BenchmarkData& data, const generate::LoadedModel& model,
                        const RunOptions& options) {
  return Run(benchmark, data, model, options).run();
}

}  // namespace molmo::eval
