// Examples of a data set to look at: pictures with their points, and the conversations as a model reads them.
//   write_example_page(*open_dataset(source), {.count = 12}, "show.html");
#pragma once

#include <cstdint>
#include <vector>

#include "config/prompt.h"
#include "config/quirks.h"
#include "data/dataset.h"
#include "image/image.h"
#include "image/overlay.h"
#include "report/page.h"
#include "text/prompt.h"

namespace molmo::data {

struct ExamplePageOptions {
  uint64_t count = 12;
  uint64_t first = 0;         // example to begin with
  bool is_random = false;     // draw the examples by the seed instead
  uint64_t seed = 0;          // also of what examples and prompts leave to chance
  int64_t max_side_px = 640;  // of the pictures on the page
  config::PromptConfig prompt = {};
  config::Quirks quirks = config::Quirks::Reference;
};

// An example as it is shown. Throws what reading, decoding and formatting it throw.
struct ShownExample {
  Example example;
  std::vector<image::Image> pictures;
  std::vector<image::OverlayPoint> points;  // in the first picture
  std::vector<text::Conversation> conversations;
};
ShownExample prepare_shown_example(const Dataset& dataset, uint64_t index, const ExamplePageOptions& options);

// What cannot be shown is on the page with its error. Throws InvalidArgument where `first` is behind the end.
report::Page example_page(const Dataset& dataset, const ExamplePageOptions& options);

}  // namespace molmo::data
