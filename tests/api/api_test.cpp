// The public interface, used as its users do: only headers of include/molmo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <molmo/molmo.hpp>

#include <atomic>
#include <fstream>
#include <thread>

#include "fixtures.h"
#include "pointing_model.h"

namespace molmo {
namespace {

using test::fixture_path;
using testing::HasSubstr;

Image picture() {
  return Image::read(fixture_path("model/images/rgb_420x300.png"));
}
Model random_model() {
  return Model::load(fixture_path("model/P1-qwen2-clip/hf"));
}

std::vector<uint8_t> pixels_of(const Image& image) {
  return {image.pixels(), image.pixels() + image.height() * image.width() * 3};
}

class PointingModel : public testing::Test {
 protected:
  Model load(const std::string& answer) {
    test::write_pointing_model(folder_.path() / "model", answer);
    return Model::load(folder_.path() / "model");
  }
  test::TemporaryFolder folder_;
};

TEST_F(PointingModel, PointsInPercentAndPixels) {
  Session session(load(R"(<point x="25.0" y="50.0" alt="the mug">mug</point>)"));
  const std::vector<Point> points = session.point("the mug", picture());
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].x, 25);
  EXPECT_EQ(points[0].y, 50);
  EXPECT_EQ(points[0].x_px, 105);
  EXPECT_EQ(points[0].y_px, 150);
  EXPECT_EQ(points[0].label, "mug");
  EXPECT_EQ(points[0].alt, "the mug");
  EXPECT_EQ(points[0].image, 0);
}

TEST_F(PointingModel, CountsWhatTheAnswerSays) {
  EXPECT_EQ(
      Session(
          load(
              R"(Counting the <points x1="25.0" y1="50.0" x2="75.5" y2="10.0" alt="q">q</points> shows a total of 2.)"))
          .count("mugs", picture()),
      2);
}

TEST_F(PointingModel, CountWithoutANumberIsAnError) {
  Session session(load("Hm."));
  try {
    session.count("mugs", picture());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::BadData);
    EXPECT_THAT(error.what(), HasSubstr("'Hm.'"));
  }
}

TEST_F(PointingModel, CaptionsAndConversations) {
  Session session(load("A desk."));
  EXPECT_EQ(session.caption(picture()), "A desk.");
  std::string streamed;
  const Answer answer = session.ask({"What is it?", {picture()}}, {}, [&](std::string_view text) {
    streamed += text;
    return true;
  });
  EXPECT_EQ(answer.text, "A desk.");
  EXPECT_EQ(streamed, answer.text);
  EXPECT_EQ(answer.finish_reason, FinishReason::Stop);
  EXPECT_EQ(answer.completion_tokens, 2);
  EXPECT_EQ(answer.tokens.size(), 2u);
  EXPECT_GT(answer.image_tokens, 0);
  const Answer next = session.ask_next({"And now?"});
  EXPECT_EQ(next.text, "A desk.");
  EXPECT_GT(next.prompt_tokens, answer.prompt_tokens);
  session.reset();
  EXPECT_EQ(session.ask_next({"What is it?"}).image_tokens, 0);
}

TEST(Session, CallbackEndsTheAnswer) {
  Session session(random_model());
  int calls = 0;
  const Answer answer = session.ask({"How many birds are there?"}, {},
                                    [&](std::string_view text) { return text.empty() || ++calls < 3; });
  EXPECT_EQ(answer.finish_reason, FinishReason::Cancelled);
  EXPECT_LT(answer.completion_tokens, 10);
}

TEST(Session, ManyAnswersComeFromOneSeed) {
  Session session(random_model());
  GenerationOptions options;
  options.num_answers = 3;
  options.temperature = 1;
  options.seed = 7;
  options.max_new_tokens = 12;
  const auto first = session.ask_many({"How many birds are there?"}, options);
  const auto second = Session(random_model()).ask_many({"How many birds are there?"}, options);
  ASSERT_EQ(first.size(), 3u);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].tokens, second[i].tokens);
  EXPECT_NE(first[0].tokens, first[1].tokens);
}

TEST(Session, MovesAndOutlivesTheModelHandle) {
  Session session = [] {
    Session inner(random_model());
    return inner;
  }();
  GenerationOptions options;
  options.max_new_tokens = 4;
  EXPECT_EQ(session.ask({"How many birds are there?"}, options).tokens, (std::vector<int64_t>{653, 621, 352, 225}));
}

TEST(Session, SharesOneModelBetweenThreads) {
  const Model model = random_model();
  std::atomic<int> num_equal = 0;
  const auto ask = [&] {
    GenerationOptions options;
    options.max_new_tokens = 4;
    num_equal +=
        Session(model).ask({"How many birds are there?"}, options).tokens == std::vector<int64_t>{653, 621, 352, 225};
  };
  std::thread first(ask), second(ask);
  first.join();
  second.join();
  EXPECT_EQ(num_equal, 2);
}

