// Sets that are published as JSON or CSV with pictures beside it.
#include "data/academic_files.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string answers(const std::vector<std::string>& texts, const char* key = "answer") {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back({{"answer_id", list.size() + 1}, {key, text}});
  return list.dump();
}

class Vqa2Test : public AcademicTest {
 protected:
  void SetUp() override {
    write("v2_OpenEnded_mscoco_train2014_questions.json", R"({"info": {}, "questions": [
      {"image_id": 9, "question": "What is it?", "question_id": 9000},
      {"image_id": 25, "question": "How many?", "question_id": 25000},
      {"image_id": 9, "question": "Is it red?", "question_id": 9001}]})");
    write("v2_mscoco_train2014_annotations.json",
          R"({"annotations": [{"question_id": 9001, "answers": )" + answers({"yes", "no", "yes"}) +
              R"(}, {"question_id": 25000, "answers": )" + answers({"2"}) + R"(}, {"question_id": 9000, "answers": )" +
              answers({"cup", "mug", "mug"}) + "}]}");
    write("v2_OpenEnded_mscoco_test-dev2015_questions.json",
          R"({"questions": [{"image_id": 7, "question": "Who?", "question_id": 70}]})");
    write_pictures({"train2014/COCO_train2014_000000000009.jpg", "train2014/COCO_train2014_000000000025.jpg",
                    "test2015/COCO_test2015_000000000007.jpg"});
  }
};

TEST_F(Vqa2Test, GivesOneQuestion) {
  const auto dataset = open("vqa2");
  ASSERT_EQ(dataset->size(), 3u);
  const Example example = this->example(*dataset, 2);
  EXPECT_EQ(summary(example),
            "9001 | train2014/COCO_train2014_000000000009.jpg | "
            R"({"image_id":9,"example_id":9001,"answers":["yes","no","yes"]})");
  EXPECT_THAT(texts(example), ElementsAre(" User: vqa2: Is it red? Assistant: yes<EOS>"));
}

TEST_F(Vqa2Test, GroupsTheQuestionsAboutAPicture) {
  const auto dataset = open("vqa2_multi");
  ASSERT_EQ(dataset->size(), 2u);
  const Example example = this->example(*dataset, 0);
  EXPECT_EQ(summary(example), R"(9 | train2014/COCO_train2014_000000000009.jpg | {"image_id":9})");
  EXPECT_THAT(texts(example), ElementsAre(" User: vqa2: What is it? Assistant: mug<EOS>",
                                          " User: vqa2: Is it red? Assistant: yes<EOS>"));
  EXPECT_EQ(this->example(*dataset, 1).id, "25");
}

TEST_F(Vqa2Test, GivesTestQuestionsWithoutAnswers) {
  const Example example = this->example(*open("vqa2", "test-dev"), 0);
  EXPECT_EQ(summary(example), R"(70 | test2015/COCO_test2015_000000000007.jpg | {"image_id":7,"example_id":70})");
  EXPECT_THAT(texts(example, text::Purpose::Inference), ElementsAre(" User: vqa2: Who? Assistant:"));
}

TEST_F(Vqa2Test, RefusesWhatDoesNotBelongTogether) {
  EXPECT_THAT(error("vqa2", "dev"), HasSubstr("vqa2 has no split 'dev', only: train, validation, test, test-dev"));
  EXPECT_THAT(error("vqa2", "validation"), HasSubstr("there is no v2_OpenEnded_mscoco_val2014_questions.json"));
  write("v2_mscoco_train2014_annotations.json", R"({"annotations": [{"question_id": 9000, "answers": []}]})");
  EXPECT_THAT(error("vqa2"), HasSubstr("questions.json, row 1: no annotation has the question_id 25000"));
  write("v2_mscoco_train2014_annotations.json", R"({"annotations": [{"question_id": 1e30, "answers": []}]})");
  EXPECT_THAT(error("vqa2"), HasSubstr("annotations.json, row 0: 'question_id' is 1e30"));
  SetUp();
  std::filesystem::remove(path("train2014/COCO_train2014_000000000025.jpg"));
  EXPECT_THAT(error("vqa2_multi"), HasSubstr("questions.json, row 1: its picture"));
  write("v2_OpenEnded_mscoco_train2014_questions.json",
        R"({"questions": [{"image_id": "9", "question": 3, "question_id": 9000}]})");
  EXPECT_THAT(error("vqa2"), HasSubstr("row 0: 'image_id' is string, expected a whole number"));
}

