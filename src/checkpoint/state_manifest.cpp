#include "checkpoint/state_manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "checkpoint/element_range.h"
#include "checkpoint/hash.h"
#include "checkpoint/safetensors.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestName = "manifest.json";
constexpr const char* kManifestHashName = "manifest.sha256";
constexpr uint64_t kMaxDocumentBytes = 512u << 20;
constexpr int64_t kFormat = 1;

// The documents, in the shape that base/fields.h reads and writes.
struct PartFields {
  StatePart part;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", part.name, "of the tensor");
    visit("shape", part.shape, "of the whole tensor");
    visit("axis", part.slice.axis, "of the ranges");
    visit("axis_size", part.slice.size, "of the whole tensor");
    visit("ranges", part.slice.ranges, "along the axis, that the elements are of; none: the whole tensor");
    visit("begin", part.begin, "first element");
    visit("count", part.count, "elements");
    visit("dtype", part.dtype, "type of the elements");
    visit("sha256", part.sha256, "of the bytes");
  }
};

struct ShardFields {
  std::string file, header_sha256;
  uint64_t num_bytes = 0;
  std::vector<PartFields> tensors;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("file", file, "name");
    visit("num_bytes", num_bytes, "size");
    visit("header_sha256", header_sha256, "of what stands before the first tensor");
    visit("tensors", tensors, "in the file");
  }
};

struct TableFields {
  std::string file, sha256;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("file", file, "table of a rank");
    visit("sha256", sha256, "of the table");
  }
};

struct ManifestFields {
  int64_t format = kFormat, step = 0;
  std::vector<TableFields> tables;
  template <class Visitor>
  void fields(Visitor& visit) {
    visit("format", format, "of the state");
    visit("step", step, "finished steps");
    visit("tables", tables, "one for each rank");
  }
};

// The text of a file whose hash is known. A missing file is damage too: the manifest is written last.
std::string read_checked(const fs::path& path, const std::string& expected) {
  if (!fs::exists(path)) fail(ErrorCategory::BadData, "{}: is missing", path.string());
  std::string bytes = read_file(path, kMaxDocumentBytes);
  const std::string found = sha256(bytes);
  if (found != expected) {
    fail(ErrorCategory::BadData, "{}: is damaged: its SHA-256 is {}, written was {}", path.string(), found, expected);
  }
  return bytes;
}

// Hashes only tell that a file is the one that was written; sizes are checked as those of any file from outside.
bool is_sound(const model::TensorSlice& slice, const std::vector<int64_t>& shape) {
  if (slice.is_whole()) return true;
  if (slice.axis < 0 || slice.axis >= static_cast<int64_t>(shape.size())) return false;
  int64_t last = 0;
  for (const auto& [begin, end] : slice.ranges) {
    if (begin < last || end <= begin) return false;
    last = end;
  }
  return slice.size == shape[static_cast<size_t>(slice.axis)] && last <= slice.size;
}

bool is_sound(const StatePart& part) {
  int64_t all = 1;
  for (const int64_t size : part.shape) {
    if (size < 0 || __builtin_mul_overflow(all, size, &all)) return false;
  }
  if (!is_sound_name(part.name) || all > (int64_t{1} << 56) || !is_sound(part.slice, part.shape)) return false;
  const int64_t in_slice = count_elements(part.shape, part.slice);
  return part.begin >= 0 && part.count >= 0 && part.begin <= in_slice && part.count <= in_slice - part.begin;
}

StateShard parse_table(std::string_view text, const fs::path& path, const std::string& expected_file) {
  ShardFields fields;
  read_fields(parse_json(text, path.string(), {.max_bytes = kMaxDocumentBytes}), fields, path.string());
  if (fields.file != expected_file) {
    fail(ErrorCategory::BadData, "{}: is of the file '{}', expected {}", path.string(), fields.file, expected_file);
  }
  StateShard shard{fields.file, fields.num_bytes, fields.header_sha256, {}};
  for (PartFields& part : fields.tensors) {
    if (!is_sound(part.part)) {
      fail(ErrorCategory::BadData, "{}: '{}' has a range that does not lie in its shape", path.string(),
           part.part.name);
    }
    shard.parts.push_back(std::move(part.part));
  }
  return shard;
}

std::string hash_line(std::string_view manifest) {
  return sha256(manifest) + "  " + kManifestName + "\n";
}

}  // namespace

bool StatePart::is_whole() const {
  int64_t all = 1;
  for (const int64_t size : shape) all *= size;
  return slice.is_whole() && begin == 0 && count == all;
}

std::string StatePart::stored_name() const {
  return is_whole() ? name : fmt::format("{}@{}", name, begin);
}

std::string shard_name(int64_t rank, int64_t num_ranks) {
  return fmt::format("state-{:05}-of-{:05}.safetensors", rank, num_ranks);
}
std::string shard_table_name(int64_t rank, int64_t num_ranks) {
  return fmt::format("state-{:05}-of-{:05}.json", rank, num_ranks);
}

