// A fuzz target: a parser of untrusted bytes, and small valid inputs to start from.
// One source file per target, which defines one of the functions below. fuzz_main.cpp hands a target to libFuzzer;
// smoke_test.cpp tries all of them on a few thousand damaged seeds in the ordinary suite.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::fuzz {

struct Target {
  std::string_view name;
  // Returns for every input, or throws molmo::Error. Anything else is a finding.
  void (*run)(std::string_view bytes);
  std::vector<std::string> (*seeds)();
};

Target safetensors_target();
Target torch_file_target();
Target tokenizer_target();
Target image_target();
Target points_target();
Target config_target();
Target comparisons_target();

const std::vector<Target>& targets();
// Throws std::out_of_range.
const Target& target(std::string_view name);

// A file that holds `bytes` until the next call with that name, for parsers that read files by path.
std::filesystem::path file_with(std::string_view bytes, const std::string& name);

}  // namespace molmo::fuzz
