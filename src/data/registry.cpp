#include "data/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "data/academic.h"

namespace molmo::data {

// One factory for each line, in the file of the set.
std::shared_ptr<const Dataset> open_jsonl(const DatasetSource& source);

namespace {

constexpr DatasetEntry kEntries[] = {
    {"jsonl", "Own data: one JSON object for each picture (docs/data.md)", "yours", "yours", open_jsonl},
    {"a_okvqa_da", "A-OKVQA, answered freely", "https://allenai.org/project/a-okvqa", "see the origin", open_a_okvqa},
    {"a_okvqa_mc", "A-OKVQA, with options", "https://allenai.org/project/a-okvqa", "see the origin", open_a_okvqa},
    {"ai2d", "AI2D, questions about diagrams, letters drawn in both ways",
     "https://prior.allenai.org/projects/diagram-understanding", "see the origin", open_ai2d},
    {"ai2d_opaque", "AI2D, letters in filled boxes", "https://prior.allenai.org/projects/diagram-understanding",
     "see the origin", open_ai2d},
    {"ai2d_transparent", "AI2D, letters beside transparent boxes",
     "https://prior.allenai.org/projects/diagram-understanding", "see the origin", open_ai2d},
    {"android_control", "AndroidControl, four conversations for each step", "gs://gresearch/android_control",
     "Apache-2.0", open_android_control},
    {"android_control_hl", "AndroidControl, given the goal", "gs://gresearch/android_control", "Apache-2.0",
     open_android_control},
    {"android_control_hl_cot", "AndroidControl, given the goal, answered with a plan", "gs://gresearch/android_control",
     "Apache-2.0", open_android_control},
    {"android_control_hl_ll", "AndroidControl, given goal and instruction", "gs://gresearch/android_control",
     "Apache-2.0", open_android_control},
    {"android_control_ll", "AndroidControl, given the instruction of the step", "gs://gresearch/android_control",
     "Apache-2.0", open_android_control},
    {"chart_qa", "ChartQA", "hub:HuggingFaceM4/ChartQA", "GPL-3.0", open_chart_qa},
    {"chart_qa_augmented", "ChartQA, questions of a program", "hub:HuggingFaceM4/ChartQA", "GPL-3.0", open_chart_qa},
    {"chart_qa_human", "ChartQA, questions of people", "hub:HuggingFaceM4/ChartQA", "GPL-3.0", open_chart_qa},
    {"chart_qa_weighted", "ChartQA, both kinds of questions with the same weight", "hub:HuggingFaceM4/ChartQA",
     "GPL-3.0", open_chart_qa},
    {"clock_bench", "Clocks in photographs and films", "https://github.com/charigyang/itsabouttime", "see the origin",
     open_clock_bench},
    {"countbench_qa", "CountBenchQA, how many things are in a picture", "hub:nielsr/countbench", "see the origin",
     open_countbench_qa},
    {"doc_qa", "DocVQA, questions about documents", "hub:HuggingFaceM4/DocumentVQA", "see the origin", open_doc_qa},
    {"dv_qa", "DVQA, questions about drawn bar charts", "https://github.com/kushalkafle/DVQA_dataset", "see the origin",
     open_dv_qa},
    {"figure_qa", "FigureQA, yes-or-no questions about drawn charts",
     "https://www.microsoft.com/en-us/research/project/figureqa-dataset", "see the origin", open_figure_qa},
    {"info_qa", "InfographicVQA", "https://rrc.cvc.uab.es/?ch=17", "see the origin", open_info_qa},
    {"math_vista", "MathVista, mathematics in pictures", "hub:AI4Math/MathVista", "see the origin", open_math_vista},
    {"mmmu", "MMMU, college exams in 30 subjects, the first picture of a question", "hub:MMMU/MMMU", "see the origin",
     open_mmmu},
    {"mmmu_all_pictures", "MMMU, all pictures of a question", "hub:MMMU/MMMU", "see the origin", open_mmmu},
    {"okvqa", "OK-VQA, questions that need knowledge", "https://okvqa.allenai.org", "see the origin", open_okvqa},
    {"plot_qa", "PlotQA, questions about plots", "https://github.com/NiteshMethani/PlotQA", "see the origin",
     open_plot_qa},
    {"real_world_qa", "RealWorldQA", "hub:xai-org/RealworldQA", "see the origin", open_real_world_qa},
    {"science_qa_img", "ScienceQA, questions with a picture", "hub:derek-thomas/ScienceQA", "see the origin",
     open_science_qa},
    {"st_qa", "ST-VQA, text in photographs", "https://rrc.cvc.uab.es/?ch=11", "see the origin", open_st_qa},
    {"tabwmp_da", "TabMWP, word problems about tables", "https://github.com/lupantech/PromptPG", "see the origin",
     open_tabwmp},
    {"tally_qa", "TallyQA, counting", "https://github.com/manoja328/tallyqa", "see the origin", open_tally_qa},
    {"text_vqa", "TextVQA, text in photographs", "hub:facebook/textvqa", "CC BY 4.0", open_text_vqa},
    {"vqa2", "VQAv2, one question at a time", "https://visualqa.org", "see the origin", open_vqa2},
    {"vqa2_multi", "VQAv2, all questions about a picture", "https://visualqa.org", "see the origin", open_vqa2},
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
