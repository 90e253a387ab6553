// molmo chat
#include <fmt/core.h>
#include <unistd.h>

#include "cli/chat_session.h"
#include "cli/flags.h"
#include "cli/line_reader.h"
#include "cli/program.h"
#include "cli/task_flags.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Chat final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Reads a question a line, from the terminal or standard input; lines that begin with a slash are commands, "
        "/help lists them. "
        "The picture is encoded once, and earlier turns are not read again. Ctrl-C ends an answer and comes back to "
        "the prompt.");
    flags.examples(
        "# talk about a picture\nmolmo chat -m MODEL --image photo.jpg\n"
        "# a conversation from a file\nmolmo chat -m MODEL --image photo.jpg -q < questions.txt\n");
    flags.add_option("-i,--image", images_, "pictures to begin with").type_name("FILE").group("Question");
    flags_.generation.define(flags);
    flags_.answer.define_quiet(flags);
    flags_.images.define(flags);
    flags_.model.define(flags);
  }

  int run() override {
    flags_.generation.get();  // refuses bad settings before the model is loaded
    ChatSession session(flags_.model.load(), flags_);
    session.set_images(images_);
    if (::isatty(STDIN_FILENO)) fmt::print(stderr, "{}\n", ChatSession::help());
    LineReader lines;
    for (auto line = lines.read(); line; line = lines.read()) {
      if (!session.handle(*line)) break;
    }
    return kExitDone;
  }

 private:
  std::vector<std::filesystem::path> images_;
  TaskFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_chat() {
  return std::make_unique<Chat>();
}

}  // namespace molmo::cli
