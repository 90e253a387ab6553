#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/child_process.h"
#include "base/error.h"
#include "base/log.h"
#include "base/threads.h"
#include "dist/launch.h"

namespace molmo::dist {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTimeToExplain = 20s;  // of the others after one has failed
constexpr auto kTimeToEnd = 10s;      // after they were asked to end
constexpr auto kPollEvery = 20ms;

volatile sig_atomic_t signal_to_pass_on = 0;

void remember(int signal) {
  signal_to_pass_on = signal;
}

// One that nobody uses at the moment.
uint16_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool is_found =
      descriptor >= 0 && ::bind(descriptor, generic, size) == 0 && ::getsockname(descriptor, generic, &size) == 0;
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_found) fail(ErrorCategory::Io, "no free port on this machine: {}", std::strerror(code));
  return ntohs(address.sin_port);
}

// An address of the program that stays right when the file is replaced meanwhile.
std::string own_program() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) fail(ErrorCategory::Io, "/proc/self/exe: cannot read: {}", std::strerror(errno));
  return path.data();
}

std::vector<std::string> own_words() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::vector<std::string> environment_of(int64_t rank, int64_t num_ranks, uint16_t port) {
  std::map<std::string, std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const size_t end = text.find('=');
    if (end != std::string::npos) variables[text.substr(0, end)] = text.substr(end + 1);
  }
  variables["RANK"] = variables["LOCAL_RANK"] = std::to_string(rank);
  variables["WORLD_SIZE"] = variables["LOCAL_WORLD_SIZE"] = std::to_string(num_ranks);
  variables["MASTER_ADDR"] = "127.0.0.1";
  variables["MASTER_PORT"] = std::to_string(port);
  variables.erase("TORCHELASTIC_USE_AGENT_STORE");
  const std::string threads = std::to_string(std::max<int64_t>(1, num_threads() / num_ranks));
  for (const char* name : {"OMP_NUM_THREADS", "MOLMO_THREADS"}) variables.emplace(name, threads);
  std::vector<std::string> texts;
  for (const auto& [name, value] : variables) texts.push_back(name + "=" + value);
  return texts;
}

pid_t start(const std::string& program, std::vector<std::string> words, std::vector<std::string> variables) {
  const auto argv = null_terminated(words), envp = null_terminated(variables);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) fail(ErrorCategory::Io, "no process for a rank: {}", std::strerror(errno));
  if (child > 0) return child;
  // A group of its own: Ctrl-C reaches it once, through the parent. It ends when the parent was killed.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::execve(program.c_str(), argv.data(), envp.data());
  ::_exit(127);
}

class LocalRanks {
 public:
  explicit LocalRanks(int64_t num_ranks) {
    const uint16_t port = free_port();
    for (int64_t rank = 0; rank < num_ranks; ++rank)
      running_[start(own_program(), own_words(), environment_of(rank, num_ranks, port))] = rank;
  }

  int wait() {
    while (!running_.empty()) {
      reap();
      if (const int signal = std::exchange(signal_to_pass_on, 0)) send(signal);
      if (failed_at_ && !is_asked_ && Clock::now() > *failed_at_ + kTimeToExplain) {
        is_asked_ = true;
        send(SIGTERM);
        send(SIGTERM);  // the second one ends it at once
      }
      if (is_asked_ && Clock::now() > *failed_at_ + kTimeToExplain + kTimeToEnd) send(SIGKILL);
      std::this_thread::sleep_for(kPollEvery);
    }
    return status_;
  }

 private:
  void reap() {
    int state = 0;
    for (pid_t child = ::waitpid(-1, &state, WNOHANG); child > 0; child = ::waitpid(-1, &state, WNOHANG)) {
      const auto found = running_.find(child);
      if (found == running_.end()) continue;
      const int64_t rank = found->second;
      running_.erase(found);
      if (WIFSIGNALED(state) && !failed_at_)
        log_warn("rank {} was ended by signal {} ({})", rank, WTERMSIG(state), ::strsignal(WTERMSIG(state)));
      const int status = WIFEXITED(state) ? WEXITSTATUS(state) : 1;
      if (status == 0 || failed_at_) continue;
      status_ = status;
      if (status != 128 + SIGINT && status != 128 + SIGTERM) failed_at_ = Clock::now();  // else it was asked to end
    }
  }

  void send(int signal) const {
    for (const auto& [child, unused] : running_) ::kill(child, signal);
  }

  std::map<pid_t, int64_t> running_;  // to rank
  std::optional<Clock::time_point> failed_at_;
  bool is_asked_ = false;
  int status_ = 0;
};

}  // namespace

int run_local_ranks(int64_t num_ranks) {
  struct sigaction action {
  }, interrupt_before{}, terminate_before{};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &interrupt_before);
  ::sigaction(SIGTERM, &action, &terminate_before);
  const int status = LocalRanks(num_ranks).wait();
  ::sigaction(SIGINT, &interrupt_before, nullptr);
  ::sigaction(SIGTERM, &terminate_before, nullptr);
  return status;
}

}  // namespace molmo::dist
