// Sets that are published as parquet tables which carry their pictures.
#include "data/academic_files.h"
#include "image/encode.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const kPicture = "struct<bytes: binary, path: string>";

class ChartQaTest : public AcademicTest {
 protected:
  void SetUp() override {
    const std::vector<TableColumn> columns = {
        {"image", kPicture}, {"query", "string"}, {"label", "list<item: string>"}, {"human_or_machine", "int64"}};
    const auto row = [](const char* bytes, const char* query, int flag) {
      return Json{{"image", picture(bytes)}, {"query", query}, {"label", {"14"}}, {"human_or_machine", flag}};
    };
    write_table("data/train-00000-of-00002.parquet", columns, {row("one", "How many?", 0)});
    write_table("data/train-00001-of-00002.parquet", columns, {row("two", "What?", 1), row("three", "Who?", 1)});
  }
};

TEST_F(ChartQaTest, ReadsAllFilesOfTheSplit) {
  const auto dataset = open("chart_qa");
  ASSERT_EQ(dataset->size(), 3u);
  EXPECT_EQ(summary(example(*dataset, 1)), R"(1 | two | {"is_human":1,"answers":["14"]})");
  EXPECT_FALSE(example(*dataset, 1).weight);
  EXPECT_THAT(texts(example(*dataset, 1)), ElementsAre(" User: chart_qa: What? Assistant: 14<EOS>"));
}

TEST_F(ChartQaTest, WeighsTheRareKindMore) {
  const auto fixed = open("chart_qa_weighted", "train", config::Quirks::Fixed);
  EXPECT_DOUBLE_EQ(*example(*fixed, 0).weight, 1.4771546697763172);
  EXPECT_DOUBLE_EQ(*example(*fixed, 1).weight, 0.5228453302236828);
  EXPECT_EQ(summary(example(*fixed, 0)), R"(0 | one | {"is_human":true,"answers":["14"]})");
  const auto reference = open("chart_qa_weighted");  // takes the flag the other way round
  EXPECT_DOUBLE_EQ(*example(*reference, 0).weight, 0.5228453302236828);
  EXPECT_DOUBLE_EQ(*example(*reference, 1).weight, 1.4771546697763172);
}

TEST_F(ChartQaTest, TakesOnePartAlone) {
  EXPECT_EQ(open("chart_qa_human", "train", config::Quirks::Fixed)->size(), 1u);
  EXPECT_EQ(open("chart_qa_augmented", "train", config::Quirks::Fixed)->size(), 2u);
  EXPECT_EQ(example(*open("chart_qa_augmented", "train", config::Quirks::Fixed), 1).id, "2");
  EXPECT_EQ(open("chart_qa_human")->size(), 2u);
}

TEST_F(ChartQaTest, RefusesTablesOfAnotherForm) {
  write_table("data/val-00000-of-00001.parquet", {{"image", kPicture}, {"query", "string"}}, {});
  EXPECT_THAT(error("chart_qa", "validation"), HasSubstr("label"));
  write_table("data/test-00000-of-00001.parquet",
              {{"image", kPicture}, {"query", "string"}, {"label", "string"}, {"human_or_machine", "int64"}},
              {{{"image", picture("x")}, {"query", "?"}, {"label", "14"}, {"human_or_machine", 0}}});
  EXPECT_THAT(error("chart_qa", "test"), HasSubstr("row 0: 'label' is string, expected a list"));
  write("data/test-00000-of-00001.parquet", "PAR1 damaged");
  EXPECT_THAT(error("chart_qa", "test"), HasSubstr("test-00000-of-00001.parquet"));
}

TEST_F(AcademicTest, DocVqaReadsTheTableOrTheFilesOfTheChallenge) {
  const std::vector<TableColumn> columns = {{"questionId", "int32"},
                                            {"question", "string"},
                                            {"image", kPicture},
                                            {"question_types", "list<item: string>"},
                                            {"docId", "int32"},
                                            {"ucsf_document_id", "string"},
                                            {"answers", "list<item: string>"}};
  write_table("data/validation-00000-of-00001.parquet", columns,
              {{{"questionId", 49153},
                {"question", "What is the actual value?"},
                {"image", picture("page")},
                {"question_types", {"figure/diagram"}},
                {"docId", 14465},
                {"ucsf_document_id", "pybv0228"},
                {"answers", {"0.28"}}}});
  const Example example = this->example(*open("doc_qa", "validation"), 0);
  EXPECT_EQ(summary(example),
            "49153 | page | "
            R"({"doc_id":14465,"question_types":["figure/diagram"],"example_id":49153,"answers":["0.28"]})");
  EXPECT_THAT(texts(example), ElementsAre(" User: doc_qa: What is the actual value? Assistant: 0.28<EOS>"));

  write("test_v1.0.json", R"({"data": [{"questionId": 5, "question": "When?", "image": "documents/x_1.png",
                              "docId": 1, "data_split": "test"}]})");
  write_pictures({"documents/x_1.png"});
  EXPECT_EQ(summary(this->example(*open("doc_qa", "test"), 0)),
            R"(5 | documents/x_1.png | {"doc_id":1,"question_types":[],"example_id":5,"answers":[]})");
}

