// The first examples of a kind on one picture, to be looked at before a million of them is drawn.
#pragma once

#include "image/image.h"
#include "report/contact_sheet.h"
#include "synth/generator.h"

namespace molmo::synth {

// `count` pictures with the points of the first annotation marked, and what is asked and answered about each below.
// Throws InvalidArgument for kinds without pictures.
image::Image draw_sheet(const GeneratorEntry& generator, const SynthOptions& options, int64_t count,
                        const report::ContactSheetOptions& sheet = {});

}  // namespace molmo::synth
