// Text from standard input, where a flag's value is "-".
#pragma once

#include <string>

namespace molmo::cli {

// All of it. Throws BadData beyond 16 MiB, more than any prompt can use.
std::string read_standard_input();

}  // namespace molmo::cli
