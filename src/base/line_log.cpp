#include "base/line_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/system_calls.h"

namespace molmo {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_errno(const fs::path& path, const char* action) {
  fail(ErrorCategory::Io, "{}: cannot {}: {}", path.string(), action, std::strerror(errno));
}

// The end of the last whole line within the first `limit` bytes.
uint64_t end_of_last_line(const fs::path& path, uint64_t limit) {
  std::ifstream file(path, std::ios::binary);
  for (uint64_t end = limit; end > 0; --end) {
    file.seekg(static_cast<std::streamoff>(end - 1));
    if (file.get() == '\n') return end;
  }
  return 0;
}

}  // namespace

LineLog::LineLog(fs::path path, uint64_t num_bytes) : path_(std::move(path)) {
  std::error_code missing;
  const uint64_t found = fs::file_size(path_, missing);
  if (!missing) num_bytes_ = end_of_last_line(path_, std::min(found, num_bytes));
  if (num_bytes_ < num_bytes)
    log_warn("{}: has lost lines: {} of {} bytes are left", path_.string(), num_bytes_, num_bytes);
  descriptor_ = system_open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_errno(path_, "open");
  if (::ftruncate(descriptor_, static_cast<off_t>(num_bytes_)) != 0) {
    ::close(descriptor_);
    fail_errno(path_, "cut");
  }
}

LineLog::~LineLog() {
  ::close(descriptor_);
}

void LineLog::append(const Json& line) {
  const std::string text = dump_json(line) + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = system_write(descriptor_, text.data() + done, text.size() - done);
    if (count < 0) fail_errno(path_, "write");
    done += static_cast<size_t>(count);
  }
  num_bytes_ += text.size();
}

void LineLog::sync() {
  if (system_sync(descriptor_) != 0) fail_errno(path_, "sync");
}

void read_lines(const fs::path& path, const std::function<void(const Json& line)>& take) {
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line) && !file.eof();) {  // a torn line ends with the file
    Json json;
    try {
      json = parse_json(line, path.string());
    } catch (const Error&) {
      return;
    }
    if (!json.is_object()) return;
    take(json);
  }
}

}  // namespace molmo
