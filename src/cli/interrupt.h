// Ctrl-C. While an answer is being made the first one asks it to end, and a second one ends the program; at any other
// time the first one ends the program, with status 130.
#pragma once

namespace molmo::cli {

void install_interrupt_handler();

// An answer is being made as long as this lives.
class InterruptibleAnswer {
 public:
  InterruptibleAnswer();
  ~InterruptibleAnswer();
  InterruptibleAnswer(const InterruptibleAnswer&) = delete;
  InterruptibleAnswer& operator=(const InterruptibleAnswer&) = delete;

  bool is_interrupted() const;
};

}  // namespace molmo::cli
