// docs/synth.md names every kind, option and class.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/fields.h"
#include "base/file.h"
#include "synth/generator.h"
#include "synth/targets.h"

namespace molmo::synth {
namespace {

TEST(SynthDocument, NamesEveryKindAndOption) {
  const std::string text = read_file(std::filesystem::path(MOLMO_SOURCE_DIR) / "docs" / "synth.md");
  const auto expect_named = [&](const std::string& name) {
    EXPECT_NE(text.find("`" + name + "`"), std::string::npos) << "docs/synth.md does not name " << name;
  };
  for (const GeneratorEntry& generator : generators()) expect_named(std::string(generator.name));
  const Json options = write_fields(SynthOptions{});
  for (const auto& [name, value] : options.items()) expect_named(name);
  for (const std::string_view form : target_forms()) expect_named(std::string(form));
  for (const auto& [labels, name] : EnumNames<LabelMap>::kValues) {
    if (labels != LabelMap::None) expect_named(std::string(name));
  }
}

}  // namespace
}  // namespace molmo::synth
