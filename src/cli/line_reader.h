// Lines that a person types: with editing and history on a terminal, as they come elsewhere.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace molmo::cli {

class LineReader {
 public:
  LineReader();
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Without the line's end; empty at the end of the input. The prompt is shown on a terminal only, on stderr.
  std::optional<std::string> read();

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;  // empty when standard input is no terminal
};

}  // namespace molmo::cli