void write_shard_table(const fs::path& path, const StateShard& shard) {
  ShardFields fields{shard.file, shard.header_sha256, shard.num_bytes, {}};
  for (const StatePart& part : shard.parts) fields.tensors.push_back({part});
  write_json_file(path, write_fields(fields));
}

void write_manifest(const fs::path& folder, int64_t step, const Json& progress, int64_t num_ranks) {
  ManifestFields fields;
  fields.step = step;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    const std::string table = shard_table_name(rank, num_ranks);
    fields.tables.push_back({table, sha256(read_file(folder / table, kMaxDocumentBytes))});
  }
  Json document = write_fields(fields);
  document["progress"] = progress;
  const std::string text = dump_json(document, /*pretty=*/true) + "\n";
  write_file_atomic(folder / kManifestName, text);
  write_file_atomic(folder / kManifestHashName, hash_line(text));
}

StateManifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName, hash_path = folder / kManifestHashName;
  if (!fs::exists(path)) fail(ErrorCategory::BadData, "{}: is missing", path.string());
  if (!fs::exists(hash_path)) fail(ErrorCategory::BadData, "{}: is missing", hash_path.string());
  const std::string text = read_file(path, kMaxDocumentBytes);
  if (read_file(hash_path, kMaxDocumentBytes) != hash_line(text)) {
    fail(ErrorCategory::BadData, "{}: is damaged: {} does not hold its SHA-256, {}", path.string(), kManifestHashName,
         sha256(text));
  }
  Json document = parse_json(text, path.string(), {.max_bytes = kMaxDocumentBytes});
  StateManifest manifest;
  manifest.progress = std::make_shared<const Json>(document.value("progress", Json()));
  document.erase("progress");
  ManifestFields fields;
  read_fields(document, fields, path.string());
  if (fields.format != kFormat) {
    fail(ErrorCategory::Unsupported, "{}: format is {}, this version reads {}", path.string(), fields.format, kFormat);
  }
  manifest.step = fields.step;
  const auto num_ranks = static_cast<int64_t>(fields.tables.size());
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    const TableFields& table = fields.tables[static_cast<size_t>(rank)];
    if (table.file != shard_table_name(rank, num_ranks)) {
      fail(ErrorCategory::BadData, "{}: table {} is '{}', expected {}", path.string(), rank, table.file,
           shard_table_name(rank, num_ranks));
    }
    const fs::path table_path = folder / table.file;
    manifest.shards.push_back(
        parse_table(read_checked(table_path, table.sha256), table_path, shard_name(rank, num_ranks)));
  }
  return manifest;
}

void verify_shard(const fs::path& folder, const StateShard& shard) {
  const fs::path path = folder / shard.file;
  if (!fs::exists(path)) fail(ErrorCategory::BadData, "{}: is missing", path.string());
  const auto mapped = MappedFile::open(path);
  const auto bytes = mapped->bytes();
  if (bytes.size() != shard.num_bytes) {
    fail(ErrorCategory::BadData, "{}: is {} bytes, written were {}. Was it cut off while copying?", path.string(),
         bytes.size(), shard.num_bytes);
  }
  // The end of the header from the sizes that were written: the header itself is not believed yet.
  uint64_t data_bytes = 0;
  for (const StatePart& part : shard.parts)
    data_bytes += static_cast<uint64_t>(part.count) * static_cast<uint64_t>(dtype_bytes(part.dtype));
  if (data_bytes > bytes.size() || sha256(bytes.first(bytes.size() - data_bytes)) != shard.header_sha256) {
    fail(ErrorCategory::BadData, "{}: the header is damaged: its SHA-256 is not what was written", path.string());
  }
  const SafetensorsFile file = SafetensorsFile::open(path);
  for (const StatePart& part : shard.parts) {
    const TensorEntry entry = file.stored(part.stored_name()).entry;
    const uint64_t part_bytes = static_cast<uint64_t>(part.count) * static_cast<uint64_t>(dtype_bytes(part.dtype));
    if (entry.dtype != part.dtype || entry.num_bytes != part_bytes) {
      fail(ErrorCategory::BadData, "{}: tensor '{}' is {} bytes of {}, written were {} of {}", path.string(),
           part.stored_name(), entry.num_bytes, enum_name(entry.dtype), part_bytes, enum_name(part.dtype));
    }
    const std::string found = sha256(bytes.subspan(entry.offset, entry.num_bytes));
    if (found != part.sha256) {
      fail(ErrorCategory::BadData, "{}: tensor '{}' is damaged: its SHA-256 is {}, written was {}", path.string(),
           part.stored_name(), found, part.sha256);
    }
  }
}

}  // namespace molmo::checkpoint
