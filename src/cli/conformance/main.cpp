// molmo-conformance: answers fixtures from their inputs alone, and compares with what they expect.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cli/conformance/kind.h"

int main(int argc, char** argv) {
  CLI::App app{
      "Answers fixtures from their inputs alone, and compares the answers with what the fixtures expect.\n"
      "Prints one line per mismatch. Exit status: 0 all equal, 1 a mismatch or an error, 2 wrong usage.\n\n"
      "  molmo-conformance tests/fixtures\n"
      "  molmo-conformance tests/fixtures/model/P1-qwen2-clip --actual /tmp/answers",
      "molmo-conformance"};
  std::vector<std::string> paths;
  std::optional<std::filesystem::path> actual_root;
  app.add_option("PATH", paths, "A fixture file, or a folder of them")->required();
  app.add_option("--actual", actual_root,
                 "Write the fixtures with the computed values in place of the expected ones to DIR")
      ->type_name("DIR");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  at::set_num_threads(1);  // miniature models: waiting for other threads takes longer than the work
  molmo::conformance::Report report(std::cout);
  for (const auto& path : paths) {
    report.attempt(path, [&] { molmo::conformance::answer_fixtures(path, actual_root, report); });
  }
  report.print_totals();
  return report.num_failed() == 0 ? 0 : 1;
}
