// The sets of PixMo: how a row, or the rows of one picture, become an example (reference: olmo/data/pixmo_datasets.py).
//   Json fields = pixmo_points_example(Row(record, "row 7"), "pointing");
// As in data/academic.h, a set is one file with two functions: one opens the published tables, the other makes of a
// record the example in the field names of the reference, which make_example() takes and molmo-conformance compares.
// A record is a row of the table, or, of the sets that say "grouped", group_rows() of data/pixmo.h. All throw BadData,
// naming the row.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "config/quirks.h"
#include "data/registry.h"
#include "data/row.h"
#include "text/prompt.h"

namespace molmo::data {

// Where the request not to point comes from that questions about a number carry.
struct NoPointing {
  std::span<const std::string> prefixes;
  text::PromptDraws& draws;
};
std::span<const std::string> builtin_no_pointing_prefixes();

// A prefix for a question that begins with "how many", in any case and without a line break; "" for others.
std::string no_pointing_prefix(std::string_view question, const NoPointing& no_pointing);

enum class CapMode { Captions, Transcripts, TranscriptAndCaption, FirstTranscriptAndCaption };

Json pixmo_cap_example(const Row& row, CapMode mode, text::PromptDraws& draws);
// Grouped. Older tables have no `messages`: question and answer are one turn then. With the reference's quirk the
// prefix replaces a later question by the first message.
Json pixmo_cap_qa_example(const Row& record, std::string_view style, const NoPointing& no_pointing,
                          config::Quirks quirks);
Json pixmo_ask_example(const Row& record, const NoPointing& no_pointing);  // grouped
Json pixmo_points_example(const Row& record, std::string_view style);      // grouped
// Grouped; the conversations [first, end).
Json pixmo_point_explanations_example(const Row& record, size_t first, size_t end);
Json pixmo_docs_example(const Row& row, std::string_view style);
// The style of an older release, by the kind of picture: charts, tables, diagrams, other.
std::string_view pixmo_docs_old_style(std::string_view kind);
Json pixmo_clocks_example(const Row& row);
// Points are in pixels, in float32; only training has them.
Json pixmo_count_example(const Row& row, std::string_view style, bool has_points);
Json pixmo_points_eval_example(const Row& row);

// Of `size` conversations about a picture, where a second example begins: in the middle, the first one the longer.
// `size` where there is only one example.
size_t point_explanations_split(size_t size);

std::shared_ptr<const Dataset> open_pixmo_cap(const DatasetSource& source);  // _with_transcripts
std::shared_ptr<const Dataset> open_pixmo_cap_qa(const DatasetSource& source);
std::shared_ptr<const Dataset> open_pixmo_ask(const DatasetSource& source);
std::shared_ptr<const Dataset> open_pixmo_points(
    const DatasetSource& source);  // _counting, _high_freq, _high_freq_counting
std::shared_ptr<const Dataset> open_pixmo_point_explanations(const DatasetSource& source);
std::shared_ptr<const Dataset> open_pixmo_docs(const DatasetSource& source);  // _charts, _tables, _diagrams, _other
std::shared_ptr<const Dataset> open_pixmo_clocks(const DatasetSource& source);
std::shared_ptr<const Dataset> open_pixmo_count(const DatasetSource& source);  // _counting
std::shared_ptr<const Dataset> open_pixmo_points_eval(const DatasetSource& source);

// [{"x": 1, "y": 2}, ...] as [[1, 2], ...]
Json point_pairs(const Json& points, std::string_view where);

}  // namespace molmo::data