TEST_F(AcademicTest, OkVqaGivesAnswersAsTyped) {
  write("OpenEnded_mscoco_val2014_questions.json",
        R"({"questions": [{"image_id": 297147, "question": "What sport?", "question_id": 2971475}]})");
  write("mscoco_val2014_annotations.json",
        R"({"annotations": [{"question_id": 2971475, "answers": )" + answers({"racing", "race"}, "raw_answer") + "}]}");
  write_pictures({"val2014/COCO_val2014_000000297147.jpg"});
  const Example example = this->example(*open("okvqa", "validation"), 0);
  EXPECT_EQ(summary(example),
            "2971475 | val2014/COCO_val2014_000000297147.jpg | "
            R"({"example_id":2971475,"answers":["racing","race"]})");
  EXPECT_THAT(texts(example), ElementsAre(" User: okvqa: What sport? Assistant: racing<EOS>"));
}

TEST_F(AcademicTest, AOkVqaGivesOptionsOrAnswers) {
  const std::string rows = R"([
    {"image_id": 299207, "question_id": "22M", "question": "Who?", "choices": ["a", "b", "c"], "correct_choice_idx": 1,
     "direct_answers": ["b", "b", "x"], "difficult_direct_answer": true},
    {"image_id": 5, "question_id": "33N", "question": "When?", "choices": ["d", "e"], "correct_choice_idx": 0,
     "direct_answers": ["d"], "difficult_direct_answer": false}])";
  write("aokvqa_v1p0_train.json", rows);
  write("aokvqa_v1p0_val.json", rows);
  write("aokvqa_v1p0_test.json", R"([{"image_id": 5, "question_id": "t", "question": "When?", "choices": ["d", "e"],
                                      "difficult_direct_answer": false}])");
  for (const std::string folder : {"train2017/", "val2017/", "test2017/"}) {
    write_pictures({folder + "000000299207.jpg", folder + "000000000005.jpg"});
  }
  const Example with_options = example(*open("a_okvqa_mc"), 0);
  EXPECT_EQ(summary(with_options),
            "22M | train2017/000000299207.jpg | "
            R"({"example_id":"22M","answer_idx":1,"options":["a","b","c"]})");
  EXPECT_THAT(texts(with_options), ElementsAre(" User: a_okvqa_mc: Who?\nA: a\nB: b\nC: c\n Assistant: B<EOS>"));
  EXPECT_THAT(texts(example(*open("a_okvqa_da"), 0)), ElementsAre(" User: a_okvqa_da: Who? Assistant: b<EOS>"));
  EXPECT_EQ(open("a_okvqa_da")->size(), 2u);
  ASSERT_EQ(open("a_okvqa_da", "validation")->size(), 1u) << "difficult questions are trained on and not scored";
  EXPECT_EQ(example(*open("a_okvqa_da", "validation"), 0).id, "33N");
  EXPECT_EQ(open("a_okvqa_mc", "validation")->size(), 2u);
  const Example test = example(*open("a_okvqa_mc", "test"), 0);
  EXPECT_EQ(summary(test), R"(t | test2017/000000000005.jpg | {"example_id":"t","options":["d","e"]})");
  EXPECT_THAT(texts(test, text::Purpose::Inference), ElementsAre(" User: a_okvqa_mc: When?\nA: d\nB: e\n Assistant:"));
}

TEST_F(AcademicTest, InfoVqaReadsBothNamesOfItsFile) {
  const std::string rows = R"({"dataset_name": "infographicVQA", "data": [{"questionId": 98313, "question": "Which?",
    "image_local_name": "20471.jpeg", "answers": ["Pink", "pink"], "data_split": "train"}]})";
  write("infographicVQA_train_v1.0.json", rows);
  write("infographicsVQA_test_v1.0.json", R"({"data": [{"questionId": 1, "question": "Why?",
                                              "image_local_name": "20471.jpeg"}]})");
  write_pictures({"images/20471.jpeg"});
  const Example example = this->example(*open("info_qa"), 0);
  EXPECT_EQ(summary(example), R"(98313 | images/20471.jpeg | {"example_id":98313,"answers":["Pink","pink"]})");
  EXPECT_THAT(texts(example), ElementsAre(" User: info_qa: Which? Assistant: Pink<EOS>"));
  EXPECT_THAT(texts(this->example(*open("info_qa", "test"), 0), text::Purpose::Inference),
              ElementsAre(" User: info_qa: Why? Assistant:"));
  write("infographicsVQA_train_v1.0.json", R"({"data": [{"questionId": 1, "question": "Which?",
                                               "image_local_name": "../../etc/passwd", "answers": []}]})");
  EXPECT_THAT(error("info_qa"), HasSubstr("row 0: the picture '../../etc/passwd' is not a file below"));
}

