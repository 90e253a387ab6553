#include "data/parquet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "data/pixmo.h"
#include "fixtures.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

fs::path fixture(const std::string& name) {
  return test::fixture_path("parquet/" + name);
}

std::shared_ptr<const ParquetTable> open(const fs::path& path, ParquetOptions options = {}) {
  return ParquetTable::open({path}, options);
}

// Rows of each file as the golden JSON lines have them.
std::map<std::string, std::vector<Json>> golden_rows() {
  std::map<std::string, std::vector<Json>> rows;
  std::istringstream lines(read_file(fixture("rows.jsonl")));
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line, "rows.jsonl");
    rows[json["file"]].push_back(json["values"]);
  }
  return rows;
}

TEST(Parquet, ReadsEveryPublishedTable) {
  const auto golden = golden_rows();
  EXPECT_EQ(golden.size(), 9u);
  for (const auto& [name, rows] : golden) {
    const auto table = open(fixture(name));
    ASSERT_EQ(table->size(), rows.size()) << name;
    for (size_t i = 0; i < rows.size(); ++i) {
      Json row = table->row(i);
      row.erase("image");  // the bytes are not among the golden values
      EXPECT_EQ(row, rows[i]) << table->where(i);
    }
  }
}

TEST(Parquet, ReadsEveryCodecAndWideTypes) {
  const auto rows = golden_rows().at("pixmo-cap.parquet");
  for (const char* name : {"zstd-nodict", "gzip-smallgroups", "large-types"}) {
    const auto table = open(fixture(std::string("variant-cap-") + name + ".parquet"));
    EXPECT_EQ(table->columns(), pixmo_columns("pixmo-cap")) << name;
    ASSERT_EQ(table->size(), rows.size());
    for (size_t i = rows.size(); i-- > 0;) EXPECT_EQ(table->row(i), rows[i]) << name;
  }
  EXPECT_EQ(open(fixture("variant-cap-gzip-smallgroups.parquet"))->row_group_sizes().size(), 3u);
}

TEST(Parquet, KnowsThePublishedColumns) {
  for (const char* name :
       {"cap", "cap-qa", "ask-model-anything", "points", "point-explanations", "clocks", "count", "points-eval"}) {
    const std::string table = std::string("pixmo-") + name;
    EXPECT_EQ(open(fixture(table + ".parquet"))->columns(), pixmo_columns(table)) << table;
  }
  EXPECT_EQ(open(fixture("pixmo-docs-charts.parquet"))->columns(), pixmo_columns("pixmo-docs"));
}

TEST(Parquet, ReadsPicturesAsBytes) {
  const Json row = open(fixture("pixmo-docs-charts.parquet"))->row(2);
  ASSERT_TRUE(row["image"]["bytes"].is_binary());
  const auto& bytes = row["image"]["bytes"].get_binary();
  EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 4), "\x89PNG");
}

TEST(Parquet, ReadsSomeColumns) {
  const auto table = open(fixture("pixmo-points.parquet"), {.columns = {"points", "label"}});
  EXPECT_EQ(table->columns().size(), 2u);
  EXPECT_EQ(
      table->row(1),
      parse_json(R"({"points": [{"x": 18.466034, "y": 62.99}, {"x": 9.412, "y": 14.2}], "label": "Kettles"})", ""));
  size_t count = 0;
  table->for_each({"label"}, [&](size_t index, Json row) {
    EXPECT_EQ(index, count++);
    EXPECT_EQ(row.size(), 1u);
    EXPECT_EQ(row["label"], table->row(index)["label"]);
  });
  EXPECT_EQ(count, 14u);
  EXPECT_THAT([&] { table->for_each({"count"}, [](size_t, Json) {}); },
              ThrowsMessage<Error>(HasSubstr("has no column 'count', but points, label")));
  EXPECT_THAT([] { open(fixture("pixmo-cap.parquet"), {.columns = {"captoin"}}); },
              ThrowsMessage<Error>(HasSubstr("has no column 'captoin', but image_url, caption, transcripts")));
}

TEST(Parquet, JoinsFilesIntoOneTable) {
  const auto table =
      ParquetTable::open({fixture("variant-cap-gzip-smallgroups.parquet"), fixture("pixmo-cap.parquet")});
  EXPECT_EQ(table->size(), 16u);
  EXPECT_EQ(table->row(3), table->row(11));
  EXPECT_THAT(table->where(11), testing::EndsWith("pixmo-cap.parquet, row 3"));
  EXPECT_THAT([&] { table->row(16); }, ThrowsMessage<Error>(HasSubstr("row 16 was asked for, but the table has 16")));
  EXPECT_THAT(
      [] {
        ParquetTable::open({fixture("pixmo-cap.parquet"), fixture("pixmo-count.parquet")});
      },
      ThrowsMessage<Error>(HasSubstr("has other columns than")));
}

