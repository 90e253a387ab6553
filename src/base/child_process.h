// Other programs: found in PATH, started without a shell, ended in time.
//   const auto dot = find_program({"dot"});
//   const TemporaryFolder folder;  // base/temporary_folder.h
//   run_program(*dot, {"-Tpng", "-o", (folder.path() / "a.png").string(), (folder.path() / "a.dot").string()});
// Input and results are files in a private folder, or what the program writes to its standard output.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace molmo {

// The first of `names` that a folder of PATH has as a program.
std::optional<std::filesystem::path> find_program(std::initializer_list<std::string_view> names);

// Words or variables as posix_spawn takes them; they point into `texts`.
std::vector<char*> null_terminated(std::vector<std::string>& texts);

struct ProgramLimits {
  std::chrono::milliseconds time{30'000};
  size_t max_output_bytes = 16u << 20;
};

// What the program wrote to its standard output; its standard input is empty, numbers and texts are in the locale
// C.UTF-8. It and everything that it started are ended when it has ended itself or the time is over. Throws Io, with
// the end of what it wrote to its standard error, unless it ends with status 0 within the limits. Thread-safe.
std::string run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                        const ProgramLimits& limits = {});

}  // namespace molmo
