// Which pictures a published set names, for data/fetch.h.
//   const FetchSet set = read_fetch_set(find_dataset("pixmo_points"), "downloads/pixmo-points");
//   fetch_pictures(set.list, "data/pixmo-points", {.checks_hashes = set.has_hashes});
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/fetch_list.h"
#include "data/registry.h"

namespace molmo::data {

struct FetchSet {
  FetchList list;
  uint64_t num_rows = 0;
  bool has_hashes = false;  // the set gives the pictures' SHA-256, and means it (of Count, the reference does not)
};

// Reads image_url of every parquet file of every split at `path`, and image_sha256 and license where they are columns.
// Throws InvalidArgument, with what to do instead, for a set whose tables name no pictures.
FetchSet read_fetch_set(const DatasetEntry& set, const std::filesystem::path& path);

}  // namespace molmo::data
