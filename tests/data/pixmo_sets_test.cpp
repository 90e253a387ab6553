// The sets of PixMo from tables in the published schemas: splits, filters, grouping, and what quirks change.
#include "data/pixmo_sets.h"

#include <set>

#include "data/academic_files.h"
#include "data/loader.h"
#include "data/pixmo.h"
#include "image/image.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// The golden tables, each in its folder as the hub has them, with the pictures that were downloaded.
class PixmoTest : public AcademicTest {
 protected:
  static constexpr const char* kUrl = "http://127.0.0.1:PORT/images/";
  static std::string url(const std::string& picture) { return kUrl + picture; }

  void add_table(const std::string& table, const std::string& split = "train", const std::string& fixture = "") {
    const std::string name = table + "/data/" + split + "-00000-of-00001.parquet";
    write(name, read_file(test::fixture_path("parquet/" + (fixture.empty() ? table : fixture) + ".parquet")));
  }
  void add_picture(const std::string& table, const std::string& picture) {
    write(table + "/images/" + url_file_name(url(picture)), read_file(test::fixture_path("parquet/images/" + picture)));
  }
  void add_pictures(const std::string& table) {
    for (const char* name : {"harbor", "kitchen", "market", "trail", "desk", "garden"})
      add_picture(table, std::string(name) + ".png");
  }

  std::shared_ptr<const Dataset> open(const std::string& name, const std::string& table,
                                      const std::vector<std::string>& options = {}, const std::string& split = "train",
                                      config::Quirks quirks = config::Quirks::Reference) const {
    return open_dataset({.name = name, .path = path(table), .split = split, .options = options, .quirks = quirks});
  }
  static std::vector<std::string> ids(const Dataset& dataset) {
    std::vector<std::string> ids;
    for (size_t i = 0; i < dataset.size(); ++i) {
      std::string id = example(dataset, i).id;
      if (id.starts_with(kUrl)) id = id.substr(std::string(kUrl).size());
      ids.push_back(id);
    }
    return ids;
  }
};