TEST(Parquet, ReadsFromSeveralThreadsWithASmallCache) {
  const auto table = open(fixture("variant-cap-gzip-smallgroups.parquet"), {.cache_bytes = 1});
  const auto rows = golden_rows().at("pixmo-cap.parquet");
  std::vector<std::thread> threads;
  std::vector<int> num_wrong(4);
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 80; ++i) num_wrong[t] += table->row((i * 3 + t) % 8) != rows[(i * 3 + t) % 8];
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(num_wrong, testing::Each(0));
}

TEST(Parquet, FindsTheFilesOfASplit) {
  const test::TemporaryFolder folder;
  const auto touch = [&](const char* name) {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << "x";
  };
  EXPECT_THAT([&] { find_parquet_files(folder.path(), "train"); }, ThrowsMessage<Error>(HasSubstr("no parquet files")));
  touch("data/train-00001-of-00002.parquet");
  touch("data/train-00000-of-00002.parquet");
  touch("data/validation-00000-of-00001.parquet");
  touch("data/trainer.parquet");
  const auto files = find_parquet_files(folder.path(), "train");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].filename(), "train-00000-of-00002.parquet");
  EXPECT_TRUE(has_parquet_split(folder.path(), "validation"));
  EXPECT_FALSE(has_parquet_split(folder.path(), "test"));
  EXPECT_THAT([&] { find_parquet_files(folder.path(), "test"); },
              ThrowsMessage<Error>(HasSubstr("has no split 'test', but train, validation")));
  touch("only/part-0.parquet");
  EXPECT_EQ(find_parquet_files(folder.path() / "only", "train").size(), 1u);
  EXPECT_EQ(find_parquet_files(folder.path() / "only/part-0.parquet", "test").size(), 1u);
  EXPECT_THAT([&] { find_parquet_files(folder.path() / "none", "train"); }, ThrowsMessage<Error>(HasSubstr("no such")));
}

// Without the syncs of atomic writes, which thousands of files do not need.
void write_plain(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Reads all that can be read; what is damaged must end in an Error, and nothing else.
bool survives(const fs::path& path) {
  try {
    const auto table = open(path, {.max_decoded_bytes = 64u << 20});
    for (size_t i = 0; i < std::min<size_t>(table->size(), 100); ++i) table->row(i);
    table->for_each({table->columns().front().name}, [](size_t, Json) {});
    return true;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("hostile.parquet"));
    return false;
  }
}

TEST(HostileParquet, TruncatedFilesAreRefused) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "hostile.parquet";
  for (const char* name : {"pixmo-points.parquet", "variant-cap-zstd-nodict.parquet"}) {
    const std::string bytes = read_file(fixture(name));
    for (size_t size = 0; size < bytes.size(); size += 101) {
      write_plain(path, bytes.substr(0, size));
      EXPECT_FALSE(survives(path)) << name << " cut to " << size;
    }
  }
}

TEST(HostileParquet, FlippedBytesDoNoHarm) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "hostile.parquet";
  RandomStream draws(11, "flips");
  int num_refused = 0;
  for (const char* name : {"pixmo-points.parquet", "pixmo-docs-charts.parquet", "pixmo-points-eval.parquet",
                           "variant-cap-gzip-smallgroups.parquet", "variant-cap-large-types.parquet"}) {
    const std::string bytes = read_file(fixture(name));
    for (int i = 0; i < 40; ++i) {
      std::string damaged = bytes;
      // Half of the flips go to the footer, where offsets and sizes are.
      const size_t from = i % 2 == 0 ? 0 : damaged.size() - damaged.size() / 3;
      for (int flips = 0; flips < 3; ++flips)
        damaged[from + draws.below(damaged.size() - from)] ^= static_cast<char>(1 << draws.below(8));
      write_plain(path, damaged);
      num_refused += !survives(path);
    }
  }
  EXPECT_GT(num_refused, 30);
}

TEST(HostileParquet, OtherFilesAreRefused) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "hostile.parquet";
  for (const std::string& bytes :
       {std::string("PAR1"), std::string("PAR1PAR1"), std::string("PAR1\xff\xff\xff\xffPAR1"), std::string(4096, 'x'),
        std::string("{\"id\": 1}\n")}) {
    write_plain(path, bytes);
    EXPECT_THAT([&] { open(path); }, ThrowsMessage<Error>(HasSubstr("damaged, or no parquet file")));
  }
  EXPECT_THAT([&] { open(folder.path() / "missing.parquet"); }, ThrowsMessage<Error>(HasSubstr("no such file")));
  EXPECT_THAT([&] { open(fixture("pixmo-cap.parquet"), {.cache_bytes = 0, .max_decoded_bytes = 100})->row(0); },
              ThrowsMessage<Error>(HasSubstr("pixmo-cap.parquet")));
}

