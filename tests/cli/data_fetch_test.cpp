// molmo data fetch, killed again and again: the end is the same as without.
// The long form: MOLMO_FETCH_PICTURES=10000 MOLMO_FETCH_KILLS=20 build/bin/cli_test --gtest_filter='DataFetch.*'
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "child.h"
#include "cli/program.h"
#include "data/fetch_list.h"
#include "data/parquet.h"
#include "data/sha256.h"
#include "fixtures.h"
#include "picture_server.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::PictureServer;
using test::run_molmo;
using testing::HasSubstr;

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

// What every hundredth address does; the others, about three in four, are pictures.
std::string target_of(int number) {
  static const std::vector<std::string> kKinds = {"missing", "gone",     "secret", "teapot",  "error",
                                                  "html",    "gif",      "cut",    "flipped", "changed",
                                                  "long",    "gzipbomb", "hop",    "loop"};
  const int kind = number % 60;
  const std::string name = kind < static_cast<int>(kKinds.size()) ? kKinds[static_cast<size_t>(kind)] : "picture";
  return name + "/" + std::to_string(number);
}

class DataFetch : public testing::Test {
 protected:
  void write_set(int num_pictures, const PictureServer& server) const {
    fs::create_directories(set());
    data::ParquetWriter writer(set() / "train-00000-of-00001.parquet", {{"image_url", "string"},
                                                                        {"image_sha256", "string"},
                                                                        {"question", "string"},
                                                                        {"answer", "string"},
                                                                        {"license", "string"}});
    for (int i = 0; i < num_pictures; ++i) {
      const std::string target = target_of(i);
      // Every third has a hash; of those that change, all.
      const bool has_hash = i % 3 == 0 || target.starts_with("changed");
      writer.add({{"image_url", server.url(target)},
                  {"image_sha256", has_hash ? Json(data::sha256_hex(PictureServer::bytes(target))) : Json(nullptr)},
                  {"question", "What is this?"},
                  {"answer", "A picture."},
                  {"license", i % 2 == 0 ? "CC BY 4.0" : "CC0"}});
    }
    writer.commit();
  }
  fs::path set() const { return folder_.path() / "set"; }
  fs::path out(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> arguments(const std::string& name, const PictureServer& server) const {
    return {"data",
            "fetch",
            "pixmo_ask_model_anything",
            "--from",
            set(),
            "--out",
            out(name),
            "--allow-host",
            server.host(),
            "--jobs",
            "32",
            "--per-host",
            "32",
            "--timeout",
            "5",
            "--max-image-mib",
            "1"};
  }

  test::TemporaryFolder folder_;
};

TEST_F(DataFetch, KilledOftenEndsAsIfItWasNot) {
  const int num_pictures = from_environment("MOLMO_FETCH_PICTURES", 360);
  const int num_kills = from_environment("MOLMO_FETCH_KILLS", 5);
  PictureServer server;
  write_set(num_pictures, server);
  const auto begin = std::chrono::steady_clock::now();
  const test::Result unbroken = run_molmo(arguments("unbroken", server));
  ASSERT_EQ(unbroken.status, kExitDone) << unbroken.err;
  const std::chrono::duration<double> unbroken_time = std::chrono::steady_clock::now() - begin;
  EXPECT_THAT(unbroken.out, HasSubstr(fmt::format("{} rows name {} pictures", num_pictures, num_pictures)));

  RandomStream random(7, "kills");
  const uint64_t first_request = server.num_requests();
  const auto most = static_cast<uint64_t>(num_pictures) * 3 / 4 / static_cast<uint64_t>(num_kills);
  for (int kill = 0; kill < num_kills; ++kill) {
    const uint64_t wanted = server.num_requests() + 1 + random.below(most);
    const test::Child child(arguments("killed", server));
    while (server.num_requests() < wanted) std::this_thread::yield();
  }  // the end of a child that runs is kill -9
  const uint64_t before_last = server.num_requests();
  EXPECT_FALSE(fs::exists(out("killed") / "images.jsonl")) << "it was killed before the end every time";
  const test::Result last = run_molmo(arguments("killed", server));
  ASSERT_EQ(last.status, kExitDone) << last.err;

  for (const char* name : {"images.jsonl", "failures.jsonl"})
    EXPECT_TRUE(read_file(out("killed") / name) == read_file(out("unbroken") / name)) << name;
  int num_files = 0;
  for (int i = 0; i < num_pictures; ++i) {
    const std::string target = target_of(i);
    const fs::path file = out("killed") / "images" / data::picture_file_name(server.url(target));
    const bool is_good = target.starts_with("picture") || target.starts_with("hop");
    ASSERT_EQ(fs::exists(file), is_good) << target;
    if (!is_good) continue;
    ++num_files;
    ASSERT_TRUE(read_file(file) == PictureServer::bytes(target)) << target;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(out("killed") / "images"), fs::directory_iterator()), num_files)
      << "nothing else is there";
  std::cout << fmt::format(
      "{} addresses, {} pictures, {} kills; unbroken {:.1f} s; {} requests with kills, {} of them in "
      "the last run\n",
      num_pictures, num_files, num_kills, unbroken_time.count(), server.num_requests() - first_request,
      server.num_requests() - before_last);
}

