#include "base/log.h"

#include <mutex>

namespace molmo {
namespace {
LogSink& sink() {
  static LogSink installed;
  return installed;
}
std::mutex mutex;
}  // namespace

void set_log_sink(LogSink installed) {
  sink() = std::move(installed);
}

void log_message(LogLevel level, std::string_view message) {
  std::lock_guard lock(mutex);
  if (sink()) sink()(level, message);
}

}  // namespace molmo
