// Downloads from a server that misbehaves in every way at once.
#include "data/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "data/sha256.h"
#include "fixtures.h"
#include "picture_server.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using test::PictureServer;
using testing::ElementsAre;
using testing::IsEmpty;

class FetchTest : public testing::Test {
 protected:
  FetchTest() { server_.trap_url = trap_.url("/"); }

  FetchOptions options() const {
    FetchOptions options;
    options.http.allowed_hosts = {server_.host()};
    options.http.total_timeout = milliseconds(2000);
    options.http.slow_time = std::chrono::seconds(1);
    options.http.max_body_bytes = 100000;
    options.hosts.max_per_host = 8;
    options.hosts.first_wait = milliseconds(5);
    return options;
  }

  FetchReport fetch(const FetchList& list) { return fetch_pictures(list, folder_.path(), options()); }
  FetchReport fetch(const FetchList& list, const FetchOptions& options) {
    return fetch_pictures(list, folder_.path(), options);
  }

  fs::path picture_path(const std::string& target) const {
    return folder_.path() / "images" / picture_file_name(server_.url(target));
  }

  // Cause of a failure, "ok", or "" for a URL that is in neither file.
  std::string outcome(const std::string& target) const {
    for (const char* name : {"images.jsonl", "failures.jsonl"}) {
      std::istringstream lines(read_file(folder_.path() / name));
      for (std::string line; std::getline(lines, line);) {
        const Json json = parse_json(line, name);
        if (json["url"] == server_.url(target)) return json.value("cause", "ok");
      }
    }
    return "";
  }

  // Every file below images/ is a picture that the server has, under its own name; nothing else is there.
  void expect_no_poison(const std::vector<std::string>& targets) const {
    std::map<std::string, std::string> right;
    for (const std::string& target : targets)
      right[picture_file_name(server_.url(target))] = PictureServer::bytes(target);
    for (const auto& entry : fs::directory_iterator(folder_.path() / "images")) {
      const auto found = right.find(entry.path().filename());
      ASSERT_NE(found, right.end()) << entry.path();
      EXPECT_EQ(read_file(entry.path()), found->second) << entry.path();
    }
  }

  PictureServer server_;
  http::LoopbackServer trap_{[](const auto&, auto& reply) { reply.send(http::http_answer(200, "")); }};
  test::TemporaryFolder folder_;
};

TEST_F(FetchTest, KeepsPicturesAndTellsCauses) {
  const std::vector<std::pair<std::string, std::string>> expected = {{"picture/1", "ok"},
                                                                     {"picture/2", "ok"},
                                                                     {"busy/3", "ok"},
                                                                     {"unavailable/4", "ok"},
                                                                     {"hop/5", "ok"},
                                                                     {"gzip/6", "ok"},
                                                                     {"missing/1", "not_found"},
                                                                     {"gone/1", "gone"},
                                                                     {"secret/1", "refused"},
                                                                     {"teapot/1", "other_status"},
                                                                     {"error/1", "server_error"},
                                                                     {"exhausted/1", "rate_limited"},
                                                                     {"loop/2", "redirect_loop"},
                                                                     {"trap/1", "forbidden_address"},
                                                                     {"long/1", "truncated"},
                                                                     {"short/1", "damaged_image"},
                                                                     {"html/1", "not_an_image"},
                                                                     {"gif/1", "unsupported_image"},
                                                                     {"cut/1", "damaged_image"},
                                                                     {"flipped/1", "damaged_image"},
                                                                     {"bomb/1", "image_too_large"},
                                                                     {"gzipbomb/1", "too_large"},
                                                                     {"endless/1", "too_large"},
                                                                     {"flood/1", "bad_response"},
                                                                     {"stall/1", "timeout"},
                                                                     {"drip/1", "timeout"},
                                                                     {"reset/1", "connect_failed"},
                                                                     {"changed/1", "hash_mismatch"}};
  FetchList list;
  for (const auto& [target, unused] : expected) {
    const bool has_hash = target == "changed/1" || target == "picture/2";
    list.add(server_.url(target), has_hash ? sha256_hex(PictureServer::bytes(target)) : "",
             target == "picture/1" ? "CC-BY" : "");
  }
  list.add("not a url");
  const FetchReport report = fetch(list);
  std::vector<std::string> pictures;
  for (const auto& [target, cause] : expected) {
    EXPECT_EQ(outcome(target), cause) << target;
    EXPECT_EQ(fs::exists(picture_path(target)), cause == "ok") << target;
    if (cause == "ok") pictures.push_back(target);
  }
  expect_no_poison(pictures);
  EXPECT_EQ(report.num_items, expected.size() + 1);
  EXPECT_EQ(report.num_ok(), 6u);
  EXPECT_EQ(report.num_kept, 6u);
  EXPECT_EQ(report.num_pictures.at(FetchOutcome::BadUrl), 1u);
  EXPECT_EQ(trap_.num_connections(), 0u);
  EXPECT_EQ(server_.num_cookies(), 0);
  EXPECT_EQ(server_.num_requests_of("exhausted/1"), 4);
  EXPECT_EQ(server_.num_requests_of("error/1"), 1);
  EXPECT_GE(server_.time_between("busy/3").count(), 1.0) << "Retry-After was not kept";

  // The picture's record holds what a reader wants to know.
  const std::string line = read_file(folder_.path() / "images.jsonl");
  EXPECT_THAT(line, testing::HasSubstr(R"("width":5,"height":6,"licence":"CC-BY"})"));
  const Json written = read_json_file(folder_.path() / "report.json");
  EXPECT_EQ(written["outcomes"]["damaged_image"], 3);
  EXPECT_EQ(written["ok"], 6);
  EXPECT_THAT(report.text(), testing::HasSubstr("damaged_image              3"));
  EXPECT_THAT(report.markdown(), testing::HasSubstr("| damaged_image | 3 | 10.3 % |"));
}

