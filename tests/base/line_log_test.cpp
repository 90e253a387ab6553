// A log that goes on after a kill holds what an unbroken one would.
#include "base/line_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "fixtures.h"

namespace molmo {
namespace {

TEST(LineLog, CutsWhatCameAfterTheCheckpoint) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "log.jsonl";
  uint64_t saved = 0;
  {
    LineLog log(path, 0);
    log.append({{"step", 1}});
    log.append({{"step", 2}});
    log.sync();
    saved = log.num_bytes();
    log.append({{"step", 3}});
  }
  std::ofstream(path, std::ios::app) << "{\"step\": 4, \"lo";  // torn
  {
    LineLog log(path, saved);
    EXPECT_EQ(log.num_bytes(), saved);
    log.append({{"step", 3}});
  }
  EXPECT_EQ(read_file(path), "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
}

TEST(LineLog, KeepsWholeLinesOfAFileThatHasLostSome) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "log.jsonl";
  std::ofstream(path) << "{\"step\":1}\n{\"st";
  LineLog log(path, 1000);
  log.append({{"step", 9}});
  EXPECT_EQ(read_file(path), "{\"step\":1}\n{\"step\":9}\n");
}

TEST(LineLog, ReadsUpToTheFirstDamagedLine) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "log.jsonl";
  std::ofstream(path) << "{\"step\":1}\n{\"step\":2}\n\x01\n{\"step\":3}\n";
  std::vector<int> steps;
  read_lines(path, [&](const Json& line) { steps.push_back(line["step"]); });
  EXPECT_EQ(steps, (std::vector<int>{1, 2}));
  read_lines(folder.path() / "missing", [](const Json&) { FAIL(); });
}

}  // namespace
}  // namespace molmo
