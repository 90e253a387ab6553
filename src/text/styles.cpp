#include "text/styles.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::text {
namespace {

// Those of pre-training, of the mixture, of benchmarks alone, and of three further sets that the reference can read.
constexpr std::string_view kStyles[] = {"a_okvqa_da",
                                        "a_okvqa_mc",
                                        "ai2_diagram",
                                        "ai2_diagram_no_letter",
                                        "android_control",
                                        "chart_qa",
                                        "clocks",
                                        "coco_captioning",
                                        "demo",
                                        "doc_qa",
                                        "dv_qa",
                                        "eval_multiple_choice",
                                        "eval_short_answer",
                                        "figure_qa",
                                        "gqa",
                                        "info_qa",
                                        "long_caption",
                                        "ocr_vqa",
                                        "okvqa",
                                        "pixmo_docs_charts",
                                        "pixmo_docs_diagrams",
                                        "pixmo_docs_other",
                                        "pixmo_docs_tables",
                                        "plot_qa",
                                        "point_count",
                                        "point_qa",
                                        "pointing",
                                        "science_qa",
                                        "scifi_charts",
                                        "scifi_diagram",
                                        "scifi_document",
                                        "scifi_table",
                                        "st_qa",
                                        "synthetic_qa",
                                        "tabwmp_da",
                                        "tally_qa",
                                        "text_vqa",
                                        "transcript",
                                        "user_qa",
                                        "vqa2"};

}  // namespace

std::span<const std::string_view> known_styles() {
  return kStyles;
}

void check_style(std::string_view style, std::string_view source) {
  if (style.empty() || std::ranges::binary_search(kStyles, style)) return;
  const std::vector<std::string> names(std::begin(kStyles), std::end(kStyles));
  const std::string nearest = did_you_mean(style, names);
  fail(ErrorCategory::InvalidArgument,
       "{} is '{}', which is no style of the training data.{} A tag of your own goes into the text: \"{}: ...\"",
       source, style, nearest.empty() ? fmt::format(" Known: {}.", fmt::join(names, ", ")) : nearest, style);
}

}  // namespace molmo::text
