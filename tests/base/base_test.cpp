#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/fields.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/random.h"
#include "base/threads.h"
#include "fixtures.h"

namespace molmo {
namespace {

using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

struct Inner {
  int64_t width = 3;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("width", width, "");
  }
};

struct Outer {
  double rate = 0.5;
  std::vector<int64_t> layers = {1, 2};
  std::optional<int64_t> limit = 4;
  Inner inner;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("rate", rate, "");
    visit("layers", layers, "");
    visit("limit", limit, "");
    visit("inner", inner, "");
  }
};

TEST(Fields, RoundTripThroughJson) {
  Outer outer;
  outer.inner.width = 7;
  outer.limit.reset();
  Outer copy;
  read_fields(write_fields(outer), copy, "test");
  EXPECT_EQ(copy.inner.width, 7);
  EXPECT_FALSE(copy.limit.has_value());
  EXPECT_EQ(copy.layers, outer.layers);
}

TEST(Fields, UnknownKeyNamesTheNearest) {
  Outer outer;
  EXPECT_THAT(message_of([&] { read_fields(parse_json(R"({"inner": {"witdh": 1}})", "x"), outer, "c.yaml"); }),
              HasSubstr("c.yaml.inner: unknown key 'witdh'. Did you mean 'width'?"));
}

TEST(Fields, RefusesWrongTypesAndNumbersThatDoNotFit) {
  Outer outer;
  for (const char* text : {R"({"rate": "fast"})", R"({"layers": 3})", R"({"inner": {"width": 1.5}})",
                           R"({"inner": {"width": 18446744073709551615}})"}) {
    EXPECT_THROW(read_fields(parse_json(text, "x"), outer, "x"), Error) << text;
  }
}

TEST(Fields, SetsDottedKeys) {
  Outer outer;
  set_field(outer, "inner.width=12");
  set_field(outer, "layers=[3, 4, 5]");
  set_field(outer, "limit=null");
  EXPECT_EQ(outer.inner.width, 12);
  EXPECT_EQ(outer.layers, (std::vector<int64_t>{3, 4, 5}));
  EXPECT_FALSE(outer.limit.has_value());
  EXPECT_THROW(set_field(outer, "inner.depth=1"), Error);
  EXPECT_THROW(set_field(outer, "rate"), Error);
}

// With a search through all keys for each new one this takes minutes.
TEST(Json, ReadsHundredsOfThousandsOfKeys) {
  constexpr int64_t kKeys = 100'000;
  std::string json = "{", yaml;
  for (int64_t i = 0; i < kKeys; ++i) {
    const std::string member = "\"key" + std::to_string(i * 7919 % kKeys) + "\": " + std::to_string(i);
    json += (i > 0 ? "," : "") + member;
    yaml += member + "\n";
  }
  const Json document = parse_json(json + "}", "f");
  EXPECT_EQ(document.size(), static_cast<size_t>(kKeys));
  EXPECT_EQ(document.back(), kKeys - 1);
  EXPECT_TRUE(parse_yaml(yaml, "f") == document);
  EXPECT_THAT(message_of([&] { parse_json(json + ",\"key7\": 1}", "f"); }), HasSubstr("key 'key7' appears twice"));
}

TEST(Json, RefusesDuplicateKeysDepthAndGarbage) {
  EXPECT_THAT(message_of([] { parse_json(R"({"a": 1, "a": 2})", "f"); }), HasSubstr("f: key 'a' appears twice"));
  EXPECT_THROW(parse_json(std::string(100000, '['), "f"), Error);
  EXPECT_THROW(parse_json("{\"a\": \"\xff\"}", "f"), Error);
  EXPECT_THROW(parse_json("{} x", "f"), Error);
  EXPECT_THROW(parse_json("[1, 2, 3]", "f", {.max_bytes = 4}), Error);
  EXPECT_THAT(message_of([] { parse_json("[{\"b\": {\"a\": 1, \"b\": 2, \"a\": 3}}]", "f"); }),
              HasSubstr("key 'a' appears twice"));
}

