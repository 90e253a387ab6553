// The golden numbers of the reference, computed again from their inputs; and the same answers when nothing expected is
// shown.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "base/file.h"
#include "cli/conformance/kind.h"
#include "conformance/emptied_fixture.h"
#include "fixtures.h"

namespace molmo::conformance {
namespace {

namespace fs = std::filesystem;

struct Answers {
  int64_t num_passed = 0, num_failed = 0;
  std::string text;                          // what the program prints
  std::map<std::string, std::string> files;  // relative path -> bytes
};

Answers answer(const fs::path& fixtures) {
  const molmo::test::TemporaryFolder folder;
  std::ostringstream out;
  Report report(out);
  answer_fixtures(fixtures, folder.path(), report);
  report.print_totals();
  Answers answers = {report.num_passed(), report.num_failed(), out.str(), {}};
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    if (entry.is_regular_file()) answers.files[fs::relative(entry.path(), folder.path())] = read_file(entry.path());
  }
  return answers;
}

// Equal to the golden numbers; and, since the answers to the emptied copy are the same bytes, computed from the inputs
// alone.
void expect_answers(const fs::path& fixtures, int64_t least_passed) {
  at::set_num_threads(1);  // miniature models: waiting for other threads takes longer than the work
  const Answers shown = answer(fixtures);
  EXPECT_EQ(shown.num_failed, 0) << shown.text;
  EXPECT_GE(shown.num_passed, least_passed) << shown.text;

  const molmo::test::TemporaryFolder folder;
  const fs::path copy = folder.path() / "fixtures" / fixtures.filename();
  test::copy_emptied(fixtures, copy);
  const Answers hidden = answer(copy);
  EXPECT_EQ(hidden.num_failed, 0) << hidden.text;
  ASSERT_EQ(hidden.files.size(), shown.files.size());
  for (const auto& [name, bytes] : shown.files) {
    ASSERT_TRUE(hidden.files.contains(name)) << name;
    EXPECT_TRUE(hidden.files.at(name) == bytes)
        << name << " is answered differently when the expected values are hidden";
  }
}

class Conformance : public testing::TestWithParam<std::string> {};

TEST_P(Conformance, AnswersAMiniatureModel) {
  expect_answers(molmo::test::fixture_path("model/" + GetParam() + "/expected.json").parent_path(), 1500);
}

INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::ValuesIn(molmo::test::model_cases()),
                         [](const auto& instance) { return instance.param.substr(0, 2); });

TEST(Conformance, AnswersTheTables) {
  expect_answers(molmo::test::fixture_path("model/resize"), 100);
  for (const char* table : {"model/tiling.json", "model/packing.json"}) {
    const Answers answers = answer(molmo::test::fixture_path(table));
    EXPECT_EQ(answers.num_failed, 0) << answers.text;
    EXPECT_GE(answers.num_passed, 5) << answers.text;
  }
}

TEST(Conformance, AnswersTheFormattingOfExamples) {
  expect_answers(molmo::test::fixture_path("formatting"), 730);
}

TEST(Conformance, AnswersTheTablesOfPixmoAndTheDownloads) {
  expect_answers(molmo::test::fixture_path("parquet"), 140);
}

TEST(Conformance, AnswersTheArena) {
  expect_answers(molmo::test::fixture_path("arena/expected.json").parent_path(), 170);
}

TEST(Conformance, AnswersTheActionsAndBoxesOfScreens) {
  const Answers answers = answer(molmo::test::fixture_path("metrics/android_encoding.json"));
  EXPECT_EQ(answers.num_failed, 0) << answers.text;
  EXPECT_GE(answers.num_passed, 100) << answers.text;
}

TEST(Conformance, AnswersTheMetrics) {
  expect_answers(molmo::test::fixture_path("metrics/aggregation.json").parent_path(), 2280);
}

}  // namespace
}  // namespace molmo::conformance
