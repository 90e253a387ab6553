#include "text/unicode_classes.h"

namespace molmo::text {
namespace {

#include "text/unicode_classes.inc"

}  // namespace

uint8_t unicode_classes(char32_t code_point) {
  return kClassBlocks[kBlockOfCodePoint[code_point >> 7]][code_point & 127];
}

}  // namespace molmo::text
