#include "eval/counterparts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/diagram_labels.h"
#include "data/pixmo_sets.h"
#include "eval/drawn_options.h"
#include "eval/masks.h"
#include "synth/synth_dataset.h"

namespace molmo::eval {
namespace {

using data::Row;
using Strings = std::vector<std::string>;

// ---- AI2D: letters in place of the boxes of a diagram ----

struct Node {
  std::string name;
  data::DiagramLabel label;
};

std::vector<Node> diagram_nodes(const Drawn& drawn) {
  std::vector<Node> nodes;
  for (const Json& node : drawn.truth().at("nodes")) {
    const auto box = node.at("box").get<std::vector<double>>();
    const auto at = [&](double a, double b) { return static_cast<int64_t>(a + (b - a) * 0.15); };
    nodes.push_back({node.at("name").get<std::string>(),
                     {at(box[0], box[2]), at(box[1], box[3]), at(box[2], box[0]), at(box[3], box[1]),
                      option_letter(static_cast<int64_t>(nodes.size()))}});
  }
  return nodes;
}

// The question about letters instead of names; false where the answer is none of the boxes.
bool ask_about_letters(Drawn& drawn, data::LabelRendering rendering) {
  std::vector<Node> nodes = diagram_nodes(drawn);
  const auto right = std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.name == drawn.answer; });
  if (right == nodes.end() || nodes.size() < 3) return false;
  drawn.answer = right->label.letter;
  std::vector<data::DiagramLabel> labels;
  for (const Node& node : nodes) labels.push_back(node.label);
  // The longest names first: one may be part of another.
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const Node& a, const Node& b) { return a.name.size() > b.name.size(); });
  for (const Node& node : nodes) {
    const size_t at = drawn.question.find(node.name);
    if (at != std::string::npos) drawn.question.replace(at, node.name.size(), node.label.letter);
  }
  const image::Image& picture = *drawn.example.pictures.front().pixels;
  drawn.example.pictures = {{.pixels = std::make_shared<const image::Image>(draw_labels(picture, labels, rendering))}};
  return true;
}

Json ai2d(Drawn& drawn) {
  // Without letters, in filled boxes, without, in transparent ones.
  const bool is_transparent = drawn.index % 4 == 3;
  const auto rendering = is_transparent ? data::LabelRendering::Transparent : data::LabelRendering::Opaque;
  const bool has_letters = drawn.index % 2 == 1 && ask_about_letters(drawn, rendering);
  Choice choice;
  if (has_letters) {
    constexpr int64_t kMostLetters = 4;
    const int64_t right = drawn.answer[0] - 'A', count = std::ssize(drawn.truth().at("nodes"));
    const int64_t first = std::clamp<int64_t>(right - 1, 0, std::max<int64_t>(0, count - kMostLetters));
    for (int64_t i = first; i < std::min(count, first + kMostLetters); ++i) choice.options.push_back(option_letter(i));
    choice.right = right - first;
  } else {
    choice = offer_options(drawn);
  }
  const Json row = {
      {"question", drawn.question},     {"answer_texts", choice.options},
      {"correct_answer", choice.right}, {"option_is_abc", std::vector<bool>(choice.options.size(), has_letters)},
      {"abc_label", has_letters},       {"has_transparent_box", has_letters && is_transparent},
      {"question_id", drawn.where()},   {"image_id", drawn.index}};
  return data::ai2d_example(Row(row, drawn.where()));
}

// ---- The other sets, in the columns that docs/data-academic.md lists ----

Json chart_qa(Drawn& drawn) {
  // Every other question counts as a person's.
  const Json row = {{"query", drawn.question}, {"label", drawn.people(1)}, {"human_or_machine", drawn.index % 2}};
  return data::chart_qa_example(Row(row, drawn.where()), /*is_weighted=*/false, config::Quirks::Fixed);
}

Json vqa2(Drawn& drawn) {
  const Json row = {{"question", drawn.question},
                    {"answers", drawn.people(10)},
                    {"image_id", drawn.index},
                    {"question_id", drawn.index}};
  return data::vqa2_example(Row(row, drawn.where()));
}

