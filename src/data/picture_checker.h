// Threads that look at downloaded pictures and write down the good ones, so that the thread of the network never waits.
//   PictureChecker checker(folder, rules, num_threads, [&] { client.wake(); });
//   checker.submit({.item = index, .expected_sha256 = hash, .record = record, .bytes = std::move(body)});
//   for (CheckedPicture& picture : checker.take()) ...
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "data/fetch_record.h"
#include "data/picture_check.h"

namespace molmo::data {

struct UncheckedPicture {
  size_t item = 0;
  std::string expected_sha256 = {};
  FetchRecord record = {};                // with file and url
  std::optional<std::string> bytes = {};  // nothing: the file is there already, and is only looked at
};

struct CheckedPicture {
  size_t item = 0;
  FetchRecord record;
  bool was_downloaded = false;
};

class PictureChecker {
 public:
  // Pictures are `folder`/`record.file`. `on_done` is called from the threads whenever take() has something.
  PictureChecker(std::filesystem::path folder, PictureRules rules, int num_threads, std::function<void()> on_done);
  ~PictureChecker();  // what waits is dropped
  PictureChecker(const PictureChecker&) = delete;
  PictureChecker& operator=(const PictureChecker&) = delete;

  void submit(UncheckedPicture picture);
  // What is done since the last call. A picture with outcome Ok is on the disk, whole and durable. A file that was
  // there already and is no picture is removed. Throws what a thread met (a full disk, for example).
  std::vector<CheckedPicture> take();
  // Submitted and not yet taken.
  size_t num_pending() const;

 private:
  void work();
  CheckedPicture check(UncheckedPicture&& picture) const;

  std::filesystem::path folder_;
  PictureRules rules_;
  std::function<void()> on_done_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<UncheckedPicture> waiting_;
  std::vector<CheckedPicture> done_;
  size_t num_pending_ = 0;
  bool is_stopping_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace molmo::data
