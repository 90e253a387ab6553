#include "data/row_dataset.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::data {

Example make_example(const Json& fields, std::string id, std::vector<Picture> pictures, std::string_view where) {
  Example example;
  example.id = std::move(id);
  example.pictures = std::move(pictures);
  example.text = text::parse_example(fields, where);
  if (fields.contains("weight")) example.weight = fields["weight"].get<double>();
  auto metadata = std::make_shared<Json>(fields.value("metadata", Json::object()));
  for (const char* name : {"answers", "answer", "answer_idx", "options", "unlabelled_options"}) {
    if (fields.contains(name) && !metadata->contains(name)) (*metadata)[name] = fields[name];
  }
  example.metadata = std::move(metadata);
  return example;
}

namespace {

class RowDataset final : public Dataset {
 public:
  RowDataset(std::string name, size_t size, ReadWithDraws read)
      : name_(std::move(name)), size_(size), read_(std::move(read)) {}
  const std::string& name() const override { return name_; }
  size_t size() const override { return size_; }
  Example example(size_t index, RandomStream& draws) const override {
    check_internal(index < size_, "an example is asked for that the data set does not have");
    return read_(index, draws);
  }

 private:
  std::string name_;
  size_t size_;
  ReadWithDraws read_;
};

}  // namespace

std::shared_ptr<const Dataset> make_dataset(const DatasetSource& source, size_t size,
                                            std::function<Example(size_t index)> read) {
  return make_dataset(source, size, [read = std::move(read)](size_t index, RandomStream&) { return read(index); });
}

std::shared_ptr<const Dataset> make_dataset(const DatasetSource& source, size_t size, ReadWithDraws read) {
  return std::make_shared<RowDataset>(source.name, size, std::move(read));
}

std::string split_file(const DatasetSource& source, std::initializer_list<SplitName> splits) {
  source_option(source, "", {});  // these sets have no settings
  std::string known;
  for (const SplitName& split : splits) {
    if (source.split == split.name) return std::string(split.file);
    known += (known.empty() ? "" : ", ") + std::string(split.name);
  }
  fail(ErrorCategory::NotFound, "{} has no split '{}', only: {}", source.name, source.split, known);
}

std::filesystem::path find_file(const std::filesystem::path& folder, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (std::filesystem::exists(folder / name)) return folder / name;
  }
  fail(ErrorCategory::NotFound, "{}: there is no {} in it", folder.string(), *names.begin());
}

}  // namespace molmo::data
