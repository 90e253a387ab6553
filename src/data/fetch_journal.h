// The memory of a fetch: one JSON line for each picture that is done, appended as it happens. A fetch that was killed
// goes on from it. A line is one write(), and a last line that is cut off is dropped, so kill -9 at any instant leaves
// a journal that reads. Of several lines about one picture the last counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

#include "data/fetch_record.h"

namespace molmo::data {

class FetchJournal {
 public:
  // Opens or creates, and keeps other processes out until destroyed. Throws Io, also when another fetch has it.
  explicit FetchJournal(const std::filesystem::path& path);
  ~FetchJournal();
  FetchJournal(const FetchJournal&) = delete;
  FetchJournal& operator=(const FetchJournal&) = delete;

  // nullptr when nothing is known about the picture file.
  const FetchRecord* find(const std::string& file) const;
  void append(const FetchRecord& record);

 private:
  void load();

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::unordered_map<std::string, FetchRecord> records_;
};

}  // namespace molmo::data
