#include "cli/conformance/report.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "checkpoint/safetensors.h"
#include "cli/conformance/kind.h"
#include "cli/conformance/tensor_fixture.h"
#include "fixtures.h"

namespace molmo::conformance {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(FindMismatch, ComparesNumbersWithinTheTolerance) {
  EXPECT_EQ(find_mismatch(1.0, 1.0), std::nullopt);
  EXPECT_EQ(find_mismatch(1.0, 1.001, {.absolute = 0.002}), std::nullopt);
  EXPECT_EQ(find_mismatch(100.0, 101.0, {.relative = 0.01}), std::nullopt);
  EXPECT_THAT(find_mismatch(1.0, 1.003, {.absolute = 0.002}),
              Optional(HasSubstr("expected 1.0, found 1.003, difference 0.003")));
}

TEST(FindMismatch, TellsWholeNumbersFromReals) {
  EXPECT_THAT(find_mismatch(1, 1.0, {.absolute = 1}), Optional(HasSubstr("expected 1, found 1.0")));
  EXPECT_THAT(find_mismatch(1, 2, {.absolute = 5}), Optional(HasSubstr("expected 1, found 2")));
  EXPECT_THAT(find_mismatch("1", 1), Optional(HasSubstr("expected \"1\", found 1")));
}

TEST(FindMismatch, NamesThePlaceInsideListsAndObjects) {
  EXPECT_THAT(find_mismatch({{"a", {1, 2, 3}}}, {{"a", {1, 5, 3}}}), Optional(std::string("/a/1 expected 2, found 5")));
  EXPECT_THAT(find_mismatch({1, 2}, {1, 2, 3}), Optional(HasSubstr("expected 2 values")));
  EXPECT_THAT(find_mismatch({{"a", 1}}, {{"a", 1}, {"b", 2}}), Optional(HasSubstr("no field 'b'")));
  EXPECT_THAT(find_mismatch({{"a", 1}, {"b", 2}}, {{"a", 1}}), Optional(HasSubstr("a field 'b'")));
}

TEST(FindMismatch, AcceptsAnythingWhereNullIsExpected) {
  EXPECT_EQ(find_mismatch(nullptr, {1, 2}), std::nullopt);
  EXPECT_EQ(find_mismatch({1, nullptr}, {1, 2}), std::nullopt);
}

TEST(Place, ComparesAndPutsTheAnswerInItsPlace) {
  std::ostringstream out;
  Report report(out);
  Json document = {{"rows", {{{"x", 1}, {"y", nullptr}}, {{"x", 3}}}}};
  const Place rows = Place(report, "f.json", document)["rows"];
  rows[0]["x"].answer(1);
  rows[0]["y"].answer(2);
  rows[1]["x"].answer(4);
  rows[1].answer_field("z", 9);  // not a field of the fixture
  EXPECT_EQ(document, Json({{"rows", {{{"x", 1}, {"y", 2}}, {{"x", 4}}}}}));
  EXPECT_EQ(report.num_passed(), 1);
  EXPECT_EQ(report.num_failed(), 1);
  EXPECT_EQ(out.str(), "failed f.json:/rows/1/x expected 3, found 4\n");
}

TEST(Place, FillsAnObjectThatWasEmptiedAsAWhole) {
  std::ostringstream out;
  Report report(out);
  Json document = {{"greedy", nullptr}};
  const Place greedy = Place(report, "f.json", document)["greedy"];
  EXPECT_TRUE(greedy.expects("tokens"));
  greedy.answer_field("tokens", {1, 2});
  EXPECT_EQ(document["greedy"]["tokens"], Json({1, 2}));
}

class TensorFixtureTest : public testing::Test {
 protected:
  // Answers `computed` to a file that holds `expected`; returns what is printed.
  std::string answer(const at::Tensor& expected, const at::Tensor& computed, const Tolerance& tolerance) {
    const auto file = folder_.path() / "expected.safetensors", output = folder_.path() / "out" / "actual.safetensors";
    checkpoint::write_safetensors(file, {{"x", expected}});
    std::ostringstream out;
    Report report(out);
    TensorFixture fixture(report, "f", file);
    fixture.answer("x", computed, tolerance);
    fixture.finish(output);
    num_passed_ = report.num_passed();
    written_ = checkpoint::SafetensorsFile::open(output).tensor("x").clone();
    return out.str();
  }

