#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/child_process.h"

extern char** environ;

namespace molmo::test {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  return ends;
}

// Standard input, output and error of a child.
struct Streams {
  std::array<int, 3> theirs, ours;  // ours may be -1
};

Streams make_pipes() {
  const auto in = make_pipe(), out = make_pipe(), err = make_pipe();
  return {{in[0], out[1], err[1]}, {in[1], out[0], err[0]}};
}

Streams make_terminal() {
  const int ours = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ours < 0 || ::grantpt(ours) != 0 || ::unlockpt(ours) != 0) throw std::runtime_error("no pseudo-terminal");
  const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(ours, TIOCSWINSZ, &size);
  const auto open_theirs = [&] { return ::open(::ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC); };
  return {{open_theirs(), open_theirs(), open_theirs()}, {::fcntl(ours, F_DUPFD_CLOEXEC, 0), ours, -1}};
}

std::vector<std::string> make_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("MOLMO_")) variables.emplace_back(*variable);
  }
  for (const auto& [name, value] : added) variables.push_back(name + "=" + value);
  return variables;
}

size_t count_of(const std::string& haystack, const std::string& needle) {
  size_t count = 0;
  for (size_t at = haystack.find(needle); at != std::string::npos; at = haystack.find(needle, at + needle.size()))
    ++count;
  return count;
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const ChildOptions& options)
    : Child(std::string(MOLMO_BINARY_DIR) + "/bin/molmo", arguments, options) {}

Child::Child(const std::string& program, const std::vector<std::string>& arguments, const ChildOptions& options) {
  Streams streams = options.has_terminal ? make_terminal() : make_pipes();
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = make_environment(options.environment);
  const auto argv = null_terminated(words), envp = null_terminated(variables);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    for (int stream = 0; stream < 3; ++stream) ::dup2(streams.theirs[stream], stream);
    if (options.has_terminal) ::setsid(), ::ioctl(0, TIOCSCTTY, 0);
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
    ::execve(program.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  for (const int stream : streams.theirs) ::close(stream);
  input_ = streams.ours[0], out_ = streams.ours[1], err_ = streams.ours[2];
  ::signal(SIGPIPE, SIG_IGN);  // a program that ends before it read everything must not end the test
  if (!options.input.empty()) send(options.input);
  if (!options.keeps_input_open && !options.has_terminal) ::close(std::exchange(input_, -1));
}

Child::~Child() {
  if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  for (const int descriptor : {input_, out_, err_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

void Child::send(const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t written = ::write(input_, text.data() + sent, text.size() - sent);
    if (written <= 0) return;
    sent += static_cast<size_t>(written);
  }
}

void Child::interrupt() {
  kill(SIGINT);
}

void Child::kill(int signal) {
  ::kill(pid_, signal);
}

bool Child::read_some() {
  std::array<pollfd, 2> polled{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  if (out_ < 0 && err_ < 0) return false;
  if (::poll(polled.data(), polled.size(), -1) < 0) return errno == EINTR;
  for (const auto& ready : polled) {
    if (ready.fd < 0 || ready.revents == 0) continue;
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(ready.fd, buffer.data(), buffer.size());
    int& descriptor = ready.fd == out_ ? out_ : err_;
    std::string& text = ready.fd == out_ ? result_.out : result_.err;
    if (count > 0) {
      text.append(buffer.data(), static_cast<size_t>(count));
    } else {
      ::close(std::exchange(descriptor, -1));
    }
  }
  return true;
}

bool Child::wait_for_output(const std::string& text, int times) {
  while (count_of(result_.out, text) < static_cast<size_t>(times)) {
    if (!read_some()) return false;
  }
  return true;
}

bool Child::wait_for_error_output(const std::string& text) {
  while (result_.err.find(text) == std::string::npos) {
    if (!read_some()) return false;
  }
  return true;
}

Result Child::finish() {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
  while (read_some()) {
  }
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result_;
}

pid_t process_of_rank(pid_t parent, int rank) {
  const std::string parent_line = "PPid:\t" + std::to_string(parent) + "\n", variable = "RANK=" + std::to_string(rank);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto all_of = [&](const char* file) {
      std::ostringstream text;
      text << std::ifstream(entry.path() / file).rdbuf();
      return '\0' + text.str();
    };
    if (all_of("status").find(parent_line) == std::string::npos) continue;
    if (all_of("environ").find('\0' + variable + '\0') != std::string::npos) return std::stoi(name);
  }
  return 0;
}

Result run_molmo(const std::vector<std::string>& arguments, const ChildOptions& options) {
  return Child(arguments, options).finish();
}

}  // namespace molmo::test
