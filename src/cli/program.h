// The program: finds the verb, reads its flags, runs it, and turns errors into one line on stderr and an exit status.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace CLI {
class App;
}

namespace molmo {
class Error;
}

namespace molmo::cli {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;       // the message says what, where and what to do
constexpr int kExitUsage = 2;        // the command line makes no sense
constexpr int kExitCancelled = 130;  // Ctrl-C

// Arguments without the program's name.
int run_program(const std::vector<std::string>& arguments);

// One line on stderr: "molmo: what, where and what to do".
void print_error(const Error& error);

// The flags of a verb, each with its environment twin MOLMO_<FLAG>. `verb` must outlive the result.
std::unique_ptr<CLI::App> make_app(Verb& verb, const VerbEntry& entry);

}  // namespace molmo::cli