Json document_columns(const Drawn& drawn) {
  return {{"question", drawn.question}, {"answers", drawn.people(1)}, {"docId", drawn.index},
          {"question_id", drawn.index}, {"questionId", drawn.index},  {"image_id", drawn.where()},
          {"flickr_300k_url", "drawn"}};
}

Json doc_qa(Drawn& drawn) {
  const Json row = document_columns(drawn);
  return data::doc_qa_example(Row(row, drawn.where()));
}

Json info_qa(Drawn& drawn) {
  const Json row = document_columns(drawn);
  return data::info_qa_example(Row(row, drawn.where()));
}

Json st_qa(Drawn& drawn) {
  const Json row = document_columns(drawn);
  return data::st_qa_example(Row(row, drawn.where()));
}

Json text_vqa(Drawn& drawn) {
  Json row = document_columns(drawn);
  row["answers"] = drawn.people(10);
  return data::text_vqa_example(Row(row, drawn.where()));
}

Json real_world_qa(Drawn& drawn) {
  Json row = {{"question", drawn.question + "\nPlease answer directly with a single word or number."},
              {"answer", drawn.answer}};
  if (!is_whole_number(drawn.answer)) {
    const Choice choice = offer_options(drawn);
    std::string prompt = drawn.question + "\n";
    for (size_t i = 0; i < choice.options.size(); ++i)
      prompt += fmt::format("\n{}. {}", option_letter(static_cast<int64_t>(i)), choice.options[i]);
    row = {
        {"question", prompt + "\nPlease answer directly with only the letter of the correct option and nothing else."},
        {"answer", option_letter(choice.right)}};
  }
  return data::real_world_qa_example(Row(row, drawn.where()), data::RealWorldMode::NoInstruction);
}

Json mmmu(Drawn& drawn) {
  const bool is_open = is_whole_number(drawn.answer);
  const Choice choice = is_open ? Choice{} : offer_options(drawn);
  const Json row = {{"id", fmt::format("test_{}_{}", drawn.truth().value("figure", "figure"), drawn.index)},
                    {"question", "<image 1> " + drawn.question},
                    {"options", dump_json(Json(choice.options))},  // a list of texts reads the same in Python
                    {"answer", is_open ? drawn.answer : option_letter(choice.right)},
                    {"question_type", is_open ? "open" : "multiple-choice"}};
  return data::mmmu_example(Row(row, drawn.where()));
}

Json math_vista(Drawn& drawn) {
  const bool is_free = is_whole_number(drawn.answer);
  const Choice choice = is_free ? Choice{} : offer_options(drawn);
  const Json row = {{"question", drawn.question},
                    {"pid", drawn.where()},
                    {"answer", drawn.answer},
                    {"precision", nullptr},
                    {"choices", is_free ? Json(nullptr) : Json(choice.options)},
                    {"question_type", is_free ? "free_form" : "multi_choice"},
                    {"answer_type", is_free ? "integer" : "text"}};
  return data::math_vista_example(Row(row, drawn.where()));
}

const text::Annotation& first_annotation(const Drawn& drawn) {
  return drawn.example.text.annotations.at(0);
}

Json countbench_qa(Drawn& drawn) {
  const Json row = {{"question", fmt::format("How many {} are there in the image?", *first_annotation(drawn).label)},
                    {"count", first_annotation(drawn).points.value().size()},
                    {"example_id", drawn.index},
                    {"image_url", "drawn"}};
  return data::countbench_qa_example(Row(row, drawn.where()));
}

Json pixmo_count(Drawn& drawn) {
  const Json row = {{"label", *first_annotation(drawn).label},
                    {"count", first_annotation(drawn).points.value().size()},
                    {"image_url", "drawn"}};
  return data::pixmo_count_example(Row(row, drawn.where()), "point_count", /*has_points=*/false);
}

Json pointing(Drawn& drawn) {
  const image::Image& objects = *drawn.example.label_map.value().pixels;
  Json points = Json::array(), masks = Json::array();
  for (const auto& [x, y] : first_annotation(drawn).points.value()) {
    points.push_back({{"x", x}, {"y", y}});
    masks.push_back(mask_rows(object_mask(objects, to_px(PointPct{x, y}, objects.size))));
  }
  const Json row = {
      {"label", *first_annotation(drawn).label}, {"points", points}, {"masks", masks}, {"image_url", "drawn"}};
  return data::pixmo_points_eval_example(Row(row, drawn.where()));
}