TEST_F(AcademicTest, StVqaSetsItsFirstShuffledRowsAside) {
  Json rows = Json::array();
  for (int i = 0; i < 2000; ++i) {  // in the file the other way round
    rows.push_back({{"question_id", 1999 - i}, {"question", "Q"}, {"answers", {"a"}}, {"file_path", "train/a.jpg"}});
  }
  write("train_task_3.json", Json{{"data", rows}}.dump());
  write_pictures({"train/a.jpg"});
  const auto train = open("st_qa"), validation = open("st_qa", "validation");
  ASSERT_EQ(train->size(), 2000u - 1024u);
  ASSERT_EQ(validation->size(), 1024u);
  // numpy 2.4: list(range(2000)) after RandomState(63069).shuffle begins 724, 338, 1592 and ends 137, 1417, 731.
  EXPECT_EQ(example(*validation, 0).id, "724");
  EXPECT_EQ(example(*validation, 2).id, "1592");
  EXPECT_EQ(example(*train, train->size() - 1).id, "731");
  EXPECT_EQ(summary(example(*validation, 1)), R"(338 | train/a.jpg | {"example_id":338,"answers":["a"]})");
  EXPECT_THAT(texts(example(*train, 0)), ElementsAre(" User: st_qa: Q Assistant: a<EOS>"));
}

TEST_F(AcademicTest, TabMwpAnswersWithoutOptions) {
  write("problems_dev.json", R"({"12": {"question": "How much?", "choices": ["$1", "$2"], "answer": "$2",
    "table_for_pd": {}, "split": "dev"}, "7": {"question": "Sum?", "choices": null, "answer": "12.5"}})");
  write_pictures({"tables/12.png", "tables/7.png"});
  const auto dataset = open("tabwmp_da", "validation");
  EXPECT_EQ(summary(example(*dataset, 0)), R"(12 | tables/12.png | {"example_id":12,"answer":"$2"})");
  EXPECT_THAT(texts(example(*dataset, 0)), ElementsAre(" User: tabwmp_da: How much? Assistant: $2<EOS>"));
  EXPECT_EQ(example(*dataset, 1).id, "7");
  write("problems_train.json", R"({"x": {"question": "?", "answer": "1"}})");
  EXPECT_THAT(error("tabwmp_da"), HasSubstr("row 0: its name 'x' is no number"));
}

TEST_F(AcademicTest, TallyQaGroupsTheQuestionsAboutAPicture) {
  write("train.json", R"([
    {"image": "VG_100K/2.jpg", "answer": 3, "data_source": "imported_genome", "question": "How many cats?", "image_id": 92410, "question_id": 1},
    {"image": "train2014/COCO_train2014_000000000009.jpg", "answer": 0, "question": "How many?", "image_id": 9, "question_id": 2},
    {"image": "VG_100K/2.jpg", "answer": 0, "question": "How many dogs?", "image_id": 92410, "question_id": 3}])");
  write_pictures({"VG_100K/2.jpg", "train2014/COCO_train2014_000000000009.jpg"});
  const auto dataset = open("tally_qa");
  ASSERT_EQ(dataset->size(), 2u);
  EXPECT_EQ(summary(example(*dataset, 0)), R"(VG_100K/2.jpg | VG_100K/2.jpg | {"image_id":92410})");
  EXPECT_THAT(texts(example(*dataset, 0)), ElementsAre(" User: tally_qa: How many cats? Assistant: 3<EOS>",
                                                       " User: tally_qa: How many dogs? Assistant: 0<EOS>"));
}

TEST_F(AcademicTest, DvqaGroupsTheQuestionsAboutAPicture) {
  write("val_easy_qa.json", R"([
    {"question": "How many bars?", "question_id": 1, "template_id": "structure", "answer": "two", "image": "bar_1.png", "answer_bbox": []},
    {"question": "Is it stacked?", "question_id": 2, "answer": "no", "image": "bar_1.png", "answer_bbox": [1, 2, 3, 4]}])");
  write_pictures({"images/bar_1.png"});
  const Example example = this->example(*open("dv_qa", "val_easy"), 0);
  EXPECT_EQ(summary(example), R"(bar_1.png | images/bar_1.png | {"image_id":"bar_1.png"})");
  EXPECT_THAT(texts(example), ElementsAre(" User: dv_qa: How many bars? Assistant: two<EOS>",
                                          " User: dv_qa: Is it stacked? Assistant: no<EOS>"));
}

