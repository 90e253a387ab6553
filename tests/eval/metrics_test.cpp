// Scoring functions against the golden numbers of the reference and against known answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "eval/android_steps.h"
#include "eval/answers.h"
#include "eval/masks.h"
#include "eval/math_vista.h"
#include "eval/mmmu.h"
#include "eval/pointing.h"
#include "eval/python_text.h"
#include "eval/readings.h"
#include "eval/scene_caption.h"
#include "eval/scores.h"
#include "eval/vqa.h"
#include "fixtures.h"

namespace molmo::eval {
namespace {

using testing::ElementsAre;

Json fixture(const std::string& name) {
  return read_json_file(test::fixture_path("metrics/" + name));
}

// By value: a loop over a part of a fixture would outlive the fixture.
Json rows_of(const std::string& name, const char* list = "cases") {
  return fixture(name)[list];
}

std::vector<PointPx> points_of(const Json& json) {
  std::vector<PointPx> points;
  for (const Json& point : json) points.push_back({point[0].get<double>(), point[1].get<double>()});
  return points;
}

TEST(PythonText, ReadsNumbersAsPythonDoes) {
  EXPECT_EQ(parse_int(" 1_000 "), 1000);
  EXPECT_EQ(parse_int("-٣"), -3);  // digits of another script
  EXPECT_EQ(parse_int("99999999999999999999"), std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", "_1", "1_", "1__0", "1.0", "- 1", "0x10", "+", "1 2"})
    EXPECT_EQ(parse_int(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_float("1_0.5e1_0"), 10.5e10);
  EXPECT_EQ(parse_float("-.5"), -0.5);
  EXPECT_EQ(parse_float("5."), 5.0);
  EXPECT_EQ(parse_float("+Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_float("1e999"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse_float("nan").value()));
  for (const char* bad : {"", ".", "e5", "0x1p3", "1e", "1,5", "infinit", "1_.5", "\xff"})
    EXPECT_EQ(parse_float(bad), std::nullopt) << bad;
}

TEST(PythonText, SplitsAtWhiteSpaceOfEveryScript) {
  EXPECT_EQ(strip("\u3000 a b\x1f\n"), "a b");
  EXPECT_THAT(split_words(" a\u2003b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_EQ(join_words("  a \n b "), "a b");
}

TEST(Pointing, ScoresAsTheReference) {
  const Json document = fixture("pointing_f1.json");
  for (const Json& item : document["cases"]) {
    const ImageSize size{item["height"].get<int64_t>(), item["width"].get<int64_t>()};
    const PointingScore score =
        score_pointing(item["prediction"].get<std::string>(), size, points_of(item["gt_points"]), read_masks(item));
    EXPECT_NEAR(score.precision, item["expected"]["precision"].get<double>(), 1e-5) << item["id"];
    EXPECT_NEAR(score.recall, item["expected"]["recall"].get<double>(), 1e-5) << item["id"];
    EXPECT_NEAR(score.f1, item["expected"]["f1"].get<double>(), 1e-5) << item["id"];
  }
  for (const Json& item : document["undefined"]) {
    const ImageSize size{item["height"].get<int64_t>(), item["width"].get<int64_t>()};
    EXPECT_EQ(
        score_pointing(item["prediction"].get<std::string>(), size, points_of(item["gt_points"]), read_masks(item)).f1,
        0);
  }
}

TEST(Pointing, RecognisesTheWholeTextFormat) {
  for (const Json& item : rows_of("point_parsing.json"))
    EXPECT_EQ(is_point_answer(item["text"].get<std::string>()), item["expected"]["valid_format"].get<bool>())
        << item["text"];
}

TEST(Pointing, RoundsHalfToEvenIntoTheMask) {
  const Json document = fixture("point_in_mask.json");
  const Json& rows = document["mask_rows"];
  const Mask mask =
      read_masks(
          {{"height", rows.size()}, {"width", rows[0].get<std::string>().size()}, {"mask_rows", Json::array({rows})}})
          .at(0);
  for (const Json& item : document["cases"])
    EXPECT_EQ(mask.contains(points_of(Json::array({item["point"]})).at(0)), item["expected"]["inside"].get<bool>())
        << item;
}

TEST(Pointing, RunsOfAMaskGiveTheMaskBack) {
  RandomStream draws(1, "masks");
  Mask mask{{7, 5}, {}};
  for (int i = 0; i < 35; ++i) mask.is_inside.push_back(draws.below(2) == 1);
  const Json reference = {{"height", 7}, {"width", 5}, {"mask_runs", Json::array({mask_runs(mask)})}};
  EXPECT_EQ(read_masks(reference).at(0).is_inside, mask.is_inside);
  for (const Json& runs : {Json{30, 6}, Json{-1, 2}, Json{0, -1}, Json{int64_t{1} << 62, int64_t{1} << 62}})
    EXPECT_THROW(read_masks({{"height", 7}, {"width", 5}, {"mask_runs", Json::array({runs})}}), Error) << runs;
}

// The least sum over all ways to pair rows with columns.
double least_sum(const std::vector<double>& costs, size_t num_rows, size_t num_columns) {
  std::vector<size_t> order(std::max(num_rows, num_columns));
  std::iota(order.begin(), order.end(), size_t{0});
  double least = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (size_t i = 0; i < std::min(num_rows, num_columns); ++i)
      sum += num_rows <= num_columns ? costs[i * num_columns + order[i]] : costs[order[i] * num_columns + i];
    least = std::min(least, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

TEST(Matching, IsLeastOfAllPairings) {
  RandomStream draws(2, "matching");
  for (int round = 0; round < 60; ++round) {
    const size_t num_rows = 1 + draws.below(6), num_columns = 1 + draws.below(6);
    std::vector<double> costs(num_rows * num_columns);
    for (double& cost : costs) cost = round % 2 ? draws.uniform() : static_cast<double>(draws.below(4));
    double sum = 0;
    std::vector<bool> has_row(num_rows), has_column(num_columns);
    const auto pairs = match_least_cost(costs, num_rows, num_columns);
    ASSERT_EQ(pairs.size(), std::min(num_rows, num_columns));
    for (const auto& [i, j] : pairs) {
      EXPECT_FALSE(has_row[i] || has_column[j]);
      has_row[i] = has_column[j] = true;
      sum += costs[i * num_columns + j];
    }
    EXPECT_NEAR(sum, least_sum(costs, num_rows, num_columns), 1e-12);
  }
}

TEST(Counting, ReadsCountsAsTheReference) {
  for (const Json& item : rows_of("count.json")) {
    const auto count = item["count"].get<int64_t>();
    const auto found = parse_count(item["prediction"].get<std::string>(), config::Quirks::Reference);
    EXPECT_EQ(found.has_value(), item["expected"]["valid"] == 1) << item;
    EXPECT_EQ(found == count, item["expected"]["correct"] == 1) << item;
  }
}

TEST(Counting, KnowsNoneOnceRepaired) {
  EXPECT_EQ(parse_count("There are none.", config::Quirks::Reference), std::nullopt);
  EXPECT_EQ(parse_count("There are none.", config::Quirks::Fixed), 0);
  EXPECT_EQ(parse_count("nonesuch", config::Quirks::Fixed), std::nullopt);
  EXPECT_EQ(
      parse_count(
          "Counting the <points x1=\"1.0\" y1=\"2.0\" x2=\"3.0\" y2=\"4.0\" alt=\"a\">a</points> shows a total of 2.",
          config::Quirks::Fixed),
      2);
}

TEST(Clocks, FindTheFirstTime) {
  const auto reading = read_time("The time is 10:09:31.").value();
  EXPECT_EQ(reading.hour, 10);
  EXPECT_EQ(reading.minute, 9);
  EXPECT_EQ(reading.second, 31);
  EXPECT_EQ(read_time("x: 1:5 2:30").value().minute, 30);
  for (const char* none : {"", "noon", "10", "24:00", "1:60", "123:45", "1:234", ":30"})
    EXPECT_FALSE(read_time(none)) << none;
}

TEST(Clocks, MeasureTheShortWayRoundTheDial) {
  EXPECT_EQ(dial_distance_minutes(12, 2, 11, 58), 4);
  EXPECT_EQ(dial_distance_minutes(22, 0, 10, 0), 0);
  EXPECT_EQ(dial_distance_minutes(6, 0, 0, 0), 360);
}

TEST(Answers, CompareAsTheReference) {
  for (const Json& item : rows_of("relaxed_correctness.json"))
    EXPECT_EQ(relaxed_match(item["target"].get<std::string>(), item["prediction"].get<std::string>()),
              item["expected"]["correct"].get<bool>())
        << item;
  for (const Json& item : rows_of("prediction_cleanup.json"))
    EXPECT_EQ(clean_prediction(item["raw"].get<std::string>()), item["expected"]["scored_text"].get<std::string>())
        << item;
  for (const Json& item : rows_of("exact_match.json")) {
    const std::string cleaned = clean_prediction(item["raw"].get<std::string>());
    const Json& answers = item["answers"];
    const bool is_equal = std::any_of(answers.begin(), answers.end(), [&](const Json& answer) {
      return exact_match(answer.get<std::string>(), cleaned);
    });
    EXPECT_EQ(is_equal, item["expected"]["score"] == 1.0) << item;
  }
}

using Strings = std::vector<std::string>;
constexpr auto kReference = config::Quirks::Reference;

std::string text(const Json& item, const char* key) {
  return item.at(key).get<std::string>();
}
Strings texts(const Json& value) {
  return value.is_string() ? Strings{value.get<std::string>()} : value.get<Strings>();
}

TEST(Answers, AreNearAndChooseOptionsAsTheReference) {
  for (const Json& item : rows_of("anls.json")) {
    double best = 0;
    for (const std::string& target : texts(item.contains("targets") ? item["targets"] : item["target"]))
      best = std::max(best, anls(target, text(item, "prediction")));
    EXPECT_NEAR(best, item["expected"]["score"].get<double>(), 1e-9) << item;
  }
  EXPECT_EQ(anls("", ""), 1);  // the reference divides by zero
  for (const Json& item : rows_of("mc_option.json"))
    EXPECT_EQ(select_option(item["options"].get<Strings>(), text(item, "prediction")),
              item["expected"]["index"].get<size_t>())
        << item;
  for (const Json& item : rows_of("prediction_cleanup.json"))
    EXPECT_EQ(submission_text(text(item, "raw")), text(item["expected"], "submission_text")) << item;
}

TEST(Vqa, NormalizesAndScoresAsTheReference) {
  for (const Json& item : rows_of("vqa_normalize.json")) {
    EXPECT_EQ(vqa_without_punctuation(text(item, "text"), kReference), text(item["expected"], "after_punctuation"))
        << item;
    EXPECT_EQ(vqa_normalize(text(item, "text"), kReference), text(item["expected"], "normalized")) << item;
  }
  for (const Json& item : rows_of("vqa_score.json")) {
    const std::string prediction = text(item, "prediction");
    const double score = item["answers"].is_string()
                             ? vqa_score(text(item, "answers"), prediction, kReference)
                             : vqa_score(item["answers"].get<Strings>(), prediction, kReference);
    EXPECT_NEAR(score, item["expected"]["score"].get<double>(), 1e-9) << item;
  }
  for (const Json& item : rows_of("a_okvqa_score.json"))
    EXPECT_NEAR(a_okvqa_score(item["answers"].get<Strings>(), text(item, "prediction")),
                item["expected"]["score"].get<double>(), 1e-9)
        << item;
  for (const Json& item : rows_of("real_world_qa.json"))
    EXPECT_EQ(real_world_match(text(item, "question_type"), text(item, "answer"), text(item, "prediction"), kReference),
              item["expected"]["score"] == 1.0)
        << item;
  EXPECT_EQ(vqa_score("The Dog", "dog", config::Quirks::Fixed), 1);
}

TEST(Mmmu, ParsesAsTheReference) {
  for (const Json& item : rows_of("mmmu_multiple_choice.json")) {
    const auto parsed = parse_choice(text(item, "response"), item["options"].get<Strings>());
    EXPECT_EQ(!parsed, item["expected"]["random_fallback"].get<bool>()) << item;
    EXPECT_EQ(std::string(1, parsed.value_or('A')), text(item["expected"], "parsed")) << item;
  }
  for (const Json& item : rows_of("mmmu_open.json")) {
    const OpenAnswer answer = parse_open_answer(text(item, "response"));
    EXPECT_EQ(Json(answer.numbers), item["expected"]["parsed"]["numbers"]) << item;
    EXPECT_EQ(Json(answer.texts), item["expected"]["parsed"]["strings"]) << item;
    EXPECT_EQ(open_match(texts(item["answer"]), answer), item["expected"]["score"] == 1.0) << item;
  }
  for (const Json& item : rows_of("mmmu_score.json"))
    EXPECT_EQ(mmmu_match(text(item, "question_type"), item["options"].get<Strings>(), texts(item["answers"]),
                         text(item, "response")),
              item["expected"]["score"] == 1.0)
        << item;
}

TEST(MathVista, NormalizesAsTheReference) {
  for (const Json& item : rows_of("math_vista.json")) {
    MathVistaQuestion question{.question_type = text(item, "question_type"), .answer_type = text(item, "answer_type")};
    if (item["choices"].is_array()) question.choices = item["choices"].get<Strings>();
    if (item["precision"].is_number()) question.precision = static_cast<int64_t>(item["precision"].get<double>());
    question.is_precision_float = item["precision_is_float"].get<bool>();
    const auto json = [](const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); };
    const std::string response = text(item, "response");
    EXPECT_EQ(json(extract_shortcut(response, question)), item["expected"]["shortcut_extraction"]) << item;
    EXPECT_EQ(json(normalize_extraction(response, question, kReference)), item["expected"]["normalized_raw"]) << item;
    EXPECT_EQ(math_vista_match(response, question, text(item, "answer"), kReference),
              item["expected"]["correct_without_llm"].get<bool>())
        << item;
  }
}

TEST(Clocks, ScoreAsTheReference) {
  for (const Json& item : rows_of("clock.json")) {
    const ClockTruth truth{item["hour"].get<int>(), item["minute"].get<int>(), item["second"].get<int>()};
    Json scores = Json::object();
    for (const auto& [name, value] :
         score_clock(text(item, "prediction"), truth, item["mode"] == "bench" ? ClockMode::Bench : ClockMode::Train))
      scores[std::string(name)] = value ? 1 : 0;
    EXPECT_EQ(scores.size(), item["expected"].size()) << item;
    for (const auto& [name, value] : item["expected"].items())
      EXPECT_EQ(scores.value(name, -1), value) << name << " of " << item;
  }
  for (const Json& item : rows_of("clock.json", "undefined")) {
    const ClockTruth truth{item["hour"].get<int>(), item["minute"].get<int>(), item["second"].get<int>()};
    for (const auto& [name, value] : score_clock(text(item, "prediction"), truth, ClockMode::Bench))
      EXPECT_FALSE(name == "all_close" && value) << item;
  }
}

TEST(AndroidControl, ComparesActionsAsTheReference) {
  const Json document = fixture("android_control.json");
  for (const Json& item : document["cases"]) {
    const std::string box = item["target_box"].is_string() ? text(item, "target_box") : "";
    EXPECT_EQ(android_step_match(text(item, "target_action"), text(item, "prediction"), box),
              item["expected"]["correct"] == 1)
        << item;
  }
  for (const Json& item : document["undefined"])
    EXPECT_FALSE(android_step_match(text(item, "target_action"), text(item, "prediction"), text(item, "target_box")))
        << item;
  for (const Json& item : rows_of("box_iou.json"))
    EXPECT_NEAR(box_iou(item["a"].get<std::array<double, 4>>(), item["b"].get<std::array<double, 4>>()),
                item["expected"]["iou"].get<double>(), 1e-9)
        << item;
}

Json scene(const std::vector<std::pair<std::string, std::string>>& objects) {
  Json list = Json::array();
  for (const auto& [name, color] : objects) list.push_back({{"name", name}, {"color", color}});
  return {{"objects", list}};
}

TEST(SceneCaption, FindsKindsAndColors) {
  const SceneStatements said = said_in(
      "The image shows two large striped red circles, an orange in the middle, an orange striped carrot and three "
      "bunches of grapes. "
      "The blue T-shirt is above the tree. Everything is shown on an orange cloth with a dog.");
  EXPECT_THAT(said.kinds, ElementsAre("T-shirt", "bunch of grapes", "carrot", "circle", "orange", "tree"));
  EXPECT_THAT(said.colors, ElementsAre(std::pair<std::string, std::string>("T-shirt", "blue"),
                                       std::pair<std::string, std::string>("carrot", "orange"),
                                       std::pair<std::string, std::string>("circle", "red")));
}

TEST(SceneCaption, CountsWhatIsThereAndWhatIsSaid) {
  const Json truth = scene({{"circle", "red"}, {"circle", "blue"}, {"dog", ""}, {"apple", "red"}});
  // True: circle, dog, apple; red circle, blue circle, red apple. Said: circle, dog, cat; red circle, black cat.
  const CaptionScore score = score_caption("A red circle, a brown dog and a black cat.", truth);
  EXPECT_DOUBLE_EQ(score.recall.value(), 3.0 / 6);
  EXPECT_DOUBLE_EQ(score.precision.value(), 3.0 / 5);
  EXPECT_DOUBLE_EQ(score.kind_recall.value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(score.kind_precision.value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(score.color_recall.value(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(score.color_precision.value(), 1.0 / 2);
  EXPECT_FALSE(score_caption("Nothing.", truth).precision);
  EXPECT_FALSE(score_caption("A dog.", scene({})).recall);
}

TEST(Scores, AreMeansWithIntervals) {
  ScoreTable table;
  for (int i = 0; i < 100; ++i)
    table.add({.scores = {{"correct", i % 4 == 0}}, .categories = {{"count", std::to_string(i % 4 == 0 ? 10 : 2)}}});
  const BenchmarkScores scores = table.summarize("x", {{"balanced", "correct", "count"}}, /*missing=*/3);
  const ScoreSummary& correct = *scores.find("correct");
  EXPECT_DOUBLE_EQ(correct.mean, 0.25);
  // 1.96 standard errors of 0.25 with 100 draws are 0.085.
  EXPECT_NEAR(correct.low, 0.165, 0.02);
  EXPECT_NEAR(correct.high, 0.335, 0.02);
  EXPECT_DOUBLE_EQ(scores.find("balanced")->mean, 0.5);
  EXPECT_EQ(scores.by_category.at("count").begin()->first, "2");
  const Json json = scores.json();
  EXPECT_EQ(json["missing"], 3);
  EXPECT_EQ(json["by_category"]["count"]["10"]["correct"], 1.0);
  EXPECT_EQ(json["by_category"]["count"]["10"]["n"], 25);
}

}  // namespace
}  // namespace molmo::eval
