#include "data/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "data/academic.h"
#include "data/pixmo_sets.h"

namespace molmo::data {

// One factory for each line, in the file of the set.
std::shared_ptr<const Dataset> open_jsonl(const DatasetSource& source);

namespace {

constexpr DatasetEntry kEntries[] = {
    {"jsonl", "Own data: one JSON object for each picture (docs/data.md)", "yours", "yours", "train",
     "as the file says", "", open_jsonl},
    {"a_okvqa_da", "A-OKVQA, answered freely", "https://allenai.org/project/a-okvqa", "see the origin",
     "train, validation, test", "a_okvqa_da", "", open_a_okvqa},
    {"a_okvqa_mc", "A-OKVQA, with options", "https://allenai.org/project/a-okvqa", "see the origin",
     "train, validation, test", "a_okvqa_mc", "", open_a_okvqa},
    {"ai2d", "AI2D, questions about diagrams, letters drawn in both ways",
     "https://prior.allenai.org/projects/diagram-understanding", "see the origin", "train, validation, test",
     "ai2_diagram, ai2_diagram_no_letter", "", open_ai2d},
    {"ai2d_opaque", "AI2D, letters in filled boxes", "https://prior.allenai.org/projects/diagram-understanding",
     "see the origin", "train, validation, test", "ai2_diagram, ai2_diagram_no_letter", "", open_ai2d},
    {"ai2d_transparent", "AI2D, letters beside transparent boxes",
     "https://prior.allenai.org/projects/diagram-understanding", "see the origin", "train, validation, test",
     "ai2_diagram, ai2_diagram_no_letter", "", open_ai2d},
    {"android_control", "AndroidControl, four conversations for each step", "gs://gresearch/android_control",
     "Apache-2.0", "train, validation, test", "android_control", "", open_android_control},
    {"android_control_hl", "AndroidControl, given the goal", "gs://gresearch/android_control", "Apache-2.0",
     "train, validation, test", "android_control", "", open_android_control},
    {"android_control_hl_cot", "AndroidControl, given the goal, answered with a plan", "gs://gresearch/android_control",
     "Apache-2.0", "train, validation, test", "android_control", "", open_android_control},
    {"android_control_hl_ll", "AndroidControl, given goal and instruction", "gs://gresearch/android_control",
     "Apache-2.0", "train, validation, test", "android_control", "", open_android_control},
    {"android_control_ll", "AndroidControl, given the instruction of the step", "gs://gresearch/android_control",
     "Apache-2.0", "train, validation, test", "android_control", "", open_android_control},
    {"chart_qa", "ChartQA", "hub:HuggingFaceM4/ChartQA", "GPL-3.0", "train, validation, test", "chart_qa", "",
     open_chart_qa},
    {"chart_qa_augmented", "ChartQA, questions of a program", "hub:HuggingFaceM4/ChartQA", "GPL-3.0",
     "train, validation, test", "chart_qa", "", open_chart_qa},
    {"chart_qa_human", "ChartQA, questions of people", "hub:HuggingFaceM4/ChartQA", "GPL-3.0",
     "train, validation, test", "chart_qa", "", open_chart_qa},
    {"chart_qa_weighted", "ChartQA, both kinds of questions with the same weight", "hub:HuggingFaceM4/ChartQA",
     "GPL-3.0", "train, validation, test", "chart_qa", "", open_chart_qa},
    {"clock_bench", "Clocks in photographs and films", "https://github.com/charigyang/itsabouttime", "see the origin",
     "coco, openimg, movies", "clocks", "", open_clock_bench},
    {"clocks", "PixMo-Clocks, what time a watch shows; pictures are drawn by `molmo synth clocks`",
     "hub:allenai/pixmo-clocks", "ODC-BY-1.0", "train, validation", "clocks", "pixmo-clocks", open_pixmo_clocks},
    {"countbench_qa", "CountBenchQA, how many things are in a picture", "hub:nielsr/countbench", "see the origin",
     "test", "point_count", "", open_countbench_qa},
    {"doc_qa", "DocVQA, questions about documents", "hub:HuggingFaceM4/DocumentVQA", "see the origin",
     "train, validation, test", "doc_qa", "", open_doc_qa},
    {"dv_qa", "DVQA, questions about drawn bar charts", "https://github.com/kushalkafle/DVQA_dataset", "see the origin",
     "train, val_easy, val_hard", "dv_qa", "", open_dv_qa},
    {"figure_qa", "FigureQA, yes-or-no questions about drawn charts",
     "https://www.microsoft.com/en-us/research/project/figureqa-dataset", "see the origin",
     "train, validation, validation2, test, test2", "figure_qa", "", open_figure_qa},
    {"info_qa", "InfographicVQA", "https://rrc.cvc.uab.es/?ch=17", "see the origin", "train, validation, test",
     "info_qa", "", open_info_qa},
    {"math_vista", "MathVista, mathematics in pictures", "hub:AI4Math/MathVista", "see the origin",
     "validation, testmini, test", "vqa2, a_okvqa_mc", "", open_math_vista},
    {"mmmu", "MMMU, college exams in 30 subjects, the first picture of a question", "hub:MMMU/MMMU", "see the origin",
     "dev, validation, test", "vqa2, a_okvqa_mc", "", open_mmmu},
    {"mmmu_all_pictures", "MMMU, all pictures of a question", "hub:MMMU/MMMU", "see the origin",
     "dev, validation, test", "vqa2, a_okvqa_mc", "", open_mmmu},
    {"okvqa", "OK-VQA, questions that need knowledge", "https://okvqa.allenai.org", "see the origin",
     "train, validation", "okvqa", "", open_okvqa},
    {"pixmo_ask_model_anything", "PixMo-AskModelAnything, questions of people", "hub:allenai/pixmo-ask-model-anything",
     "ODC-BY-1.0", "train, validation", "user_qa", "pixmo-ask-model-anything", open_pixmo_ask},
    {"pixmo_cap", "PixMo-Cap, dense captions", "hub:allenai/pixmo-cap", "ODC-BY-1.0", "train, validation",
     "long_caption", "pixmo-cap", open_pixmo_cap},
    {"pixmo_cap_qa", "PixMo-CapQA, questions that a model wrote from captions", "hub:allenai/pixmo-cap-qa",
     "ODC-BY-1.0", "train, validation", "synthetic_qa", "pixmo-cap-qa", open_pixmo_cap_qa},
    {"pixmo_cap_with_transcripts", "PixMo-Cap, captions and what people said", "hub:allenai/pixmo-cap", "ODC-BY-1.0",
     "train, validation", "long_caption, transcript", "pixmo-cap", open_pixmo_cap},
    {"pixmo_count", "PixMo-Count, asked to point", "hub:allenai/pixmo-count", "ODC-BY-1.0", "train, validation, test",
     "pointing", "pixmo-count", open_pixmo_count},
    {"pixmo_count_counting", "PixMo-Count, asked to count", "hub:allenai/pixmo-count", "ODC-BY-1.0",
     "train, validation, test", "point_count", "pixmo-count", open_pixmo_count},
    {"pixmo_docs_charts", "PixMo-Docs, charts", "hub:allenai/pixmo-docs", "ODC-BY-1.0", "train, validation",
     "pixmo_docs_charts", "pixmo-docs", open_pixmo_docs},
    {"pixmo_docs_diagrams", "PixMo-Docs, diagrams", "hub:allenai/pixmo-docs", "ODC-BY-1.0", "train, validation",
     "pixmo_docs_diagrams", "pixmo-docs", open_pixmo_docs},
    {"pixmo_docs_other", "PixMo-Docs, other documents", "hub:allenai/pixmo-docs", "ODC-BY-1.0", "train, validation",
     "pixmo_docs_other", "pixmo-docs", open_pixmo_docs},
    {"pixmo_docs_tables", "PixMo-Docs, tables", "hub:allenai/pixmo-docs", "ODC-BY-1.0", "train, validation",
     "pixmo_docs_tables", "pixmo-docs", open_pixmo_docs},
    {"pixmo_pointing_explanations", "PixMo-Point-Explanations, answers that point",
     "hub:allenai/pixmo-point-explanations", "ODC-BY-1.0", "train, validation", "point_qa", "pixmo-point-explanations",
     open_pixmo_point_explanations},
    {"pixmo_points", "PixMo-Points, few points a picture", "hub:allenai/pixmo-points", "ODC-BY-1.0",
     "train, validation", "point_count", "pixmo-points", open_pixmo_points},
    {"pixmo_points_counting", "PixMo-Points, few points a picture, the other style", "hub:allenai/pixmo-points",
     "ODC-BY-1.0", "train, validation", "pointing", "pixmo-points", open_pixmo_points},
    {"pixmo_points_high_freq", "PixMo-Points, many points a picture", "hub:allenai/pixmo-points", "ODC-BY-1.0",
     "train, validation", "point_count", "pixmo-points", open_pixmo_points},
    {"pixmo_points_high_freq_counting", "PixMo-Points, many points a picture, the other style",
     "hub:allenai/pixmo-points", "ODC-BY-1.0", "train, validation", "pointing", "pixmo-points", open_pixmo_points},
    {"plot_qa", "PlotQA, questions about plots", "https://github.com/NiteshMethani/PlotQA", "see the origin",
     "train, validation, test", "plot_qa", "", open_plot_qa},
    {"pointing_eval", "PixMo-Points-Eval, the benchmark of pointing, with masks", "hub:allenai/pixmo-points-eval",
     "ODC-BY-1.0", "test", "pointing", "pixmo-points-eval", open_pixmo_points_eval},
    {"real_world_qa", "RealWorldQA", "hub:xai-org/RealworldQA", "see the origin", "test", "vqa2, a_okvqa_mc", "",
     open_real_world_qa},
    {"science_qa_img", "ScienceQA, questions with a picture", "hub:derek-thomas/ScienceQA", "see the origin",
     "train, validation, test", "science_qa", "", open_science_qa},
    {"st_qa", "ST-VQA, text in photographs", "https://rrc.cvc.uab.es/?ch=11", "see the origin",
     "train, validation, test", "st_qa", "", open_st_qa},
    {"tabwmp_da", "TabMWP, word problems about tables", "https://github.com/lupantech/PromptPG", "see the origin",
     "train, validation, test", "tabwmp_da", "", open_tabwmp},
    {"tally_qa", "TallyQA, counting", "https://github.com/manoja328/tallyqa", "see the origin", "train, test",
     "tally_qa", "", open_tally_qa},
    {"text_vqa", "TextVQA, text in photographs", "hub:facebook/textvqa", "CC BY 4.0", "train, validation, test",
     "text_vqa", "", open_text_vqa},
    {"vqa2", "VQAv2, one question at a time", "https://visualqa.org", "see the origin",
     "train, validation, test, test-dev", "vqa2", "", open_vqa2},
    {"vqa2_multi", "VQAv2, all questions about a picture", "https://visualqa.org", "see the origin",
     "train, validation, test, test-dev", "vqa2", "", open_vqa2},
};

}  // namespace

std::span<const DatasetEntry> dataset_entries() {
  return kEntries;
}

const DatasetEntry& find_dataset(std::string_view name) {
  for (const DatasetEntry& entry : kEntries) {
    if (entry.name == name) return entry;
  }
  std::vector<std::string> names;
  for (const DatasetEntry& entry : kEntries) names.emplace_back(entry.name);
  fail(ErrorCategory::InvalidArgument, "there is no data set '{}'.{} `molmo data list` names all of them.", name,
       did_you_mean(name, names));
}

std::shared_ptr<const Dataset> open_dataset(const DatasetSource& source) {
  return find_dataset(source.name).open(source);
}

std::string source_option(const DatasetSource& source, std::string_view key, std::span<const std::string_view> known) {
  std::string value;
  for (const std::string& option : source.options) {
    const size_t equals = option.find('=');
    const std::string name = option.substr(0, equals);
    if (equals == std::string::npos || std::find(known.begin(), known.end(), name) == known.end()) {
      const std::vector<std::string> names(known.begin(), known.end());
      fail(ErrorCategory::InvalidArgument, "{}: unknown option '{}', expected KEY=VALUE with one of: {}.{}",
           source.name, option, fmt::format("{}", fmt::join(names, ", ")), did_you_mean(name, names));
    }
    if (name == key) value = option.substr(equals + 1);
  }
  return value;
}

}  // namespace molmo::data
