// molmo caption, point, count and chat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"
#include "image/image.h"
#include "pointing_model.h"

namespace molmo::cli {
namespace {

using test::Child;
using test::fixture_path;
using test::picture_path;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

std::string random_model() {
  return fixture_path("model/P1-qwen2-clip/hf");
}

class Tasks : public testing::Test {
 protected:
  std::string model(const std::string& answer) {
    test::write_pointing_model(folder_.path() / "model", answer);
    return folder_.path() / "model";
  }
  std::string output(const std::string& name) { return folder_.path() / name; }
  test::TemporaryFolder folder_;
};

constexpr const char* kTwoMugs =
    R"(Counting the <points x1="25.0" y1="50.0" x2="75.0" y2="10.0" alt="mugs">mugs</points> shows a total of 2.)";

TEST_F(Tasks, PointPrintsPixelsALineAndDrawsThem) {
  const std::string folder = model(kTwoMugs);
  const Result result = run_molmo({"point", "mugs", picture_path(), "-m", folder, "--overlay", output("o.png")});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(result.out, "105.0\t150.0\tmugs\n315.0\t30.0\tmugs\n");
  const image::Image plain = image::read_image(picture_path()), drawn = image::read_image(output("o.png"));
  ASSERT_EQ(plain.size, drawn.size);
  const auto changed_at = [&](int64_t x, int64_t y) {
    const auto at = static_cast<size_t>((y * 420 + x) * 3);
    return !std::equal(plain.pixels.begin() + at, plain.pixels.begin() + at + 3, drawn.pixels.begin() + at);
  };
  EXPECT_TRUE(changed_at(105, 150) || changed_at(107, 152));
  EXPECT_FALSE(changed_at(210, 290));
  const Result svg = run_molmo({"point", "mugs", picture_path(), "-m", folder, "-q", "--overlay", output("o.svg")});
  EXPECT_EQ(svg.err, "");
  EXPECT_THAT(run_molmo({"point", "mugs", picture_path(), "-m", folder, "--overlay", output("o.gif")}).status,
              kExitFailed);
}

TEST_F(Tasks, PointAndCountAnswerPrograms) {
  const std::string folder = model(kTwoMugs);
  const Json points =
      parse_json(run_molmo({"point", "mugs", picture_path(), "-m", folder, "--json"}).out, "molmo point");
  EXPECT_EQ(points["points"].size(), 2u);
  EXPECT_EQ(points["points"][1]["x"], 75.0);
  EXPECT_EQ(points["points"][1]["x_px"], 315.0);
  EXPECT_EQ(points["text"], kTwoMugs);
  const Json count =
      parse_json(run_molmo({"count", "mugs", picture_path(), "-m", folder, "--json"}).out, "molmo count");
  EXPECT_EQ(count["count"], 2);
  EXPECT_EQ(count["points"], points["points"]);
  const Result text = run_molmo({"count", "mugs", picture_path(), "-m", folder});
  EXPECT_EQ(text.out, "2\n");
  EXPECT_EQ(text.status, kExitDone);
}

TEST_F(Tasks, AnswersWithoutPointsOrNumbersAreSaid) {
  const std::string folder = model("I see a cat.");
  const Result point = run_molmo({"point", "mugs", picture_path(), "-m", folder, "-q"});
  EXPECT_EQ(point.status, kExitDone);
  EXPECT_EQ(point.out, "");
  EXPECT_EQ(point.err, "molmo: no points, the model said: I see a cat.\n");
  const Result count = run_molmo({"count", "mugs", picture_path(), "-m", folder, "-q"});
  EXPECT_EQ(count.status, kExitFailed);
  EXPECT_EQ(count.out, "");
  EXPECT_EQ(count.err, "molmo: the model's answer has no number: I see a cat.\n");
  EXPECT_TRUE(
      parse_json(run_molmo({"count", "mugs", picture_path(), "-m", folder, "--json"}).out, "molmo count")["count"]
          .is_null());
}

TEST_F(Tasks, NoneIsZero) {
  EXPECT_EQ(run_molmo({"count", "mugs", picture_path(), "-m", model("There are none.")}).out, "0\n");
}

TEST(Caption, AsksWhatTheReferenceAsks) {
  const Result caption = run_molmo({"caption", picture_path(), "-m", random_model(), "-n", "9", "-q"});
  const Result run =
      run_molmo({"run", "-i", picture_path(), "-p", "Describe this image.", "-m", random_model(), "-n", "9", "-q"});
  EXPECT_EQ(caption.status, kExitDone);
  EXPECT_EQ(caption.out, run.out);
  EXPECT_THAT(run_molmo({"caption", picture_path(), "-m", random_model(), "-n", "1", "--length", "20"}).err,
              HasSubstr("--length has no effect"));
}

TEST(Caption, SeveralPicturesAreSeveralAnswers) {
  const Result lines = run_molmo({"caption", picture_path(), "nowhere.jpg", picture_path("square_336.png"), "-m",
                                  random_model(), "-n", "3", "--json"});
  EXPECT_EQ(lines.status, kExitFailed);  // one of them could not be read
  EXPECT_THAT(lines.err, HasSubstr("nowhere.jpg"));
  std::istringstream stream(lines.out);
  std::vector<std::string> files;
  for (std::string line; std::getline(stream, line);) {
    const Json document = parse_json(line, "molmo caption");
    files.push_back(document["file"]);
    EXPECT_EQ(document["tokens"].size(), 3u);
  }
  EXPECT_EQ(files, (std::vector<std::string>{picture_path(), picture_path("square_336.png")}));
  const Result text =
      run_molmo({"caption", picture_path(), picture_path("square_336.png"), "-m", random_model(), "-n", "3", "-q"});
  EXPECT_THAT(text.out, HasSubstr(picture_path("square_336.png") + ":\n"));
}

TEST_F(Tasks, ChatAnswersLinesAndCommands) {
  const std::string saved = output("chat.json");
  const Result result = run_molmo({"chat", "-m", model(kTwoMugs), "-i", picture_path(), "-q"},
                                  {.input = "Where are the mugs?\n\n/point mugs\n/save " + saved +
                                            "\n/rest\n/image nowhere.png\n/point\n/help\n/exit\nnot read\n"});
  EXPECT_EQ(result.status, kExitDone);
  EXPECT_EQ(result.out, std::string(kTwoMugs) + "\n105.0\t150.0\tmugs\n315.0\t30.0\tmugs\n");
  for (const char* part : {"unknown command '/rest'. Did you mean '/reset'?", "nowhere.png", "/point needs TEXT",
                           "/image FILE", "saved 2 turns"}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
  const Json document = read_json_file(saved);
  EXPECT_EQ(document["images"], Json::array({picture_path()}));
  ASSERT_EQ(document["messages"].size(), 4u);
  EXPECT_EQ(document["messages"][0], (Json{{"role", "user"}, {"text", "Where are the mugs?"}}));
  EXPECT_EQ(document["messages"][3]["points"].size(), 2u);
}

// A conversation is one prompt: with earlier turns in it the second answer differs from a first one.
TEST(Chat, TurnsAreRememberedUntilReset) {
  const auto answers = [](const std::string& input) {
    const Result result = run_molmo({"chat", "-m", random_model(), "-n", "5", "-q"}, {.input = input});
    EXPECT_EQ(result.status, kExitDone) << result.err;
    return result.out;
  };
  const std::string alone = answers("How many birds are there?\n");
  const std::string twice = answers("How many birds are there?\nHow many birds are there?\n");
  EXPECT_EQ(twice.find(alone), 0u);
  EXPECT_NE(twice, alone + alone);
  EXPECT_EQ(answers("How many birds are there?\n/reset\nHow many birds are there?\n"), alone + alone);
  EXPECT_EQ(answers("How many birds are there?\n/clear\nHow many birds are there?\n"), alone + alone);
}

TEST(Chat, InterruptEndsTheAnswerAndNotTheConversation) {
  Child child({"chat", "-m", random_model(), "-n", "1500", "--min-predict", "1500"}, {.keeps_input_open = true});
  child.send("How many birds are there?\n");
  ASSERT_TRUE(child.wait_for_output("man"));
  child.interrupt();
  ASSERT_TRUE(child.wait_for_error_output("decode "));  // the timings of the answer that was ended
  child.send("/help\n");
  ASSERT_TRUE(child.wait_for_error_output("/image FILE"));
  child.interrupt();  // nothing runs: leaves
  EXPECT_EQ(child.finish().status, kExitCancelled);
}

TEST(Chat, BadSettingsAreToldBeforeTheModelIsLoaded) {
  EXPECT_EQ(run_molmo({"chat", "-m", "nowhere", "--temp", "-2"}).status, kExitUsage);
  EXPECT_EQ(run_molmo({"chat", "-m", random_model(), "-i", "nowhere.png"}).status, kExitFailed);
}

}  // namespace
}  // namespace molmo::cli
