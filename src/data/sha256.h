// SHA-256 of bytes as lower-case hexadecimal digits: names of downloaded pictures, and their check.
#pragma once

#include <string>
#include <string_view>

namespace molmo::data {

std::string sha256_hex(std::string_view bytes);

}  // namespace molmo::data
