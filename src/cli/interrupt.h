// Ctrl-C, and for long work SIGTERM. While something interruptible goes on the first signal asks it to end, and a
// second one ends the program; at any other time the first one ends the program, with status 128 + signal.
#pragma once

namespace molmo::cli {

// Of Ctrl-C.
void install_interrupt_handler();

enum class Signals {
  Interrupt,             // SIGTERM ends the program, as everywhere
  InterruptOrTerminate,  // SIGTERM asks for the end, too: what was done can be kept
};

// Something goes on as long as this lives.
class InterruptibleWork {
 public:
  explicit InterruptibleWork(Signals signals = Signals::Interrupt);
  ~InterruptibleWork();
  InterruptibleWork(const InterruptibleWork&) = delete;
  InterruptibleWork& operator=(const InterruptibleWork&) = delete;

  bool is_interrupted() const;
  int exit_status() const;  // 128 + the signal that asked for the end: 130, or 143 for SIGTERM
};

}  // namespace molmo::cli
