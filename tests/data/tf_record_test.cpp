#include "data/tf_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "data/protobuf.h"
#include "fixtures.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string little_endian(uint64_t value, size_t num_bytes) {
  std::string bytes;
  for (size_t i = 0; i < num_bytes; ++i) bytes += static_cast<char>(value >> 8 * i & 0xFF);
  return bytes;
}

std::string checksum(const std::string& bytes) {
  const uint32_t crc = crc32c(bytes);
  return little_endian((crc >> 15 | crc << 17) + 0xA282EAD8u, 4);
}

std::string record(const std::string& bytes) {
  const std::string length = little_endian(bytes.size(), 8);
  return length + checksum(length) + bytes + checksum(bytes);
}

class TfRecordTest : public testing::Test {
 protected:
  // The records of a file with these bytes, and the error that reading it ends with.
  std::vector<std::string> read(const std::string& bytes) {
    write_file_atomic(path(), bytes);
    TfRecordReader reader(path());
    std::vector<std::string> records;
    while (reader.next()) records.emplace_back(reader.record());
    return records;
  }
  void refuses(const std::string& bytes, const std::string& message) {
    EXPECT_THAT([&] { read(bytes); }, ThrowsMessage<Error>(HasSubstr(message)));
  }
  std::filesystem::path path() const { return folder_.path() / "records"; }
  molmo::test::TemporaryFolder folder_;
};

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
TEST(Crc32c, GivesTheKnownAnswers) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST_F(TfRecordTest, ReadsRecordsWithoutCompression) {
  EXPECT_THAT(read(record("one") + record("") + record("three")), ElementsAre("one", "", "three"));
  EXPECT_TRUE(read("").empty());
}

TEST_F(TfRecordTest, RefusesDamage) {
  const std::string good = record("first") + record("second record");
  for (size_t cut = 1; cut < good.size(); ++cut) {
    if (cut == record("first").size()) continue;
    refuses(good.substr(0, cut), "the file ends inside the record");
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    refuses(damaged, "checksum");
  }
  const std::string length = little_endian(uint64_t{1} << 62, 8);
  refuses(length + checksum(length), "at most 1073741824 are read");
  const std::string gigabyte = little_endian(1u << 30, 8);
  refuses(gigabyte + checksum(gigabyte) + "short", "records, record 0: the file ends inside the record");
}

TEST_F(TfRecordTest, RefusesDamagedCompression) {
  std::string bytes = read_file(molmo::test::fixture_path("data/android_control/android_control-00000-of-00001"));
  EXPECT_EQ(read(bytes).size(), 6u);
  refuses(bytes.substr(0, bytes.size() / 2), "records, record");
  bytes[bytes.size() / 2] ^= 0x10;
  refuses(bytes, "records, record");
  EXPECT_THROW(TfRecordReader(folder_.path() / "none"), Error);
}

TEST(Protobuf, ReadsEveryKindOfField) {
  using namespace std::string_literals;
  // 1: 300; 2: "hi"; 3: packed 1, 150; 4: fixed32; 5: fixed64; 6: -1.
  const std::string message = "\x08\xAC\x02\x12\x02hi\x1A\x03\x01\x96\x01\x25"s + "abcd\x29"s + "abcdefgh"s +
                              "\x30\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s;
  ProtobufReader reader(message, "m");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.field(), 1);
  EXPECT_EQ(reader.integer(), 300);
  EXPECT_THROW(reader.bytes(), Error);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes(), "hi");
  EXPECT_THROW(reader.integer(), Error);
  ASSERT_TRUE(reader.next());
  std::vector<int64_t> packed;
  reader.append_integers(packed);
  EXPECT_THAT(packed, ElementsAre(1, 150));
  ASSERT_TRUE(reader.next() && reader.next() && reader.next());
  EXPECT_EQ(reader.integer(), -1);
  EXPECT_FALSE(reader.next());
}

TEST(Protobuf, RefusesWhatDoesNotFit) {
  using namespace std::string_literals;
  const std::pair<std::string, std::string> cases[] = {
      {"\x08", "cut off inside a number"},
      {"\x08\x80", "cut off inside a number"},
      {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", "more than 64 bits"},
      {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", "more than 64 bits"},
      {"\x12\x05hi", "has 5 bytes, but only 2 are left"},
      {"\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", "bytes, but only 0 are left"},
      {"\x25"
       "abc",
       "has 4 bytes, but only 3 are left"},
      {"\x0B", "unknown wire type 3"},
      {"\x00\x01"s, "there is no field 0"},
  };
  for (const auto& [message, expected] : cases) {
    EXPECT_THAT(
        [&] {
          ProtobufReader reader(message, "record 7");
          while (reader.next()) {
          }
        },
        ThrowsMessage<Error>(testing::AllOf(HasSubstr("record 7"), HasSubstr(expected))));
  }
}

TEST(TfExample, NamesFeaturesThatAreMissing) {
  const TfExample empty("", "record 1");
  EXPECT_THAT([&] { empty.bytes("goal"); }, ThrowsMessage<Error>(HasSubstr("record 1: there is no feature 'goal'")));
}

}  // namespace
}  // namespace molmo::data
