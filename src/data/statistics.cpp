#include "data/statistics.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "report/plot.h"

namespace molmo::data {
namespace {

uint64_t count_words(std::string_view text) {
  uint64_t num_words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_blank && !in_word) ++num_words;
    in_word = !is_blank;
  }
  return num_words;
}

uint64_t num_points(const text::Annotation& annotation) {
  uint64_t count = annotation.points ? annotation.points->size() : 0;
  for (const text::AnswerPoints& entry : annotation.answer_points) count += entry.points.size();
  return count;
}

// What is asked and answered, before templates and tags; of points nothing is said in words.
std::string asked_text(const text::Annotation& annotation) {
  if (annotation.prompt) return *annotation.prompt;
  return annotation.question ? *annotation.question : annotation.label.value_or("");
}

std::optional<std::string> answered_text(const text::Annotation& annotation) {
  if (annotation.answers) return annotation.answers->empty() ? "" : annotation.answers->front();
  if (annotation.answer) return annotation.answer;
  return annotation.text;
}

bool is_pointing(const text::Annotation& annotation) {
  return annotation.points || !annotation.answer_points.empty();
}

void add(const text::Annotation& annotation, Statistics& statistics) {
  StyleStatistics& style = statistics.styles[annotation.style.value_or("no style")];
  ++style.num_conversations;
  if (annotation.messages) {
    for (size_t i = 0; i < annotation.messages->size(); ++i)
      (i % 2 == 0 ? style.question_words : style.answer_words).add(count_words((*annotation.messages)[i]));
    style.num_turns += (annotation.messages->size() + 1) / 2;
    return;
  }
  ++style.num_turns;
  style.question_words.add(count_words(asked_text(annotation)));
  if (is_pointing(annotation)) style.points.add(num_points(annotation));
  if (const auto answer = answered_text(annotation)) style.answer_words.add(count_words(*answer));
}

Json json_of(const Histogram& histogram) {
  return {{"count", histogram.total()},
          {"mean", histogram.mean()},
          {"median", histogram.quantile(0.5)},
          {"p95", histogram.quantile(0.95)},
          {"largest", histogram.largest()}};
}

std::vector<report::Bar> bars_of(const Histogram& histogram) {
  constexpr uint64_t kMostBars = 16;
  const uint64_t low = histogram.counts.begin()->first, high = histogram.largest();
  const uint64_t step = (high - low) / kMostBars + 1;
  std::vector<report::Bar> bars;
  for (uint64_t begin = low; begin <= high; begin += step) {
    const std::string name = step == 1 ? std::to_string(begin) : fmt::format("{} - {}", begin, begin + step - 1);
    report::Bar& bar = bars.emplace_back(report::Bar{name, 0});
    for (auto it = histogram.counts.lower_bound(begin); it != histogram.counts.end() && it->first < begin + step; ++it)
      bar.value += static_cast<double>(it->second);
  }
  return bars;
}

void add_histogram(report::Page& page, const Histogram& histogram, const std::string& title, const std::string& unit) {
  if (histogram.counts.empty()) return;
  page.heading(title);
  page.figure(report::bar_plot(bars_of(histogram), unit),
              fmt::format("{} in all; mean {:.1f}, median {}, 95 % up to {}, largest {}.", histogram.total(),
                          histogram.mean(), histogram.quantile(0.5), histogram.quantile(0.95), histogram.largest()));
}

