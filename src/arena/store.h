// A file of comparisons that grows: an SQLite database with one table, `comparisons`, in the columns of
// arena/comparison.h. Rows keep the order in which they came. The application id is "Molm".
//   ComparisonStore store = ComparisonStore::open_or_create("arena.db");
//   store.add({&comparisons, 1});
// One object is used by one thread at a time; several processes may have
// the same store open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "arena/comparison.h"

struct sqlite3;

namespace molmo::arena {

// Begins as an SQLite database does. False where there is no such file.
bool is_store(const std::filesystem::path& path);

struct AddedComparisons {
  uint64_t num_added = 0;
  uint64_t num_known = 0;  // were there already, with the same values
};

class ComparisonStore {
 public:
  // For reading. Throws NotFound, or BadData where it is no database with such a table.
  static ComparisonStore open(const std::filesystem::path& path);
  // For reading and writing. The file is made by the first add().
  static ComparisonStore open_or_create(const std::filesystem::path& path);

  Comparisons read() const;
  // Stores all of several files or, when it throws, nothing. Throws InvalidArgument when comparisons have no ids, or
  // one of them is there already with other values.
  AddedComparisons add(std::span<const Comparisons> files);

 private:
  ComparisonStore(const std::filesystem::path& path, int flags);
  void add_file(const Comparisons& comparisons, AddedComparisons& added);

  std::filesystem::path path_;
  std::shared_ptr<sqlite3> database_;
};

}  // namespace molmo::arena
