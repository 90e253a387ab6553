// A data set as training and evaluation see it: examples by number.
//   std::shared_ptr<const Dataset> dataset = open_dataset({.name = "pixmo_points", .path = "data/pixmo-points"});
//   RandomStream draws(seed, "example", index);
//   Example example = dataset->example(index, draws);
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "text/example.h"

namespace molmo::data {

// An encoded picture: a file, or bytes that a table carries.
struct Picture {
  std::filesystem::path file;
  std::shared_ptr<const std::string> bytes;  // instead of the file
};

struct Example {
  std::string id;                  // unique within the data set
  std::vector<Picture> pictures;   // none: text only
  text::Example text;              // the conversations; `image_size` is filled where points are in pixels
  std::optional<double> weight;    // multiplies the loss weights
  std::optional<Picture> label_map;  // of the objective patch_labels: 8-bit gray PNG, a class for each pixel
  Json metadata;                   // what only evaluation needs: masks, splits, question types
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const std::string& name() const = 0;
  virtual size_t size() const = 0;
  // Reads what is needed and no more; pictures are not decoded. What the reference leaves to chance (which of several
  // transcripts, prefixes) comes from `draws`. Const calls are thread-safe. Throws BadData naming file and row.
  virtual Example example(size_t index, RandomStream& draws) const = 0;
};

}  // namespace molmo::data
