// pixmo_rows.json: rows of PixMo, grouped by picture where the data are, to examples and texts; grouping.json: rows to
// records.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/formatting_case.h"
#include "data/pixmo.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::conformance {
namespace {

using config::Quirks;
using data::CapMode;
using data::Row;

// The prefixes of the document, and its other choices.
struct Chance {
  explicit Chance(const Json& document) {
    if (document.contains("no_point_prefix")) prefixes = {document["no_point_prefix"].get<std::string>()};
  }
  data::NoPointing no_pointing() {
    return {prefixes.empty() ? data::builtin_no_pointing_prefixes() : std::span<const std::string>(prefixes), draws};
  }
  std::vector<std::string> prefixes;
  GivenDraws draws;
};

CapMode cap_mode(const std::string& name) {
  if (name == "captions") return CapMode::Captions;
  if (name == "transcripts") return CapMode::Transcripts;
  if (name == "transcript1_and_caption") return CapMode::FirstTranscriptAndCaption;
  if (name == "transcript_and_caption") return CapMode::TranscriptAndCaption;
  fail(ErrorCategory::BadData, "PixMo-Cap has no mode '{}'", name);
}

std::string docs_style(const Json& params) {
  const auto kind = params.at("doc_type").get<std::string>();
  return params.value("v1_style", false) ? std::string(data::pixmo_docs_old_style(kind)) : "pixmo_docs_" + kind;
}

Json point_explanations(const Row& record, const Json& params) {
  const size_t size = record.list("question").size();
  const size_t middle = params.value("split_groups", true) ? data::point_explanations_split(size) : size;
  if (params.value("part", 0) == 0) return data::pixmo_point_explanations_example(record, 0, middle);
  return data::pixmo_point_explanations_example(record, middle, size);
}

Json example_of(const std::string& dataset, const Json& params, const Row& row, Chance& chance) {
  const auto is = [&](std::string_view name) { return dataset.starts_with(name); };
  if (is("PixMo-CapQA")) {
    if (!params.value("prefix_how_many", true)) chance.prefixes = {""};
    return data::pixmo_cap_qa_example(row, "synthetic_qa", chance.no_pointing(), Quirks::Reference);
  }
  if (is("PixMo-Cap"))
    return data::pixmo_cap_example(row, cap_mode(params.value("mode", std::string("captions"))), chance.draws);
  if (is("PixMo-AskModelAnything")) {
    if (!params.value("prefix_how_many", true)) chance.prefixes = {""};
    return data::pixmo_ask_example(row, chance.no_pointing());
  }
  if (is("PixMo-Points-Eval")) return data::pixmo_points_eval_example(row);
  if (is("PixMo-Points")) return data::pixmo_points_example(row, params.at("style").get<std::string>());
  if (is("PixMo-Point-Explanations")) return point_explanations(row, params);
  if (is("PixMo-Count")) {
    const std::string style = params.value("counting", false) ? "point_count" : "pointing";
    return data::pixmo_count_example(row, style, /*has_points=*/is("PixMo-Count train"));
  }
  if (is("PixMo-Docs")) return data::pixmo_docs_example(row, docs_style(params));
  if (is("PixMo-Clocks")) return data::pixmo_clocks_example(row);
  fail(ErrorCategory::BadData, "there is no data set '{}' in PixMo", dataset);
}

Json format_row(const Json& document, const Json& item) {
  const auto dataset = item.at("dataset").get<std::string>();
  const bool is_evaluation = dataset == "PixMo-Count eval" || dataset == "PixMo-Points-Eval";
  const auto purpose = item.value("for_inference", is_evaluation) ? text::Purpose::Inference : text::Purpose::Training;
  try {
    const Row row(item.at("row"), item.value("id", dataset));
    Chance chance(document);
    const Json fields = example_of(dataset, item.value("params", Json::object()), row, chance);
    text::Example example = data::make_example(fields, row.where(), {}, row.where()).text;
    if (dataset.starts_with("PixMo-Count")) {
      example.annotations.at(0).point_precision = text::PointPrecision::F32;
      if (row.has("image_hw")) {
        const auto size = row.value("image_hw").get<std::array<int64_t, 2>>();
        example.image_size = ImageSize{size[0], size[1]};
      }
    }
    return {{"example", fields}, {"released_text", released_text(document, example, purpose)}};
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

// Records of the pictures that are there, in the order in which these appear first.
Json group(const Json& item) {
  const Json& available = item.at("available");
  std::vector<std::string> urls;
  std::vector<std::vector<Json>> groups;
  for (const Json& row : item.at("rows")) {
    const auto url = row.at("image_url").get<std::string>();
    if (!available.contains(url)) continue;
    const auto found = std::ranges::find(urls, url);
    if (found == urls.end()) {
      urls.push_back(url);
      groups.emplace_back();
    }
    groups[static_cast<size_t>(std::ranges::find(urls, url) - urls.begin())].push_back(row);
  }
  Json records = Json::array();
  for (size_t i = 0; i < urls.size(); ++i) {
    records.push_back(
        data::group_rows(groups[i], available[urls[i]].get<std::string>(), item.at("check_sha").get<bool>()));
  }
  return records;
}

}  // namespace

void answer_pixmo_rows(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, format_row);
}

void answer_grouping(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return group(item); });
}

}  // namespace molmo::conformance