  molmo::test::TemporaryFolder folder_;
  int64_t num_passed_ = 0;
  at::Tensor written_;
};

TEST_F(TensorFixtureTest, ComparesWithinTheTolerance) {
  const at::Tensor expected = at::full({2, 3}, 1.0, at::kFloat), near = expected.add(1e-4), far = expected.clone();
  far[1][2] = 1.5;
  EXPECT_EQ(answer(expected, near, {.absolute = 2e-4}), "");
  EXPECT_EQ(num_passed_, 1);
  EXPECT_THAT(answer(expected, far, {.absolute = 2e-4}),
              HasSubstr("f:x [1, 2] expected 1, found 1.5, difference 0.5; 1 of 6 values"));
  EXPECT_EQ(num_passed_, 0);
}

TEST_F(TensorFixtureTest, AllowsFewOutliersOfOneLevel) {
  const at::Tensor expected = at::full({100}, 7, at::kByte), one = expected.clone(), two = expected.clone();
  one[3] = 8;
  two[3] = 9;
  const Tolerance tolerance = {.outlier_share = 0.01, .outlier_absolute = 1};
  EXPECT_EQ(answer(expected, one, tolerance), "");
  EXPECT_NE(answer(expected, two, tolerance), "");
  one[4] = 8;
  EXPECT_NE(answer(expected, one, tolerance), "");
}

TEST_F(TensorFixtureTest, KeepsTypeAndShapeOfTheFixture) {
  EXPECT_EQ(answer(at::full({1, 4}, 3, at::kInt), at::full({4}, 3, at::kLong), {}), "");
  EXPECT_EQ(written_.scalar_type(), at::kInt);
  EXPECT_EQ(written_.sizes(), (std::vector<int64_t>{1, 4}));
  EXPECT_THAT(answer(at::full({4}, 3, at::kInt), at::full({5}, 3, at::kLong), {}),
              HasSubstr("expected shape [4], found [5]"));
}

TEST_F(TensorFixtureTest, ComparesOnlyShapesOfAnEmptiedFile) {
  const at::Tensor computed = at::arange(6, at::kFloat).view({2, 3});
  EXPECT_EQ(answer(at::zeros({2, 3}, at::kFloat), computed, {}), "");
  EXPECT_EQ(num_passed_, 0);
  EXPECT_TRUE(written_.equal(computed));
  EXPECT_THAT(answer(at::zeros({3, 2}, at::kFloat), computed, {}), HasSubstr("expected shape [3, 2], found [2, 3]"));
}

TEST_F(TensorFixtureTest, FailsForATensorWithoutAnswer) {
  const auto file = folder_.path() / "expected.safetensors";
  checkpoint::write_safetensors(file, {{"x", at::full({1}, 1.0, at::kFloat)}, {"y", at::full({1}, 1.0, at::kFloat)}});
  std::ostringstream out;
  Report report(out);
  TensorFixture fixture(report, "f", file);
  fixture.keep("x");
  fixture.finish({});
  EXPECT_EQ(report.num_passed(), 0);
  EXPECT_THAT(out.str(), HasSubstr("f:y is a tensor that this program cannot compute"));
}

TEST(AnswerFixtures, FailsOnWrongValuesAndGoesOn) {
  const molmo::test::TemporaryFolder folder;
  Json document = read_json_file(molmo::test::fixture_path("model/tiling.json"));
  document["rows"][7]["tiling"] = {9, 9};
  document["rows"][8].erase("window");
  std::filesystem::create_directory(folder.path() / "a");
  write_json_file(folder.path() / "a" / "tiling.json", document);
  std::ostringstream out;
  Report report(out);
  EXPECT_THROW(answer_fixtures(folder.path() / "none", {}, report), Error);
  answer_fixtures(folder.path(), {}, report);
  EXPECT_EQ(report.num_failed(), 2) << out.str();
  EXPECT_THAT(out.str(), HasSubstr("a/tiling.json:/rows/7/tiling/0 expected 9, found"));
}

}  // namespace
}  // namespace molmo::conformance
