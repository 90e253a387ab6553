#include "synth/write_set.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/atomic_folder.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/jsonl.h"
#include "data/parquet.h"
#include "data/pixmo.h"
#include "image/encode.h"
#include "synth/set_rows.h"

namespace molmo::synth {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kChunk = 256;  // examples that are in memory at once

// Not synced one by one: that costs ten times the drawing, and what a power cut damages is drawn again from its seed.
void write_plain(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) fail(ErrorCategory::Io, "{}: cannot write: {}", path.string(), std::strerror(errno));
}

// One example as it goes into the files.
struct Written {
  std::vector<TableRow> rows;
  std::string record, truth;  // lines
  uint64_t picture_bytes = 0;
};

class SetWriter {
 public:
  SetWriter(const GeneratorEntry& generator, const WriteOptions& options)
      : generator_(generator), options_(options), folder_(options.output, options.overwrite) {
    if (generator.schema != Schema::Docs) fs::create_directory(folder_.path() / "images");
    if (options.synth.labels != LabelMap::None) fs::create_directory(folder_.path() / "labels");
    if (generator.schema == Schema::Records) records_.open(folder_.path() / "data.jsonl", std::ios::binary);
    truth_.open(folder_.path() / "truth.jsonl", std::ios::binary);
  }

  WriteSummary write() {
    Progress progress(fmt::format("synth {}", generator_.name), static_cast<uint64_t>(options_.num_examples),
                      "examples");
    std::vector<Written> chunk;
    for (int64_t first = 0; first < options_.num_examples; first += kChunk) {
      const int64_t count = std::min(kChunk, options_.num_examples - first);
      chunk.assign(static_cast<size_t>(count), {});
      parallel_for(count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) chunk[static_cast<size_t>(i)] = draw(first + i);
      });
      for (const Written& written : chunk) append(written);
      progress.advance(static_cast<uint64_t>(count));
    }
    for (auto& [folder, table] : tables_) table->commit();
    close(truth_, "truth.jsonl");
    if (records_.is_open()) close(records_, "data.jsonl");
    folder_.commit();
    return summary_;
  }

 private:
  // Called from several threads; writes the pictures.
  Written draw(int64_t index) const {
    SynthSample sample = make_sample(generator_, options_.synth, static_cast<uint64_t>(index));
    const std::string id = fmt::format("{}-{:07}", generator_.name, index);
    Json truth = {{"id", id}, {"image", nullptr}};
    Written written;
    WrittenPicture picture{.id = id, .bytes = {}, .path = fmt::format("images/{}.jpg", id)};
    data::Example record;
    record.id = id;
    const ImageSize size = sample.picture.size;
    if (!sample.picture.pixels.empty()) {
      picture.bytes = image::encode_jpeg(sample.picture, static_cast<int>(options_.synth.quality));
      written.picture_bytes = picture.bytes.size();
      if (generator_.schema != Schema::Docs) {
        write_plain(folder_.path() / picture.path, picture.bytes);
        truth["image"] = picture.path;
        record.pictures.push_back({.file = kRoot / picture.path});
      }
    }
    if (!sample.labels.empty()) {
      const std::string path = fmt::format("labels/{}.png", id);
      write_plain(folder_.path() / path, sample.labels.size() == sample.picture.pixels.size()
                                             ? image::encode_png(label_image(sample.labels, size))
                                             : image::encode_gray_png(sample.labels, size));
      truth["label_map"] = path;
      record.label_map = data::Picture{.file = kRoot / path};
    }
    if (sample.truth) truth["truth"] = *sample.truth;
    written.truth = dump_json(truth) + "\n";
    if (generator_.schema == Schema::Records) {
      record.text = std::move(sample.text);
      record.plain_text = std::move(sample.plain_text);
      written.record = dump_json(data::to_record(record, kRoot)) + "\n";
    } else {
      written.rows = table_rows(generator_.schema, sample, picture);
    }
    return written;
  }

  void append(const Written& written) {
    for (const TableRow& row : written.rows) table(row.folder).add(*row.row);
    if (records_.is_open()) records_ << written.record;
    truth_ << written.truth;
    ++summary_.num_examples;
    summary_.num_rows += records_.is_open() ? 1 : std::ssize(written.rows);
    summary_.picture_bytes += written.picture_bytes;
  }

  data::ParquetWriter& table(const std::string& folder) {
    auto& table = tables_[folder];
    if (!table) {
      fs::create_directory(folder_.path() / folder);
      table = std::make_unique<data::ParquetWriter>(folder_.path() / folder / "train-00000-of-00001.parquet",
                                                    data::pixmo_columns(table_name(generator_.schema)));
    }
    return *table;
  }

  void close(std::ofstream& file, std::string_view name) const {
    file.close();
    if (!file) fail(ErrorCategory::Io, "{}: cannot write {}: {}", folder_.path().string(), name, std::strerror(errno));
  }

  static inline const fs::path kRoot = "set";  // stands for the folder, whose name is temporary while it is filled
  const GeneratorEntry& generator_;
  const WriteOptions& options_;
  AtomicFolder folder_;
  std::map<std::string, std::unique_ptr<data::ParquetWriter>> tables_;
  std::ofstream records_, truth_;
  WriteSummary summary_;
};

}  // namespace

WriteSummary write_set(const GeneratorEntry& generator, const WriteOptions& options) {
  if (options.num_examples < 1) {
    fail(ErrorCategory::InvalidArgument, "{} examples to draw, expected at least 1", options.num_examples);
  }
  options.synth.validate();
  return SetWriter(generator, options).write();
}

}  // namespace molmo::synth
