#include "data/jsonl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "config/training.h"
#include "data/mixture.h"
#include "data/registry.h"
#include "fixtures.h"
#include "image/encode.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Example parse(std::string_view json) {
  return parse_record(parse_json(json, "record"), "data", "own.jsonl, line 3");
}

TEST(Jsonl, ReadsEveryKindOfAnnotation) {
  const Example example = parse(R"({"id": "k1", "image": "photos/k.jpg", "weight": 0.5, "annotations": [
    {"style": "user_qa", "question": "What?", "answer": "A kettle."},
    {"style": "long_caption", "text": "A small kitchen."},
    {"style": "pointing", "label": "mug", "points": [[12.5, 40]], "point_scale": 100},
    {"style": "point_count", "label": "cup", "points": [[300, 2000.5]], "point_scale": null},
    {"style": "pointing", "label": "dog", "points": []},
    {"style": "a_okvqa_mc", "question": "Which?", "options": ["x", "y"], "answer_idx": 1},
    {"style": "user_qa", "messages": ["Hello.", "Hi!", "And?", "Well."]}]})");
  EXPECT_EQ(example.id, "k1");
  EXPECT_EQ(example.weight, 0.5);
  ASSERT_EQ(example.pictures.size(), 1u);
  EXPECT_EQ(example.pictures[0].file, "data/photos/k.jpg");
  EXPECT_TRUE(example.text.is_list);
  ASSERT_EQ(example.text.annotations.size(), 7u);
  EXPECT_EQ(example.text.annotations[0].answer, "A kettle.");
  EXPECT_EQ(example.text.annotations[1].text, "A small kitchen.");
  EXPECT_EQ(example.text.annotations[2].point_scale, 100);
  EXPECT_FALSE(example.text.annotations[3].point_scale);
  EXPECT_TRUE(example.text.annotations[4].points->empty());
  EXPECT_EQ(example.text.annotations[6].messages->size(), 4u);
}

TEST(Jsonl, ReadsPlainTextAndLabelMaps) {
  const Example text = parse(R"({"id": 7, "image": null, "text": "Once upon a time."})");
  EXPECT_EQ(text.id, "7");
  EXPECT_EQ(text.plain_text, "Once upon a time.");
  EXPECT_TRUE(text.pictures.empty());
  const Example labels = parse(R"({"id": "m", "image": "/data/a.png", "label_map": "a-labels.png"})");
  EXPECT_EQ(labels.pictures[0].file, "/data/a.png");
  EXPECT_EQ(labels.label_map->file, "data/a-labels.png");
}

TEST(Jsonl, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([1])", "line 3: expected an object, found array"},
      {R"({"id": "a", "picture": "x"})", "unknown key 'picture'"},
      {R"({"id": "a", "annotation": []})", "Did you mean 'annotations'?"},
      {R"({"id": "a"})", "nothing to learn: expected 'annotations'"},
      {R"({"id": ["a"], "text": ""})", "'id' is [\"a\"]"},
      {R"({"id": "a", "image": 3, "text": ""})", "'image' is 3, expected a text"},
      {R"({"id": "a", "image": "", "text": ""})", "'image' is not the name of a file"},
      {R"({"id": "a", "label_map": "x.png"})", "'label_map' needs an 'image'"},
      {R"({"id": "a", "text": "", "weight": -1})", "'weight' is -1"},
      {R"({"id": "a", "annotations": []})", "'annotations' is empty"},
      {R"({"id": "a", "annotations": {}})", "'annotations' is object"},
      {R"({"id": "a", "annotations": ["x"]})", "annotation 1: expected an object"},
      {R"({"id": "a", "annotations": [{"style": "user_qa", "question": "Q"}]})", "annotation 1: nothing to learn"},
      {R"({"id": "a", "annotations": [{"question": "Q", "answer": "A"}]})", "'style' is missing"},
      {R"({"id": "a", "annotations": [{"style": "x", "qestion": "Q"}]})", "Did you mean 'question'?"},
      {R"({"id": "a", "annotations": [{"style": "x", "messages": ["Q"]}]})", "has 1 entries"},
      {R"({"id": "a", "annotations": [{"style": "x", "messages": ["Q", "A"], "answer": "A"}]})", "with 'style' only"},
      {R"({"id": "a", "annotations": [{"style": "x", "messages": ["Q", 3]}]})", "'messages' has the wrong type"},
      {R"({"id": "a", "annotations": [{"style": "x", "label": "l", "points": [[1, 2]], "point_scale": 100}]})",
       "points go with the styles pointing and point_count, found 'x'"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "points": [[1, 2]], "point_scale": 100}]})",
       "need a 'label'"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "label": "l", "points": [[1, 2]]}]})",
       "'point_scale' is missing: write 100 for points in percent"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "label": "l", "points": [[1, 102]], "point_scale": 100}]})",
       "point [1, 102] is outside of the picture: expected 0 to 100"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "label": "l", "points": [[-1, 2]], "point_scale": null}]})",
       "expected 0 to the picture's size"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "label": "l", "points": [[1]], "point_scale": 100}]})",
       "has 1 numbers where 2 are expected"},
      {R"({"id": "a", "annotations": [{"style": "pointing", "label": "l", "points": [[1, 1]], "point_scale": 0}]})",
       "'point_scale' is 0"},
      {R"({"id": "a", "annotations": [{"style": "x", "question": "Q", "options": ["y"], "answer_idx": 1}]})",
       "'answer_idx' is 1, but there are 1 options"},
  };
  for (const auto& [json, message] : cases)
    EXPECT_THAT([&json = json] { parse(json); }, ThrowsMessage<Error>(HasSubstr(message))) << json;
}

