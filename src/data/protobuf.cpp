#include "data/protobuf.h"

#include "base/error.h"

namespace molmo::data {

uint64_t ProtobufReader::varint(std::string_view& from) const {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (from.empty()) fail(ErrorCategory::BadData, "{}: the message is cut off inside a number", source_);
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail(ErrorCategory::BadData, "{}: a number of the message has more than 64 bits", source_);
}

std::string_view ProtobufReader::take(uint64_t num_bytes) {
  if (num_bytes > rest_.size()) {
    fail(ErrorCategory::BadData, "{}: field {} of the message has {} bytes, but only {} are left", source_, field_,
         num_bytes, rest_.size());
  }
  const std::string_view taken = rest_.substr(0, num_bytes);
  rest_.remove_prefix(num_bytes);
  return taken;
}

bool ProtobufReader::next() {
  if (rest_.empty()) return false;
  const uint64_t tag = varint(rest_);
  field_ = static_cast<int64_t>(tag >> 3);
  if (field_ == 0 || field_ >= 1 << 29) fail(ErrorCategory::BadData, "{}: there is no field {}", source_, field_);
  switch (tag & 7) {
    case 0:
      kind_ = Kind::Varint;
      value_ = varint(rest_);
      break;
    case 1:
      kind_ = Kind::Fixed64;
      bytes_ = take(8);
      break;
    case 2:
      kind_ = Kind::Bytes;
      bytes_ = take(varint(rest_));
      break;
    case 5:
      kind_ = Kind::Fixed32;
      bytes_ = take(4);
      break;
    default:
      fail(ErrorCategory::BadData, "{}: field {} of the message has the unknown wire type {}", source_, field_,
           tag & 7);
  }
  return true;
}

void ProtobufReader::expect(Kind kind, std::string_view name) const {
  if (kind_ != kind) fail(ErrorCategory::BadData, "{}: field {} of the message is not {}", source_, field_, name);
}

int64_t ProtobufReader::integer() const {
  expect(Kind::Varint, "a whole number");
  return static_cast<int64_t>(value_);
}

std::string_view ProtobufReader::bytes() const {
  expect(Kind::Bytes, "a text or message");
  return bytes_;
}

void ProtobufReader::append_integers(std::vector<int64_t>& out) const {
  if (kind_ == Kind::Varint) return out.push_back(integer());
  std::string_view packed = bytes();
  while (!packed.empty()) out.push_back(static_cast<int64_t>(varint(packed)));
}

}  // namespace molmo::data
