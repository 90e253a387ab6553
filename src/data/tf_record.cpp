#include "data/tf_record.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/protobuf.h"

namespace molmo::data {
namespace {

constexpr uint64_t kMaxRecordBytes = 1u << 30;
constexpr size_t kPieceBytes = 4u << 20;  // memory grows with what is there, not with what a damaged length claims

// table[k][b]: the checksum of byte b followed by k zero bytes. Eight bytes at a time are four times as fast as one.
std::array<std::array<uint32_t, 256>, 8> make_crc_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
    }
  }
  return tables;
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

uint32_t masked(uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const auto kTables = make_crc_tables();
  uint32_t crc = ~0u;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    const uint64_t word = little_endian(bytes.substr(0, 8)) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> 8 * i & 0xFF];
  }
  for (const char c : bytes) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

struct TfRecordReader::File {
  gzFile handle = nullptr;
  ~File() {
    if (handle) gzclose(handle);
  }
};

TfRecordReader::TfRecordReader(const std::filesystem::path& path) : path_(path), file_(std::make_unique<File>()) {
  if (!std::filesystem::is_regular_file(path)) fail(ErrorCategory::NotFound, "{}: no such file", path.string());
  file_->handle = gzopen(path.c_str(), "rb");
  if (!file_->handle) fail(ErrorCategory::Io, "{}: the file cannot be opened", path.string());
  gzbuffer(file_->handle, 1u << 20);
}

TfRecordReader::~TfRecordReader() = default;

std::string TfRecordReader::where() const {
  return path_.string() + ", record " + std::to_string(index_);
}

size_t TfRecordReader::read(size_t num_bytes) {
  size_t num_read = 0;
  while (num_read < num_bytes) {
    const size_t piece = std::min(num_bytes - num_read, kPieceBytes);
    const size_t begin = record_.size();
    record_.resize(begin + piece);
    const int found = gzread(file_->handle, record_.data() + begin, static_cast<unsigned>(piece));
    record_.resize(begin + static_cast<size_t>(std::max(found, 0)));
    if (found < 0) {
      int code = 0;
      fail(ErrorCategory::BadData, "{}: the compressed data are damaged: {}", where(), gzerror(file_->handle, &code));
    }
    num_read += static_cast<size_t>(found);
    if (static_cast<size_t>(found) < piece) break;
  }
  return num_read;
}

bool TfRecordReader::next() {
  ++index_;
  record_.clear();
  const size_t header_bytes = read(12);
  if (header_bytes == 0) return false;
  const auto refuse_end = [&] { fail(ErrorCategory::BadData, "{}: the file ends inside the record", where()); };
  if (header_bytes < 12) refuse_end();
  const std::string_view header = record_;
  const uint64_t num_bytes = little_endian(header.substr(0, 8));
  if (little_endian(header.substr(8)) != masked(crc32c(header.substr(0, 8)))) {
    fail(ErrorCategory::BadData, "{}: the checksum of its length is wrong. Is this a TFRecord file, and whole?",
         where());
  }
  if (num_bytes > kMaxRecordBytes) {
    fail(ErrorCategory::BadData, "{}: the record has {} bytes, at most {} are read", where(), num_bytes,
         kMaxRecordBytes);
  }
  record_.clear();
  if (read(num_bytes + 4) < num_bytes + 4) refuse_end();
  const uint64_t expected = little_endian(std::string_view(record_).substr(num_bytes));
  record_.resize(num_bytes);
  if (expected != masked(crc32c(record_))) {
    fail(ErrorCategory::BadData, "{}: the checksum of the record is wrong. Download the file again.", where());
  }
  return true;
}

// Example {Features features = 1;}  Features {map<string, Feature> feature = 1;}
TfExample::TfExample(std::string_view message, std::string source) : source_(std::move(source)) {
  ProtobufReader example(message, source_);
  while (example.next()) {
    if (example.field() != 1) continue;
    ProtobufReader features(example.bytes(), source_);
    while (features.next()) {
      if (features.field() == 1) read_feature(features.bytes());
    }
  }
}

// Feature {BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3;}, lists {repeated value = 1;}
void TfExample::read_feature(std::string_view message) {
  std::string name;
  Feature feature;
  ProtobufReader entry(message, source_);
  while (entry.next()) {
    if (entry.field() == 1) name = entry.bytes();
    if (entry.field() != 2) continue;
    ProtobufReader value(entry.bytes(), source_);
    while (value.next()) {
      if (value.field() != 1 && value.field() != 3) continue;
      ProtobufReader list(value.bytes(), source_);
      while (list.next()) {
        if (list.field() != 1) continue;
        if (value.field() == 1) feature.bytes.push_back(list.bytes());
        if (value.field() == 3) list.append_integers(feature.integers);
      }
    }
  }
  features_[name] = std::move(feature);
}

const TfExample::Feature& TfExample::find(const std::string& name) const {
  const auto it = features_.find(name);
  if (it == features_.end()) fail(ErrorCategory::BadData, "{}: there is no feature '{}'", source_, name);
  return it->second;
}

const std::vector<std::string_view>& TfExample::bytes(const std::string& name) const {
  const Feature& feature = find(name);
  if (!feature.integers.empty()) fail(ErrorCategory::BadData, "{}: feature '{}' is not of bytes", source_, name);
  return feature.bytes;
}

const std::vector<int64_t>& TfExample::integers(const std::string& name) const {
  const Feature& feature = find(name);
  if (!feature.bytes.empty()) fail(ErrorCategory::BadData, "{}: feature '{}' is not of numbers", source_, name);
  return feature.integers;
}

}  // namespace molmo::data
