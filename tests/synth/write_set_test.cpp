#include "synth/write_set.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "data/jsonl.h"
#include "data/parquet.h"
#include "data/pixmo.h"
#include "data/sha256.h"
#include "fixtures.h"
#include "image/image.h"
#include "synth/set_rows.h"

namespace molmo::synth {
namespace {

namespace fs = std::filesystem;

// Every file below a folder with its bytes.
std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder).string()] = read_file(entry.path());
  }
  return files;
}

WriteOptions small(const fs::path& output, LabelMap labels = LabelMap::None) {
  WriteOptions options{.output = output, .num_examples = 9};
  options.synth.size = 96;
  options.synth.seed = 4;
  options.synth.labels = labels;
  return options;
}

std::vector<Json> read_lines(const fs::path& file) {
  std::ifstream stream(file);
  std::vector<Json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(parse_json(line, file.string()));
  return lines;
}

TEST(WriteSet, HasTheSameBytesWithOneTwoAndEightThreads) {
  for (const GeneratorEntry& generator : generators()) {
    const LabelMap labels = generator.name == "points" ? LabelMap::Kinds : LabelMap::None;
    const test::TemporaryFolder folder;
    std::map<std::string, std::string> expected;
    for (const int threads : {1, 2, 8}) {
      set_num_threads(threads);
      const fs::path output = folder.path() / std::to_string(threads);
      write_set(generator, small(output, labels));
      const auto files = files_below(output);
      EXPECT_TRUE(files.contains("truth.jsonl"));
      if (expected.empty()) expected = files;
      ASSERT_EQ(files.size(), expected.size());
      for (const auto& [name, bytes] : files) {
        EXPECT_TRUE(bytes == expected[name]) << generator.name << "/" << name << " with " << threads << " threads";
      }
    }
    set_num_threads(1);
  }
}

// Columns, pictures and hashes are those that the readers of the published sets expect.
TEST(WriteSet, TablesAreThoseOfPixmo) {
  for (const GeneratorEntry& generator : generators()) {
    if (generator.schema == Schema::Records || generator.schema == Schema::Docs) continue;
    const test::TemporaryFolder folder;
    const fs::path output = folder.path() / "set";
    const WriteSummary summary = write_set(generator, small(output));
    const auto table = data::ParquetTable::open(data::find_parquet_files(output, "train"));
    EXPECT_EQ(table->columns(), data::pixmo_columns(table_name(generator.schema))) << generator.name;
    EXPECT_EQ(static_cast<int64_t>(table->size()), summary.num_rows) << generator.name;
    EXPECT_GE(summary.num_rows, 9) << generator.name;
    const data::PictureFolder pictures(output / "images", output);
    for (size_t i = 0; i < table->size(); ++i) {
      const Json row = table->row(i);
      if (generator.schema == Schema::Clocks) {
        EXPECT_TRUE(fs::exists(output / "images" / (row.at("example_id").get<std::string>() + ".jpg")));
        continue;
      }
      const auto picture = pictures.find(row.at("image_url").get<std::string>());
      ASSERT_TRUE(picture) << generator.name;
      EXPECT_EQ(image::read_image(*picture).size, (ImageSize{96, 96}));
      if (row.contains("image_sha256")) {
        EXPECT_EQ(row.at("image_sha256"), data::sha256_hex(read_file(*picture)));
      }
    }
  }
}

// One table for each part, which carries its pictures.
TEST(WriteSet, DocsAreThoseOfPixmoDocs) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "set";
  WriteOptions options = small(output);
  options.num_examples = 60;
  EXPECT_EQ(write_set(find_generator("docs"), options).num_rows, 60);
  size_t num_rows = 0;
  for (const char* part : {"charts", "tables", "diagrams", "other"}) {
    const auto table = data::ParquetTable::open(data::find_parquet_files(output / part, "train"));
    EXPECT_EQ(table->columns(), data::pixmo_columns("pixmo-docs")) << part;
    num_rows += table->size();
    const Json row = table->row(0);
    const auto& bytes = row.at("image").at("bytes").get_binary();
    const auto picture = image::decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), part);
    EXPECT_EQ(picture.size, (ImageSize{96, 96}));
    EXPECT_EQ(row.at("questions").at("question").size(), row.at("questions").at("answer").size());
  }
  EXPECT_EQ(num_rows, 60u);
}

TEST(WriteSet, RecordsAreReadAsOwnData) {
  const test::TemporaryFolder folder;
  for (const char* kind : {"scenes", "text", "android"}) {
    const fs::path output = folder.path() / kind;
    write_set(find_generator(kind), small(output, std::string(kind) == "scenes" ? LabelMap::Kinds : LabelMap::None));
    const data::RecordCheck check = data::check_records(output / "data.jsonl");
    EXPECT_EQ(check.num_records, 9u);
    EXPECT_EQ(check.num_problems, 0u) << (check.problems.empty() ? "" : check.problems[0].message);
  }
  const auto truth = read_lines(folder.path() / "scenes" / "truth.jsonl");
  ASSERT_EQ(truth.size(), 9u);
  for (const Json& line : truth) {
    EXPECT_TRUE(fs::exists(folder.path() / "scenes" / line.at("image").get<std::string>()));
    EXPECT_TRUE(line.at("truth").contains("objects"));
    // A label map is gray, and says for every pixel what the generator said.
    const image::Image map = image::read_image(folder.path() / "scenes" / line.at("label_map").get<std::string>());
    EXPECT_EQ(map.size, (ImageSize{96, 96}));
  }
}

TEST(WriteSet, LeavesNothingBehindWhereItFails) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "set";
  WriteOptions options = small(output);
  options.synth.kinds = {"aple"};
  EXPECT_THROW(write_set(find_generator("points"), options), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  write_set(find_generator("text"), small(output));
  EXPECT_THROW(write_set(find_generator("text"), small(output)), Error) << "not empty";
  options = small(output);
  options.overwrite = true;
  options.num_examples = 2;
  write_set(find_generator("text"), options);
  EXPECT_EQ(read_lines(output / "data.jsonl").size(), 2u);
}

}  // namespace
}  // namespace molmo::synth