TEST_F(AcademicTest, FigureQaAnswersWithDigits) {
  write("train1/qa_pairs.json", R"({"qa_pairs": [
    {"question_string": "Is Red the minimum?", "answer": 1, "image_index": 0, "question_id": 3},
    {"question_string": "Is Blue smooth?", "answer": 0, "image_index": 0, "question_id": 9}], "total": 2})");
  write("no_annot_test1/qa_pairs.json",
        R"({"qa_pairs": [{"question_string": "Is Red the minimum?", "image_index": 4, "question_id": 3}]})");
  write_pictures({"train1/png/0.png", "no_annot_test1/png/4.png"});
  const Example example = this->example(*open("figure_qa"), 0);
  EXPECT_EQ(summary(example), "0 | train1/png/0.png | {}");
  EXPECT_THAT(texts(example), ElementsAre(" User: figure_qa: Is Red the minimum? Assistant: 1<EOS>",
                                          " User: figure_qa: Is Blue smooth? Assistant: 0<EOS>"));
  EXPECT_THAT(texts(this->example(*open("figure_qa", "test"), 0), text::Purpose::Inference),
              ElementsAre(" User: figure_qa: Is Red the minimum? Assistant:"));
}

TEST_F(AcademicTest, PlotQaPrintsNumbersAsTheReference) {
  write("val/qa_pairs_V1.json", R"({"qa_pairs": [
    {"question_string": "What is the average?", "answer": 51.67, "image_index": 19, "question_id": 0},
    {"question_string": "What is the sum?", "answer": 12.0, "image_index": 19, "question_id": 1},
    {"question_string": "Is it so?", "answer": "Yes", "image_index": 19, "question_id": 2}]})");
  write_pictures({"val/png/19.png"});
  const Example example = this->example(*open("plot_qa", "validation"), 0);
  EXPECT_EQ(summary(example), "19 | val/png/19.png | {}");
  EXPECT_THAT(texts(example), ElementsAre(" User: plot_qa: What is the average? Assistant: 51.67<EOS>",
                                          " User: plot_qa: What is the sum? Assistant: 12.0<EOS>",
                                          " User: plot_qa: Is it so? Assistant: Yes<EOS>"));
  write("val/qa_pairs_V1.json", R"({"qa_pairs": [{"question_string": "?", "answer": [], "image_index": 19}]})");
  EXPECT_THAT(error("plot_qa", "validation"), HasSubstr("qa_pairs_V1.json, row 0: an answer is array"));
}

TEST_F(AcademicTest, ClockBenchLeavesOutRowsWithoutAPicture) {
  write("movies_final.csv",
        "file_name,img_id,bbox_det,hour,minute\n"
        "caf\xC3\xA9.jpg,m1,\"[1, 2, 3, 4]\",12,7\n"
        "lost.jpg,m2,\"[1, 2, 3, 4]\",3,0\n");
  write_pictures({"movies/ClockMovies/images/cafe\xCC\x81.jpg"});  // the accent is a character of its own
  const auto dataset = open("clock_bench", "movies");
  ASSERT_EQ(dataset->size(), 1u);
  EXPECT_EQ(summary(example(*dataset, 0)),
            "m1 | movies/ClockMovies/images/cafe\xCC\x81.jpg | "
            R"({"hour":0,"minute":7,"second":-1,"example_id":"m1"})");
  EXPECT_THAT(texts(example(*dataset, 0), text::Purpose::Inference),
              ElementsAre(" User: clocks: What time is being shown? Assistant:"));
  write("coco_final.csv", "file_name,img_id,hour,minute\na.jpg,c,ten,7\n");
  write_pictures({"coco/trainval_images/a.jpg"});
  EXPECT_THAT(error("clock_bench", "coco"), HasSubstr("coco_final.csv, row 0: 'hour' is 'ten'"));
}

TEST_F(AcademicTest, SetsHaveNoSettings) {
  EXPECT_THROW(open_dataset({.name = "okvqa", .path = path(""), .options = {"images=x"}}), Error);
}

}  // namespace
}  // namespace molmo::data
