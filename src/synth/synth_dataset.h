// Data sets that are drawn while they are used: fresh pictures for every step, nothing on the disk.
//   auto dataset = open_synth_dataset({.name = "synth:points", .options = {"difficulty=easy", "size=128"}});
//   open_mixture(groups, {.open = [](const config::DataSource& source) {
//     return is_synth_dataset(source.name) ? open_synth_dataset(source) : ...; }});
// Example n depends on the options, the split and n alone; it is the one that `molmo synth KIND` writes as number n
// with the same options (split train). Pictures and label maps are passed as pixels.
#pragma once

#include <memory>
#include <string_view>

#include "data/registry.h"

namespace molmo::config {
struct DataSource;
}

namespace molmo::synth {

// "synth:points", "synth:clocks", ...: every kind of generator.h.
bool is_synth_dataset(std::string_view name);

// `options` are those of synth/options.h, "key=value"; `examples` is the size. The splits train, validation and test
// draw from seeds of their own. Throws InvalidArgument for an unknown kind, split or option, and for options that do
// not fit the kind; NotFound where a font is missing.
std::shared_ptr<const data::Dataset> open_synth_dataset(const config::DataSource& source);

// A set of the registry, or one that is drawn. Throws as data::open_dataset and open_synth_dataset do.
std::shared_ptr<const data::Dataset> open_any_dataset(const data::DatasetSource& source);

}  // namespace molmo::synth
