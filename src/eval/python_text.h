// Text and numbers as Python's str, int and float read them: the reference's scores depend on the details (digits of
// every script, underscores in numbers, what counts as white space). Texts are UTF-8; what is not valid UTF-8 is never
// white space or a digit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::eval {

bool is_space(char32_t code_point);                   // str.isspace
std::optional<int> digit_value(char32_t code_point);  // of \d: decimal digits of every script

std::string_view strip(std::string_view text);                     // str.strip
std::vector<std::string_view> split_words(std::string_view text);  // str.split(): between white space
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator);
std::string join_words(std::string_view text);  // " ".join(text.split())

// int(text) and float(text); empty where Python raises ValueError. An int beyond 64 bits becomes the limit.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_float(std::string_view text);

// repr(value), and round(value, decimals) with decimals from 0 on: ties go to even where the value lies exactly
// between.
std::string float_repr(double value);
double round_decimals(double value, int decimals);

}  // namespace molmo::eval
