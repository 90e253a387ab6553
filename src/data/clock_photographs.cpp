// Clock bench: what time do clocks in photographs and films show (Yang et al., "It's About Time", 2022). The file is
// not called clock_bench.cpp because files that end so are benchmarks of this project.
#include <utf8proc.h>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/csv.h"
#include "data/picture_file.h"

namespace molmo::data {

Json clock_bench_example(const Row& row) {
  const int64_t hour = row.integer("hour");
  return {{"prompt", "What time is being shown?"},
          {"metadata",
           {{"hour", hour == 12 ? 0 : hour},
            {"minute", row.integer("minute")},
            {"second", -1},  // not asked for
            {"example_id", row.value("image_id")}}},
          {"style", "clocks"}};
}

namespace {

int64_t to_number(const Row& row, std::string_view column) {
  const std::string text = row.text(column);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail(ErrorCategory::BadData, "{}: '{}' is '{}', expected a whole number", row.where(), column, text);
  }
  return value;
}

// Accents apart from their letters: so are file names in the archives of pictures.
std::string decompose(const std::string& name) {
  utf8proc_uint8_t* bytes = utf8proc_NFD(reinterpret_cast<const utf8proc_uint8_t*>(name.c_str()));
  const std::string decomposed = bytes ? reinterpret_cast<const char*>(bytes) : name;
  std::free(bytes);
  return decomposed;
}

}  // namespace

std::shared_ptr<const Dataset> open_clock_bench(const DatasetSource& source) {
  const std::filesystem::path pictures = source.path / split_file(source, {{"coco", "coco/trainval_images"},
                                                                           {"openimg", "openimg/data"},
                                                                           {"movies", "movies/ClockMovies/images"}});
  const auto file = find_file(source.path, {source.split + "_final.csv"});
  std::vector<Json> rows;
  std::vector<Picture> files;
  const std::vector<Json> lines = read_csv(file);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Row row(lines[i], file.string() + ", row " + std::to_string(i));
    const std::string name = decompose(row.text("file_name"));
    // Rows without a picture are left out, as in the reference.
    if (!std::filesystem::exists(pictures / name)) continue;
    files.push_back(find_picture(pictures, name, row.where()));
    rows.push_back(
        {{"hour", to_number(row, "hour")}, {"minute", to_number(row, "minute")}, {"image_id", row.text("img_id")}});
  }
  if (rows.empty())
    fail(ErrorCategory::NotFound, "{}: none of the pictures of {} is there", pictures.string(), file.string());
  return make_dataset(source, rows.size(), [=](size_t index) {
    const Row row(rows[index], file.string());
    return make_example(clock_bench_example(row), row.text("image_id"), {files[index]}, row.where());
  });
}

}  // namespace molmo::data