report::Html mean_of(const Histogram& histogram) {
  return report::text(histogram.counts.empty() ? "-" : fmt::format("{:.1f}", histogram.mean()));
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace

uint64_t Histogram::total() const {
  uint64_t sum = 0;
  for (const auto& [value, count] : counts) sum += count;
  return sum;
}

double Histogram::mean() const {
  double sum = 0;
  for (const auto& [value, count] : counts) sum += static_cast<double>(value) * static_cast<double>(count);
  return counts.empty() ? 0 : sum / static_cast<double>(total());
}

uint64_t Histogram::quantile(double share) const {
  const double wanted = share * static_cast<double>(total());
  uint64_t seen = 0;
  for (const auto& [value, count] : counts) {
    seen += count;
    if (static_cast<double>(seen) >= wanted) return value;
  }
  return largest();
}

uint64_t Histogram::largest() const {
  return counts.empty() ? 0 : counts.rbegin()->first;
}

Statistics collect_statistics(const Dataset& dataset, const StatisticsOptions& options) {
  Statistics statistics;
  statistics.name = dataset.name();
  const uint64_t size =
      options.max_examples == 0 ? dataset.size() : std::min<uint64_t>(dataset.size(), options.max_examples);
  Progress progress("stats", size, "examples");
  for (uint64_t i = 0; i < size; ++i, progress.advance()) {
    RandomStream draws(options.seed, dataset.name(), i);
    try {
      const Example example = dataset.example(i, draws);
      ++statistics.num_examples;
      statistics.num_pictures += example.pictures.size();
      statistics.conversations.add(example.text.annotations.size());
      uint64_t points = 0;
      bool points_at_something = false;
      for (const text::Annotation& annotation : example.text.annotations) {
        add(annotation, statistics);
        points += num_points(annotation);
        points_at_something = points_at_something || is_pointing(annotation);
      }
      if (points_at_something) statistics.points.add(points);
    } catch (const Error& error) {
      ++statistics.num_unreadable;
      if (statistics.problems.size() < options.max_problems) statistics.problems.emplace_back(error.what());
    }
  }
  return statistics;
}

Json Statistics::json() const {
  Json by_style = Json::object();
  for (const auto& [style, of_style] : styles) {
    by_style[style] = {{"conversations", of_style.num_conversations},
                       {"turns", of_style.num_turns},
                       {"question_words", json_of(of_style.question_words)},
                       {"answer_words", json_of(of_style.answer_words)}};
    if (!of_style.points.counts.empty()) by_style[style]["points"] = json_of(of_style.points);
  }
  Json json = {{"name", name},
               {"examples", num_examples},
               {"pictures", num_pictures},
               {"conversations_per_example", json_of(conversations)},
               {"styles", by_style},
               {"unreadable", num_unreadable},
               {"problems", problems}};
  if (!points.counts.empty()) json["points_per_example"] = json_of(points);
  return json;
}

report::Page statistics_page(const Statistics& statistics) {
  report::Page page("What is in " + statistics.name);
  page.paragraph(fmt::format("Examples: {}. Pictures: {}. Styles of conversations: {}.", statistics.num_examples,
                             statistics.num_pictures, statistics.styles.size()));
  std::vector<std::vector<report::Html>> rows;
  for (const auto& [name, style] : statistics.styles) {
    rows.push_back({report::text(name), report::text(fmt::format("{}", style.num_conversations)),
                    report::text(fmt::format("{}", style.num_turns)), mean_of(style.question_words),
                    mean_of(style.answer_words)});
  }
  page.table({"style", "conversations", "turns", "words of a question", "words of an answer"}, rows);
  if (statistics.num_unreadable > 0) {
    page.heading("Examples that cannot be read");
    page.paragraph(fmt::format("{} in all. The first ones:", statistics.num_unreadable));
    for (const std::string& problem : statistics.problems) page.paragraph(problem);
  }
  add_histogram(page, statistics.conversations, "Conversations of a picture", "pictures");
  add_histogram(page, statistics.points, "Points of a picture", "pictures");
  for (const auto& [name, style] : statistics.styles) {
    const bool is_caption = name == "long_caption" || name == "transcript";
    add_histogram(page, style.answer_words, is_caption ? "Words of a " + name : "Words of an answer, " + name,
                  "answers");
    add_histogram(page, style.points, capital("points of a conversation, " + name), "conversations");
  }
  return page;
}

}  // namespace molmo::data
