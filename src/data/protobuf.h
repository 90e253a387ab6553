// The wire format of Protocol Buffers, as far as reading known messages needs it: fields one after the other.
//   ProtobufReader reader(bytes, "tree of step 3");
//   while (reader.next()) if (reader.field() == 7) text = reader.bytes();
// No schema and no generated code: a message of a few fields is a few lines. Nothing is copied. Every length is checked
// against the message that it is in.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace molmo::data {

class ProtobufReader {
 public:
  // `message` and `source`, which names it in errors, outlive the reader.
  ProtobufReader(std::string_view message, std::string_view source) : rest_(message), source_(source) {}

  // Steps to the next field; false at the end. Throws BadData for what is cut off or of an unknown wire type.
  bool next();

  int64_t field() const { return field_; }
  // The value of the field. Throw BadData where it is of another kind.
  int64_t integer() const;                                // int32, int64, bool
  std::string_view bytes() const;                         // string, bytes, message
  void append_integers(std::vector<int64_t>& out) const;  // of a repeated field, packed or one at a time

 private:
  enum class Kind { Varint, Fixed64, Bytes, Fixed32 };
  uint64_t varint(std::string_view& from) const;
  std::string_view take(uint64_t num_bytes);
  void expect(Kind kind, std::string_view name) const;

  std::string_view rest_;
  std::string_view source_;
  int64_t field_ = 0;
  Kind kind_ = Kind::Varint;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

}  // namespace molmo::data
