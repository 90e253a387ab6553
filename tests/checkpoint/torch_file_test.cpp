#include "checkpoint/torch_file.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_pickle.h"
#include "fixtures.h"
#include "torch_writer.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using test::PickleWriter;
using test::ZipWriter;
using ::testing::HasSubstr;

std::map<std::string, at::Tensor> some_tensors() {
  return {{"a", at::arange(6, at::kFloat).reshape({2, 3})},
          {"b", at::arange(4, at::kBFloat16)},
          {"c", at::arange(5, at::kHalf).reshape({5, 1})}};
}

TEST(TorchFile, ReadsWhatTorchSaveWrites) {
  for (const bool is_zip64 : {false, true}) {
    test::TemporaryFolder folder;
    ZipWriter zip = test::torch_archive(some_tensors());
    zip.is_zip64 = is_zip64;
    test::write_bytes(folder.path() / "model.pt", zip.bytes());
    const auto stored = open_torch_file(folder.path() / "model.pt");
    ASSERT_EQ(stored.size(), 3u);
    for (const auto& [name, tensor] : some_tensors()) EXPECT_TRUE(at::equal(stored.at(name).map(), tensor)) << name;
  }
}

// What the file of a real program says, against the same weights in another format.
TEST(TorchFile, ReadsGoldenFile) {
  const auto stored = open_torch_file(test::fixture_path("model/P2-olmo-clip/native/model.pt"));
  EXPECT_EQ(stored.at("transformer.wte.embedding").entry.shape, (std::vector<int64_t>{768, 48}));
  for (const auto& [name, tensor] : stored) {
    EXPECT_EQ(tensor.entry.dtype, DType::F32);
    EXPECT_EQ(tensor.entry.offset % 64, 0u) << name;  // torch.save aligns, so that views need no copy
  }
}

// Opens the archive; returns the message without the path.
std::string message_of(const ZipWriter& zip) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.pt";
  test::write_bytes(path, zip.bytes());
  try {
    open_torch_file(path);
    return "accepted";
  } catch (const Error& error) {
    return std::string(error.what()).substr(path.string().size() + 2);
  }
}

TEST(TorchFile, RefusesWrongArchives) {
  const auto broken = [](auto change) {
    ZipWriter zip = test::torch_archive(some_tensors());
    change(zip);
    return message_of(zip);
  };
  EXPECT_EQ(broken([](ZipWriter&) {}), "accepted");
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.method = 8; }),
              HasSubstr("is compressed; torch.save stores its entries as they are"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.flags |= 1; }), HasSubstr("is encrypted"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries.push_back(zip.entries[0]); }),
              HasSubstr("'model/data/0' appears twice"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries.emplace_back("other/data.pkl", "."); }),
              HasSubstr("two pickles, in 'model' and 'other'"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries.pop_back(), zip.entries.pop_back(); }),
              HasSubstr("has no data.pkl"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries.back().second = "big"; }), HasSubstr("big-endian"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries.erase(zip.entries.begin() + 1); }),
              HasSubstr("'b': its storage '1' is not in the archive"));
  EXPECT_THAT(broken([](ZipWriter& zip) { zip.entries[0].second.pop_back(); }),
              HasSubstr("'a': storage '0' has 23 bytes, expected 6 elements of f32"));
}

TEST(TorchFile, RefusesFilesThatAreNoArchives) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.pt";
  for (const std::string& bytes : {std::string(), std::string("PK"), std::string(100, 'x'),
                                   std::string("\x80\x02\x8a\x0a", 4) + std::string(200, 'l')}) {
    test::write_bytes(path, bytes);
    EXPECT_THROW(open_torch_file(path), Error);
  }
}

// A file whose directory points wherever damage leads: refused, or in bounds.
TEST(TorchFile, RandomDamageIsRefusedOrHarmless) {
  test::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.pt";
  RandomStream random(99, "damage");
  for (const bool is_zip64 : {false, true}) {
    ZipWriter zip = test::torch_archive(some_tensors());
    zip.is_zip64 = is_zip64;
    const std::string whole = zip.bytes();
    int num_refused = 0;
    for (int i = 0; i < 1000; ++i) {
      std::string damaged = i % 4 == 0 ? whole.substr(0, random.below(whole.size())) : whole;
      for (uint64_t flips = 1 + random.below(3); flips > 0 && !damaged.empty(); --flips)
        damaged[random.below(damaged.size())] = static_cast<char>(random.next());
      test::write_bytes(path, damaged);
      try {
        for (const auto& [name, tensor] : open_torch_file(path)) {
          EXPECT_LE(tensor.entry.offset + tensor.entry.num_bytes, damaged.size());
          EXPECT_EQ(tensor.map().numel() * dtype_bytes(tensor.entry.dtype),
                    static_cast<int64_t>(tensor.entry.num_bytes));
        }
      } catch (const Error& error) {
        EXPECT_NE(error.category(), ErrorCategory::Internal) << error.what();
        ++num_refused;
      }
    }
    EXPECT_GT(num_refused, 300);
  }
}

