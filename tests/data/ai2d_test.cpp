#include "data/academic_files.h"
#include "data/diagram_labels.h"
#include "image/encode.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

image::Image plain_image(int64_t height, int64_t width, std::array<uint8_t, 3> color) {
  image::Image image = {{height, width}, {}};
  for (int64_t i = 0; i < height * width; ++i) image.pixels.insert(image.pixels.end(), color.begin(), color.end());
  return image;
}

std::vector<int> pixel(const image::Image& image, int64_t x, int64_t y) {
  const uint8_t* p = image.pixels.data() + (y * image.size.width + x) * 3;
  return {p[0], p[1], p[2]};
}

// Pixels of the box that are darker than its colour: ink.
int64_t count_ink(const image::Image& image, int64_t left, int64_t top, int64_t right, int64_t bottom) {
  int64_t count = 0;
  for (int64_t y = top; y <= bottom; ++y) {
    for (int64_t x = left; x <= right; ++x) count += pixel(image, x, y)[1] < 60;
  }
  return count;
}

// Pillow 13 draws the same rectangles: ImageDraw(image, "RGBA").rectangle([10, 5, 30, 20], fill=(25, 249, 255, 127)).
TEST(DiagramLabels, FillsBoxesAsTheReference) {
  const std::vector<DiagramLabel> labels = {{110, 105, 130, 120, " "}};
  const auto image = plain_image(200, 200, {200, 100, 50});
  const auto transparent = draw_labels(image, labels, LabelRendering::Transparent);
  EXPECT_THAT(pixel(transparent, 110, 105), ElementsAre(113, 174, 152));
  EXPECT_THAT(pixel(transparent, 130, 120), ElementsAre(113, 174, 152));
  EXPECT_THAT(pixel(transparent, 131, 120), ElementsAre(200, 100, 50));
  EXPECT_THAT(pixel(transparent, 109, 105), ElementsAre(200, 100, 50));
  const auto blue = draw_labels(plain_image(200, 200, {0, 0, 255}), labels, LabelRendering::Transparent);
  EXPECT_THAT(pixel(blue, 112, 107), ElementsAre(12, 124, 255));
  const auto opaque = draw_labels(image, labels, LabelRendering::Opaque);
  EXPECT_THAT(pixel(opaque, 110, 105), ElementsAre(25, 249, 255));
  EXPECT_THAT(pixel(opaque, 130, 120), ElementsAre(25, 249, 255));
  EXPECT_THAT(pixel(opaque, 130, 121), ElementsAre(200, 100, 50));
}

TEST(DiagramLabels, WritesTheLetterWhereTheRenderingSays) {
  const auto image = plain_image(200, 200, {200, 100, 50});
  const std::vector<DiagramLabel> labels = {{60, 80, 140, 110, "B"}};
  const auto opaque = draw_labels(image, labels, LabelRendering::Opaque);
  EXPECT_GT(count_ink(opaque, 90, 80, 110, 110), 20) << "in the middle of the box";
  EXPECT_EQ(count_ink(opaque, 60, 80, 85, 110), 0);
  const auto transparent = draw_labels(image, labels, LabelRendering::Transparent);
  EXPECT_GT(count_ink(transparent, 48, 70, 66, 92), 20) << "at the upper left corner of the box";
  EXPECT_EQ(count_ink(transparent, 80, 80, 140, 110), 0);
  int64_t num_white = 0;
  for (int64_t y = 70; y < 92; ++y) {
    for (int64_t x = 48; x < 66; ++x) num_white += pixel(transparent, x, y) == std::vector<int>{255, 255, 255};
  }
  EXPECT_GT(num_white, 20) << "behind the letter";
}

TEST(DiagramLabels, StaysInsideOfThePicture) {
  const auto image = plain_image(20, 30, {1, 2, 3});
  const std::vector<DiagramLabel> labels = {{-900000, -900000, 900000, 900000, "A"},
                                            {25, 15, 90, 90, "MM"},
                                            {-50, -50, -10, -10, "B"},
                                            {20, 10, 5, 2, "C"},
                                            {5, 5, 25, 5, "no height"}};
  for (const auto rendering : {LabelRendering::Opaque, LabelRendering::Transparent}) {
    EXPECT_EQ(draw_labels(image, labels, rendering).pixels.size(), image.pixels.size());
  }
  EXPECT_EQ(draw_labels(image, std::span(labels).last(1), LabelRendering::Opaque).pixels, image.pixels);
}

class Ai2dTest : public AcademicTest {
 protected:
  void SetUp() override {
    write("questions/12.png.json", R"({"imageName": "12.png", "questions": {
      "What eats the leaf?": {"abcLabel": false, "answerTexts": ["bug", "{}", "sun", "bug"], "correctAnswer": 2, "questionId": "12.png-0"},
      "Which letter is the root?": {"abcLabel": true, "answerTexts": ["a", "b", "none"], "correctAnswer": 1, "questionId": "12.png-1"}}})");
    write("annotations/12.png.json", R"({"text": {
      "T0": {"rectangle": [[40, 40], [80, 60]], "replacementText": "A", "value": "leaf"},
      "T1": {"rectangle": [[40, 90], [80, 110]], "replacementText": "B", "value": "root"}}, "arrows": {}})");
    for (const int id : {3, 7}) {
      const std::string name = std::to_string(id) + ".png";
      write("questions/" + name + ".json",
            R"({"imageName": ")" + name +
                R"(", "questions": {"What?": {"abcLabel": false, "answerTexts": ["x", "y"], )" +
                R"("correctAnswer": 0, "questionId": ")" + name + R"(-0"}}})");
    }
    write("ai2d_test_ids.csv", "12\n9999\n");
    std::filesystem::create_directories(path("images"));
    for (const char* name : {"3.png", "7.png", "12.png"}) {
      image::write_png(plain_image(150, 150, {200, 100, 50}), path("images") / name);
    }
  }
};

