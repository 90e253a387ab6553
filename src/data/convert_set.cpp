#include "data/convert_set.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "data/jsonl.h"
#include "data/record_file.h"
#include "data/sha256.h"
#include "image/encode.h"
#include "image/inspect.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

// The whole path of a file, and a file for a picture in memory. True where one was written.
bool place(Picture& picture, const fs::path& folder) {
  if (picture.pixels) {
    picture.bytes = std::make_shared<const std::string>(image::encode_png(*picture.pixels));
    picture.pixels.reset();
  }
  if (!picture.bytes) {
    picture.file = fs::absolute(picture.file).lexically_normal();
    return false;
  }
  const auto info = image::inspect_image(std::as_bytes(std::span(*picture.bytes)));
  const std::string ending = !info ? "" : info->format == "jpeg" ? ".jpg" : "." + std::string(info->format);
  fs::create_directories(folder);
  picture.file = folder / (sha256_hex(*picture.bytes) + ending);
  const bool is_new = !fs::exists(picture.file);
  if (is_new) write_file_atomic(picture.file, *picture.bytes);
  picture.bytes.reset();
  return is_new;
}

}  // namespace

ConvertSetReport convert_set(const Dataset& dataset, const fs::path& path, const ConvertSetOptions& options) {
  const fs::path folder = fs::absolute(path).lexically_normal().parent_path();
  fs::create_directories(folder);
  RecordWriter writer(path);
  ConvertSetReport report;
  const uint64_t size =
      options.max_examples == 0 ? dataset.size() : std::min<uint64_t>(dataset.size(), options.max_examples);
  Progress progress("convert", size, "examples");
  for (uint64_t i = 0; i < size; ++i, progress.advance()) {
    RandomStream draws(options.seed, dataset.name(), i);
    Json record;
    try {
      Example example = dataset.example(i, draws);
      for (Picture& picture : example.pictures) report.num_pictures += place(picture, folder / "images") ? 1 : 0;
      if (example.label_map) report.num_pictures += place(*example.label_map, folder / "images") ? 1 : 0;
      record = to_record(example, folder);
    } catch (const Error& error) {
      if (error.category() == ErrorCategory::Io || error.category() == ErrorCategory::OutOfMemory) throw;
      ++report.num_left_out;
      if (report.problems.size() < options.max_problems) report.problems.emplace_back(error.what());
      continue;
    }
    writer.add(record);
    ++report.num_records;
  }
  writer.commit();
  return report;
}

}  // namespace molmo::data
