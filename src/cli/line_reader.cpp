#include "cli/line_reader.h"

#include <histedit.h>
#include <unistd.h>

#include <clocale>
#include <iostream>

namespace molmo::cli {
namespace {

char* prompt(EditLine*) {
  static char text[] = "> ";
  return text;
}

}  // namespace

struct LineReader::Editor {
  History* history = history_init();
  EditLine* line = el_init("molmo", stdin, stderr, stderr);  // stdout is for answers
  HistEvent event;

  Editor() {
    history_(H_SETSIZE, 1000);
    history_(H_SETUNIQUE, 1);
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_PROMPT, prompt);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_SIGNAL, 1);  // puts the terminal back before a signal ends the program
  }
  ~Editor() {
    el_end(line);
    history_end(history);
  }

  void history_(int operation, auto argument) { ::history(history, &event, operation, argument); }

  std::optional<std::string> read() {
    int count = 0;
    const char* text = el_gets(line, &count);
    if (text == nullptr || count <= 0) return std::nullopt;
    history_(H_ENTER, text);
    std::string result(text, static_cast<size_t>(count));
    if (result.ends_with('\n')) result.pop_back();
    return result;
  }
};

LineReader::LineReader() {
  if (!::isatty(STDIN_FILENO)) return;
  std::setlocale(LC_CTYPE, "");  // characters of more than one byte are edited as one
  editor_ = std::make_unique<Editor>();
}

LineReader::~LineReader() = default;

std::optional<std::string> LineReader::read() {
  if (editor_) return editor_->read();
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

}  // namespace molmo::cli