Json clock_bench(Drawn& drawn) {
  const Json row = {
      {"hour", drawn.truth().at("hour")}, {"minute", drawn.truth().at("minute")}, {"image_id", drawn.where()}};
  return data::clock_bench_example(Row(row, drawn.where()));
}

Json clocks(Drawn& drawn) {
  const Json row = {{"hour_visible", drawn.truth().at("hour")},
                    {"minute_visible", drawn.truth().at("minute")},
                    {"second_visible", drawn.truth().at("second")},
                    {"example_id", drawn.where()},
                    {"text", drawn.answer}};
  return data::pixmo_clocks_example(Row(row, drawn.where()));
}

Json android_columns(const Drawn& drawn) {
  Json row = drawn.truth().at("tasks").at(0);
  const Json& box = row["target_box"];
  row["target_box"] = box.is_null() ? ""
                                    : fmt::format("[{:.1f}, {:.1f}, {:.1f}, {:.1f}]", box[0].get<double>(),
                                                  box[1].get<double>(), box[2].get<double>(), box[3].get<double>());
  return row;
}

Json android_low_level(Drawn& drawn) {
  const Json row = android_columns(drawn);
  return data::android_control_example(Row(row, drawn.where()), data::AndroidMode::HighAndLowLevel);
}

Json android_high_level(Drawn& drawn) {
  const Json row = android_columns(drawn);
  return data::android_control_example(Row(row, drawn.where()), data::AndroidMode::HighLevel);
}

Json a_okvqa(Drawn& drawn, bool is_direct_answer) {
  Json row = {{"question", drawn.question}, {"metadata", {{"example_id", drawn.where()}}}};
  if (is_direct_answer) {
    row["answers"] = drawn.people(10);
  } else {
    const Choice choice = offer_options(drawn);
    row["options"] = choice.options;
    row["answer_idx"] = choice.right;
  }
  return data::a_okvqa_example(Row(row, drawn.where()), is_direct_answer);
}

Json a_okvqa_da(Drawn& drawn) {
  return a_okvqa(drawn, /*is_direct_answer=*/true);
}

Json a_okvqa_mc(Drawn& drawn) {
  return a_okvqa(drawn, /*is_direct_answer=*/false);
}

Json okvqa(Drawn& drawn) {
  Json answers = Json::array();
  for (const std::string& answer : drawn.people(10)) answers.push_back({{"raw_answer", answer}});
  const Json row = {{"question", drawn.question}, {"answers", answers}, {"question_id", drawn.index}};
  return data::okvqa_example(Row(row, drawn.where()));
}

Json science_qa(Drawn& drawn) {
  const Choice choice = offer_options(drawn);
  const Json row = {{"question", drawn.question}, {"hint", ""}, {"answer", choice.right}, {"choices", choice.options}};
  return data::science_qa_example(Row(row, drawn.where()), config::Quirks::Fixed);
}

Json tabwmp(Drawn& drawn) {
  const Json row = {{"question", drawn.question}, {"answer", drawn.answer}, {"example_id", drawn.index}};
  return data::tabwmp_example(Row(row, drawn.where()), /*has_options=*/false);
}

Json tally_qa(Drawn& drawn) {
  Json questions = Json::array(), answers = Json::array();
  for (const text::Annotation& annotation : drawn.example.text.annotations) {
    questions.push_back(*annotation.question);
    answers.push_back(plain_answer(annotation));
  }
  const Json row = {{"questions", {{"question", questions}, {"answer", answers}}}, {"image_id", drawn.index}};
  return data::tally_qa_example(Row(row, drawn.where()));
}

Json dense_cap(Drawn& drawn) {
  Strings references;
  for (const text::Annotation& annotation : drawn.example.text.annotations)
    references.push_back(annotation.text.value());
  const Json row = {{"caption", references[0]}, {"transcripts", references}, {"image_url", "drawn"}};
  text::StreamDraws draws(drawn.draws);
  return data::pixmo_cap_example(Row(row, drawn.where()), data::CapMode::Transcripts, draws);
}

struct Counterpart {
  std::string_view dataset;
  Strings options;
  Json (*fields)(Drawn& drawn);  // in the names of the reference, as the readers of the published set make them
};