TEST(Jsonl, WritesWhatItReads) {
  const std::string json =
      R"({"id": "k1", "image": "photos/k.jpg", "weight": 0.5, "annotations": [)"
      R"({"style": "user_qa", "question": "What?", "answer": "A kettle."},)"
      R"({"style": "pointing", "label": "mug", "points": [[12.5, 40.0]], "point_scale": 100.0},)"
      R"({"style": "point_count", "label": "mug", "points": [[12.5, 40.0]], "point_scale": null}]})";
  EXPECT_EQ(to_record(parse(json), "data"), parse_json(json, "record"));
  Example two;
  two.pictures.resize(2);
  EXPECT_THAT([&] { to_record(two, ""); }, ThrowsMessage<Error>(HasSubstr("has 2 pictures")));
}

class JsonlFile : public testing::Test {
 protected:
  void write(std::string_view text) { write_file_atomic(path(), text); }
  std::filesystem::path path() const { return folder_.path() / "own.jsonl"; }
  std::shared_ptr<const Dataset> open() const { return open_dataset({.name = "jsonl", .path = path()}); }
  test::TemporaryFolder folder_;
};

TEST_F(JsonlFile, IsADataset) {
  write("{\"id\": \"a\", \"text\": \"x\"}\n\n  \n{\"text\": \"y\"}\r\nnot json");
  const auto dataset = open();
  EXPECT_EQ(dataset->name(), "jsonl");
  ASSERT_EQ(dataset->size(), 3u);
  RandomStream draws(1, "test");
  EXPECT_EQ(dataset->example(0, draws).id, "a");
  EXPECT_EQ(dataset->example(1, draws).id, "4") << "without an id, the number of the line";
  EXPECT_THAT([&] { dataset->example(2, draws); }, ThrowsMessage<Error>(HasSubstr("own.jsonl, line 5")));
}

TEST_F(JsonlFile, CheckExplainsLineByLine) {
  image::write_png({.size = {2, 3}, .pixels = std::vector<uint8_t>(18, 200)}, folder_.path() / "good.png");
  std::ofstream(folder_.path() / "bad.png") << "no picture";
  write(R"({"id": "a", "image": "good.png", "text": "x"}
{"id": "b", "image": "bad.png", "text": "x"}
{"id": "c", "image": "missing.png", "text": "x"}
{"id": "a", "image": "good.png", "text": "x"}
{"image": "good.png", "text": "x"}
{"id": "f", "text": "x"
)");
  const RecordCheck check = check_records(path());
  EXPECT_EQ(check.num_records, 6u);
  EXPECT_EQ(check.num_problems, 5u);
  std::vector<size_t> lines;
  for (const auto& problem : check.problems) lines.push_back(problem.number);
  ASSERT_THAT(lines, ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(check.problems[0].message, HasSubstr("bad.png"));
  EXPECT_THAT(check.problems[1].message, HasSubstr("missing.png"));
  EXPECT_THAT(check.problems[2].message, HasSubstr("own.jsonl, line 1: every record needs one of its own"));
  EXPECT_THAT(check.problems[3].message, HasSubstr("'id' is missing"));
  EXPECT_EQ(check_records(path(), {.decode_pictures = false}).num_problems, 4u) << "the bad picture is there";
  EXPECT_EQ(check_records(path(), {.max_problems = 2}).problems.size(), 2u);
}

TEST_F(JsonlFile, CanBePartOfAMixture) {
  write("{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\", \"text\": \"x\"}\n");
  config::DataSource source;
  source.name = "jsonl";
  source.path = path();
  config::MixtureGroup group{.rate = 1, .sources = {source}};
  const Mixture mixture = open_mixture(std::vector{group}, {.seed = 3});
  ASSERT_EQ(mixture.sources.size(), 1u);
  EXPECT_EQ(mixture.sources[0].rate, 1);
  EXPECT_LT(mixture.order.at(5).index, 2u);

  write("");
  EXPECT_THAT([&] { open_mixture(std::vector{group}, {}); }, ThrowsMessage<Error>(HasSubstr("has no examples")));
  group.sources[0].options = {"colour=red"};
  EXPECT_THAT([&] { open_mixture(std::vector{group}, {}); }, ThrowsMessage<Error>(HasSubstr("unknown option 'colour")));
  group.sources[0].name = "jsonI";
  EXPECT_THAT([&] { open_mixture(std::vector{group}, {}); }, ThrowsMessage<Error>(HasSubstr("Did you mean 'jsonl'?")));
}

}  // namespace
}  // namespace molmo::data
