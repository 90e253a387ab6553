#include "data/picture_check.h"

#include <fmt/core.h>
#include <strings.h>

#include "base/error.h"
#include "data/sha256.h"
#include "image/inspect.h"

namespace molmo::data {
namespace {

std::span<const std::byte> as_bytes(std::string_view bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

void reject(FetchRecord& record, FetchOutcome outcome, std::string message) {
  record.outcome = outcome;
  record.message = std::move(message);
}

void reject_hash(FetchRecord& record, std::string_view expected) {
  reject(record, FetchOutcome::HashMismatch, fmt::format("SHA-256 is {}, expected {}", record.sha256, expected));
}

// Bytes without the header of a picture that we read.
void reject_content(std::string_view bytes, const image::ImageLimits& limits, FetchRecord& record) {
  try {
    image::decode_image(as_bytes(bytes), record.url, limits);
    reject(record, FetchOutcome::DamagedImage, "the header is damaged");
  } catch (const Error& error) {
    const bool is_foreign = error.category() == ErrorCategory::Unsupported;
    reject(record, is_foreign ? FetchOutcome::UnsupportedImage : FetchOutcome::NotAnImage, error.what());
  }
}

bool has_hash(const FetchRecord& record, std::string_view expected) {
  return record.sha256.size() == expected.size() &&
         ::strncasecmp(record.sha256.data(), expected.data(), expected.size()) == 0;
}

void decode(std::string_view bytes, const image::ImageLimits& limits, FetchRecord& record) {
  try {
    record.size = image::decode_image(as_bytes(bytes), record.url, limits).size;
  } catch (const Error& error) {
    const bool is_foreign = error.category() == ErrorCategory::Unsupported;
    reject(record, is_foreign ? FetchOutcome::UnsupportedImage : FetchOutcome::DamagedImage, error.what());
  }
}

bool is_too_large(ImageSize size, const image::ImageLimits& limits) {
  const auto height = static_cast<uint64_t>(size.height), width = static_cast<uint64_t>(size.width);
  return height > limits.max_side_px || width > limits.max_side_px || height > limits.max_pixels / width;
}

}  // namespace

void check_picture(std::string_view bytes, std::string_view expected_sha256, const PictureRules& rules,
                   FetchRecord& record) {
  record.outcome = FetchOutcome::Ok;
  record.message.clear();
  record.sha256 = sha256_hex(bytes);
  record.num_bytes = bytes.size();
  const auto info = image::inspect_image(as_bytes(bytes));
  if (info) record.size = info->size;
  if (rules.quirks == config::Quirks::Reference && !expected_sha256.empty()) {
    if (record.sha256 != expected_sha256) reject_hash(record, expected_sha256);
    return;
  }
  if (!info) return reject_content(bytes, rules.limits, record);
  if (rules.quirks == config::Quirks::Reference) return;
  if (!expected_sha256.empty() && !has_hash(record, expected_sha256)) return reject_hash(record, expected_sha256);
  if (is_too_large(info->size, rules.limits)) {
    return reject(record, FetchOutcome::ImageTooLarge,
                  fmt::format("{}x{} pixels, over the limit of {} pixels and {} per side", info->size.width,
                              info->size.height, rules.limits.max_pixels, rules.limits.max_side_px));
  }
  if (!info->damage.empty()) return reject(record, FetchOutcome::DamagedImage, info->damage);
  decode(bytes, rules.limits, record);
}

}  // namespace molmo::data
