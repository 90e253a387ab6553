#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "cli/program.h"

namespace molmo::cli {
namespace {

enum State { kIdle, kAnswering, kInterrupted };
std::atomic<int> state = kIdle;
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

void on_interrupt(int) {
  int expected = kAnswering;
  if (!state.compare_exchange_strong(expected, kInterrupted)) _exit(kExitCancelled);
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

InterruptibleAnswer::InterruptibleAnswer() {
  state = kAnswering;
}
InterruptibleAnswer::~InterruptibleAnswer() {
  state = kIdle;
}
bool InterruptibleAnswer::is_interrupted() const {
  return state == kInterrupted;
}

}  // namespace molmo::cli
