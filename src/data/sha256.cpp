#include "data/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"

namespace molmo::data {

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest;
  unsigned num_bytes = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &num_bytes, EVP_sha256(), nullptr) != 1 ||
      num_bytes != digest.size()) {
    fail(ErrorCategory::Internal, "the SHA-256 of {} bytes could not be computed", bytes.size());
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace molmo::data
