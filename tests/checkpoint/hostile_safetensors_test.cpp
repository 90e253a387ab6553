// Safetensors files that lie: each hand-made case with its exact message, and random damage that must be refused or
// harmless.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + rest;
}

std::string file_of(const std::string& header, size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\0'));
}

std::string repeat(const std::string& text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

// One tensor "a" whose fields are given.
std::string tensor(const std::string& fields) {
  return "{\"a\":{" + fields + "}}";
}
std::string shaped(const std::string& shape, const std::string& offsets) {
  return tensor("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
}

struct Case {
  const char* name;
  std::string bytes;
  std::string message;  // after the path
};

std::vector<Case> cases() {
  const std::string header = "safetensors header: ", a = header + "tensor 'a'";
  const std::string ok = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                    second = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}";
  const std::string no_json = "the safetensors header does not begin with '{'. Is it a safetensors file?";
  const std::string numbers = "expected whole numbers below 2^64, found ";
  return {
      {"empty file", "", "0 bytes, too short for a safetensors file"},
      {"seven bytes", "1234567", "7 bytes, too short for a safetensors file"},
      {"length of 2^64-1", with_length(~uint64_t{0}, "{}"),
       "the safetensors header claims 18446744073709551615 bytes, at most 100000000 are read. Is it a safetensors "
       "file?"},
      {"length of 101 MB", with_length(101'000'000, "{}"),
       "the safetensors header claims 101000000 bytes, at most 100000000 are read. Is it a safetensors file?"},
      {"length beyond the file", with_length(3, "{}"),
       "the safetensors header claims 3 bytes, but only 2 follow. Was it cut off while copying?"},
      {"length of zero", with_length(0, "{}"), no_json},
      {"leading space", file_of(" {}", 0), no_json},
      {"a list", file_of("[]", 0), no_json},
      {"cut off", file_of("{\"a\":", 0), header + "ends with byte 0x3a, expected '}' and spaces"},
      {"only a brace", file_of("{", 0), header + "ends with byte 0x7b, expected '}' and spaces"},
      {"text after the end", file_of("{}{}", 0), header + "not valid JSON at byte 3"},
      {"newline after the end", file_of("{}\n", 0), header + "ends with byte 0x0a, expected '}' and spaces"},
      {"zero byte after the end", file_of(std::string("{}\0", 3), 0),
       header + "ends with byte 0x00, expected '}' and spaces"},
      {"invalid UTF-8", file_of("{\"\xff\":" + ok + "}", 4), header + "not valid JSON at byte 3"},
      {"comment", file_of("{/**/}", 0), header + "not valid JSON at byte 2"},
      {"tensor twice", file_of("{\"a\":" + ok + ",\"a\":" + second + "}", 8), header + "tensor 'a' appears twice"},
      {"field twice", file_of(tensor("\"dtype\":\"F32\",\"dtype\":\"F32\""), 4),
       header + "tensor 'a' has 'dtype' twice"},
      {"metadata twice", file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0),
       header + "'__metadata__' appears twice"},
      {"metadata key twice", file_of("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0),
       header + "metadata key 'k' appears twice"},
      {"metadata is a number", file_of("{\"__metadata__\":1}", 0),
       header + "'__metadata__': expected an object, found a number"},
      {"metadata value is a number", file_of("{\"__metadata__\":{\"k\":1}}", 0),
       header + "metadata 'k': expected a text, found a number"},
      {"metadata value is deep", file_of("{\"__metadata__\":{\"k\":" + repeat("[", 100'000) + "}", 0),
       header + "metadata 'k': expected a text, found a list"},
      {"deep JSON", file_of("{\"a\":" + repeat("[", 1'000'000) + repeat("]", 1'000'000) + "}", 0),
       a + ": expected an object, found a list"},
      {"deep objects", file_of("{\"a\":" + repeat("{\"dtype\":", 100'000) + "}", 0),
       a + ": dtype: expected a text, found an object"},
      {"tensor is a number", file_of("{\"a\":1}", 0), a + ": expected an object, found a number"},
      {"tensor is null", file_of("{\"a\":null}", 0), a + ": expected an object, found null"},
      {"tensor is true", file_of("{\"a\":true}", 0), a + ": expected an object, found true or false"},
      {"no dtype", file_of(tensor("\"shape\":[1],\"data_offsets\":[0,4]"), 4), a + " has no dtype"},
      {"no shape", file_of(tensor("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4), a + " has no shape"},
      {"no offsets", file_of(tensor("\"dtype\":\"F32\",\"shape\":[1]"), 4), a + " has no data_offsets"},
      {"unknown field", file_of(tensor("\"type\":\"F32\""), 4),
       a + " has an unknown field 'type', expected dtype, shape and data_offsets"},
      {"unknown type", file_of(tensor("\"dtype\":\"F4\""), 4),
       a + " has the element type 'F4', expected F32, BF16, F16 or another that PyTorch trains with"},
      {"type is a number", file_of(tensor("\"dtype\":32"), 4), a + ": dtype: expected a text, found a number"},
      {"shape is a number", file_of(shaped("1", "[0,4]"), 4), a + ": shape: expected a list, found a number"},
      {"shape of texts", file_of(shaped("[\"1\"]", "[0,4]"), 4), a + ": shape: " + numbers + "a text"},
      {"shape in a shape", file_of(shaped("[[1]]", "[0,4]"), 4), a + ": shape: " + numbers + "a list"},
      {"negative shape", file_of(shaped("[-1]", "[0,4]"), 4), a + ": shape: " + numbers + "the number -1"},
      {"fractional shape", file_of(shaped("[1.5]", "[0,4]"), 4), a + ": shape: " + numbers + "the number 1.5"},
      {"NaN in a shape", file_of(shaped("[NaN]", "[0,4]"), 4), header + "not valid JSON at byte 30"},
      {"shape of 2^64", file_of(shaped("[18446744073709551616]", "[0,4]"), 4),
       a + ": shape: " + numbers + "the number 18446744073709551616"},
      {"shape of 2^63", file_of(shaped("[9223372036854775808]", "[0,4]"), 4),
       a + ": shape [9223372036854775808] is larger than any file"},
      {"product overflows to the right size", file_of(shaped("[4294967296,4294967296]", "[0,0]"), 0),
       a + ": shape [4294967296, 4294967296] is larger than any file"},
      {"product overflows before a zero", file_of(shaped("[4611686018427387904,4611686018427387904,0]", "[0,0]"), 0),
       a + ": shape [4611686018427387904, 4611686018427387904, 0] is larger than any file"},
      {"65 dimensions", file_of(shaped("[" + repeat("1,", 64) + "1]", "[0,4]"), 4),
       header + "tensor 'a' has more than 64 dimensions"},
      {"one offset", file_of(shaped("[1]", "[4]"), 4), a + ": data_offsets has 1 numbers, expected two"},
      {"three offsets", file_of(shaped("[1]", "[0,4,8]"), 4), a + ": data_offsets has more than two numbers"},
      {"offsets run backwards", file_of(shaped("[1]", "[4,0]"), 4), a + ": data_offsets [4, 0] run backwards"},
      {"offset beyond the file", file_of(shaped("[2]", "[0,8]"), 4),
       "tensor 'a' ends at byte 8 of the data, but the file has only 4. Was it cut off while copying?"},
      {"offset of 2^64-1", file_of(shaped("[1]", "[0,18446744073709551615]"), 4),
       "tensor 'a' ends at byte 18446744073709551615 of the data, but the file has only 4. Was it cut off while "
       "copying?"},
      {"more bytes than the shape", file_of(shaped("[1]", "[0,8]"), 8),
       a + ": F32 [1] takes 4 bytes, data_offsets give it 8"},
      {"fewer bytes than the shape", file_of(shaped("[1000000]", "[0,8]"), 8),
       a + ": F32 [1000000] takes 4000000 bytes, data_offsets give it 8"},
      {"overlap", file_of("{\"a\":" + ok + ",\"b\":" + ok + "}", 4),
       header + "tensor 'b' begins at byte 0 of the data, expected 4 (tensors overlap)"},
      {"hole", file_of("{\"a\":" + ok + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12),
       header + "tensor 'b' begins at byte 8 of the data, expected 4 (there is a hole)"},
      {"hole at the front", file_of("{\"a\":" + second + "}", 8),
       header + "tensor 'a' begins at byte 4 of the data, expected 0 (there is a hole)"},
      {"bytes after the last tensor", file_of("{\"a\":" + ok + "}", 5),
       "1 bytes follow the last tensor, expected none"},
      {"bytes without tensors", file_of("{}", 5), "5 bytes follow the last tensor, expected none"},
      {"name that a terminal obeys", file_of("{\"\\u001b[2J\":" + ok + "}", 4),
       header + "a name of 4 bytes is longer than 1024 or has control characters"},
      {"long name", file_of("{\"" + repeat("x", 2000) + "\":" + ok + "}", 4),
       header + "a name of 2000 bytes is longer than 1024 or has control characters"},
  };
}

TEST(HostileSafetensors, EveryHandMadeLieIsRefusedWithItsMessage) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  EXPECT_GE(cases().size(), 40u);
  for (const Case& hostile : cases()) {
    std::ofstream(path, std::ios::binary)
        .write(hostile.bytes.data(), static_cast<std::streamsize>(hostile.bytes.size()));
    try {
      SafetensorsFile::open(path);
      ADD_FAILURE() << hostile.name << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), path.string() + ": " + hostile.message) << hostile.name;
    }
  }
}

TEST(HostileSafetensors, AcceptsWhatTheFormatAllows) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  const auto open = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return SafetensorsFile::open(path);
  };
  EXPECT_TRUE(open(file_of("{}", 0)).entries().empty());
  EXPECT_TRUE(open(file_of("{}      ", 0)).entries().empty());
  EXPECT_EQ(open(file_of("{\"__metadata__\":{\"k\":\"v\"}}", 0)).metadata().at("k"), "v");
  EXPECT_EQ(open(file_of(shaped("[]", "[0,4]"), 4)).tensor("a").dim(), 0);
  EXPECT_EQ(open(file_of(shaped("[0,5]", "[0,0]"), 0)).tensor("a").numel(), 0);
  // Tensors in another order than their bytes, and empty ones in between.
  EXPECT_EQ(open(file_of("{\"b\":{\"data_offsets\":[4,8],\"shape\":[1],\"dtype\":\"F32\"},\"e\":{\"dtype\":\"F32\","
                         "\"shape\":[0],\"data_offsets\":[4,4]},"
                         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                         8))
                .entries()
                .size(),
            3u);
}

TEST(HostileSafetensors, HeaderOfManyTensorsIsReadInLinearTime) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  std::string header = "{";
  for (int i = 0; i < 200'000; ++i)
    header += (i ? ",\"" : "\"") + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  const std::string bytes = file_of(header + "}", 0);
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(SafetensorsFile::open(path).entries().size(), 200'000u);  // would take minutes if the cost were quadratic
}

// Opens a damaged file and touches all that it claims to hold. Returns whether it was refused.
bool is_refused(const fs::path& path) {
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const uint64_t size = fs::file_size(path);
    for (const auto& [name, entry] : file.entries()) {
      EXPECT_LE(entry.offset, size);
      EXPECT_LE(entry.num_bytes, size - entry.offset);
      const at::Tensor tensor = file.tensor(name);
      const auto* bytes = static_cast<const unsigned char*>(tensor.const_data_ptr());
      unsigned sum = 0;
      for (size_t i = 0; i < tensor.nbytes(); ++i) sum += bytes[i];
      EXPECT_LE(sum, 255u * tensor.nbytes());
    }
    return false;
  } catch (const Error& error) {
    EXPECT_TRUE(error.category() == ErrorCategory::BadData || error.category() == ErrorCategory::Unsupported)
        << error.what();
    return true;
  }
}

TEST(HostileSafetensors, RandomDamageIsRefusedOrHarmless) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  const SafetensorsFile model =
      SafetensorsFile::open(test::fixture_path("model/P6-qwen2-metaclip/hf/model.safetensors"));
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, entry] : model.entries()) {
    if (entry.num_bytes <= 1024) tensors[name] = model.tensor(name);
  }
  write_safetensors(path, tensors, model.metadata());
  const std::string whole = read_file(path);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data(), 8);
  RandomStream random(12345, "damage");
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  for (int i = 0; i < 1000; ++i) {
    write(whole.substr(0, i % 2 == 0 ? random.below(8 + header_bytes) : random.below(whole.size())));
    EXPECT_TRUE(is_refused(path)) << "truncation " << i;
  }
  int num_refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = whole;
    for (uint64_t flips = 1 + random.below(4); flips > 0; --flips)
      damaged[random.below(8 + header_bytes)] = static_cast<char>(random.next());
    write(damaged);
    num_refused += is_refused(path);
  }
  EXPECT_GT(num_refused, 500);  // the others changed a name, or nothing
}

}  // namespace
}  // namespace molmo::checkpoint
