// molmo completion bash|zsh|fish
#include <fmt/core.h>

#include "cli/completion_scripts.h"
#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Completion final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Prints a completion script for the shell; 'make install' puts all three where the shells look for them.");
    flags.examples(
        "# in ~/.bashrc\nsource <(molmo completion bash)\n"
        "# for zsh\nmolmo completion zsh > ~/.zfunc/_molmo\n"
        "# for fish\nmolmo completion fish > ~/.config/fish/completions/molmo.fish\n");
    flags.add_enum("SHELL", shell_, "which shell").required().default_text("");
  }

  int run() override {
    fmt::print("{}", completion_script(shell_));
    return kExitDone;
  }

 private:
  Shell shell_ = Shell::Bash;
};

}  // namespace

std::unique_ptr<Verb> make_completion() {
  return std::make_unique<Completion>();
}

}  // namespace molmo::cli
