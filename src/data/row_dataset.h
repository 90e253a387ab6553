// What the readers of published sets share: the example of a row's fields, and a data set over a function.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "data/registry.h"

namespace molmo::data {

// The example of fields in the names of the reference, with `metadata` and `weight`. What scoring needs of a single
// question (`answers`, `answer`, `answer_idx`, `options`, `unlabelled_options`) joins the metadata, as in the
// reference.
Example make_example(const Json& fields, std::string id, std::vector<Picture> pictures, std::string_view where);

// A set of `size` examples that `read` gives by number, from any thread.
std::shared_ptr<const Dataset> make_dataset(const DatasetSource& source, size_t size,
                                            std::function<Example(size_t index)> read);
using ReadWithDraws = std::function<Example(size_t index, RandomStream& draws)>;
std::shared_ptr<const Dataset> make_dataset(const DatasetSource& source, size_t size, ReadWithDraws read);

struct SplitName {
  std::string_view name;  // train, validation, test, ...
  std::string_view file;  // as the set's files call it
};

// What the set's files call the split that is asked for. Throws NotFound for one that the set does not have, and
// InvalidArgument for settings: these sets have none.
std::string split_file(const DatasetSource& source, std::initializer_list<SplitName> splits);

// The first of the files that is in the folder. Throws NotFound.
std::filesystem::path find_file(const std::filesystem::path& folder, std::initializer_list<std::string> names);

}  // namespace molmo::data