TEST_F(DataFetch, ReportsByCauseAndRetriesOnDemand) {
  PictureServer server;
  write_set(60, server);
  std::vector<std::string> words = arguments("out", server);
  words.emplace_back("--json");
  const test::Result first = run_molmo(words);
  ASSERT_EQ(first.status, kExitDone) << first.err;
  const Json report = parse_json(first.out, "report");
  EXPECT_EQ(report["items"], 60);
  EXPECT_EQ(report["outcomes"]["ok"], 47);
  EXPECT_EQ(report["outcomes"]["hash_mismatch"], 1);
  EXPECT_EQ(report["outcomes"]["not_found"], 1);
  std::istringstream failures(read_file(out("out") / "failures.jsonl"));
  for (std::string line; std::getline(failures, line);) EXPECT_THAT(line, HasSubstr("\"licence\":\"CC"));
  const uint64_t num_requests = server.num_requests();
  run_molmo(words);
  EXPECT_EQ(server.num_requests(), num_requests) << "everything is known";
  words.emplace_back("--retry-failed");
  run_molmo(words);
  EXPECT_GE(server.num_requests(), num_requests + 13) << "failures are asked for again";
  const test::Result limited = run_molmo({"data", "fetch", "pixmo_ask_model_anything", "--from", set(), "--out",
                                          out("few"), "--allow-host", server.host(), "--limit", "7"});
  EXPECT_THAT(limited.out, HasSubstr("60 rows name 60 pictures"));
  EXPECT_THAT(limited.out, testing::ContainsRegex("all +7\n"));
}

TEST_F(DataFetch, NeverAsksAddressesThatAreNotPublic) {
  PictureServer server;
  write_set(60, server);
  const test::Result result =
      run_molmo({"data", "fetch", "pixmo_ask_model_anything", "--from", set(), "--out", out("out")});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  EXPECT_THAT(result.out, testing::ContainsRegex("forbidden_address +60 "));
  EXPECT_EQ(server.num_connections(), 0u);
}

TEST_F(DataFetch, SaysWhatToDoForSetsWithoutAddresses) {
  EXPECT_THAT(run_molmo({"data", "fetch", "pixmo_docs_charts", "--from", set()}).err,
              HasSubstr("its tables carry the pictures"));
  EXPECT_THAT(run_molmo({"data", "fetch", "clocks", "--from", set()}).err, HasSubstr("molmo synth clocks"));
  EXPECT_THAT(run_molmo({"data", "fetch", "vqa2", "--from", set()}).err, HasSubstr("visualqa.org"));
  EXPECT_THAT(run_molmo({"data", "fetch", "pixmo_cap", "--from", set()}).err, HasSubstr("no such file or folder"));
  EXPECT_EQ(run_molmo({"data", "fetch", "pixmo_cap"}).status, kExitUsage);
}

}  // namespace
}  // namespace molmo::cli
