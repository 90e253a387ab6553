// Runs a verb inside of the test, for many cases that differ only in what is said: starting the program costs a quarter
// of a second of loading libtorch.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "child.h"
#include "cli/program.h"

namespace molmo::cli {

inline test::Result run_here(const std::vector<std::string>& arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = run_program(arguments);
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

}  // namespace molmo::cli
