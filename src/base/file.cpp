#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/system_calls.h"

namespace molmo {
namespace {

[[noreturn]] void fail_errno(const std::filesystem::path& path, std::string_view action) {
  const int code = errno;
  fail(code == ENOENT ? ErrorCategory::NotFound : ErrorCategory::Io, "{}: cannot {}: {}", path.string(), action,
       std::strerror(code));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

void fsync_folder_of(const std::filesystem::path& path) {
  std::filesystem::path folder = path.parent_path().empty() ? "." : path.parent_path();
  Descriptor descriptor(system_open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0 || system_sync(descriptor.get()) != 0) fail_errno(folder, "sync folder");
}

}  // namespace

std::string read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  Descriptor descriptor(system_open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) fail_errno(path, "open");
  if (S_ISDIR(status.st_mode)) fail(ErrorCategory::InvalidArgument, "{}: is a folder, expected a file", path.string());
  std::string bytes;
  bytes.reserve(S_ISREG(status.st_mode) ? std::min<uint64_t>(status.st_size, max_bytes) : 0);
  char buffer[1 << 16];
  for (;;) {
    ssize_t count = ::read(descriptor.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno(path, "read");
    if (count == 0) return bytes;
    if (bytes.size() + count > max_bytes) {
      fail(ErrorCategory::BadData, "{}: larger than {} bytes, the limit for this kind of file", path.string(),
           max_bytes);
    }
    bytes.append(buffer, count);
  }
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<uint64_t> counter = 0;
  temporary_ = path_.string() + fmt::format(".tmp.{}.{}", ::getpid(), counter++);
  descriptor_ = system_open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_errno(temporary_, "create");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = system_write(descriptor_, bytes.data(), bytes.size());
    if (count < 0) fail_errno(temporary_, "write");
    if (count == 0) fail(ErrorCategory::Io, "{}: cannot write: the file takes no more bytes", temporary_.string());
    bytes = bytes.subspan(count);
  }
}

void AtomicFile::commit() {
  if (system_sync(descriptor_) != 0) fail_errno(temporary_, "sync");
  if (system_close(std::exchange(descriptor_, -1)) != 0 || system_rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    errno = code;
    fail_errno(path_, "rename into place");
  }
  fsync_folder_of(path_);
}

void write_file_atomic(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  Descriptor descriptor(system_open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) fail_errno(path, "open");
  if (!S_ISREG(status.st_mode)) fail(ErrorCategory::InvalidArgument, "{}: not a regular file", path.string());
  const size_t size = static_cast<size_t>(status.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
    if (mapped == MAP_FAILED) fail_errno(path, "map into memory");
    data = static_cast<const std::byte*>(mapped);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_pages(size_t offset, size_t size) const {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + size) / page * page;
  if (begin < end && end <= size_) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace molmo
