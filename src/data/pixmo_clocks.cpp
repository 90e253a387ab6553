// PixMo-Clocks: rendered watch faces. The hub has what is needed to render them and no pictures; `molmo synth clocks`
// draws its own.
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "data/pixmo.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {

// The question is the benchmark's, since the table has none (see data/clock_photographs.cpp).
Json pixmo_clocks_example(const Row& row) {
  return {{"prompt", "What time is being shown?"},
          {"text", row.text("text")},
          {"style", "clocks"},
          {"metadata",
           {{"example_id", row.id("example_id")},
            {"hour", row.integer("hour_visible")},
            {"minute", row.integer("minute_visible")},
            {"second", row.integer("second_visible")}}}};
}

namespace {

std::optional<std::filesystem::path> find_clock(const PictureFolder& pictures, const std::string& example_id) {
  for (const char* ending : {".png", ".jpg"}) {
    if (auto file = pictures.named(example_id + ending)) return file;
  }
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const Dataset> open_pixmo_clocks(const DatasetSource& source) {
  const std::array<std::string_view, 1> settings = {"images"};
  const std::string images = source_option(source, "images", settings);
  const auto table =
      ParquetTable::open(find_parquet_files(source.path, source.split),
                         {.columns = {"example_id", "hour_visible", "minute_visible", "second_visible", "text"}});
  const std::filesystem::path folder = set_folder(source);
  const auto pictures =
      std::make_shared<const PictureFolder>(images.empty() ? folder / "images" : std::filesystem::path(images), folder);
  std::vector<uint32_t> rows;
  table->for_each({"example_id"}, [&](size_t index, const Json& columns) {
    if (find_clock(*pictures, Row(columns, table->where(index)).id("example_id")))
      rows.push_back(static_cast<uint32_t>(index));
  });
  if (rows.size() < table->size()) {
    log_info(
        "{}: {} of {} rows have no picture and are left out. The hub publishes none; `molmo synth clocks` makes "
        "some.",
        source.name, table->size() - rows.size(), table->size());
  }
  return make_dataset(source, rows.size(), [=](size_t index) {
    const Json columns = table->row(rows[index]);
    const Row row(columns, table->where(rows[index]));
    const auto picture = find_clock(*pictures, row.id("example_id"));
    if (!picture) fail(ErrorCategory::NotFound, "{}: its picture is gone", row.where());
    return make_example(pixmo_clocks_example(row), row.id("example_id"), {{.file = *picture}}, row.where());
  });
}

}  // namespace molmo::data
