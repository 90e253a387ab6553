// rows.jsonl: the rows of the published tables; manifest.json: what the tables are, and what becomes of the pictures
// that one of them names, once with hashes checked and once without. The pictures come from a server of our own.
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "cli/conformance/kind.h"
#include "data/fetch.h"
#include "data/parquet.h"
#include "data/sha256.h"
#include "http/loopback_server.h"

namespace molmo::conformance {
namespace {

namespace fs = std::filesystem;

// Tables of a folder, each opened once. Fixture files name files beside them only.
class Tables {
 public:
  explicit Tables(fs::path folder) : folder_(std::move(folder)) {}
  const data::ParquetTable& table(const std::string& name) {
    if (fs::path(name).filename() != name) fail(ErrorCategory::BadData, "'{}' is not the name of a file", name);
    auto& table = tables_[name];
    if (!table) table = data::ParquetTable::open({folder_ / name});
    return *table;
  }

 private:
  fs::path folder_;
  std::map<std::string, std::shared_ptr<const data::ParquetTable>> tables_;
};

// The golden rows leave the bytes of pictures out.
Json without_bytes(Json row, const data::ParquetTable& table) {
  for (const data::TableColumn& column : table.columns()) {
    if (column.type.find("binary") != std::string::npos) row.erase(column.name);
  }
  return row;
}

// Serves the fixture's pictures at /images/.
http::LoopbackServer::Handler serve_pictures(const fs::path& images) {
  return [images](const http::IncomingRequest& request, http::Reply& reply) {
    constexpr std::string_view kFolder = "/images/";
    const fs::path name = request.target.starts_with(kFolder) ? request.target.substr(kFolder.size()) : "";
    const bool is_there = !name.empty() && name == name.filename() && fs::is_regular_file(images / name);
    reply.send(is_there ? http::http_answer(200, read_file(images / name), "Content-Type: image/png\r\n")
                        : http::http_answer(404, "no such picture"));
  };
}

std::string with_port(std::string url, int port) {
  if (const size_t at = url.find("PORT"); at != std::string::npos) url.replace(at, 4, std::to_string(port));
  return url;
}

std::map<std::string, Json> fetched_lines(const fs::path& folder) {
  std::map<std::string, Json> lines;
  for (const char* name : {"images.jsonl", "failures.jsonl"}) {
    std::istringstream text(read_file(folder / name));
    for (std::string line; std::getline(text, line);) {
      Json json = parse_json(line, name);
      const auto url = json.at("url").get<std::string>();
      lines.emplace(url, std::move(json));
    }
  }
  return lines;
}

std::map<std::string, Json> fetch(const data::FetchList& list, const http::LoopbackServer& server, bool checks_hashes,
                                  config::Quirks quirks) {
  const TemporaryFolder folder;
  data::FetchOptions options;
  options.http.allowed_hosts = {server.host()};
  options.rules.quirks = quirks;
  options.checks_hashes = checks_hashes;
  data::fetch_pictures(list, folder.path(), options);
  return fetched_lines(folder.path());
}

std::string cause_of(const std::map<std::string, Json>& lines, const std::string& url) {
  return lines.at(url).value("cause", "ok");
}

// What the manifest calls the outcome of a row.
class Outcomes {
 public:
  Outcomes(const data::ParquetTable& table, const fs::path& images, bool checks_hashes)
      : server_(serve_pictures(images)), checks_hashes_(checks_hashes) {
    const bool has_hashes = table.has_column("image_sha256");
    for (size_t i = 0; i < table.size(); ++i) {
      const Json row = table.row(i);
      urls_.push_back(with_port(row.at("image_url").get<std::string>(), server_.port()));
      const Json hash = has_hashes ? row.at("image_sha256") : Json();
      hashes_.push_back(hash.is_string() ? hash.get<std::string>() : "");
      list_.add(urls_.back(), hashes_.back());
    }
    as_reference_ = fetch(list_, server_, checks_hashes, config::Quirks::Reference);
    fixed_ = fetch(list_, server_, checks_hashes, config::Quirks::Fixed);
  }

  Json all() const {
    Json outcomes = Json::array();
    for (size_t i = 0; i < urls_.size(); ++i) outcomes.push_back(outcome(i));
    return outcomes;
  }

