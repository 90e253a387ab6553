// The three things people want most, as requests in the words that a model of this configuration was trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/prompt.h"
#include "generate/session.h"
#include "image/image.h"

namespace molmo::api {

generate::Request point_request(const std::string& what, const image::Image& image);
generate::Request count_request(const std::string& what, const image::Image& image);
// `length` in units of 15 characters; only models that were trained to a length (pre-trained captioners) follow it.
generate::Request caption_request(const config::PromptConfig& prompt, const image::Image& image,
                                  std::optional<int64_t> length);

// Whether `length` of a caption changes anything.
bool follows_length(const config::PromptConfig& prompt);

// The number in an answer to count_request: its points where it has some, else the first number or number word, 0 for
// "There are none.". Empty when the answer has no number.
std::optional<int64_t> parse_count(const generate::Answer& answer);

}  // namespace molmo::api
