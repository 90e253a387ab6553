#include "base/system_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace molmo {
namespace {

SystemCallFault& fault() {
  static SystemCallFault installed;
  return installed;
}

// What the fault says about one call; errno is set when it says that the call fails.
int ask_fault(SystemCall call) {
  if (!fault()) return 0;
  const int code = fault()(call);
  if (code > 0) errno = code;
  return code;
}

template <class Call>
auto run(SystemCall kind, Call call) -> decltype(call()) {
  for (;;) {
    const bool fails = ask_fault(kind) > 0;
    const auto result = fails ? -1 : call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

void set_system_call_fault(SystemCallFault installed) {
  fault() = std::move(installed);
}

int system_open(const char* path, int flags, mode_t mode) {
  return run(SystemCall::Open, [&] { return ::open(path, flags, mode); });
}

ssize_t system_write(int descriptor, const void* data, size_t size) {
  for (;;) {
    const int code = ask_fault(SystemCall::Write);
    const size_t asked = code == kShortWrite && size > 1 ? size / 2 : size;
    const ssize_t result = code > 0 ? -1 : ::write(descriptor, data, asked);
    if (result >= 0 || errno != EINTR) return result;
  }
}

int system_sync(int descriptor) {
  return run(SystemCall::Sync, [&] { return ::fsync(descriptor); });
}

int system_close(int descriptor) {
  // The descriptor is gone whatever close() says, so an interrupted one is not called again.
  const int code = ask_fault(SystemCall::Close);
  const int result = ::close(descriptor);
  if (code > 0 && code != EINTR) {
    errno = code;
    return -1;
  }
  return result < 0 && errno == EINTR ? 0 : result;
}

int system_rename(const char* from, const char* to) {
  return run(SystemCall::Rename, [&] { return ::rename(from, to); });
}

int system_make_folder(const char* path, mode_t mode) {
  return run(SystemCall::MakeFolder, [&] { return ::mkdir(path, mode); });
}

int system_remove(const char* path) {
  return run(SystemCall::Remove, [&] { return ::unlink(path); });
}

}  // namespace molmo
