// The system calls by which files are written, with a place where a test makes the n-th one fail.
//   set_system_call_fault([n = 0](SystemCall) mutable { return ++n == 7 ? ENOSPC : 0; });
// Without a fault they are the calls themselves, begun again where a signal came in between (EINTR).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>

namespace molmo {

enum class SystemCall { Open, Write, Sync, Close, Rename, MakeFolder, Remove };

// Asked before every call: the errno to fail with, 0 to go on, or kShortWrite to write half of what was asked.
// Not thread-safe against running calls. Empty: no faults.
using SystemCallFault = std::function<int(SystemCall)>;
inline constexpr int kShortWrite = -1;
void set_system_call_fault(SystemCallFault fault);

// As the system's own: negative with errno on failure.
int system_open(const char* path, int flags, mode_t mode = 0);
ssize_t system_write(int descriptor, const void* data, size_t size);
int system_sync(int descriptor);
int system_close(int descriptor);
int system_rename(const char* from, const char* to);
int system_make_folder(const char* path, mode_t mode);
int system_remove(const char* path);  // a file

}  // namespace molmo