TEST_F(FetchTest, AsksOnceAndRetriesFailuresOnDemand) {
  FetchList list;
  for (const char* target : {"picture/1", "missing/1", "changed/5"})
    list.add(server_.url(target), target[0] == 'c' ? std::string(64, '0') : "");
  EXPECT_EQ(fetch(list).num_kept, 1u);
  const std::string images = read_file(folder_.path() / "images.jsonl"),
                    failures = read_file(folder_.path() / "failures.jsonl");
  const FetchReport again = fetch(list);
  EXPECT_EQ(again.num_kept, 0u);
  EXPECT_EQ(again.num_ok(), 1u);
  EXPECT_EQ(again.num_pictures.at(FetchOutcome::NotFound), 1u);
  EXPECT_EQ(server_.num_requests(), 3u);
  FetchOptions retrying = options();
  retrying.retries_failed = true;
  fetch(list, retrying);
  EXPECT_EQ(server_.num_requests_of("missing/1"), 2);
  EXPECT_EQ(server_.num_requests_of("changed/5"), 2);
  EXPECT_EQ(server_.num_requests_of("picture/1"), 1);
  EXPECT_EQ(read_file(folder_.path() / "images.jsonl"), images);
  EXPECT_EQ(read_file(folder_.path() / "failures.jsonl"), failures);
  // Without hashes the changed picture is as good as another.
  FetchOptions unhashed = options();
  unhashed.checks_hashes = false;
  EXPECT_EQ(fetch(list, unhashed).num_ok(), 2u);
}

TEST_F(FetchTest, DropsWhatOthersLeftUnderAPicturesName) {
  fs::create_directories(folder_.path() / "images");
  // The reference writes the text of an error there; a killed run leaves a temporary file; a third is a good picture.
  write_file_atomic(picture_path("missing/1"), "404 Client Error: Not Found for url");
  write_file_atomic(picture_path("picture/2"), PictureServer::bytes("picture/2").substr(0, 40));
  write_file_atomic(picture_path("picture/3"), PictureServer::bytes("picture/3"));
  write_file_atomic(picture_path("picture/4").string() + ".tmp.123.4", "half");
  FetchList list;
  for (const char* target : {"missing/1", "picture/2", "picture/3", "picture/4"}) list.add(server_.url(target));
  const FetchReport report = fetch(list);
  EXPECT_EQ(report.num_ok(), 3u);
  EXPECT_EQ(outcome("missing/1"), "not_found");
  EXPECT_EQ(server_.num_requests_of("picture/3"), 0);
  expect_no_poison({"picture/2", "picture/3", "picture/4"});
}

TEST_F(FetchTest, FetchesAgainWhatWasLostOrCutOnTheDisk) {
  FetchList list;
  for (int i = 0; i < 4; ++i) list.add(server_.url("picture/" + std::to_string(i)));
  fetch(list);
  fs::remove(picture_path("picture/0"));
  fs::resize_file(picture_path("picture/1"), 50);
  EXPECT_EQ(fetch(list).num_kept, 2u);
  expect_no_poison({"picture/0", "picture/1", "picture/2", "picture/3"});
}

TEST_F(FetchTest, SetsWithAndWithoutHashesShareAFolder) {
  FetchList strict, lax;
  strict.add(server_.url("changed/1"), sha256_hex(PictureServer::bytes("changed/1")));
  lax.add(server_.url("changed/1"));
  EXPECT_EQ(fetch(strict).num_ok(), 0u);
  EXPECT_EQ(fetch(lax).num_ok(), 1u);
  EXPECT_EQ(fetch(strict).num_ok(), 0u) << "another picture than the set means";
  EXPECT_TRUE(fs::exists(picture_path("changed/1")));
  EXPECT_EQ(fetch(lax).num_ok(), 1u);
  EXPECT_EQ(server_.num_requests(), 2u);
}

