// Downloads the pictures that a data set names.
//   FetchList list = ...;                                       // from the tables
//   FetchReport report = fetch_pictures(list, "data/pixmo-cap", {});
//   fmt::print("{}", report.text());
// Folder: images/<SHA-256 of the URL>    the pictures; a file that is there is whole, decodable and of the right hash
//         images.jsonl, failures.jsonl   what is there and what is not, sorted by URL: equal for equal servers, however
//                                        often the fetch was interrupted
//         journal.jsonl                  what was done so far (fetch_journal.h)
// A third of old URLs is dead, so failures are results, not errors: each has a cause (fetch_record.h), is kept out of
// images/, and is asked for again only with `retries_failed`. An interrupted fetch goes on where it was. Pictures are
// asked for from the beginning, never resumed in the middle, so a picture never mixes two versions.
// Source: reference data/download_urls.py; where it differs (it caches error texts as pictures, takes truncated files)
// see docs/data.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "base/json.h"
#include "data/fetch_list.h"
#include "data/fetch_queue.h"
#include "data/picture_check.h"
#include "http/client.h"

namespace molmo::data {

struct FetchOptions {
  http::ClientOptions http = {};
  PictureRules rules = {};  // of its limits, max_file_bytes follows http.max_body_bytes
  FetchQueueOptions hosts = {};
  int max_connections = 64;
  int max_attempts = 4;  // for 429 and 503; with quirks reference for 429 only
  bool checks_hashes = true;
  bool retries_failed = false;
  size_t max_items = 0;  // of the shuffled order; 0: all
};

struct FetchReport {
  std::map<FetchOutcome, uint64_t> num_pictures;  // of all items, earlier runs included
  uint64_t num_items = 0;
  uint64_t num_downloads = 0;  // answers with content in this run
  uint64_t num_bytes = 0;      // of them
  uint64_t num_kept = 0;       // pictures that this run added
  std::chrono::duration<double> elapsed{};

  uint64_t num_ok() const;
  // A table of causes in plain text, and the same in Markdown and JSON.
  std::string text() const;
  std::string markdown() const;
  Json json() const;
};

// Throws Io (disk, or another fetch in the same folder) and InvalidArgument (options). Reports progress.
FetchReport fetch_pictures(const FetchList& list, const std::filesystem::path& folder, const FetchOptions& options);

}  // namespace molmo::data
