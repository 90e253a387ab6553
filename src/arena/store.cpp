#include "arena/store.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>

#include "base/error.h"

namespace molmo::arena {
namespace {

constexpr int kApplicationId = 0x4d6f6c6d;  // "Molm"
constexpr int kMaxStoredBytes = 4096;
constexpr int kBusyWaitMs = 5000;

constexpr const char* kSchema = R"sql(
CREATE TABLE comparisons (
  comparison_id TEXT PRIMARY KEY NOT NULL,
  prompt_id TEXT,
  left_model TEXT NOT NULL,
  right_model TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('left', 'right', 'both_good', 'both_bad', 'unsure')),
  annotator_id TEXT,
  left_length REAL, right_length REAL, left_points REAL, right_points REAL
) STRICT)sql";

// Of the statements below, in this order.
constexpr std::array<const char*, 10> kOrder = {"comparison_id", "prompt_id",    "left_model",  "right_model",
                                                "outcome",       "annotator_id", "left_length", "right_length",
                                                "left_points",   "right_points"};

class Statement {
 public:
  Statement(sqlite3* database, const std::filesystem::path& path, const std::string& sql)
      : database_(database), path_(path) {
    if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK) refuse();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // False when there are no more rows.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) refuse();
    return code == SQLITE_ROW;
  }
  void reset() { sqlite3_reset(statement_); }

  // The text must live until the statement is reset. An empty one is NULL.
  void bind(int index, std::string_view text) {
    if (text.empty()) {
      sqlite3_bind_null(statement_, index);
    } else {
      sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
  }
  void bind(int index, double value) { sqlite3_bind_double(statement_, index, value); }  // NaN is NULL
  // Valid until the next step.
  std::string_view text(int index) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, index));
    return bytes ? std::string_view(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, index)))
                 : std::string_view();
  }
  int64_t integer(int index) { return sqlite3_column_int64(statement_, index); }
  std::optional<double> real(int index) {
    if (sqlite3_column_type(statement_, index) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_double(statement_, index);
  }

 private:
  [[noreturn]] void refuse() const {
    const int code = sqlite3_errcode(database_) & 0xff;
    const bool is_bad =
        code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR || code == SQLITE_TOOBIG;
    fail(is_bad ? ErrorCategory::BadData : ErrorCategory::Io, "{}: SQLite says: {}", path_.string(),
         sqlite3_errmsg(database_));
  }

  sqlite3* database_;
  const std::filesystem::path& path_;
  sqlite3_stmt* statement_ = nullptr;
};

void run(sqlite3* database, const std::filesystem::path& path, const std::string& sql) {
  Statement statement(database, path, sql);
  while (statement.step()) {
  }
}

// Rolls back unless it was committed.
class Transaction {
 public:
  Transaction(sqlite3* database, const std::filesystem::path& path) : database_(database), path_(path) {
    run(database, path, "BEGIN IMMEDIATE");
  }
  ~Transaction() {
    if (!is_committed_) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    run(database_, path_, "COMMIT");
    is_committed_ = true;
  }

 private:
  sqlite3* database_;
  const std::filesystem::path& path_;
  bool is_committed_ = false;
};

// A view could compute forever, so only a table will do.
bool has_table(sqlite3* database, const std::filesystem::path& path) {
  Statement statement(database, path, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'comparisons'");
  return statement.step();
}

std::string_view name_of(const std::vector<std::string>& names, int32_t number) {
  return number == kUnknown ? std::string_view() : std::string_view(names[static_cast<size_t>(number)]);
}

// The texts of a row, in the order of kOrder.
std::array<std::string_view, 6> texts_of(const Comparisons& comparisons, size_t i) {
  const Comparison& row = comparisons.rows[i];
  return {comparisons.ids[i],
          name_of(comparisons.prompts, row.prompt),
          name_of(comparisons.models, row.left),
          name_of(comparisons.models, row.right),
          enum_name(row.outcome),
          name_of(comparisons.annotators, row.annotator)};
}

std::array<double, 4> style_of(const Comparisons& comparisons, size_t i) {
  constexpr double kNull = std::numeric_limits<double>::quiet_NaN();
  if (comparisons.styles.empty()) return {kNull, kNull, kNull, kNull};
  const AnswerStyle& style = comparisons.styles[i];
  return {style.left_length, style.right_length, style.left_points, style.right_points};
}

std::string column_list() {
  std::string list;
  for (const char* name : kOrder) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

}  // namespace

bool is_store(const std::filesystem::path& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::ifstream file(path, std::ios::binary);
  std::array<char, kMagic.size()> head{};
  return file.read(head.data(), head.size()) && std::string_view(head.data(), head.size()) == kMagic;
}

ComparisonStore::ComparisonStore(const std::filesystem::path& path, int flags) : path_(path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
  database_ = std::shared_ptr<sqlite3>(opened, sqlite3_close_v2);
  if (code != SQLITE_OK) {
    fail(std::filesystem::exists(path) ? ErrorCategory::Io : ErrorCategory::NotFound, "{}: cannot open the store: {}",
         path.string(), sqlite3_errstr(code));
  }
  // Files from outside: no code in their schema, and nothing huge.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, 1 << 20);
  sqlite3_busy_timeout(opened, kBusyWaitMs);
}

ComparisonStore ComparisonStore::open(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) fail(ErrorCategory::NotFound, "{}: no such file", path.string());
  ComparisonStore store(path, SQLITE_OPEN_READONLY);
  if (!has_table(store.database_.get(), path)) {
    fail(ErrorCategory::BadData, "{}: a database without a table 'comparisons'; make one with 'molmo arena import'",
         path.string());
  }
  return store;
}

