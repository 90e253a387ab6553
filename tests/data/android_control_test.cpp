// Against tests/fixtures/data/android_control: records that other libraries wrote, and what the reference makes of
// them.
#include "data/academic_files.h"
#include "data/accessibility_tree.h"
#include "data/android_action.h"
#include "data/tf_record.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const kRecords = "data/android_control/android_control-00000-of-00001";

std::filesystem::path fixture(const std::string& name) {
  return molmo::test::fixture_path("data/android_control/" + name);
}

TEST(AccessibilityTree, PrintsScreensAsTheReference) {
  const Json expected = read_json_file(fixture("expected_rows.json"));
  TfRecordReader records(molmo::test::fixture_path(kRecords));
  size_t row = 0;
  while (records.next()) {
    const TfExample example(records.record(), records.where());
    for (size_t step = 0; step + 1 < example.bytes("screenshots").size(); ++step, ++row) {
      const auto windows = parse_accessibility_forest(example.bytes("accessibility_trees")[step], records.where());
      EXPECT_EQ(screen_text(windows), expected[row]["screen_text"].get<std::string>()) << "row " << row;
    }
  }
  EXPECT_EQ(row, expected.size());
}

TEST(AndroidAction, RefusesActionsOfAnotherForm) {
  const auto text = [](const char* json) { return action_text(parse_json(json, "action"), "step 3"); };
  EXPECT_EQ(text(R"({"action_type": "fly"})"), "");
  for (const char* json : {R"({"action_type": "click", "x": 1})", R"({"action_type": "click", "x": "1", "y": 2})",
                           R"({"action_type": "click", "x": 1.5, "y": 2})", R"({"action_type": 3})", R"([])",
                           R"({"action_type": "click", "x": 1e300, "y": 18446744073709551615})"}) {
    EXPECT_THROW(text(json), Error) << json;
  }
  EXPECT_EQ(scaled_action("Click(99999999999, 3)", {100, 100}), "Click(99999999999, 3)");
  EXPECT_FALSE(click_box("Scroll down", {}));
}

TEST(AndroidAction, FindsAppsWithCapitalsOnlyWhenRepaired) {
  const std::string tree = "com.x\n\tcenter=[100,200], size=[50,41], text=Clock, ['isClickable']\n";
  EXPECT_FALSE(app_box(tree, "Clock", config::Quirks::Reference));
  EXPECT_EQ(app_box(tree, "Clock", config::Quirks::Fixed), (PixelBox{75, 180, 125, 220}));
  EXPECT_FALSE(app_box("center=[99999999999999999999,1], size=[1,1], text=a", "a", config::Quirks::Fixed));
}

class AndroidControlTest : public AcademicTest {
 protected:
  void SetUp() override {
    for (const char* name : {"android_control-00000-of-00001", "splits.json", "test_subsplits.json"}) {
      write(name, read_file(fixture(name)));
    }
  }

  // What the reference makes of the episodes of a split.
  static std::vector<Json> expected_rows(const std::vector<int64_t>& episodes) {
    std::vector<Json> rows;
    for (const Json& row : read_json_file(fixture("expected_rows.json"))) {
      if (std::count(episodes.begin(), episodes.end(), row["episode_id"].get<int64_t>())) rows.push_back(row);
    }
    return rows;
  }
};

TEST_F(AndroidControlTest, GivesTheStepsOfTheReference) {
  for (const bool is_unpacked : {false, true}) {  // the second time from what the first one left
    for (const auto& [split, episodes] :
         {std::pair<std::string, std::vector<int64_t>>{"train", {100, 106, int64_t{1} << 40}},
          {"validation", {103}},
          {"test", {112}}}) {  // 109 is not in the domain of the training data
      const auto dataset = open("android_control", split);
      const auto expected = expected_rows(episodes);
      ASSERT_EQ(dataset->size(), expected.size()) << split;
      for (size_t i = 0; i < expected.size(); ++i) {
        const Json metadata = {{"target_action", expected[i]["target_action"]},
                               {"target_box", expected[i]["target_box"]},
                               {"ll_instruction", expected[i]["ll_instruction"]},
                               {"hl_instruction", expected[i]["hl_instruction"]}};
        const Example step = example(*dataset, i);
        EXPECT_EQ(*step.metadata, metadata) << split << " " << i;
        EXPECT_EQ(step.id, expected[i]["episode_id"].dump() + "-" + expected[i]["step"].dump());
        EXPECT_TRUE(step.pictures.at(0).bytes->starts_with("\x89PNG"));
      }
    }
    if (!is_unpacked) std::filesystem::remove(path("android_control-00000-of-00001"));
  }
}