TEST_F(AcademicTest, TextVqaReadsTheTableOrTheJson) {
  write("TextVQA_0.5.1_val.json", R"({"dataset_type": "val", "data": [{"image_id": "003a8ae2ef43b901",
    "question_id": 34602, "question": "what is the brand?", "answers": ["nous les gosses", "dakota", "dakota"],
    "flickr_300k_url": "https://c/s.jpg", "set_name": "val"}]})");
  write_pictures({"train_images/003a8ae2ef43b901.jpg"});
  const std::string expected =
      R"({"image_url":"https://c/s.jpg","image_id":"003a8ae2ef43b901","example_id":34602,"answers":["nous les gosses","dakota","dakota"]})";
  const Example example = this->example(*open("text_vqa", "validation"), 0);
  EXPECT_EQ(summary(example), "34602 | train_images/003a8ae2ef43b901.jpg | " + expected);
  EXPECT_THAT(texts(example), ElementsAre(" User: text_vqa: what is the brand? Assistant: dakota<EOS>"));

  write_table("data/validation-00000-of-00001.parquet",
              {{"image_id", "string"},
               {"question_id", "int32"},
               {"question", "string"},
               {"image", kPicture},
               {"flickr_300k_url", "string"},
               {"answers", "list<item: string>"}},
              {{{"image_id", "003a8ae2ef43b901"},
                {"question_id", 34602},
                {"question", "what is the brand?"},
                {"image", picture("photo")},
                {"flickr_300k_url", "https://c/s.jpg"},
                {"answers", {"nous les gosses", "dakota", "dakota"}}}});
  EXPECT_EQ(summary(this->example(*open("text_vqa", "validation"), 0)), "34602 | photo | " + expected);
}

TEST_F(AcademicTest, ScienceQaTakesQuestionsWithAPicture) {
  const std::vector<TableColumn> columns = {{"image", kPicture},
                                            {"question", "string"},
                                            {"choices", "list<item: string>"},
                                            {"answer", "int64"},
                                            {"hint", "string"}};
  write_table("data/test-00000-of-00001.parquet", columns,
              {{{"image", nullptr}, {"question", "Text?"}, {"choices", {"u"}}, {"answer", 0}, {"hint", ""}},
               {{"image", picture("map")},
                {"question", "Where?"},
                {"choices", {"u", "v"}},
                {"answer", 1},
                {"hint", "Look left."}}});
  const auto dataset = open("science_qa_img", "test");
  ASSERT_EQ(dataset->size(), 1u);
  EXPECT_EQ(summary(example(*dataset, 0)), R"(1 | map | {"answer_idx":1,"options":["u","v"]})");
  EXPECT_THAT(texts(example(*dataset, 0)),
              ElementsAre(" User: science_qa: Look left.\nLook left.\nA: u\nB: v\n Assistant: B<EOS>"));
  EXPECT_THAT(texts(example(*open("science_qa_img", "test", config::Quirks::Fixed), 0)),
              ElementsAre(" User: science_qa: Look left.\nWhere?\nA: u\nB: v\n Assistant: B<EOS>"));
}

TEST_F(AcademicTest, MathVistaReadsItsSmallTestSet) {
  write_table("data/testmini-00000-of-00001.parquet",
              {{"pid", "string"},
               {"question", "string"},
               {"image", "string"},
               {"decoded_image", kPicture},
               {"choices", "list<item: string>"},
               {"unit", "string"},
               {"precision", "double"},
               {"answer", "string"},
               {"question_type", "string"},
               {"answer_type", "string"}},
              {{{"pid", "1"},
                {"question", "Hint: x\nQuestion: How far?"},
                {"image", "images/1.jpg"},
                {"decoded_image", picture("spring")},
                {"choices", nullptr},
                {"precision", 1.0},
                {"answer", "1.2"},
                {"question_type", "free_form"},
                {"answer_type", "float"}}});
  const Example example = this->example(*open("math_vista", "validation"), 0);
  EXPECT_EQ(summary(example),
            R"(1 | spring | {"example_id":"1","answer":"1.2","precision":1.0,"query":"Hint: x\nQuestion: How far?",)"
            R"("choices":null,"question_type":"free_form","answer_type":"float"})");
  EXPECT_THAT(texts(example, text::Purpose::Inference), ElementsAre(" User: vqa2: How far? Assistant:"));
}

TEST_F(AcademicTest, RealWorldQaCutsTheInstructionOfShortAnswers) {
  const std::string question = "How many?\nPlease answer directly with a single word or number.";
  write_table("data/test-00000-of-00001.parquet", {{"image", kPicture}, {"question", "string"}, {"answer", "string"}},
              {{{"image", picture("street")}, {"question", question}, {"answer", "2"}},
               {{"image", picture("road")}, {"question", "How many?"}, {"answer", "2"}}});
  const auto dataset = open("real_world_qa", "test");
  const Json metadata = {{"answer", "2"}, {"prompt", question}, {"question_type", "short_answer"}};
  EXPECT_EQ(summary(example(*dataset, 0)), "0 | street | " + metadata.dump());
  EXPECT_THAT(texts(example(*dataset, 0), text::Purpose::Inference), ElementsAre(" User: vqa2: How many? Assistant:"));
  EXPECT_THAT(error("real_world_qa", "test"), HasSubstr("row 1: the question says neither"));
}

