#include "synth/font_file.h"

#include <fontconfig/fontconfig.h>

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"

namespace molmo::synth {
namespace {

using FontPattern = std::unique_ptr<FcPattern, decltype(&FcPatternDestroy)>;

FontFile search(const std::string& family, const std::string& style) {
  const std::string name = family + style;
  const FontPattern wanted(FcNameParse(reinterpret_cast<const FcChar8*>(name.c_str())), FcPatternDestroy);
  check_internal(wanted != nullptr, "fontconfig gave no pattern");
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result;
  const FontPattern match(FcFontMatch(nullptr, wanted.get(), &result), FcPatternDestroy);
  if (!match) return {};
  // Fontconfig answers with another family rather than with none.
  bool is_family = false;
  FcChar8* value = nullptr;
  for (int i = 0; FcPatternGetString(match.get(), FC_FAMILY, i, &value) == FcResultMatch; ++i) {
    is_family = is_family || family == reinterpret_cast<const char*>(value);
  }
  FontFile file;
  if (!is_family || FcPatternGetString(match.get(), FC_FILE, 0, &value) != FcResultMatch) return {};
  FcPatternGetInteger(match.get(), FC_INDEX, 0, &file.index);
  file.index &= 0xFFFF;  // the upper half numbers the instances of variable fonts
  file.path = reinterpret_cast<const char*>(value);
  return file;
}

}  // namespace

FontFile find_font_file(std::string_view family, std::string_view style) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, FontFile> known;
  std::lock_guard lock(mutex);
  const auto key = std::pair(std::string(family), std::string(style));
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known.emplace(key, search(key.first, key.second)).first->second;
}

}  // namespace molmo::synth
