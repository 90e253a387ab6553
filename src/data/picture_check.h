// Whether downloaded bytes are the picture that a data set means.
#pragma once

#include <string>
#include <string_view>

#include "config/quirks.h"
#include "data/fetch_record.h"
#include "image/image.h"

namespace molmo::data {

struct PictureRules {
  image::ImageLimits limits = {};
  // Fixed: whole and decodable, and of the given hash where there is one. Reference (data/download_urls.py): of the
  // given hash, in lower case, whatever the bytes are; without one, a header that names a size.
  config::Quirks quirks = config::Quirks::Fixed;
};

// Fills outcome, message, sha256, num_bytes and size of a record. `expected_sha256` may be empty. Throws OutOfMemory
// only.
void check_picture(std::string_view bytes, std::string_view expected_sha256, const PictureRules& rules,
                   FetchRecord& record);

}  // namespace molmo::data
