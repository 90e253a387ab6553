#include "eval/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "eval/predictions.h"
#include "generate/ask_together.h"
#include "image/overlay.h"
#include "text/prompt.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

constexpr int kMostFailurePictures = 12;

struct Asked {
  Question question;
  generate::PreparedPrompt prompt;
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
    const auto dataset = open_benchmark(benchmark_, data_);
    const auto size = static_cast<int64_t>(dataset->size());
    const int64_t num_examples = std::min(size, options_.limit.value_or(is_drawn(benchmark_) ? kDrawnExamples : size));
    if (!options_.output.empty()) open_folder();
    Progress progress(std::string(benchmark_.name), static_cast<uint64_t>(num_examples), "examples");
    int64_t index = 0;
    for (; index < num_examples && !options_.is_stop_requested(); ++index) {
      add_example(*dataset, static_cast<size_t>(index));
      if (static_cast<int64_t>(waiting_.size()) >= options_.batch_size) answer();
      progress.advance();
    }
    if (!options_.is_stop_requested()) answer();
    result_.is_finished = index == num_examples && waiting_.empty();
    result_.scores = table_.summarize(benchmark_.name, benchmark_.balanced);
    if (log_) write_results();
    return std::move(result_);
  }

 private:
  fs::path file(const char* name) const { return options_.output / benchmark_.name / name; }

  // What the answers depend on.
  Json settings() const {
    return {{"benchmark", benchmark_.name},
            {"model", options_.model_name},
            {"data", data_.path.string()},
            {"options", data_.options},
            {"max_new_tokens", generation_.max_new_tokens},
            {"max_crops", max_crops_ ? Json(*max_crops_) : Json(nullptr)},
            {"seed", options_.seed}};
  }

  void open_folder() {
    fs::create_directories(options_.output / benchmark_.name);
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
    log_.emplace(file("predictions.jsonl"));
  }

  void add_example(const data::Dataset& dataset, size_t index) {
    RandomStream draws(options_.seed, dataset.name(), index);
    data::Example example = dataset.example(index, draws);
    std::vector<image::Image> pictures;
    for (Question& question : benchmark_.ask(example)) {
      if (log_) {
        if (const std::string* known = log_->find(question.id)) {
          score(question, *known);
          continue;
        }
      }
      if (pictures.empty()) {
        for (const data::Picture& picture : example.pictures) pictures.push_back(data::decode_picture(picture));
      }
      Asked asked{std::move(question), {}};
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
    const auto answers = generate::ask_together(model_, prompts, generation_, {.max_crops = max_crops_});
    result_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::vector<Json> lines;
    for (size_t i = 0; i < answers.size(); ++i) {
      const Question& question = waiting_[i].question;
      const ItemScores scored = score(question, answers[i].text);
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
    if (num_failures_ >= kMostFailurePictures || prompt.images.empty() || scored.scores.empty()) return;
    const auto main = std::find_if(scored.scores.begin(), scored.scores.end(),
                                   [&](const auto& score) { return score.first == benchmark_.main_score; });
    if ((main == scored.scores.end() ? scored.scores.front() : *main).second >= 0.5) return;
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

  ItemScores score(const Question& question, const std::string& answer) {
    ItemScores scored = benchmark_.score(*question.reference, answer, options_.quirks);
    if (log_) {
      Json reference = {{"id", question.id}};
      reference.update(*question.reference);
      references_ += dump_json(reference) + "\n";
    }
    table_.add(scored);
    return scored;
  }

  void write_results() const {
    write_file_atomic(file("references.jsonl"), references_);
    Json scores = result_.scores.json();
    scores["is_finished"] = result_.is_finished;
    write_json_file(file("scores.json"), scores);
  }

  const Benchmark& benchmark_;
  const BenchmarkData& data_;
  const generate::LoadedModel& model_;
  const RunOptions& options_;
  text::PromptFormatter formatter_;
  config::GenerationConfig generation_;
  std::optional<int64_t> max_crops_;
  std::optional<PredictionLog> log_;
  std::vector<Asked> waiting_;
  ScoreTable table_;
  std::string references_;
  int num_failures_ = 0;
  RunResult result_;
};

}  // namespace

RunResult run_benchmark(const Benchmark& benchmark, const BenchmarkData& data, const generate::LoadedModel& model,
                        const RunOptions& options) {
  return Run(benchmark, data, model, options).run();
}

}  // namespace molmo::eval