std::string pickle_message(const PickleWriter& pickle) {
  try {
    read_torch_pickle(pickle.bytes(), "x");
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

PickleWriter start() {
  return PickleWriter().protocol();
}
PickleWriter dictionary() {
  return start().ordered_dict();
}

TEST(TorchPickle, AcceptsPlainDictionariesAndParameters) {
  EXPECT_EQ(pickle_message(start().raw("}.")), "accepted");
  EXPECT_EQ(pickle_message(dictionary().raw(".")), "accepted");
  PickleWriter parameter = dictionary().raw("(").text("w").global("torch._utils", "_rebuild_parameter").raw("(");
  parameter.tensor("FloatStorage", "0", 4, 1, {3}, {1}).raw("\x88").ordered_dict().raw("tRu.");
  const auto tensors = read_torch_pickle(parameter.bytes(), "x");
  EXPECT_EQ(tensors.at("w").storage_offset, 1u);
  EXPECT_EQ(tensors.at("w").shape, (std::vector<int64_t>{3}));
}

// The well-known ways to run code, and all others.
TEST(TorchPickle, RefusesEverythingThatIsNotADictionaryOfTensorsByName) {
  EXPECT_THAT(pickle_message(start().global("os", "system").text("true").raw("\x85R.")),
              HasSubstr("it asks for 'os.system'"));
  EXPECT_THAT(pickle_message(start().global("builtins", "eval").text("1").raw("\x85R.")), HasSubstr("'builtins.eval'"));
  EXPECT_THAT(pickle_message(start().global("torch", "load").raw(".")), HasSubstr("'torch.load'"));
  EXPECT_THAT(pickle_message(start().global("torch", "DoubleStorage").raw(".")),
              HasSubstr("Only float32, float16 and bfloat16"));
  EXPECT_THAT(pickle_message(start().text("os").text("system").raw("\x93.")), HasSubstr("instruction STACK_GLOBAL"));
  EXPECT_THAT(pickle_message(start().raw("(ios\nsystem\n.")), HasSubstr("instruction INST"));
  EXPECT_THAT(pickle_message(start().raw("(o.")), HasSubstr("instruction OBJ"));
  EXPECT_THAT(pickle_message(start().raw("\x81.")), HasSubstr("instruction NEWOBJ"));
  EXPECT_THAT(pickle_message(start().raw("\x82\x01.")), HasSubstr("instruction EXT1"));
  EXPECT_THAT(pickle_message(start().raw("].")), HasSubstr("instruction EMPTY_LIST"));
  EXPECT_THAT(pickle_message(start().raw("\xff.")), HasSubstr("0xff is not an instruction"));
  EXPECT_THAT(pickle_message(PickleWriter().raw("\x80\x04.")), HasSubstr("protocol 4, expected 2"));
  EXPECT_THAT(pickle_message(start().number(1).raw(".")), HasSubstr("something else than a dictionary"));
  EXPECT_THAT(pickle_message(dictionary().text("step").number(3).raw("s.")), HasSubstr("'step' is not a tensor"));
  EXPECT_THAT(pickle_message(dictionary().raw("}").text("__reduce__").number(1).raw("sb.")),
              HasSubstr("attribute '__reduce__'"));
  EXPECT_THAT(pickle_message(start().text("x").raw("}b.")), HasSubstr("BUILD on something else"));
  EXPECT_THAT(pickle_message(dictionary().number(1).number(2).raw("s.")), HasSubstr("a key that is not a text"));
  EXPECT_THAT(pickle_message(start().global("collections", "OrderedDict").text("x").raw("\x85R.")),
              HasSubstr("made from arguments"));
  EXPECT_THAT(pickle_message(start().global("torch", "FloatStorage").raw(")R.")),
              HasSubstr("a storage type is called"));
}

TEST(TorchPickle, RefusesUnsoundTensors) {
  const auto tensor = [](const std::vector<int64_t>& shape, const std::vector<int64_t>& strides, int64_t offset = 0,
                         int64_t size = 6) {
    return pickle_message(dictionary().text("w").tensor("FloatStorage", "0", size, offset, shape, strides).raw("s."));
  };
  EXPECT_EQ(tensor({2, 3}, {3, 1}), "accepted");
  EXPECT_EQ(tensor({2, 1, 3}, {3, 77, 1}), "accepted");  // the stride of a single entry means nothing
  EXPECT_THAT(tensor({2, 3}, {1, 2}),
              HasSubstr("a tensor of shape [2, 3] has strides [1, 2]. Save it with .contiguous()."));
  EXPECT_THAT(tensor({2, 3}, {3}), HasSubstr("2 sizes and 1 strides"));
  EXPECT_THAT(tensor({-2}, {1}), HasSubstr("an entry that is not a size"));
  EXPECT_THAT(tensor({int64_t{1} << 40, int64_t{1} << 40}, {int64_t{1} << 40, 1}), HasSubstr("larger than any memory"));
  EXPECT_THAT(tensor({6}, {1}, -1), HasSubstr("negative offset"));
  EXPECT_THAT(tensor({6}, {1}, 0, -6), HasSubstr("a storage is not named by"));
  EXPECT_THAT(pickle_message(dictionary().text("w").text("x").raw("Qs.")), HasSubstr("not named by five values"));
}

TEST(TorchPickle, RefusesMalformedPrograms) {
  EXPECT_THAT(pickle_message(PickleWriter()), HasSubstr("cut off"));
  EXPECT_THAT(pickle_message(start().raw("X\xff\xff\xff\xff.")), HasSubstr("cut off"));
  EXPECT_THAT(pickle_message(start().raw("cos")), HasSubstr("cut off"));
  EXPECT_THAT(pickle_message(start().raw("R")), HasSubstr("lacks its operands"));
  EXPECT_THAT(pickle_message(start().raw("t")), HasSubstr("lacks its mark"));
  EXPECT_THAT(pickle_message(start().number(1).raw("(\x85")), HasSubstr("lacks its operands"));
  EXPECT_THAT(pickle_message(start().raw("h\x05")), HasSubstr("memo 5 is empty"));
  EXPECT_THAT(pickle_message(dictionary().raw("..")), HasSubstr("1 bytes follow its end"));
  EXPECT_THAT(pickle_message(start().raw("}}.")), HasSubstr("ends with 2 values"));
  EXPECT_THAT(pickle_message(start().raw("\x8a\x09.........")), HasSubstr("a number of 9 bytes"));
  EXPECT_THAT(pickle_message(dictionary().raw("(").text("k").raw("u.")), HasSubstr("a key without a value"));
  EXPECT_THAT(pickle_message(dictionary().text("k").number(1).raw("s").text("k").number(2).raw("s.")),
              HasSubstr("'k' appears twice"));
}

// Values that would exhaust the stack, tie a knot that is never freed, or grow without bound.
TEST(TorchPickle, RefusesBombs) {
  PickleWriter deep = start().raw(")");
  for (int i = 0; i < 100'000; ++i) deep.raw("\x85");
  EXPECT_THAT(pickle_message(deep), HasSubstr("nested deeper than 16"));

  EXPECT_THAT(pickle_message(start().raw("}q\1").text("self").raw("h\1s.")), HasSubstr("contains itself"));
  EXPECT_THAT(
      pickle_message(start().raw("}q\1\x85q\2").raw("}").text("t").raw("h\2s").raw("h\1").text("u").raw("h\2s.")),
      HasSubstr("part of another is changed"));

  PickleWriter wide = start().raw("(");
  for (int i = 0; i < 3'000'000; ++i) wide.raw("}");
  EXPECT_THAT(pickle_message(wide), HasSubstr("more than 2097152 values"));

  // A tuple of tuples of the same tuple: 64^12 parts if they were counted.
  PickleWriter shared = start().raw(")q\1");
  for (int level = 0; level < 12; ++level) {
    shared.raw("0");
    shared.raw("(");
    for (int i = 0; i < 64; ++i) shared.raw("h\1");
    shared.raw("tq\1");
  }
  EXPECT_THAT(pickle_message(shared), HasSubstr("instruction POP"));
  PickleWriter kept = start().raw("(").raw(")q\1");
  for (int level = 0; level < 12; ++level) {
    kept.raw("(");
    for (int i = 0; i < 64; ++i) kept.raw("h\1");
    kept.raw("tq\1");
  }
  EXPECT_THAT(pickle_message(kept.raw("t.")), HasSubstr("something else than a dictionary"));
}

}  // namespace
}  // namespace molmo::checkpoint
