// A data set as training and evaluation see it: examples by number.
//   std::shared_ptr<const Dataset> dataset = open_dataset({.name = "pixmo_points", .path = "data/pixmo-points"});
//   RandomStream draws(seed, dataset->name(), index);
//   Example example = dataset->example(index, draws);
// Which sets there are: data/registry.h. Mixing and loading them: data/mixture.h, data/loader.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "image/image.h"
#include "text/example.h"

namespace molmo::data {

// A picture: a file, bytes that a table carries, or pixels that this process drew; one of them.
struct Picture {
  std::filesystem::path file = {};
  std::shared_ptr<const std::string> bytes = {};
  std::shared_ptr<const image::Image> pixels = {};
};

// Reads and decodes what is not decoded yet. Throws what image::read_image throws.
image::Image decode_picture(const Picture& picture);

struct Example {
  std::string id;                         // unique within the data set
  std::vector<Picture> pictures;          // none: text only
  text::Example text;                     // the conversations. Points in pixels need `image_size`, which is filled by
                                          // who decodes the picture: the size of the upright picture
  std::optional<std::string> plain_text;  // of the objective text: learnt whole, without a prompt
  std::optional<double> weight;           // multiplies the loss weights
  std::optional<Picture> label_map;       // of the objective patch_labels: a class for each pixel; 8-bit gray, or
                                          // colours whose channels are maps with classes of their own
  std::shared_ptr<const Json> metadata;   // an object with what only evaluation needs: masks, question types; or null
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