class MmmuTest : public AcademicTest {
 protected:
  void SetUp() override {
    const std::vector<TableColumn> columns = {
        {"id", "string"},      {"question", "string"},      {"options", "string"},
        {"answer", "string"},  {"question_type", "string"}, {"image_1", kPicture},
        {"image_2", kPicture}, {"image_3", kPicture},       {"image_4", kPicture},
        {"image_5", kPicture}, {"image_6", kPicture},       {"image_7", kPicture}};
    for (const std::string subject : {"Accounting",
                                      "Agriculture",
                                      "Architecture_and_Engineering",
                                      "Art",
                                      "Art_Theory",
                                      "Basic_Medical_Science",
                                      "Biology",
                                      "Chemistry",
                                      "Clinical_Medicine",
                                      "Computer_Science",
                                      "Design",
                                      "Diagnostics_and_Laboratory_Medicine",
                                      "Economics",
                                      "Electronics",
                                      "Energy_and_Power",
                                      "Finance",
                                      "Geography",
                                      "History",
                                      "Literature",
                                      "Manage",
                                      "Marketing",
                                      "Materials",
                                      "Math",
                                      "Mechanical_Engineering",
                                      "Music",
                                      "Pharmacy",
                                      "Physics",
                                      "Psychology",
                                      "Public_Health",
                                      "Sociology"}) {
      const bool is_choice = subject == "Art";
      Json row = {{"id", "validation_" + subject + "_1"},
                  {"question", "Which? <image 1>"},
                  {"options", is_choice ? R"(["<img='p1'>", "<img='p2'>"])" : "[]"},
                  {"answer", is_choice ? "B" : "5"},
                  {"question_type", is_choice ? "multiple-choice" : "open"},
                  {"image_1", picture(subject)},
                  {"image_2", picture("second")}};
      write_table(subject + "/validation-00000-of-00001.parquet", columns, {row});
    }
  }
};

TEST_F(MmmuTest, ReadsAllSubjects) {
  const auto dataset = open("mmmu", "validation");
  ASSERT_EQ(dataset->size(), 30u);
  EXPECT_EQ(
      summary(example(*dataset, 0)),
      R"(validation_Accounting_1 | Accounting | {"answer":"5","example_id":"validation_Accounting_1","question_type":"open"})");
  EXPECT_THAT(texts(example(*dataset, 29), text::Purpose::Inference),
              ElementsAre(" User: vqa2: Which? <image 1> Assistant:"));
  EXPECT_TRUE(example(*dataset, 3).pictures.empty()) << "the options are pictures";
  EXPECT_EQ((*example(*dataset, 3).metadata)["options"].dump(), R"(["<img='p1'>","<img='p2'>"])");
}

TEST_F(MmmuTest, GivesAllPicturesWhereAsked) {
  EXPECT_EQ(example(*open("mmmu_all_pictures", "validation"), 3).pictures.size(), 2u);
}

TEST_F(MmmuTest, NamesASubjectThatIsMissing) {
  std::filesystem::remove_all(path("Physics"));
  EXPECT_THAT(error("mmmu", "validation"), HasSubstr("Physics"));
}

TEST_F(AcademicTest, CountBenchQaJoinsQuestionsAndPictures) {
  const image::Image image = {{2, 2}, std::vector<uint8_t>(12, 9)};
  std::string gray = image::encode_png(image);
  gray[25] = 0;
  write_table("data/train-00000-of-00001-cf54c241ba947306.parquet",
              {{"image_url", "string"}, {"text", "string"}, {"number", "int64"}, {"image", kPicture}},
              {{{"image_url", "u0"}, {"text", "t"}, {"number", 2}, {"image", nullptr}},
               {{"image_url", "u1"}, {"text", "t"}, {"number", 3}, {"image", picture(gray)}},
               {{"image_url", "u2"}, {"text", "t"}, {"number", 4}, {"image", picture(image::encode_jpeg(image))}}});
  write("countbench_paired_questions.json",
        R"([{"question": "How many a?"}, {"question": "How many b?"}, {"question": "How many herons?"}])");
  const auto dataset = open("countbench_qa", "test");
  ASSERT_EQ(dataset->size(), 1u);
  EXPECT_EQ(example(*dataset, 0).id, "2");
  EXPECT_EQ(dump_json(*example(*dataset, 0).metadata), R"({"count":4,"image_id":2,"image_url":"u2"})");
  EXPECT_THAT(texts(example(*dataset, 0), text::Purpose::Inference), ElementsAre(" User: How many herons? Assistant:"));
  write("countbench_paired_questions.json", R"([{"question": "How many a?"}])");
  EXPECT_THAT(error("countbench_qa", "test"), HasSubstr("1 questions, but 3 pictures"));
}

}  // namespace
}  // namespace molmo::data
