#include "checkpoint/hash.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"

namespace molmo::checkpoint {

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    fail(ErrorCategory::Internal, "SHA-256 is not available in this OpenSSL");
  }
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256(std::string_view bytes) {
  return sha256(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

}  // namespace molmo::checkpoint
