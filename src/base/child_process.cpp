#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "base/error.h"

extern char** environ;

namespace molmo {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr size_t kErrorBytes = 2000;  // of the end of standard error that a message repeats
constexpr auto kPollEvery = std::chrono::milliseconds(20);

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail(ErrorCategory::Io, "no pipe: {}", std::strerror(errno));
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void close_writer() { close(ends_[1]); }
  void close_reader() { close(ends_[0]); }
  bool is_open() const { return ends_[0] >= 0; }

  // What is there now; the pipe is closed at its end.
  void read_to(std::string& text) {
    std::array<char, 65536> buffer;
    while (is_open()) {
      const ssize_t count = ::read(ends_[0], buffer.data(), buffer.size());
      if (count > 0) {
        text.append(buffer.data(), static_cast<size_t>(count));
      } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
        close_reader();
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }

 private:
  static void close(int& descriptor) {
    if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("LC_") && !text.starts_with("LANG=") && !text.starts_with("LANGUAGE=")) {
      variables.emplace_back(text);
    }
  }
  variables.emplace_back("LC_ALL=C.UTF-8");
  return variables;
}

pid_t start(const fs::path& program, const std::vector<std::string>& arguments, const Pipe& out, const Pipe& err) {
  std::vector<std::string> words{program.string()}, variables = environment();
  words.insert(words.end(), arguments.begin(), arguments.end());
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.writer(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.writer(), 2);
  // A group of its own, so that all of it can be ended; signals as a new program expects them.
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD, SIGHUP}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  const int code = ::posix_spawn(&child, program.c_str(), &actions, &attributes, null_terminated(words).data(),
                                 null_terminated(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) fail(ErrorCategory::Io, "{}: cannot be started: {}", program.string(), std::strerror(code));
  return child;
}

// A started program and its group; both are gone when this is.
class Group {
 public:
  explicit Group(pid_t leader) : leader_(leader) {}
  ~Group() { end(); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
  }
  // The status of the leader. While it has not been waited for, nobody else can have its number.
  int end() {
    if (leader_ < 0) return 0;
    ::kill(-leader_, SIGKILL);
    int status = 0;
    while (::waitpid(leader_, &status, 0) < 0 && errno == EINTR) {
    }
    leader_ = -1;
    return status;
  }

 private:
  pid_t leader_;
};

std::string tail(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > kErrorBytes) text = "..." + text.substr(text.size() - kErrorBytes);
  return text.empty() ? "(nothing)" : text;
}

}  // namespace

std::vector<char*> null_terminated(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::optional<fs::path> find_program(std::initializer_list<std::string_view> names) {
  const char* path = ::getenv("PATH");
  if (path == nullptr) return std::nullopt;
  for (const std::string_view name : names) {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      const fs::path program = fs::path(folder) / name;
      std::error_code ignored;
      if (!folder.empty() && fs::is_regular_file(program, ignored) && ::access(program.c_str(), X_OK) == 0)
        return program;
    }
  }
  return std::nullopt;
}

std::string run_program(const fs::path& program, const std::vector<std::string>& arguments,
                        const ProgramLimits& limits) {
  Pipe out, err;
  Group group(start(program, arguments, out, err));
  out.close_writer();
  err.close_writer();
  std::string output, errors;
  const auto deadline = Clock::now() + limits.time;
  for (;;) {
    // What it started may hold the pipes open after it has ended, and it may close them long before.
    const bool has_ended = group.has_ended();
    out.read_to(output);
    err.read_to(errors);
    if (errors.size() > 4 * kErrorBytes) errors.erase(0, errors.size() - 2 * kErrorBytes);
    if (has_ended) break;
    if (output.size() > limits.max_output_bytes) {
      fail(ErrorCategory::Io, "{}: wrote {} bytes, expected at most {}", program.string(), output.size(),
           limits.max_output_bytes);
    }
    if (Clock::now() > deadline) {
      fail(ErrorCategory::Io, "{}: did not end within {} ms, and was ended. Its last words: {}", program.string(),
           limits.time.count(), tail(errors));
    }
    std::array<pollfd, 2> polled{{{out.reader(), POLLIN, 0}, {err.reader(), POLLIN, 0}}};
    ::poll(polled.data(), polled.size(), static_cast<int>(kPollEvery.count()));
  }
  const int status = group.end();
  if (!WIFEXITED(status)) {
    fail(ErrorCategory::Io, "{}: ended by signal {} ({}), expected status 0. Its last words: {}", program.string(),
         WTERMSIG(status), ::strsignal(WTERMSIG(status)), tail(errors));
  }
  if (WEXITSTATUS(status) != 0) {
    fail(ErrorCategory::Io, "{}: ended with status {}, expected 0. Its last words: {}", program.string(),
         WEXITSTATUS(status), tail(errors));
  }
  return output;
}

}  // namespace molmo
