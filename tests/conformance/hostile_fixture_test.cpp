// Fixtures that are damaged, or ask for more than a fixture can need: each failure is one line, and the rest is
// answered.
#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/random.h"
#include "cli/conformance/kind.h"
#include "fixtures.h"

namespace molmo::conformance {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const Json& replacement(RandomStream& random) {
  static const Json kValues = {nullptr, -1,  0,    4000000000, INT64_MAX, INT64_MIN, 1e300,  0.5,       true,
                               "",      "x", "\n", Json({}),   {{}},      {"a"},     {1, 2}, {{"a", 1}}};
  return kValues[random.below(kValues.size())];
}

// Replaces a value somewhere inside, or takes it out.
void damage(Json& document, RandomStream& random) {
  Json* at = &document;
  while (at->is_structured() && !at->empty()) {
    const size_t index = random.below(at->size());
    auto child = at->begin();
    std::advance(child, static_cast<std::ptrdiff_t>(index));
    const bool goes_on = child->is_structured() && !child->empty() && random.below(5) > 0;
    if (goes_on) {
      at = &*child;
    } else if (random.below(4) == 0) {
      at->erase(child);
      return;
    } else {
      *child = replacement(random);
      return;
    }
  }
}

struct Outcome {
  int64_t num_passed, num_failed;
  std::string text;
};

// Answers `file`; whatever is wrong with it, every line of the report is a whole one.
Outcome answer(const fs::path& file) {
  const molmo::test::TemporaryFolder actual;
  std::ostringstream out;
  Report report(out);
  report.attempt("all", [&] { answer_fixtures(file, actual.path(), report); });
  const Outcome outcome = {report.num_passed(), report.num_failed(), out.str()};
  std::istringstream lines(outcome.text);
  int64_t num_lines = 0;
  for (std::string line; std::getline(lines, line); ++num_lines) EXPECT_THAT(line, StartsWith("failed "));
  EXPECT_EQ(num_lines, outcome.num_failed) << outcome.text;
  return outcome;
}

// Damages `file` in a copy of what it needs, `times` times, one to four damages each.
void expect_whole_lines(const std::string& fixture, const fs::path& copy, int times) {
  at::set_num_threads(1);
  const Json whole = read_json_file(molmo::test::fixture_path(fixture));
  RandomStream random(1, fixture);
  int num_with_failures = 0;
  for (int i = 0; i < times; ++i) {
    Json document = whole;
    for (uint64_t count = 1 + random.below(4); count > 0; --count) damage(document, random);
    write_json_file(copy, document);
    num_with_failures += answer(copy).num_failed > 0;
  }
  EXPECT_GT(num_with_failures, 0) << fixture;
}

TEST(HostileFixtures, TablesFailLineByLine) {
  for (const char* fixture :
       {"model/tiling.json", "model/packing.json", "formatting/roles.json", "formatting/prompts.json",
        "formatting/points_to_text.json", "formatting/count_templates.json"}) {
    const molmo::test::TemporaryFolder folder;
    expect_whole_lines(fixture, folder.path() / fs::path(fixture).filename(), 60);
  }
  const molmo::test::TemporaryFolder folder;
  fs::copy(molmo::test::fixture_path("model/resize/resize.safetensors"), folder.path());
  expect_whole_lines("model/resize/resize.json", folder.path() / "resize.json", 5);
}

// A case of which the folders are links.
class HostileCase : public testing::Test {
 protected:
  HostileCase() {
    const fs::path source = fs::path(molmo::test::fixture_path(kCase + "/expected.json")).parent_path();
    fs::create_directory(folder());
    fs::create_directory_symlink(source.parent_path() / "images", folder_.path() / "images");
    fs::create_directory_symlink(source / "hf", folder() / "hf");
    fs::copy(source / "expected.json", folder());
  }
  fs::path folder() const { return folder_.path() / "case"; }

  static inline const std::string kCase = "model/P6-qwen2-metaclip";
  molmo::test::TemporaryFolder folder_;
};

TEST_F(HostileCase, FilesOfACaseFailLineByLine) {
  for (const char* file : {"sampling.json", "tokenizer_golden.json"})
    expect_whole_lines(kCase + "/" + file, folder() / file, 10);
  for (const char* file : {"expected.json", "generate.json"})
    expect_whole_lines(kCase + "/" + file, folder() / file, 3);
}

TEST_F(HostileCase, RowsOfABatchAreThoseOfItsNote) {
  Json document = read_json_file(molmo::test::fixture_path(kCase + "/generate.json"));
  Json& batched = document["batched"];
  batched["note"] = "rows: text, image_formula";
  for (const char* values : {"tokens", "scores"}) {
    std::swap(batched[values][0], batched[values][1]);
    std::swap(batched["beam3"][values][0], batched["beam3"][values][1]);
  }
  write_json_file(folder() / "generate.json", document);
  const Outcome outcome = answer(folder() / "generate.json");
  EXPECT_EQ(outcome.num_failed, 0) << outcome.text;
  batched["note"] = "rows: text, sound";
  write_json_file(folder() / "generate.json", document);
  EXPECT_THAT(answer(folder() / "generate.json").text,
              HasSubstr("generate.json:/batched a row is 'sound', which is none of the prompts"));
}

TEST(HostileFixtures, RefusesWhatWouldTakeForever) {
  const molmo::test::TemporaryFolder folder;
  write_json_file(folder.path() / "tiling.json",
                  {{"rows", {{{"h", 300}, {"w", 300}, {"window", 224}, {"max_crops", 1000000}, {"tiling", {1, 1}}}}}});
  EXPECT_THAT(answer(folder.path() / "tiling.json").text,
              HasSubstr("/rows/0 max_crops is 1000000, expected 1 to 4096"));
}

TEST(HostileFixtures, RefusesSidesWhoseMultiplesOverflow) {
  const molmo::test::TemporaryFolder folder;
  const int64_t least = std::numeric_limits<int64_t>::min();
  for (const char* side : {"h", "w", "window"}) {
    Json row = {{"h", 300}, {"w", 300}, {"window", 224}, {"max_crops", 12}, {"tiling", {1, 1}}};
    row[side] = least;
    write_json_file(folder.path() / "tiling.json", {{"rows", {row}}});
    EXPECT_THAT(answer(folder.path() / "tiling.json").text,
                HasSubstr(fmt::format("/rows/0 {} is {}, expected at most 1048576 pixels", side, least)));
  }
}

TEST(Report, PrintsOneLineForErrorsOfSeveral) {
  std::ostringstream out;
  Report report(out);
  report.attempt("f.json:/x", [] { at::zeros({2}).view({3}); });
  EXPECT_THAT(out.str(), AnyOf(EndsWith("of size 2\n"), HasSubstr("invalid for input")));
  EXPECT_EQ(std::ranges::count(out.str(), '\n'), 1) << out.str();
  report.fail("a", "b\nc");
  EXPECT_THAT(out.str(), EndsWith("failed a b c\n"));
}

}  // namespace
}  // namespace molmo::conformance