TEST_F(PixmoTest, CapHasOneExampleForEachRowWhosePictureIsThere) {
  add_table("pixmo-cap");
  add_pictures("pixmo-cap");
  std::filesystem::remove(path("pixmo-cap/images/" + url_file_name(url("trail.png"))));
  const auto dataset = open("pixmo_cap", "pixmo-cap");
  EXPECT_THAT(ids(*dataset), ElementsAre("harbor.png#0", "kitchen.png#1", "market.png#2", "desk.png#4", "garden.png#5",
                                         "harbor.png#6", "kitchen.png#7"));
  const Example first = example(*dataset, 1);
  EXPECT_EQ(first.pictures.at(0).file, path("pixmo-cap/images/" + url_file_name(url("kitchen.png"))));
  EXPECT_EQ(dump_json(*first.metadata), R"({"image_url":"http://127.0.0.1:PORT/images/kitchen.png"})");
  ASSERT_EQ(texts(first).size(), 1u);
  EXPECT_THAT(texts(first)[0], HasSubstr("Assistant: A busy scene with 4 kettles"));
}

TEST_F(PixmoTest, CapDrawsOneTranscript) {
  add_table("pixmo-cap");
  add_pictures("pixmo-cap");
  const auto dataset = open("pixmo_cap_with_transcripts", "pixmo-cap");
  std::set<std::string> drawn;
  for (uint64_t epoch = 0; epoch < 40; ++epoch) {
    RandomStream draws(1, "test", epoch);
    const Example drawn_example = dataset->example(2, draws);
    ASSERT_EQ(drawn_example.text.annotations.size(), 2u);
    EXPECT_EQ(drawn_example.text.annotations[0].style, "long_caption");
    EXPECT_EQ(drawn_example.text.annotations[1].style, "transcript");
    drawn.insert(*drawn_example.text.annotations[1].text);
  }
  EXPECT_EQ(drawn.size(), 3u) << "the row has three";
  EXPECT_EQ(texts(example(*open("pixmo_cap", "pixmo-cap", {"mode=transcripts"}), 2)).size(), 3u);
  EXPECT_EQ(texts(example(*open("pixmo_cap", "pixmo-cap", {"mode=transcript1_and_caption"}), 2)).size(), 2u);
  EXPECT_THROW(open("pixmo_cap", "pixmo-cap", {"mode=both"}), Error);
}

TEST_F(PixmoTest, CapReadsAFileAloneAndEveryCodec) {
  for (const char* variant : {"variant-cap-zstd-nodict", "variant-cap-gzip-smallgroups", "variant-cap-large-types"}) {
    add_table("pixmo-cap", "train", variant);
    add_pictures("pixmo-cap");
    EXPECT_EQ(open("pixmo_cap", "pixmo-cap/data/train-00000-of-00001.parquet")->size(), 8u) << variant;
  }
}

TEST_F(PixmoTest, CapQaPrefixesQuestionsAboutNumbers) {
  add_table("pixmo-cap-qa");
  add_pictures("pixmo-cap-qa");
  const auto dataset = open("pixmo_cap_qa", "pixmo-cap-qa");
  EXPECT_THAT(ids(*dataset), ElementsAre("harbor.png", "kitchen.png", "market.png", "trail.png", "desk.png"));
  const auto& prefixes = builtin_no_pointing_prefixes();
  const auto begins_with_prefix = [&](const std::string& text, const std::string& rest) {
    for (const std::string& prefix : prefixes) {
      if (text == prefix + rest) return true;
    }
    return false;
  };
  const auto messages = *example(*dataset, 0).text.annotations.at(1).messages;
  EXPECT_TRUE(begins_with_prefix(messages[0], "how many kettles are there?")) << messages[0];
  // The reference repeats the first message in place of a later question.
  EXPECT_TRUE(begins_with_prefix(example(*dataset, 3).text.annotations.at(0).messages->at(2), "Hello there."));
  const auto fixed = open("pixmo_cap_qa", "pixmo-cap-qa", {}, "train", config::Quirks::Fixed);
  EXPECT_TRUE(
      begins_with_prefix(example(*fixed, 3).text.annotations.at(0).messages->at(2), "How many gulls are there?"));
  EXPECT_EQ(example(*open("pixmo_cap_qa", "pixmo-cap-qa", {"style=user_qa"}), 0).text.annotations[0].style, "user_qa");
}

TEST_F(PixmoTest, CapQaReadsOlderTablesWithoutMessages) {
  const std::vector<TableColumn> columns = {{"image_url", "string"}, {"question", "string"}, {"answer", "string"}};
  write_table("pixmo-cap-qa/data/train-00000-of-00001.parquet", columns,
              {{{"image_url", url("desk.png")}, {"question", "What?"}, {"answer", "A desk."}}});
  add_pictures("pixmo-cap-qa");
  EXPECT_THAT(texts(example(*open("pixmo_cap_qa", "pixmo-cap-qa"), 0)),
              ElementsAre(" User: synthetic_qa: What? Assistant: A desk.<EOS>"));
}

TEST_F(PixmoTest, AskModelAnythingIsGroupedByPicture) {
  add_table("pixmo-ask-model-anything");
  add_pictures("pixmo-ask-model-anything");
  const auto dataset = open("pixmo_ask_model_anything", "pixmo-ask-model-anything");
  EXPECT_THAT(ids(*dataset), ElementsAre("harbor.png", "kitchen.png", "market.png", "trail.png", "desk.png"));
  EXPECT_THAT(texts(example(*dataset, 0))[0],
              testing::Eq(" User: What color are the gulls? Assistant: They are mostly pale grey.<EOS>"));
  EXPECT_THAT(texts(example(*dataset, 1))[0], HasSubstr(" User: How many crates can you see\nin front?"))
      << "a line break: no prefix";
}

TEST_F(PixmoTest, PointsComeInFourNames) {
  add_table("pixmo-points");
  add_pictures("pixmo-points");
  const auto basic = open("pixmo_points", "pixmo-points", {"hold_out=none"});
  EXPECT_EQ(example(*basic, 0).text.annotations.size(), 2u);
  EXPECT_EQ(example(*basic, 0).text.annotations[0].style, "point_count") << "the reference swaps the names";
  EXPECT_THAT(
      texts(example(*basic, 0))[1],
      HasSubstr(R"(Counting the <points x1="9.4" y1="14.2" x2="18.5" y2="63.0" alt="kettles">kettles</points>)"));
  const auto many = open("pixmo_points_high_freq_counting", "pixmo-points", {"hold_out=none"});
  EXPECT_EQ(example(*many, 0).text.annotations.size(), 1u);
  EXPECT_EQ(example(*many, 0).text.annotations[0].style, "pointing");
  EXPECT_THAT(texts(example(*many, 0))[0], HasSubstr("Assistant: There are none.<EOS>"));
  const auto fixed = [&](const char* name) {
    return open(name, "pixmo-points", {"hold_out=none"}, "train", config::Quirks::Fixed);
  };
  EXPECT_EQ(example(*fixed("pixmo_points_counting"), 0).text.annotations[0].style, "point_count");
  EXPECT_EQ(example(*fixed("pixmo_points_high_freq"), 0).text.annotations[0].style, "pointing");
}

TEST_F(PixmoTest, PointsLeaveOutThePicturesOfTheBenchmark) {
  add_table("pixmo-points");
  add_pictures("pixmo-points");
  const auto write_eval = [&](const std::string& folder, const std::string& picture) {
    write_table(folder + "/data/test-00000-of-00001.parquet", {{"image_url", "string"}},
                {{{"image_url", url(picture)}}});
  };
  write_eval("pixmo-points-eval", "harbor.png");
  write_eval("elsewhere", "market.png");
  EXPECT_THAT(ids(*open("pixmo_points", "pixmo-points")), testing::Not(testing::Contains("harbor.png")));
  EXPECT_THAT(ids(*open("pixmo_points", "pixmo-points", {"hold_out=" + path("elsewhere").string()})),
              testing::AllOf(testing::Contains("harbor.png"), testing::Not(testing::Contains("market.png"))));
  EXPECT_THAT(ids(*open("pixmo_points", "pixmo-points", {"hold_out=none"})), testing::Contains("harbor.png"));
}

TEST_F(PixmoTest, ExplanationsLeaveNullAnswersOutAndSplitGroups) {
  add_table("pixmo-point-explanations");
  add_pictures("pixmo-point-explanations");
  const auto dataset = open("pixmo_pointing_explanations", "pixmo-point-explanations");
  EXPECT_THAT(ids(*dataset),
              ElementsAre("harbor.png#1", "harbor.png#2", "kitchen.png#1", "kitchen.png#2", "market.png"));
  EXPECT_EQ(example(*dataset, 0).text.annotations.size(), 2u);
  EXPECT_EQ(example(*dataset, 1).text.annotations.size(), 1u);
  EXPECT_THAT(texts(example(*dataset, 4))[0],
              HasSubstr(R"(<point x="46.4" y="9.9" alt="gulls part 0">the gulls</point>)"));
  const auto whole = open("pixmo_pointing_explanations", "pixmo-point-explanations", {"split_groups=false"});
  EXPECT_THAT(ids(*whole), ElementsAre("harbor.png", "kitchen.png", "market.png"));
  EXPECT_EQ(example(*whole, 0).text.annotations.size(), 3u);
}

TEST_F(PixmoTest, DocsCarryTheirPictures) {
  add_table("pixmo-docs/charts", "train", "pixmo-docs-charts");
  const auto dataset = open("pixmo_docs_charts", "pixmo-docs");  // the hub has a folder for each kind
  ASSERT_EQ(dataset->size(), 6u);
  const Example second = example(*dataset, 1);
  EXPECT_EQ(second.id, "bars_1");
  ASSERT_TRUE(second.pictures.at(0).bytes);
  EXPECT_THAT(*second.pictures[0].bytes, StartsWith("\x89PNG"));
  EXPECT_THAT(texts(second)[1],
              testing::Eq(" User: pixmo_docs_charts: What is the value of bar 1? Assistant: 11<EOS>"));
  EXPECT_EQ(example(*open("pixmo_docs_charts", "pixmo-docs", {"style=scifi"}), 0).text.annotations[0].style,
            "scifi_charts");
  EXPECT_EQ(example(*open("pixmo_docs_other", "pixmo-docs/charts"), 0).text.annotations[0].style, "pixmo_docs_other");
}

TEST_F(PixmoTest, ClocksHaveTheExamplesWhosePicturesWereDrawn) {
  add_table("pixmo-clocks");
  EXPECT_EQ(open("clocks", "pixmo-clocks")->size(), 0u);
  write("pixmo-clocks/images/ex0002.png", "drawn");
  write("pixmo-clocks/images/ex0001.jpg", "drawn");
  const auto dataset = open("clocks", "pixmo-clocks");
  EXPECT_THAT(ids(*dataset), ElementsAre("ex0001", "ex0002"));
  EXPECT_THAT(texts(example(*dataset, 1)),
              ElementsAre(" User: clocks: What time is being shown? Assistant: The time is 9:18:20 PM.<EOS>"));
  EXPECT_EQ(dump_json(*example(*dataset, 0).metadata), R"({"example_id":"ex0001","hour":4,"minute":14,"second":-1})");
}

TEST_F(PixmoTest, CountHasPointsInPixelsForTrainingOnly) {
  add_table("pixmo-count");
  add_table("pixmo-count", "validation");
  add_table("pixmo-count", "test");
  add_pictures("pixmo-count");
  Example counting = example(*open("pixmo_count_counting", "pixmo-count"), 0);
  counting.text.image_size = ImageSize{150, 200};
  EXPECT_THAT(texts(counting)[0],
              HasSubstr(R"(Counting the <points x1="21.4" y1="98.1" x2="90.0" y2="97.7" alt="gulls">gulls</points>)"));
  const Example evaluated = example(*open("pixmo_count", "pixmo-count", {}, "test"), 0);
  EXPECT_FALSE(evaluated.text.annotations.at(0).points);
  EXPECT_EQ(evaluated.text.annotations[0].style, "pointing");
  EXPECT_EQ((*evaluated.metadata)["count"], 2);
}

TEST_F(PixmoTest, PointsEvalKeepsMasks) {
  add_table("pixmo-points-eval", "test");
  for (const char* name : {"tiny0.png", "tiny1.png", "tiny2.png", "tiny3.png"}) add_picture("pixmo-points-eval", name);
  const auto dataset = open("pointing_eval", "pixmo-points-eval", {}, "test");
  ASSERT_EQ(dataset->size(), 4u);
  const Example second = example(*dataset, 1);
  EXPECT_EQ((*second.metadata)["masks"].size(), second.text.annotations.at(0).points->size());
  EXPECT_EQ((*second.metadata)["masks"][0][0].get<std::string>().size(), 24u);
  EXPECT_THAT(texts(second, text::Purpose::Inference)[0], HasSubstr("kettles group"));
}

TEST_F(PixmoTest, HoldsTheSamePicturesOutInEverySet) {
  add_table("pixmo-cap");
  add_table("pixmo-cap-qa");
  add_pictures("pixmo-cap");
  add_pictures("pixmo-cap-qa");
  const auto held_out = [&](const char* name, const char* table, const char* count) {
    return ids(*open(name, table, {std::string("validation=") + count}, "validation"));
  };
  const auto cap = held_out("pixmo_cap", "pixmo-cap", "2"), qa = held_out("pixmo_cap_qa", "pixmo-cap-qa", "2");
  ASSERT_EQ(qa.size(), 2u);
  EXPECT_THAT(cap, testing::Contains(StartsWith(qa[0] + "#")).Times(testing::Ge(1)));
  const auto rest = ids(*open("pixmo_cap", "pixmo-cap", {"validation=2"}));
  EXPECT_EQ(rest.size() + cap.size(), 8u);
  for (const std::string& id : cap) EXPECT_THAT(rest, testing::Not(testing::Contains(id)));
  // Of few records a tenth at most is held out, and a set that has validation files keeps its training data whole.
  EXPECT_THAT(ids(*open("pixmo_cap", "pixmo-cap", {}, "validation")), IsEmpty());
  add_table("pixmo-cap", "validation");
  EXPECT_EQ(open("pixmo_cap", "pixmo-cap", {}, "validation")->size(), 8u);
  EXPECT_EQ(open("pixmo_cap", "pixmo-cap")->size(), 8u);
}

TEST_F(PixmoTest, PicturesOfSeveralSetsCanShareAFolder) {
  add_table("pixmo-cap");
  add_pictures("shared");
  EXPECT_EQ(open("pixmo_cap", "pixmo-cap")->size(), 0u);
  EXPECT_EQ(open("pixmo_cap", "pixmo-cap", {"images=" + path("shared/images").string()})->size(), 8u);
}

TEST_F(PixmoTest, BrokenPicturesAreQuarantined) {
  add_table("pixmo-cap");
  add_pictures("pixmo-cap");
  write("pixmo-cap/images/" + url_file_name(url("market.png")), "404 Client Error: Not Found for url");
  const std::string png = read_file(test::fixture_path("parquet/images/desk.png"));
  const auto row = [](const char* id, const Json& image) {
    return Json{{"image", image}, {"image_id", id}, {"questions", {{"question", {"What?"}}, {"answer", {"This."}}}}};
  };
  write_table("docs/train.parquet", pixmo_columns("pixmo-docs"),
              {row("whole", picture(png)), row("no picture", picture("<html>")), row("nothing", Json(nullptr))});
  const auto bad_ids = [](std::shared_ptr<const Dataset> dataset) {
    const size_t size = dataset->size();
    const auto mixture = std::make_shared<const Mixture>(single_mixture(std::move(dataset), {.is_random = false}));
    Loader<std::string> loader(mixture,
                               [](const Example& example, RandomStream&) {
                                 const Picture& picture = example.pictures.at(0);
                                 if (!picture.bytes) return image::read_image(picture.file), example.id;
                                 return image::decode_image(std::as_bytes(std::span(*picture.bytes)), example.id),
                                        example.id;
                               },
                               {.num_workers = 2});
    size_t num_samples = 0;
    while (loader.next()) ++num_samples;
    EXPECT_EQ(num_samples, size) << "others take their places";
    std::set<std::string> ids;
    for (const BadSample& sample : loader.bad_samples())
      ids.insert(sample.id.empty() ? fmt::format("example {}", sample.index) : sample.id);
    return ids;
  };
  EXPECT_THAT(bad_ids(open("pixmo_cap", "pixmo-cap")), ElementsAre(url("market.png") + "#2"));
  EXPECT_THAT(bad_ids(open("pixmo_docs_charts", "docs")), ElementsAre("example 2", "no picture"));
}

TEST_F(PixmoTest, RefusesWhatIsNotTheSet) {
  add_table("pixmo-cap", "train", "pixmo-count");
  EXPECT_THAT([&] { open("pixmo_cap", "pixmo-cap"); }, testing::ThrowsMessage<Error>(HasSubstr("'caption'")));
  EXPECT_THAT([&] { open("pixmo_points", "nowhere", {"hold_out=none"}); },
              testing::ThrowsMessage<Error>(HasSubstr("no such file or folder")));
  add_table("pixmo-points");
  EXPECT_THAT([&] { open("pixmo_points", "pixmo-points", {"mode=captions"}); },
              testing::ThrowsMessage<Error>(HasSubstr("unknown option 'mode=captions'")));
  EXPECT_THAT([&] { open("pixmo_points", "pixmo-points", {"hold_out=none"}, "test"); },
              testing::ThrowsMessage<Error>(HasSubstr("has no split 'test'")));
}

}  // namespace
}  // namespace molmo::data
