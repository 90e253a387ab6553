#include "train/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace molmo::train {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(ErrorCategory::Io, "{}: cannot open folder: {}", folder.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  fail(ErrorCategory::InvalidArgument,
       "{}: another process is training there. Wait for it, end it, or choose another output folder.", folder.string());
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace molmo::train