ComparisonStore ComparisonStore::open_or_create(const std::filesystem::path& path) {
  if (std::filesystem::exists(path) && std::filesystem::file_size(path) > 0) {
    if (!is_store(path)) {
      fail(ErrorCategory::InvalidArgument, "{}: is there and no store of comparisons; choose another name",
           path.string());
    }
    open(path);  // tells what is wrong with it
    return ComparisonStore(path, SQLITE_OPEN_READWRITE);
  }
  return ComparisonStore(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

Comparisons ComparisonStore::read() const {
  std::vector<std::string> columns;
  Statement table(database_.get(), path_, "PRAGMA table_info(comparisons)");
  while (table.step()) columns.emplace_back(table.text(1));
  ComparisonBuilder builder(path_.string(), "row", columns);
  std::string list;
  for (const char* name : kOrder) {
    const bool is_there = std::ranges::find(columns, name) != columns.end();
    list += (list.empty() ? "" : ", ") + std::string(is_there ? name : "NULL");
  }
  Statement rows(database_.get(), path_, "SELECT " + list + " FROM comparisons ORDER BY rowid");
  for (uint64_t number = 1; rows.step(); ++number) {
    std::array<std::string_view, kOrder.size()> values;
    for (size_t i = 0; i < kOrder.size(); ++i) {
      values[i] = rows.text(static_cast<int>(i));
      if (values[i].size() > kMaxStoredBytes) {
        fail(ErrorCategory::BadData, "{}, row {}: {} has {} bytes, at most {} are allowed", path_.string(), number,
             kOrder[i], values[i].size(), kMaxStoredBytes);
      }
    }
    builder.add({.id = values[0],
                 .prompt = values[1],
                 .left = values[2],
                 .right = values[3],
                 .outcome = values[4],
                 .annotator = values[5],
                 .style = {values[6], values[7], values[8], values[9]}},
                number);
  }
  return builder.finish();
}

AddedComparisons ComparisonStore::add(std::span<const Comparisons> files) {
  AddedComparisons added;
  try {
    Transaction transaction(database_.get(), path_);
    if (!has_table(database_.get(), path_)) {
      run(database_.get(), path_, kSchema);
      run(database_.get(), path_, "PRAGMA application_id = " + std::to_string(kApplicationId));
    }
    for (const Comparisons& file : files) add_file(file, added);
    transaction.commit();
  } catch (const Error&) {
    std::error_code ignored;  // the file that opening made
    if (std::filesystem::file_size(path_, ignored) == 0) std::filesystem::remove(path_, ignored);
    throw;
  }
  return added;
}

void ComparisonStore::add_file(const Comparisons& comparisons, AddedComparisons& added) {
  if (comparisons.ids.size() != comparisons.rows.size()) {
    fail(ErrorCategory::InvalidArgument,
         "{}: comparisons without comparison_id cannot be stored, because nothing would tell when they are stored a "
         "second time; add the column",
         path_.string());
  }
  Statement insert(database_.get(), path_,
                   "INSERT INTO comparisons (" + column_list() +
                       ") VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (comparison_id) DO NOTHING");
  Statement find(database_.get(), path_, "SELECT " + column_list() + " FROM comparisons WHERE comparison_id = ?");
  for (size_t i = 0; i < comparisons.rows.size(); ++i) {
    const auto texts = texts_of(comparisons, i);
    const auto style = style_of(comparisons, i);
    insert.reset();
    for (size_t k = 0; k < texts.size(); ++k) insert.bind(static_cast<int>(k + 1), texts[k]);
    for (size_t k = 0; k < style.size(); ++k) insert.bind(static_cast<int>(texts.size() + k + 1), style[k]);
    insert.step();
    if (sqlite3_changes(database_.get()) > 0) {
      ++added.num_added;
      continue;
    }
    find.reset();
    find.bind(1, texts[0]);
    find.step();
    bool is_same = true;
    for (size_t k = 0; k < texts.size(); ++k) is_same &= find.text(static_cast<int>(k)) == texts[k];
    for (size_t k = 0; k < style.size(); ++k) {
      const auto stored = find.real(static_cast<int>(texts.size() + k));
      is_same &= stored ? *stored == style[k] : std::isnan(style[k]);
    }
    if (!is_same) {
      fail(
          ErrorCategory::InvalidArgument,
          "{}: comparison '{}' is there already with other values ({} over {}: {}); nothing was stored. Correct it, or "
          "give the new one an id of its own",
          path_.string(), texts[0], find.text(2), find.text(3), find.text(4));
    }
    ++added.num_known;
  }
}

}  // namespace molmo::arena
