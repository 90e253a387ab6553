#include "base/process_memory.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  molmo::keep_freed_memory();
  return molmo::cli::run_program({argv + 1, argv + argc});
}
