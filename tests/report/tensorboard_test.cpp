// Event files against known answers: CRC-32C of RFC 3720, a record that TensorFlow wrote, and what survives damage.
#include "report/tensorboard.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "fixtures.h"

namespace molmo::report {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

uint32_t unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

TEST(TensorBoard, ChecksumsAreThoseOfTheStandard) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(unmask(masked_crc32c(std::string(32, '\0'))), 0x8a9136aau);
  EXPECT_EQ(unmask(masked_crc32c(std::string(32, '\xff'))), 0x62a8ab43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  EXPECT_EQ(unmask(masked_crc32c(rising)), 0x46dd794eu);
}

TEST(TensorBoard, WritesTheBytesOfTheFormat) {
  test::TemporaryFolder folder;
  EventWriter events(folder.path(), 7);
  const Scalar scalars[] = {{"loss", 1.5}};
  events.add(300, scalars);
  const auto files = files_in(folder.path());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].filename().string().rfind("events.out.tfevents.", 0), 0u);
  const std::string bytes = read(files[0]);
  // Event { wall_time: fixed64, step: 300, summary { value { tag: "loss" simple_value: 1.5 } } }, by hand.
  const std::string step = "\x10\xac\x02";
  const std::string summary = std::string("\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\xc0\x3f", 15);
  const size_t at = bytes.find(step + summary);
  ASSERT_NE(at, std::string::npos);
  const size_t begin = at - 9;  // the key and the eight bytes of the time
  EXPECT_EQ(bytes[begin], '\x09');
  EXPECT_EQ(static_cast<uint8_t>(bytes[begin - 12]), 9 + step.size() + summary.size());
}

TEST(TensorBoard, ReadsBackAndCutsAtAStep) {
  test::TemporaryFolder folder;
  for (const int64_t first : {1, 4}) {
    EventWriter events(folder.path(), first);
    for (int64_t step = first; step < first + 3; ++step) {
      const Scalar scalars[] = {{"loss", 1.0 / static_cast<double>(step)}, {"rate", 2.0}};
      events.add(step, scalars);
    }
  }
  ASSERT_EQ(files_in(folder.path()).size(), 2u);
  keep_events_until(folder.path(), 4);
  std::vector<int64_t> steps;
  for (const fs::path& file : files_in(folder.path())) {
    const EventFile content = read_events(file);
    EXPECT_EQ(content.num_bytes, fs::file_size(file));
    EXPECT_EQ(content.events.at(0).file_version, "brain.Event:2");
    for (const Event& event : content.events) {
      if (event.scalars.empty()) continue;
      steps.push_back(event.step);
      ASSERT_EQ(event.scalars.size(), 2u);
      EXPECT_EQ(event.scalars[0].tag, "loss");
      EXPECT_EQ(event.scalars[0].value, static_cast<double>(1.0f / static_cast<float>(event.step)));
    }
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{1, 2, 3, 4}));
  keep_events_until(folder.path(), 0);
  EXPECT_TRUE(files_in(folder.path()).empty());
}

TEST(TensorBoard, LeavesOutWhatIsTornOrDamaged) {
  test::TemporaryFolder folder;
  {
    EventWriter events(folder.path(), 1);
    const Scalar scalars[] = {{"loss", 1.0}};
    for (int64_t step = 1; step <= 3; ++step) events.add(step, scalars);
  }
  const fs::path path = files_in(folder.path()).at(0);
  const std::string whole = read(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    EXPECT_LT(read_events(path).events.size(), 4u);
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_LT(read_events(path).events.size(), 4u) << "byte " << at;
  }
}

}  // namespace
}  // namespace molmo::report
