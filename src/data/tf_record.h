// TFRecord files, compressed with gzip or not, and the tf.train.Example messages in them.
//   TfRecordReader records("android_control-00000-of-00020");
//   while (records.next()) { TfExample example(records.record(), records.where()); ... }
// A record is: length (8 bytes), its checksum (4), data, its checksum (4), all little-endian; checksums are CRC-32C
// with its bits rotated and a constant added (TensorFlow, tensorflow/core/lib/io/record_writer.cc).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::data {

// CRC-32C (Castagnoli).
uint32_t crc32c(std::string_view bytes);

class TfRecordReader {
 public:
  explicit TfRecordReader(const std::filesystem::path& path);
  ~TfRecordReader();

  // Reads the next record; false at the end of the file. Throws BadData, naming file and record, for a wrong checksum,
  // a record over 1 GiB, damaged compression, and a file that ends inside a record.
  bool next();

  std::string_view record() const { return record_; }  // until the next call of next()
  std::string where() const;                           // "FILE, record 3", counted from 0

 private:
  struct File;
  size_t read(size_t num_bytes);  // to the end of `record_`

  std::filesystem::path path_;
  std::unique_ptr<File> file_;
  std::string record_;
  int64_t index_ = -1;
};

// The features of a tf.train.Example by name. Refers to the message. Lists of floats are left out.
class TfExample {
 public:
  TfExample(std::string_view message, std::string source);

  // Throw BadData where the feature is missing or of another type.
  const std::vector<std::string_view>& bytes(const std::string& name) const;
  const std::vector<int64_t>& integers(const std::string& name) const;

 private:
  struct Feature {
    std::vector<std::string_view> bytes;
    std::vector<int64_t> integers;
  };
  void read_feature(std::string_view message);
  const Feature& find(const std::string& name) const;

  std::string source_;
  std::map<std::string, Feature, std::less<>> features_;
};

}  // namespace molmo::data
