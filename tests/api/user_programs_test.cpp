// What users build against the shared library: the examples, a test in C, and what the library exports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "child.h"
#include "fixtures.h"
#include "pointing_model.h"

namespace molmo {
namespace {

using test::Child;
using test::fixture_path;
using test::picture_path;
using test::Result;
using testing::HasSubstr;

std::string program(const std::string& name) {
  return std::string(MOLMO_BINARY_DIR) + "/bin/" + name;
}

class UserPrograms : public testing::Test {
 protected:
  void SetUp() override {
    test::write_pointing_model(model_, R"(<points x1="25.0" y1="50.0" x2="75.0" y2="10.0" alt="the mug">mug</points>)");
  }
  test::TemporaryFolder folder_;
  std::filesystem::path model_ = folder_.path() / "model";
};

TEST_F(UserPrograms, PointExamplePrintsPixels) {
  for (const char* name : {"example_point", "example_point_c"}) {
    const Result result = Child(program(name), {model_, picture_path(), "the mug"}).finish();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "105 150 mug\n315 30 mug\n") << name;
    const Result failed = Child(program(name), {"nowhere", picture_path(), "the mug"}).finish();
    EXPECT_EQ(failed.status, 1);
    EXPECT_THAT(failed.err, HasSubstr("nowhere"));
  }
}

TEST_F(UserPrograms, ChatExampleAnswersEveryLine) {
  const Result result =
      Child(program("example_chat"), {model_, picture_path()}, {.input = "Where is the mug?\nAnd now?\n"}).finish();
  EXPECT_EQ(result.status, 0) << result.err;
  const std::string answer =
      "<points x1=\"25.0\" y1=\"50.0\" x2=\"75.0\" y2=\"10.0\" alt=\"the mug\">mug</points>\n  at 105, 150\n  at 315, "
      "30\n";
  EXPECT_EQ(result.out, answer + answer);
}

TEST_F(UserPrograms, CInterfaceWorksFromC) {
  const Result result =
      Child(program("c_api_test"), {model_, fixture_path("model/P1-qwen2-clip/hf"), picture_path()}).finish();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "");
}

// Whatever else were exported could clash with another library of the program that loads us, and would become a
// promise.
TEST(SharedLibrary, ExportsThePublicInterfaceOnly) {
  const Result result =
      Child("/usr/bin/nm", {"-D", "-C", "--defined-only", std::string(MOLMO_BINARY_DIR) + "/libmolmo.so"}).finish();
  ASSERT_EQ(result.status, 0) << result.err;
  int num_symbols = 0;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(std::min(line.find(' ') + 3, line.size()));
    ++num_symbols;
    EXPECT_THAT(name,
                testing::AnyOf(
                    testing::StartsWith("molmo_"),
                    testing::ContainsRegex(
                        "^molmo::(Image|Model|Session|Error|parse_points|write_overlay|to_string|set_compute_threads)"),
                    testing::ContainsRegex("^(typeinfo|typeinfo name|vtable) for molmo::Error$")));
  }
  EXPECT_GT(num_symbols, 50);
  EXPECT_THAT(result.out, HasSubstr("molmo::to_string(molmo::ErrorCategory)"));
}

}  // namespace
}  // namespace molmo
