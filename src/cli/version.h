// What `molmo --version` prints.
#pragma once

#include <string>

namespace molmo::cli {

std::string version_text();

}  // namespace molmo::cli
