#include "report/tensorboard.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace molmo::report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFilePrefix = "events.out.tfevents.", kFileSuffix = ".molmo";
constexpr uint64_t kMaxRecordBytes = 1u << 20, kMaxFileBytes = 1u << 30;

// Fields of tensorflow/core/util/event.proto and framework/summary.proto.
enum EventField : uint32_t { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5 };
enum SummaryField : uint32_t { kValue = 1 };
enum ValueField : uint32_t { kTag = 1, kSimpleValue = 2 };
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

template <class T>
void append_little_endian(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_key(std::string& out, uint32_t field, WireType type) {
  append_varint(out, field << 3 | type);
}

void append_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  append_key(out, field, kBytes);
  append_varint(out, bytes.size());
  out += bytes;
}

std::string event_head(int64_t step) {
  std::string event;
  append_key(event, kWallTime, kFixed64);
  append_little_endian(event,
                       std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  append_key(event, kStep, kVarint);
  append_varint(event, static_cast<uint64_t>(step));
  return event;
}

// Walks the fields of a protobuf message; stops at anything that it does not understand.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  bool next() {
    uint64_t key = 0;
    if (rest_.empty() || !read_varint(key)) return false;
    field = static_cast<uint32_t>(key >> 3);
    switch (key & 7) {
      case kVarint:
        return read_varint(number);
      case kFixed64:
        return take(8);
      case kFixed32:
        return take(4);
      case kBytes: {
        uint64_t length = 0;
        return read_varint(length) && take(length);
      }
      default:
        return false;
    }
  }

  template <class T>
  T as() const {
    T value{};
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  uint32_t field = 0;
  uint64_t number = 0;
  std::string_view bytes;

 private:
  bool read_varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(uint64_t length) {
    if (length > rest_.size()) return false;
    bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

Scalar parse_value(std::string_view bytes) {
  Scalar scalar{"", 0};
  for (FieldReader reader(bytes); reader.next();) {
    if (reader.field == kTag) scalar.tag = reader.bytes;
    if (reader.field == kSimpleValue) scalar.value = static_cast<double>(reader.as<float>());
  }
  return scalar;
}

Event parse_event(std::string_view bytes) {
  Event event;
  for (FieldReader reader(bytes); reader.next();) {
    if (reader.field == kWallTime) event.wall_time = reader.as<double>();
    if (reader.field == kStep) event.step = static_cast<int64_t>(reader.number);
    if (reader.field == kFileVersion) event.file_version = reader.bytes;
    if (reader.field != kSummary) continue;
    for (FieldReader summary(reader.bytes); summary.next();) {
      if (summary.field == kValue) event.scalars.push_back(parse_value(summary.bytes));
    }
  }
  return event;
}

template <class T>
T read_little_endian(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

EventWriter::EventWriter(const fs::path& folder, int64_t first_step) {
  std::error_code error;
  fs::create_directories(folder, error);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  // Readers take files in the order of their names, so the time leads; the rest keeps two starts in a second apart.
  for (int attempt = 0; descriptor_ < 0 && attempt < 1000; ++attempt) {
    path_ = folder / fmt::format("{}{:010}.{:03}{}", kFilePrefix, seconds, attempt, kFileSuffix);
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail(ErrorCategory::Io, "{}: cannot create: {}", path_.string(), std::strerror(errno));
  std::string event = event_head(first_step);
  append_bytes(event, kFileVersion, "brain.Event:2");
  write_record(event);
}

EventWriter::~EventWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventWriter::add(int64_t step, std::span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    std::string value;
    append_bytes(value, kTag, scalar.tag);
    append_key(value, kSimpleValue, kFixed32);
    append_little_endian(value, static_cast<float>(scalar.value));
    append_bytes(summary, kValue, value);
  }
  std::string event = event_head(step);
  append_bytes(event, kSummary, summary);
  write_record(event);
}

void EventWriter::write_record(std::string_view event) {
  std::string record;
  append_little_endian(record, static_cast<uint64_t>(event.size()));
  append_little_endian(record, masked_crc32c(record));
  record += event;
  append_little_endian(record, masked_crc32c(event));
  for (std::string_view rest = record; !rest.empty();) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(ErrorCategory::Io, "{}: cannot write: {}", path_.string(), std::strerror(errno));
    rest.remove_prefix(static_cast<size_t>(count));
  }
}

EventFile read_events(const fs::path& path) {
  constexpr size_t kHead = 12, kTail = 4;
  const std::string content = read_file(path, kMaxFileBytes);
  const std::string_view bytes = content;
  EventFile file;
  for (size_t at = 0; at + kHead <= bytes.size();) {
    const auto length = read_little_endian<uint64_t>(bytes, at);
    if (read_little_endian<uint32_t>(bytes, at + 8) != masked_crc32c(bytes.substr(at, 8))) break;
    if (length > kMaxRecordBytes || at + kHead + length + kTail > bytes.size()) break;
    const std::string_view event = bytes.substr(at + kHead, length);
    if (read_little_endian<uint32_t>(bytes, at + kHead + length) != masked_crc32c(event)) break;
    at += kHead + length + kTail;
    file.events.push_back(parse_event(event));
    file.ends.push_back(at);
    file.num_bytes = at;
  }
  return file;
}

void keep_events_until(const fs::path& folder, int64_t last_step) {
  if (!fs::exists(folder)) return;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kFilePrefix) && name.ends_with(kFileSuffix)) paths.push_back(entry.path());
  }
  for (const fs::path& path : paths) {
    const EventFile file = read_events(path);
    uint64_t kept_bytes = 0;
    bool has_scalars = false;
    for (size_t i = 0; i < file.events.size(); ++i) {
      const Event& event = file.events[i];
      if (!event.scalars.empty() && event.step > last_step) break;
      has_scalars |= !event.scalars.empty();
      kept_bytes = file.ends[i];
    }
    if (!has_scalars) {
      fs::remove(path);
    } else if (kept_bytes != fs::file_size(path)) {
      fs::resize_file(path, kept_bytes);
    }
  }
}

}  // namespace molmo::report
