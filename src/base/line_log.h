// A file of JSON lines that a resumed run continues as if it had never been interrupted: a checkpoint says how long the
// file was, and what came after is cut off.
//   LineLog log(folder / "metrics.jsonl", /*num_bytes=*/progress.num_bytes);
//   log.append({{"step", 401}, {"loss", 2.31}});
//   log.sync();   // before a checkpoint is written that says log.num_bytes()
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/json.h"

namespace molmo {

class LineLog {
 public:
  // Keeps `num_bytes` of a file that is there, or what whole lines it has if it is shorter. Throws Io.
  LineLog(std::filesystem::path path, uint64_t num_bytes);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  // The line is in the file when this returns; a process that is killed leaves at most one torn line. Throws Io.
  void append(const Json& line);
  void sync();
  uint64_t num_bytes() const { return num_bytes_; }

 private:
  std::filesystem::path path_;
  uint64_t num_bytes_ = 0;
  int descriptor_ = -1;
};

// Calls `take` for each line of such a file, up to one that is torn or damaged; for none when there is no file.
void read_lines(const std::filesystem::path& path, const std::function<void(const Json& line)>& take);

}  // namespace molmo
