#include "data/fetch_journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "fixtures.h"

namespace molmo::data {
namespace {

FetchRecord picture(const std::string& file) {
  return {.file = file,
          .url = "http://a.example/" + file,
          .message = "",
          .sha256 = "ab12",
          .num_bytes = 77,
          .size = {3, 4}};
}

TEST(FetchJournal, RemembersTheLastRecordOfAFile) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "journal.jsonl";
  {
    FetchJournal journal(path);
    EXPECT_EQ(journal.find("x"), nullptr);
    journal.append({.file = "x",
                    .url = "http://a.example/x",
                    .outcome = FetchOutcome::NotFound,
                    .status = 404,
                    .message = "no \"x\""});
    journal.append(picture("y"));
  }
  {
    FetchJournal journal(path);
    ASSERT_NE(journal.find("x"), nullptr);
    EXPECT_EQ(journal.find("x")->outcome, FetchOutcome::NotFound);
    EXPECT_EQ(journal.find("x")->status, 404);
    EXPECT_EQ(journal.find("x")->message, "no \"x\"");
    journal.append(picture("x"));
  }
  FetchJournal journal(path);
  for (const char* name : {"x", "y"}) {
    const FetchRecord* record = journal.find(name);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->outcome, FetchOutcome::Ok);
    EXPECT_EQ(record->url, std::string("http://a.example/") + name);
    EXPECT_EQ(record->sha256, "ab12");
    EXPECT_EQ(record->num_bytes, 77u);
    EXPECT_EQ(record->size, (ImageSize{3, 4}));
  }
}

TEST(FetchJournal, ReadsAJournalThatWasCutOffAnywhere) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "journal.jsonl";
  {
    FetchJournal journal(path);
    for (const char* name : {"x", "y"}) journal.append(picture(name));
  }
  const std::string whole = read_file(path);
  const size_t line_bytes = whole.size() / 2;
  for (size_t length = 0; length <= whole.size(); ++length) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
    {
      FetchJournal journal(path);
      EXPECT_EQ(journal.find("x") != nullptr, length >= line_bytes) << length;
      EXPECT_EQ(journal.find("y") != nullptr, length == whole.size()) << length;
      journal.append(picture("z"));
    }
    FetchJournal journal(path);
    EXPECT_NE(journal.find("z"), nullptr) << length;
  }
}

TEST(FetchJournal, LeavesOutLinesThatMakeNoSense) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "journal.jsonl";
  {
    FetchJournal journal(path);
    journal.append(picture("x"));
  }
  std::ofstream(path, std::ios::app) << "garbage\n{}\n[1]\n{\"file\": \"q\", \"url\": \"u\", \"outcome\": \"magic\"}\n"
                                     << "{\"file\": \"q\", \"url\": \"u\", \"outcome\": \"ok\", \"bytes\": -1}\n\n";
  {
    FetchJournal journal(path);
    EXPECT_NE(journal.find("x"), nullptr);
    journal.append(picture("y"));
  }
  FetchJournal journal(path);
  EXPECT_NE(journal.find("y"), nullptr);
}

TEST(FetchJournal, BelongsToOneFetch) {
  const test::TemporaryFolder folder;
  FetchJournal journal(folder.path() / "journal.jsonl");
  EXPECT_THROW(FetchJournal(folder.path() / "journal.jsonl"), Error);
  EXPECT_THROW(FetchJournal(folder.path() / "no folder" / "journal.jsonl"), Error);
}

}  // namespace
}  // namespace molmo::data