TEST_F(AndroidControlTest, AsksInFourWays) {
  const auto all = texts(example(*open("android_control"), 0));
  EXPECT_THAT(
      all, ElementsAre(
               " User: low_level: do step 0 of 0 é Assistant: Click(17.6, 42.1)<EOS>",
               " User: high_level: reach goal 0 low_level: do step 0 of 0 é Assistant: Click(17.6, 42.1)<EOS>",
               " User: high_level: reach goal 0 Assistant: Click(17.6, 42.1)<EOS>",
               " User: high_level_cot: reach goal 0 Assistant: Plan: do step 0 of 0 é Action: Click(17.6, 42.1)<EOS>"));
  const char* const kNames[] = {"android_control_ll", "android_control_hl_ll", "android_control_hl",
                                "android_control_hl_cot"};
  for (size_t i = 0; i < 4; ++i) EXPECT_THAT(texts(example(*open(kNames[i]), 0)), ElementsAre(all[i]));
}

TEST_F(AndroidControlTest, FindsAppsWithCapitalsOnlyWhenRepaired) {
  const auto count_boxes = [&](config::Quirks quirks) {
    const auto dataset = open("android_control", "train", quirks);
    int count = 0;
    for (size_t i = 0; i < dataset->size(); ++i) {
      const Json metadata = *example(*dataset, i).metadata;
      const bool is_app = metadata["target_action"].get<std::string>().starts_with("Open App");
      count += is_app && metadata["target_box"] != "";
    }
    return count;
  };
  EXPECT_GT(count_boxes(config::Quirks::Fixed), count_boxes(config::Quirks::Reference));
}

TEST_F(AndroidControlTest, LeavesNothingHalfWritten) {
  const std::string good = read_file(path("android_control-00000-of-00001"));
  write("android_control-00000-of-00001", good.substr(0, good.size() - 100));
  EXPECT_THAT(error("android_control"), HasSubstr("android_control-00000-of-00001, record"));
  EXPECT_TRUE(std::filesystem::is_empty(path("unpacked")));
  write("android_control-00000-of-00001", good);
  EXPECT_EQ(error("android_control"), "no error");
}

TEST_F(AndroidControlTest, SaysWhatIsMissing) {
  write("android_control-00002-of-00003", "x");
  EXPECT_THAT(error("android_control"), HasSubstr("files of"));
  std::filesystem::remove(path("android_control-00000-of-00001"));
  EXPECT_THAT(error("android_control"), HasSubstr("android_control-00000-of-00003 is missing"));
  std::filesystem::remove(path("android_control-00002-of-00003"));
  EXPECT_THAT(error("android_control"), HasSubstr("there are no files android_control-00000-of-00020"));
  write("splits.json", R"({"train": ["100"]})");
  EXPECT_THAT(error("android_control"), HasSubstr("splits.json: 'train' is not a list of whole numbers"));
}

TEST_F(AndroidControlTest, RefusesRowsThatLieAboutTheirPictures) {
  open("android_control");
  const std::string row = R"({"episode_id": 100, "step": 0, "hl_instruction": "", "ll_instruction": "",
    "target_action": "Wait", "target_box": "", "screen_offset": 9223372036854775807, "screen_bytes": 9})";
  std::string line = row;
  std::replace(line.begin(), line.end(), '\n', ' ');
  write("unpacked/android_control-00000-of-00001.jsonl", line);
  EXPECT_THAT(error("android_control"), HasSubstr("row 0: its screenshot lies beyond the end"));
}

}  // namespace
}  // namespace molmo::data