const Counterpart& find_counterpart(std::string_view benchmark) {
  const Strings scene = {"questions=1", "question_forms=[exists, count, color, relation, most]"};
  const auto pages = [](std::string_view figures) {
    return Strings{"questions=1", fmt::format("figures=[{}]", figures)};
  };
  static const std::map<std::string_view, Counterpart> kCounterparts = {
      {"ai2d", {"synth:docs", pages("diagrams"), ai2d}},
      {"chart_qa", {"synth:docs", pages("charts"), chart_qa}},
      {"vqa2", {"synth:ask", scene, vqa2}},
      {"doc_qa", {"synth:docs", pages("receipt, form, letter, table"), doc_qa}},
      {"info_qa", {"synth:docs", pages("poster, slide, pie, table"), info_qa}},
      {"text_vqa", {"synth:docs", pages("poster, screen, slide"), text_vqa}},
      {"real_world_qa", {"synth:ask", scene, real_world_qa}},
      {"mmmu", {"synth:docs", {"questions=1"}, mmmu}},
      {"math_vista", {"synth:docs", pages("charts, tables"), math_vista}},
      {"countbench_qa", {"synth:count", {"min_objects=2", "max_objects=10"}, countbench_qa}},
      {"pixmo_count", {"synth:count", {"min_objects=2", "max_objects=10"}, pixmo_count}},
      {"pointing", {"synth:points", {"labels=objects", "questions=1", "absent_share=0", "min_objects=1"}, pointing}},
      {"dense_cap", {"synth:cap", {"transcripts=1"}, dense_cap}},
      {"clock_bench_coco", {"synth:clocks", {}, clock_bench}},
      {"clock_bench_openimg", {"synth:clocks", {"seed=1"}, clock_bench}},
      {"clock_bench_movies", {"synth:clocks", {"seed=2"}, clock_bench}},
      {"clocks", {"synth:clocks", {"seed=3"}, clocks}},
      {"android_control_ll", {"synth:android", {"questions=4", "vary_aspect=true"}, android_low_level}},
      {"android_control_hl", {"synth:android", {"questions=4", "vary_aspect=true"}, android_high_level}},
      {"a_okvqa_da", {"synth:ask", scene, a_okvqa_da}},
      {"a_okvqa_mc", {"synth:ask", scene, a_okvqa_mc}},
      {"okvqa", {"synth:ask", scene, okvqa}},
      {"science_qa", {"synth:docs", pages("diagrams, tables"), science_qa}},
      {"tabwmp", {"synth:docs", pages("table"), tabwmp}},
      {"st_qa", {"synth:docs", pages("poster, receipt"), st_qa}},
      {"tally_qa", {"synth:ask", {"questions=3", "question_forms=[count]"}, tally_qa}},
  };
  const auto found = kCounterparts.find(benchmark);
  if (found == kCounterparts.end()) fail(ErrorCategory::Internal, "'{}' has no drawn counterpart", benchmark);
  return found->second;
}

}  // namespace

std::shared_ptr<const data::Dataset> open_counterpart(std::string_view benchmark,
                                                      const std::vector<std::string>& options) {
  const Counterpart& counterpart = find_counterpart(benchmark);
  Strings all = counterpart.options;
  all.insert(all.end(), options.begin(), options.end());
  const auto pictures = synth::open_any_dataset(
      {.name = std::string(counterpart.dataset), .path = {}, .split = "test", .options = std::move(all)});
  const std::string name(benchmark);
  const auto read = [name, pictures, &counterpart](size_t index, RandomStream& draws) {
    Drawn drawn{.example = pictures->example(index, draws),
                .index = index,
                .draws = RandomStream(0, name, index),
                .question = {},
                .answer = {}};
    const auto& annotations = drawn.example.text.annotations;
    if (!annotations.empty()) {
      drawn.question = annotations[0].question.value_or("");
      drawn.answer = plain_answer(annotations[0]);
    }
    const Json fields = counterpart.fields(drawn);
    return data::make_example(fields, fmt::format("{}-{}", name, index), drawn.example.pictures, drawn.where());
  };
  return data::make_dataset({.name = name, .path = {}}, pictures->size(), read);
}

}  // namespace molmo::eval