TEST_F(FetchTest, LeavesAHostAloneThatAsksForADay) {
  FetchList list;
  for (int i = 0; i < 50; ++i) list.add(server_.url("closed/" + std::to_string(i)));
  FetchOptions few = options();
  few.hosts.max_per_host = 2;
  const FetchReport report = fetch(list, few);
  EXPECT_EQ(report.num_pictures.at(FetchOutcome::RateLimited), 50u);
  EXPECT_LE(server_.num_requests(), 2u);
}

TEST_F(FetchTest, NeverAsksAHostForMoreAtATimeThanItsShare) {
  std::atomic<int> num_open = 0, max_open = 0;
  http::LoopbackServer counting([&](const auto&, http::Reply& reply) {
    const int open = ++num_open;
    for (int seen = max_open; seen < open && !max_open.compare_exchange_weak(seen, open);) {
    }
    reply.stall(milliseconds(5));
    --num_open;
    reply.send(http::http_answer(404, ""));
  });
  FetchList list;
  for (int i = 0; i < 60; ++i) list.add(counting.url("/" + std::to_string(i)));
  FetchOptions polite = options();
  polite.http.allowed_hosts = {counting.host()};
  polite.hosts.max_per_host = 3;
  fetch(list, polite);
  EXPECT_LE(max_open, 3);
  EXPECT_EQ(counting.num_requests(), 60u);
}

TEST_F(FetchTest, TakesTheFirstOfTheShuffledOrder) {
  FetchList list;
  for (int i = 0; i < 20; ++i) list.add(server_.url("picture/" + std::to_string(i)));
  FetchOptions some = options();
  some.max_items = 5;
  EXPECT_EQ(fetch(list, some).num_ok(), 5u);
  const auto order = list.shuffled();
  for (size_t i = 0; i < order.size(); ++i)
    EXPECT_EQ(fs::exists(folder_.path() / "images" / picture_file_name(order[i].url)), i < 5);
}

TEST_F(FetchTest, RefusesPrivateAddressesUnlessTheyAreNamed) {
  FetchList list;
  list.add(server_.url("picture/1"));
  FetchOptions strict = options();
  strict.http.allowed_hosts.clear();
  EXPECT_EQ(fetch(list, strict).num_pictures.at(FetchOutcome::ForbiddenAddress), 1u);
  EXPECT_EQ(server_.num_connections(), 0u);
}

// Pictures change on servers; a fetch that goes on must not join the beginning of one with the end of another.
TEST_F(FetchTest, NeverResumesInTheMiddleOfAPictureThatMayHaveChanged) {
  std::atomic<int> num_asked = 0, num_with_range = 0;
  http::LoopbackServer changing([&](const http::IncomingRequest& request, http::Reply& reply) {
    const int number = ++num_asked;
    if (request.headers.contains("range") || request.headers.contains("if-range")) ++num_with_range;
    const std::string picture = PictureServer::bytes("picture/" + std::to_string(number));
    const std::string answer =
        http::http_answer(200, picture, "ETag: \"" + std::to_string(number) + "\"\r\nAccept-Ranges: bytes\r\n");
    reply.send(number == 1 ? answer.substr(0, answer.size() - 20) : answer);
    if (number == 1) reply.close();
  });
  FetchList list;
  list.add(changing.url("/changing"));
  FetchOptions again = options();
  again.http.allowed_hosts = {changing.host()};
  EXPECT_EQ(fetch(list, again).num_pictures.at(FetchOutcome::Truncated), 1u);
  again.retries_failed = true;
  EXPECT_EQ(fetch(list, again).num_ok(), 1u);
  EXPECT_EQ(num_with_range, 0);
  EXPECT_EQ(read_file(folder_.path() / "images" / picture_file_name(changing.url("/changing"))),
            PictureServer::bytes("picture/2"));
}

TEST_F(FetchTest, AFullDiskEndsItWithAMessage) {
  FetchList list;
  list.add(server_.url("picture/1"));
  fs::create_directories(folder_.path() / "images");
  // A folder in the place of the picture cannot be replaced by it.
  fs::create_directories(picture_path("picture/1") / "x");
  EXPECT_THROW(fetch(list), Error);
}

TEST_F(FetchTest, ChecksItsOptions) {
  FetchOptions none = options();
  none.max_connections = 0;
  EXPECT_THROW(fetch({}, none), Error);
  EXPECT_EQ(fetch({}).num_items, 0u);
}

}  // namespace
}  // namespace molmo::data
