// Lists of texts as Python prints them, which some published tables hold instead of a list: "['red', \"it's\"]".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace molmo::data {

// Throws BadData, naming `source`, for anything but a list of texts.
std::vector<std::string> parse_python_texts(std::string_view literal, std::string_view source);

}  // namespace molmo::data
