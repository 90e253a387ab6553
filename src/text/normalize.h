// Unicode normalisation form C as the reference's tokenizer library computes it.
#pragma once

#include <string>
#include <string_view>

namespace molmo::text {

// `text` is valid UTF-8. Characters newer than Unicode 9 neither reorder nor compose, as in the reference.
std::string normalize_nfc(std::string_view text);

}  // namespace molmo::text