TEST_F(Ai2dTest, GivesQuestionsWithLettersInBothRenderings) {
  const auto dataset = open("ai2d", "test");
  ASSERT_EQ(dataset->size(), 3u);
  const Example plain = example(*dataset, 0), opaque = example(*dataset, 1), transparent = example(*dataset, 2);
  EXPECT_EQ(summary(plain),
            "12.png-0 | images/12.png | "
            R"({"example_id":"12.png-0","image_id":12,"abc_label":false,"has_transparent_box":false,)"
            R"("answer_idx":1,"options":["bug","sun"]})");
  EXPECT_THAT(texts(plain), ElementsAre(" User: ai2_diagram: What eats the leaf?\nA: bug\nB: sun\n Assistant: B<EOS>"));
  EXPECT_EQ(opaque.id, "12.png-1");
  EXPECT_EQ(transparent.id, "12.png-1_transparent");
  EXPECT_EQ((*transparent.metadata)["has_transparent_box"], true);
  EXPECT_EQ((*transparent.metadata)["unlabelled_options"].dump(), R"(["A","B","none"])");
  EXPECT_THAT(texts(opaque), ElementsAre(" User: ai2_diagram_no_letter: Which letter is the root?\nA\nB\nnone\n"
                                         " Assistant: B<EOS>"));
  const auto decode = [](const Example& example) {
    const std::string& bytes = *example.pictures.at(0).bytes;
    return image::decode_image(std::as_bytes(std::span(bytes)), "picture");
  };
  EXPECT_THAT(pixel(decode(opaque), 41, 41), ElementsAre(25, 249, 255));
  EXPECT_THAT(pixel(decode(transparent), 79, 59), ElementsAre(113, 174, 152));
  EXPECT_THAT(pixel(decode(transparent), 79, 109), ElementsAre(113, 174, 152));
}

TEST_F(Ai2dTest, TakesOneRenderingAlone) {
  ASSERT_EQ(open("ai2d_transparent", "test")->size(), 2u);
  EXPECT_EQ(example(*open("ai2d_transparent", "test"), 1).id, "12.png-1_transparent");
  EXPECT_EQ(example(*open("ai2d_opaque", "test"), 1).id, "12.png-1");
}

// numpy 2.4: RandomState(5961).shuffle(list(range(400))); the images that follow the first 384 are trained on.
TEST_F(Ai2dTest, SetsImagesAsideForValidation) {
  std::filesystem::remove_all(path("questions"));
  for (int id = 0; id < 400; ++id) {
    const std::string name = std::to_string(id) + ".png";
    write("questions/" + name + ".json",
          R"({"imageName": ")" + name + R"(", "questions": {"What?": {"abcLabel": false, "answerTexts": ["x", "y"], )" +
              R"("correctAnswer": 0, "questionId": ")" + name + R"("}}})");
    write_pictures({"images/" + name});
  }
  write("ai2d_test_ids.csv", "9999\n");
  const auto train = open("ai2d", "train"), validation = open("ai2d", "validation");
  ASSERT_EQ(train->size(), 16u);
  ASSERT_EQ(validation->size(), 384u);
  std::vector<std::string> ids;
  for (size_t i = 0; i < train->size(); ++i) ids.push_back(example(*train, i).id);
  EXPECT_THAT(ids, ElementsAre("214.png", "33.png", "206.png", "100.png", "283.png", "221.png", "371.png", "9.png",
                               "31.png", "397.png", "123.png", "215.png", "196.png", "29.png", "194.png", "246.png"));
  EXPECT_EQ(example(*validation, 0).id, "358.png");
}

TEST_F(Ai2dTest, NamesTheFileThatIsWrong) {
  write("annotations/12.png.json", R"({"text": {"T0": {"rectangle": [[1, 2], 3], "replacementText": "A"}}})");
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("12.png.json, text T0: 'rectangle' is not two corners"));
  std::filesystem::remove(path("annotations/12.png.json"));
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("there is no 12.png.json"));
  SetUp();
  write("images/12.png", "no picture");
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("12.png"));
  write(
      "questions/12.png.json",
      R"({"imageName": "12.png", "questions": {"Q": {"abcLabel": false, "answerTexts": ["x"], "correctAnswer": 4, "questionId": "q"}}})");
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("question 0: 'correctAnswer' is 4, but there are 1 answers"));
  write("questions/12.png.json", R"({"imageName": "../12.png", "questions": {}})");
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("'' is no number of an image"));
  write("questions/12.png.json", R"({"imageName": "7.png", "questions": {}})");
  EXPECT_THAT(error("ai2d", "test"), HasSubstr("another file has questions about image 7"));
}

}  // namespace
}  // namespace molmo::data
