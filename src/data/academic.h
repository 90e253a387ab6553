// The academic sets of the fine-tuning mixture, and the benchmarks: how a row becomes an example.
//   Json fields = chart_qa_example(Row(columns, "row 7"), /*is_weighted=*/true, config::Quirks::Reference);
// A set is one file with two functions. One opens the published files (data/registry.h names it). The other takes a row
// with the columns that docs/data-academic.md lists and gives the example in the field names of the reference
// (olmo/data/academic_datasets.py), with `metadata` and `weight`; the reader passes it to make_example
// (data/row_dataset.h), and molmo-conformance compares it. All throw BadData, naming the row.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "config/quirks.h"
#include "data/registry.h"
#include "data/row.h"
#include "data/row_dataset.h"

namespace molmo::data {

enum class AndroidMode { LowLevel, HighLevel, HighAndLowLevel, HighLevelWithPlan, All };
enum class RealWorldMode { NoInstruction, VqaStyleTag, Plain };

Json a_okvqa_example(const Row& row, bool is_direct_answer);
Json ai2d_example(const Row& row);
Json android_control_example(const Row& row, AndroidMode mode);
Json chart_qa_example(const Row& row, bool is_weighted, config::Quirks quirks);
Json clock_bench_example(const Row& row);
Json countbench_qa_example(const Row& row);
Json doc_qa_example(const Row& row);
Json dv_qa_example(const Row& row);
Json figure_qa_example(const Row& row);
Json info_qa_example(const Row& row);
Json math_vista_example(const Row& row);
Json mmmu_example(const Row& row);
Json okvqa_example(const Row& row);
Json plot_qa_example(const Row& row);
Json real_world_qa_example(const Row& row, RealWorldMode mode);
Json science_qa_example(const Row& row, config::Quirks quirks);
Json st_qa_example(const Row& row);
Json tabwmp_example(const Row& row, bool has_options);
Json tally_qa_example(const Row& row);
Json text_vqa_example(const Row& row);
Json vqa2_example(const Row& row);        // one question
Json vqa2_multi_example(const Row& row);  // all questions about an image

std::shared_ptr<const Dataset> open_a_okvqa(const DatasetSource& source);          // _mc, _da
std::shared_ptr<const Dataset> open_ai2d(const DatasetSource& source);             // _opaque, _transparent
std::shared_ptr<const Dataset> open_android_control(const DatasetSource& source);  // _ll, _hl, _hl_ll, _hl_cot
std::shared_ptr<const Dataset> open_chart_qa(const DatasetSource& source);         // _weighted, _human, _augmented
std::shared_ptr<const Dataset> open_clock_bench(const DatasetSource& source);
std::shared_ptr<const Dataset> open_countbench_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_doc_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_dv_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_figure_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_info_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_math_vista(const DatasetSource& source);
std::shared_ptr<const Dataset> open_mmmu(const DatasetSource& source);  // _all_pictures
std::shared_ptr<const Dataset> open_okvqa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_plot_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_real_world_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_science_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_st_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_tabwmp(const DatasetSource& source);
std::shared_ptr<const Dataset> open_tally_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_text_vqa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_vqa2(const DatasetSource& source);  // _multi

// Whether the reference shows the picture of an MMMU question: not where two or more options are pictures.
bool mmmu_keeps_picture(const Row& row);

// All questions about an image, in the form of TallyQA, DVQA, FigureQA and PlotQA: a row whose column `questions` holds
// the lists `question` and `answer`. Answers that are numbers are written as the reference's language prints them.
Json grouped_questions(const Row& row, std::string_view style);

// A number as Python prints it: 3, 0.5, 12.0, 1e-05. A text stays as it is.
std::string python_text(const Json& value, std::string_view where);

}  // namespace molmo::data
