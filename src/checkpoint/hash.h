// SHA-256 of bytes, as 64 lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace molmo::checkpoint {

std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view bytes);

}  // namespace molmo::checkpoint