TEST(Yaml, ReadsScalarsOfTheCoreSchema) {
  const Json json =
      parse_yaml("a: 1\nb: 1.0e-05\nc: null\nd: true\ne: '1'\nf: [x, -2]\ng: 6e-6\nh: hello world\n", "t");
  EXPECT_EQ(json["a"], 1);
  EXPECT_DOUBLE_EQ(json["b"].get<double>(), 1e-5);
  EXPECT_TRUE(json["c"].is_null());
  EXPECT_EQ(json["d"], true);
  EXPECT_EQ(json["e"], "1");
  EXPECT_EQ(json["f"][1], -2);
  EXPECT_DOUBLE_EQ(json["g"].get<double>(), 6e-6);
  EXPECT_EQ(json["h"], "hello world");
  EXPECT_EQ(parse_yaml(dump_yaml(json), "t"), json);
}

TEST(Yaml, RefusesAliasesDuplicatesAndGarbage) {
  EXPECT_THROW(parse_yaml("a: &x [1]\nb: [*x, *x]\n", "t"), Error);
  EXPECT_THROW(parse_yaml("a: 1\na: 2\n", "t"), Error);
  EXPECT_THROW(parse_yaml("a: [1, 2\n", "t"), Error);
}

TEST(AtomicFile, LeavesTheOldFileWhenNotCommitted) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "file";
  write_file_atomic(path, "old");
  {
    AtomicFile file(path);
    file.write("half");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  write_file_atomic(path, "new");
  EXPECT_EQ(read_file(path), "new");
}

TEST(ReadFile, SaysWhatIsWrong) {
  test::TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { read_file(folder.path() / "none"); }), HasSubstr("none: cannot open: No such file"));
  write_file_atomic(folder.path() / "big", std::string(100, 'x'));
  EXPECT_THAT(message_of([&] { read_file(folder.path() / "big", 99); }), HasSubstr("larger than 99 bytes"));
}

TEST(ParallelFor, CoversTheRangeOnceForAnyThreadCount) {
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<std::atomic<int>> hits(1003);
    parallel_for(1003, 10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++hits[i];
    });
    for (auto& hit : hits) ASSERT_EQ(hit, 1);
  }
}

TEST(ParallelFor, RethrowsOnTheCaller) {
  set_num_threads(3);
  EXPECT_THROW(parallel_for(100, 1,
                            [](int64_t begin, int64_t) {
                              if (begin == 57) fail(ErrorCategory::BadData, "x");
                            }),
               Error);
  int64_t sum = 0;
  parallel_for(3, 3, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 3);
}

TEST(RandomStream, DependsOnlyOnItsKey) {
  RandomStream a(1, "x", 2), b(1, "x", 2), c(1, "x", 3), d(1, "y", 2), e(2, "x", 2);
  const uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
  EXPECT_NE(first, e.next());
}

TEST(RandomStream, HasTheMomentsOfItsDistributions) {
  RandomStream stream(7, "moments");
  double sum = 0, squares = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double x = stream.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / count, 0, 0.02);
  EXPECT_NEAR(squares / count, 1, 0.03);
  for (int i = 0; i < 1000; ++i) ASSERT_LT(stream.below(7), 7u);
}

TEST(Nearest, FindsTypingErrorsOnly) {
  const std::vector<std::string> names = {"--image", "--style", "--seed"};
  EXPECT_EQ(nearest_name("--iamge", names), "--image");
  EXPECT_EQ(nearest_name("--josn", std::vector<std::string>{"--bos", "--jobs", "--json"}), "--json");
  EXPECT_EQ(edit_distance("josn", "json"), 2u) << "metrics count edits, not slips";
  EXPECT_EQ(nearest_name("--completely-different", names), "");
}

}  // namespace
}  // namespace molmo
