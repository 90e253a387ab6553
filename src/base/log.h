// One sink for messages of the library. Silent until a program installs a sink: libraries never print by themselves.
//   log_warn("{}: {} tensors were not used", path, count);
#pragma once

#include <fmt/core.h>

#include <functional>
#include <string_view>

namespace molmo {

enum class LogLevel { Debug, Info, Warn };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

// Not thread-safe against concurrent logging: install once, at the start of the program.
void set_log_sink(LogSink sink);
void log_message(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Warn, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace molmo
