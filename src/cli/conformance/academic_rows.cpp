// academic_rows.json: rows of the academic sets to examples and texts; android_encoding.json: actions and boxes.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/formatting_case.h"
#include "data/academic.h"
#include "data/android_action.h"

namespace molmo::conformance {
namespace {

using config::Quirks;
using data::AndroidMode;
using data::RealWorldMode;
using data::Row;

template <class T>
T param(const Json& params, const char* name, T fallback) {
  return params.is_object() ? params.value(name, std::move(fallback)) : fallback;
}

AndroidMode android_mode(const std::string& name) {
  if (name == "ll") return AndroidMode::LowLevel;
  if (name == "hl") return AndroidMode::HighLevel;
  if (name == "hl_ll") return AndroidMode::HighAndLowLevel;
  if (name == "hl_cot") return AndroidMode::HighLevelWithPlan;
  return AndroidMode::All;
}

RealWorldMode real_world_mode(const std::string& name) {
  if (name == "no_instruction") return RealWorldMode::NoInstruction;
  if (name == "vqa_style_tag") return RealWorldMode::VqaStyleTag;
  if (name == "plain") return RealWorldMode::Plain;
  fail(ErrorCategory::BadData, "RealWorldQA has no mode '{}'", name);
}

// The set's own function for the row, with the choices that the fixture's `params` name.
Json example_of(const std::string& dataset, const Json& params, const Row& row) {
  if (dataset == "A-OKVQA") return data::a_okvqa_example(row, param(params, "direct_answer", false));
  if (dataset == "AI2D") return data::ai2d_example(row);
  if (dataset == "AndroidControl") {
    return data::android_control_example(row, android_mode(param(params, "mode", std::string("all"))));
  }
  if (dataset == "ChartQA") return data::chart_qa_example(row, param(params, "weighted", false), Quirks::Reference);
  if (dataset == "ClockBench") return data::clock_bench_example(row);
  if (dataset == "CountBenchQA") return data::countbench_qa_example(row);
  if (dataset == "DocVQA" || dataset == "DocQA") return data::doc_qa_example(row);
  if (dataset == "DVQA" || dataset == "DvQA") return data::dv_qa_example(row);
  if (dataset == "FigureQA") return data::figure_qa_example(row);
  if (dataset == "InfoVQA" || dataset == "InfoQA") return data::info_qa_example(row);
  if (dataset == "MathVista") return data::math_vista_example(row);
  if (dataset == "MMMU") return data::mmmu_example(row);
  if (dataset == "OK-VQA") return data::okvqa_example(row);
  if (dataset == "PlotQA") return data::plot_qa_example(row);
  if (dataset == "RealWorldQA") {
    return data::real_world_qa_example(row, real_world_mode(param(params, "mode", std::string("no_instruction"))));
  }
  if (dataset == "ScienceQA") return data::science_qa_example(row, Quirks::Reference);
  if (dataset == "ST-VQA") return data::st_qa_example(row);
  if (dataset == "TabMWP") return data::tabwmp_example(row, param(params, "include_options", false));
  if (dataset == "TallyQA") return data::tally_qa_example(row);
  if (dataset == "TextVQA") return data::text_vqa_example(row);
  if (dataset == "VQA v2") return data::vqa2_example(row);
  if (dataset == "VQA v2 multi-question") return data::vqa2_multi_example(row);
  fail(ErrorCategory::BadData, "there is no data set '{}' in this program", dataset);
}

Json format_row(const Json& document, const Json& item) {
  const auto purpose = item.value("for_inference", false) ? text::Purpose::Inference : text::Purpose::Training;
  const auto dataset = item.at("dataset").get<std::string>();
  try {
    const Json params = item.value("params", Json::object());
    const Row row(item.at("row"), item.value("id", dataset));
    const Json example = example_of(dataset, params, row);
    if (dataset == "MMMU" && params.contains("keeps_image") && params["keeps_image"] != data::mmmu_keeps_picture(row)) {
      fail(ErrorCategory::BadData, "{}: 'keeps_image' is {}, computed otherwise", row.where(),
           params["keeps_image"].dump());
    }
    const auto parsed = data::make_example(example, row.where(), {}, row.where());
    return {{"example", example}, {"released_text", released_text(document, parsed.text, purpose)}};
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

Json box_json(const data::PixelBox& box) {
  return {box.left, box.top, box.right, box.bottom};
}

// What the preparation of AndroidControl makes of an action, a click or the name of an app.
Json encode_android(const Json& item) {
  const auto kind = item.at("kind").get<std::string>();
  if (kind == "app_box") {
    const auto box =
        data::app_box(item.at("tree").get<std::string>(), item.at("app").get<std::string>(), Quirks::Reference);
    return {{"box", box ? box_json(*box) : Json("")}};
  }
  const ImageSize screen = {item.at("height").get<int64_t>(), item.at("width").get<int64_t>()};
  if (kind == "action") {
    const std::string action = data::action_text(item.at("action"), "action");
    return {{"raw", action}, {"scaled", data::scaled_action(action, screen)}};
  }
  std::vector<data::PixelBox> boxes;
  for (const auto& box : item.at("boxes").get<std::vector<std::array<int64_t, 4>>>()) {
    boxes.push_back({box[0], box[1], box[2], box[3]});
  }
  const auto point = item.at("point").get<std::array<int64_t, 2>>();
  const Json action = {{"action_type", "click"}, {"x", point[0]}, {"y", point[1]}};
  const auto box = data::click_box(data::action_text(action, "point"), boxes);
  if (!box) fail(ErrorCategory::BadData, "a click at {} has no box", item.at("point").dump());
  return {{"box", box_json(*box)}, {"scaled", parse_json(data::scaled_box(*box, screen), "box")}};
}

}  // namespace

void answer_academic_rows(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, format_row);
}

void answer_android_encoding(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return encode_android(item); });
}

}  // namespace molmo::conformance