 private:
  std::string outcome(size_t row) const {
    const std::string& url = urls_[row];
    const std::string cause = cause_of(as_reference_, url), ours = cause_of(fixed_, url);
    if (cause == "ok") return accepted(row, ours);
    if (cause == "unsupported_image") return "ok for the reference (a format that we do not read)";
    if (cause == "hash_mismatch") return ours == "ok" ? "hash mismatch (exact case)" : "hash mismatch";
    const int status = as_reference_.at(url).value("status", 0);
    if (status >= 300) return fmt::format("download error ({})", status);
    const bool is_content = cause == "not_an_image" || cause == "damaged_image";
    return is_content ? "not an image" : fmt::format("download error ({})", cause);
  }

  // The reference looks at the hash alone, or at the header alone.
  std::string accepted(size_t row, const std::string& ours) const {
    if (ours == "not_an_image") return "ok for the reference (hash matches, content never opened); better rejected";
    if (ours != "ok") {
      return checks_hashes_ ? "ok for the reference; better rejected or flagged"
                            : "ok for the reference (only the header is opened)";
    }
    const auto first = std::ranges::find(urls_, urls_[row]);
    const bool is_repeated = checks_hashes_ && first != urls_.begin() + static_cast<int64_t>(row);
    return is_repeated ? "ok (repeated url, one download)" : "ok";
  }

  http::LoopbackServer server_;
  bool checks_hashes_;
  data::FetchList list_;
  std::vector<std::string> urls_, hashes_;
  std::map<std::string, Json> as_reference_, fixed_;
};

// Remarks in brackets or behind a semicolon are words for people; a status is not.
std::string class_of(const std::string& outcome) {
  if (outcome.starts_with("ok")) return "ok";
  if (outcome.starts_with("download error")) return outcome;
  const std::string text = outcome.substr(0, outcome.find_first_of("(;"));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::optional<std::string> find_outcome_mismatch(const Json& expected, const Json& found) {
  if (!expected.is_array() || expected.size() != found.size()) return find_mismatch(expected, found);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].is_null()) continue;
    const auto wanted = expected[i].get<std::string>(), got = found[i].get<std::string>();
    if (class_of(wanted) != class_of(got)) return fmt::format("/{} expected '{}', found '{}'", i, wanted, got);
  }
  return std::nullopt;
}

void answer_table(const Place& place, const data::ParquetTable& table, const fs::path& images) {
  place.answer_field("rows", table.size());
  place.answer_field("row_groups", table.row_group_sizes().size());
  if (place.value().contains("compression")) place.answer_field("compression", table.compression());
  if (place.value().contains("columns")) {
    Json columns = Json::object();
    for (const data::TableColumn& column : table.columns()) columns[column.name] = column.type;
    place.answer_field("columns", columns);
  }
  for (const bool checks_hashes : {true, false}) {
    const char* mode = checks_hashes ? "outcome_hash_mode" : "outcome_image_mode";
    if (!place.value().contains(mode)) continue;
    const Json outcomes = Outcomes(table, images, checks_hashes).all();
    place[mode].answer(outcomes, [&](const Json& expected) { return find_outcome_mismatch(expected, outcomes); });
  }
}

}  // namespace

void answer_parquet_rows(Run& run, const fs::path& file) {
  Json lines = Json::array();
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) {
    if (!line.empty()) lines.push_back(parse_json(line, file.string()));
  }
  const Json given = lines;
  const Place root(run.report(), run.name(file), lines);
  Tables tables(file.parent_path());
  for (size_t i = 0; i < given.size(); ++i) {
    const data::ParquetTable& table = tables.table(given[i].at("file").get<std::string>());
    const Json row = without_bytes(table.row(given[i].at("row").get<size_t>()), table);
    root[i]["values"].answer(row);
  }
  if (const auto path = run.output(file)) {
    fs::create_directories(path->parent_path());
    std::string answer;
    for (const Json& line : lines) answer += dump_json(line) + "\n";
    write_file_atomic(*path, answer);
  }
}

void answer_parquet_manifest(Run& run, const fs::path& file) {
  run.answer_json(file, [&](const Place& root, const Json& document) {
    const fs::path images = file.parent_path() / "images";
    Tables tables(file.parent_path());
    for (const auto& [name, unused] : document.at("files").items())
      answer_table(root["files"][name], tables.table(name), images);
    for (const auto& [name, unused] : document.at("images").items()) {
      if (fs::path(name).filename() != name) fail(ErrorCategory::BadData, "'{}' is not the name of a file", name);
      const std::string bytes = read_file(images / name);
      root["images"][name].answer_field("sha256", data::sha256_hex(bytes));
      root["images"][name].answer_field("bytes", bytes.size());
    }
  });
}

}  // namespace molmo::conformance