TEST(Session, RefusesBadSettingsAndPromptsBeyondTheContext) {
  Session session(random_model());
  GenerationOptions options;
  options.top_p = 7;
  EXPECT_THROW(session.ask({"hi"}, options), Error);
  std::string prompt;
  for (int i = 0; i < 4000; ++i) prompt += "word ";
  try {
    session.ask({prompt});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("context"));
  }
}

TEST(Model, TellsItsSizeAndTokenizes) {
  const Model model = random_model();
  EXPECT_EQ(model.num_parameters(), 468832);
  EXPECT_EQ(model.max_context_tokens(), 2048);
  EXPECT_EQ(model.encode("a "), (std::vector<int64_t>{64, 220}));
  EXPECT_EQ(model.decode({64, 220}), "a ");
}

TEST(Model, LoadsWithAnotherTypeAndContext) {
  ModelOptions options;
  options.dtype = "bf16";
  options.max_context_tokens = 100;
  const Model model = Model::load(fixture_path("model/P1-qwen2-clip/hf"), options);
  EXPECT_EQ(model.max_context_tokens(), 100);
  GenerationOptions options_of_answer;
  options_of_answer.min_new_tokens = options_of_answer.max_new_tokens = 448;
  const Answer answer = Session(model).ask({"hi"}, options_of_answer);
  EXPECT_EQ(answer.finish_reason, FinishReason::Length);
  EXPECT_EQ(answer.prompt_tokens + answer.completion_tokens, 100);
}

TEST(Model, ErrorsSayWhatIsWrong) {
  const auto category_of = [](const std::filesystem::path& folder, const ModelOptions& options) {
    try {
      Model::load(folder, options);
    } catch (const Error& error) {
      return error.category();
    }
    return ErrorCategory::Internal;
  };
  ModelOptions cuda, type, adapter;
  cuda.device = "gpu";
  type.dtype = "f64";
  adapter.adapter = "nowhere";
  const std::filesystem::path folder = fixture_path("model/P1-qwen2-clip/hf");
  EXPECT_EQ(category_of("nowhere", {}), ErrorCategory::NotFound);
  EXPECT_EQ(category_of(folder, cuda), ErrorCategory::InvalidArgument);
  EXPECT_EQ(category_of(folder, type), ErrorCategory::InvalidArgument);
  EXPECT_EQ(category_of(folder, adapter), ErrorCategory::NotFound);
}

TEST(Image, ComesFromFilesMemoryAndCameras) {
  const std::filesystem::path path = fixture_path("model/images/rgb_420x300.png");
  const Image from_file = Image::read(path);
  EXPECT_EQ(from_file.height(), 300);
  EXPECT_EQ(from_file.width(), 420);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const Image from_memory = Image::decode(bytes.data(), bytes.size());
  EXPECT_EQ(pixels_of(from_file), pixels_of(from_memory));
  const uint8_t two[] = {1, 2, 3, 4, 5, 6};
  const Image from_camera = Image::from_rgb(1, 2, two);
  EXPECT_EQ(from_camera.width(), 2);
  EXPECT_EQ(from_camera.pixels()[5], 6);
  EXPECT_THROW(Image::from_rgb(0, 2, two), Error);
  EXPECT_THROW(Image::from_rgb(INT64_MAX, INT64_MAX, two), Error);
  EXPECT_THROW(Image::from_rgb(1, 2, nullptr), Error);
  EXPECT_THROW(Image::read("nowhere.jpg"), Error);
  EXPECT_THROW(Image::read(path, ImageLimits{100, 100}), Error);
  EXPECT_THROW(Image::decode("no picture", 10), Error);
}

TEST(Point, ParsesAndDraws) {
  const auto points = parse_points(R"(<points x1="10.0" y1="20.0" x2="30.0" y2="40.0" alt="a">b</points>)", picture());
  ASSERT_EQ(points.size(), 2u);
  EXPECT_DOUBLE_EQ(points[1].x_px, 126);
  const test::TemporaryFolder folder;
  for (const char* name : {"points.png", "points.svg"}) {
    write_overlay(folder.path() / name, picture(), points);
    EXPECT_GT(std::filesystem::file_size(folder.path() / name), 1000u);
  }
  EXPECT_NE(pixels_of(Image::read(folder.path() / "points.png")), pixels_of(picture()));
  EXPECT_THROW(write_overlay(folder.path() / "points.gif", picture(), points), Error);
}

TEST(Threads, AreChecked) {
  EXPECT_THROW(set_compute_threads(0), Error);
  set_compute_threads(1);
}

}  // namespace
}  // namespace molmo