class ParquetWriting : public testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "written.parquet"; }
  void write(const std::vector<Json>& rows, const std::vector<TableColumn>& columns,
             const ParquetWriterOptions& options = {}) {
    ParquetWriter writer(path(), columns, options);
    for (const Json& row : rows) writer.add(row);
    writer.commit();
  }
  test::TemporaryFolder folder_;
};

// The value of the key `huggingface` in a file's metadata: it stands there as text.
Json hub_features(const fs::path& path) {
  const std::string bytes = read_file(path);
  size_t begin = bytes.find("{\"info\""), end = begin;
  for (int depth = 0; end < bytes.size(); ++end) {
    depth += bytes[end] == '{' ? 1 : bytes[end] == '}' ? -1 : 0;
    if (depth == 0) break;
  }
  return parse_json(bytes.substr(begin, end + 1 - begin), path.string());
}

TEST_F(ParquetWriting, WritesThePublishedTables) {
  for (const char* name : {"cap", "cap-qa", "ask-model-anything", "points", "point-explanations", "clocks", "count",
                           "points-eval", "docs-charts"}) {
    const fs::path golden = fixture(std::string("pixmo-") + name + ".parquet");
    const auto table = open(golden);
    std::vector<Json> rows;
    for (size_t i = 0; i < table->size(); ++i) rows.push_back(table->row(i));
    write(rows, table->columns(), {.max_group_rows = 5});
    const auto written = open(path());
    EXPECT_EQ(written->columns(), table->columns());
    ASSERT_EQ(written->size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(written->row(i), rows[i]) << name;
    EXPECT_EQ(written->row_group_sizes().front(), std::min<size_t>(5, rows.size()));
    EXPECT_EQ(hub_features(path()), hub_features(golden)) << name;
  }
}

TEST_F(ParquetWriting, RefusesOtherValues) {
  const std::vector<TableColumn> columns = {{"count", "int32"}, {"points", "list<item: struct<x: double, y: double>>"}};
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([1])", "row 0: expected an object"},
      {R"({"cuont": 1})", "there is no column 'cuont', but count, points"},
      {R"({"count": 3000000000})", "column 'count': expected int32, found 3000000000"},
      {R"({"count": 1.5})", "expected int32, found 1.5"},
      {R"({"points": {"x": 1}})", "column 'points': expected list<item: struct<x: double, y: double>>"},
      {R"({"points": [{"x": 1, "z": 1}]})", "expected struct<x: double, y: double>"},
      {R"({"points": [{"x": "1"}]})", "column 'points'.x: expected double, found \"1\""},
  };
  for (const auto& [json, message] : cases) {
    ParquetWriter writer(path(), columns);
    EXPECT_THAT([&] { writer.add(parse_json(json, "")); }, ThrowsMessage<Error>(HasSubstr(message))) << json;
  }
  ParquetWriter writer(path(), columns);
  EXPECT_ANY_THROW(writer.add(parse_json(R"({"count": 1, "points": 1})", "")));
  EXPECT_THAT([&] { writer.commit(); }, ThrowsMessage<Error>(HasSubstr("a row could not be written")));
  for (const char* type : {"text", "list<item: >", "list<item: string", "struct<>", "struct<a: int32,b: int32>", ""}) {
    const std::vector<TableColumn> wrong = {{"a", type}};
    EXPECT_THAT([&] { ParquetWriter(path(), wrong); }, ThrowsMessage<Error>(HasSubstr("is no type of a column")))
        << type;
  }
}

TEST_F(ParquetWriting, LeavesNothingBehindWithoutCommit) {
  {
    ParquetWriter writer(path(), {{"a", "string"}}, {.max_group_rows = 1});
    writer.add({{"a", "x"}});
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST(PictureFolder, FindsPicturesByUrlAndPath) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path() / "set/images");
  // SHA-256 of the text, as coreutils' sha256sum computes it.
  const std::string name = "100680ad546ce6a577f42f52df33b4cfdca756859e664b8d7de329b150d09ce9";
  EXPECT_EQ(url_file_name("https://example.com"), name);
  for (const fs::path& path : {fs::path("set/images") / name, fs::path("set/scene.png"), fs::path("secret.png")})
    std::ofstream(folder.path() / path) << "x";
  const PictureFolder pictures(folder.path() / "set/images", folder.path() / "set");
  EXPECT_EQ(pictures.find("https://example.com"), folder.path() / "set/images" / name);
  EXPECT_EQ(pictures.find("scene.png"), folder.path() / "set/scene.png");
  for (const char* url :
       {"https://example.org", "", "images", "../secret.png", "images/../../secret.png", "/etc/passwd", "none.png"}) {
    EXPECT_FALSE(pictures.find(url)) << url;
  }
  EXPECT_FALSE(PictureFolder(folder.path() / "none", folder.path()).find("https://example.com"));
}

}  // namespace
}  // namespace molmo::data
