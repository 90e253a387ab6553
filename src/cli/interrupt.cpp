#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace molmo::cli {
namespace {

constexpr int kIdle = -1, kWorking = 0;  // else the signal that asked for the end
constexpr int kExitBySignal = 128;       // plus the signal
std::atomic<int> state = kIdle;
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

void on_signal(int signal) {
  int expected = kWorking;
  if (!state.compare_exchange_strong(expected, signal)) _exit(kExitBySignal + signal);
}

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_interrupt_handler() {
  handle(SIGINT);
}

InterruptibleWork::InterruptibleWork(Signals signals) {
  state = kWorking;
  if (signals == Signals::InterruptOrTerminate) handle(SIGTERM);
}
InterruptibleWork::~InterruptibleWork() {
  state = kIdle;
}
bool InterruptibleWork::is_interrupted() const {
  return state > kWorking;
}
int InterruptibleWork::exit_status() const {
  return kExitBySignal + state;
}

}  // namespace molmo::cli
