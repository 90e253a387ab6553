// The published benchmarks about drawn pictures: the questions of our generators (docs/synth.md) in the columns of each
// benchmark's own files, from which everything goes the way of the published data: prompt style, crops, metric, report.
// So the whole path runs without a download. What such scores say about a model is what the drawn pictures say; they
// are not comparable with published ones.
//   auto dataset = open_counterpart("chart_qa", {"size=128"});
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace molmo::eval {

// Of one of the published benchmarks of eval/benchmark.h. `options` are those of synth/options.h and win over those
// that the counterpart needs. Throws Internal for a benchmark without one, and what synth::open_synth_dataset throws.
std::shared_ptr<const data::Dataset> open_counterpart(std::string_view benchmark,
                                                      const std::vector<std::string>& options);

}  // namespace molmo::eval
