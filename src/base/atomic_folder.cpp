#include "base/atomic_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace molmo {
namespace {

namespace fs = std::filesystem;

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_synced) fail(ErrorCategory::Io, "{}: cannot sync folder: {}", folder.string(), std::strerror(code));
}

fs::path parent_of(const fs::path& path) {
  return path.parent_path().empty() ? "." : path.parent_path();
}

}  // namespace

AtomicFolder::AtomicFolder(fs::path path, bool overwrite) : path_(std::move(path)) {
  static std::atomic<uint64_t> counter = 0;
  if (path_.filename().empty()) path_ = path_.parent_path();  // "out/"
  if (fs::exists(path_)) {
    if (!fs::is_directory(path_))
      fail(ErrorCategory::InvalidArgument, "{}: is a file, expected a folder to write to", path_.string());
    if (!overwrite && !fs::is_empty(path_)) {
      fail(ErrorCategory::InvalidArgument, "{}: is not empty. Choose another folder, or allow to overwrite it.",
           path_.string());
    }
  }
  temporary_ = path_.string() + fmt::format(".tmp.{}.{}", ::getpid(), counter++);
  std::error_code error;
  fs::create_directories(parent_of(path_), error);
  if (error || !fs::create_directory(temporary_, error)) {
    fail(ErrorCategory::Io, "{}: cannot create folder: {}", temporary_.string(), error.message());
  }
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!is_committed_) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::check_space(uint64_t num_bytes) const {
  const uint64_t available = fs::space(temporary_).available;
  if (num_bytes > available) {
    fail(ErrorCategory::Io, "{}: {:.1f} GB will be written, the disk has {:.1f} GB left", path_.string(),
         static_cast<double>(num_bytes) / 1e9, static_cast<double>(available) / 1e9);
  }
}

void AtomicFolder::commit() {
  sync_folder(temporary_);
  const fs::path old = temporary_.string() + ".old";
  const bool replaces = fs::exists(path_) && !fs::is_empty(path_);
  std::error_code error;
  if (replaces) fs::rename(path_, old, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    const std::string reason = error.message();
    if (replaces && !fs::exists(path_)) fs::rename(old, path_, error);
    fail(ErrorCategory::Io, "{}: cannot rename into place: {}", path_.string(), reason);
  }
  is_committed_ = true;
  sync_folder(parent_of(path_));
  if (replaces) fs::remove_all(old, error);
}

}  // namespace molmo
