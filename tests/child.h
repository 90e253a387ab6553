// Runs the built program as its users do, in a process of its own.
//   Result result = run_molmo({"tokenize", "-m", folder, "hi"});
//   Child child({"run", ...}); child.wait_for_output("x"); child.interrupt(); Result result = child.finish();
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace molmo::test {

struct Result {
  int status = -1;  // exit status; 128 + signal when a signal ended it
  std::string out, err;
};

struct ChildOptions {
  std::map<std::string, std::string> environment =
      {};                         // added to a clean one: no MOLMO_ variable of the caller is seen
  std::string input = {};         // its standard input
  std::string folder = {};        // its working folder, "" for the caller's
  bool keeps_input_open = false;  // for input that is sent later, by send()
  bool has_terminal = false;      // its three streams are a terminal: what is sent is typed, `out` is the screen
};

class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments, const ChildOptions& options = {});
  Child(const std::string& program, const std::vector<std::string>& arguments, const ChildOptions& options = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void send(const std::string& text);
  void interrupt();  // Ctrl-C
  void kill(int signal);
  pid_t id() const { return pid_; }
  int output() const { return out_; }  // descriptor of what it writes, or of the terminal
  // Reads standard output until it holds `text` `times` times; false when the program ended without it.
  bool wait_for_output(const std::string& text, int times = 1);
  bool wait_for_error_output(const std::string& text);
  Result finish();

 private:
  bool read_some();
  pid_t pid_ = -1;
  int input_ = -1, out_ = -1, err_ = -1;
  Result result_;
};

// A process that `parent` started with RANK=`rank` in its environment; 0 when there is none.
pid_t process_of_rank(pid_t parent, int rank);

Result run_molmo(const std::vector<std::string>& arguments, const ChildOptions& options = {});

}  // namespace molmo::test
