#include "data/fetch_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

namespace molmo::data {
namespace {

Json to_json(const FetchRecord& record) {
  Json json = {{"file", record.file}, {"url", record.url}, {"outcome", enum_name(record.outcome)}};
  if (record.status != 0) json["status"] = record.status;
  if (!record.message.empty()) json["message"] = record.message;
  if (!record.sha256.empty()) {
    json["sha256"] = record.sha256;
    json["bytes"] = record.num_bytes;
    json["width"] = record.size.width;
    json["height"] = record.size.height;
  }
  return json;
}

FetchRecord from_json(const Json& json) {
  FetchRecord record;
  record.file = json.at("file").get<std::string>();
  record.url = json.at("url").get<std::string>();
  record.outcome = parse_enum<FetchOutcome>(json.at("outcome").get<std::string>(), "outcome");
  record.status = json.value("status", 0);
  record.message = json.value("message", "");
  record.sha256 = json.value("sha256", "");
  record.num_bytes = json.value("bytes", uint64_t{0});
  record.size = {json.value("height", int64_t{0}), json.value("width", int64_t{0})};
  return record;
}

[[noreturn]] void fail_errno(const std::filesystem::path& path, std::string_view action) {
  fail(ErrorCategory::Io, "{}: cannot {}: {}", path.string(), action, std::strerror(errno));
}

}  // namespace

FetchJournal::FetchJournal(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_errno(path, "open");
  try {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail_errno(path, "lock");
      fail(ErrorCategory::Io, "{}: another fetch is writing to this folder. Wait for it, or choose another folder.",
           path.parent_path().string());
    }
    load();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

FetchJournal::~FetchJournal() {
  ::close(descriptor_);
}

void FetchJournal::load() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) fail_errno(path_, "read");
  uint64_t num_whole_bytes = 0, num_bad_lines = 0;
  for (std::string line; std::getline(file, line) && !file.eof();) {  // at the end of the file: a line without its end
    num_whole_bytes += line.size() + 1;
    try {
      FetchRecord record = from_json(parse_json(line, path_.string()));
      std::string name = record.file;
      records_.insert_or_assign(std::move(name), std::move(record));
    } catch (const std::exception&) {
      ++num_bad_lines;  // what it told is found out again: pictures without a record are looked at
    }
  }
  if (num_bad_lines > 0) log_warn("{}: {} lines cannot be read and are left out", path_.string(), num_bad_lines);
  if (::ftruncate(descriptor_, static_cast<off_t>(num_whole_bytes)) != 0) fail_errno(path_, "repair");
}

const FetchRecord* FetchJournal::find(const std::string& file) const {
  const auto found = records_.find(file);
  return found == records_.end() ? nullptr : &found->second;
}

void FetchJournal::append(const FetchRecord& record) {
  const std::string line = dump_json(to_json(record)) + "\n";
  ssize_t count;
  do {
    count = ::write(descriptor_, line.data(), line.size());
  } while (count < 0 && errno == EINTR);
  // A short write happens on a full disk. The piece is dropped with the next start.
  if (count < 0) fail_errno(path_, "write");
  if (static_cast<size_t>(count) != line.size()) {
    fail(ErrorCategory::Io, "{}: only {} of {} bytes could be written. Is the disk full?", path_.string(), count,
         line.size());
  }
}

}  // namespace molmo::data
