// Questions and scores of the published benchmarks. References have the input fields of the metric's fixture
// (tests/fixtures/metrics), so that predictions can be scored from references.jsonl alone.
#pragma once

#include "eval/benchmark.h"

namespace molmo::eval {

// Every annotation of an example is a question. Its reference has the question, `answers`, the options as the prompt
// names them (`option_names`, `options`, `answer_idx`), and everything of the example's metadata.
std::vector<Question> ask_annotations(const data::Example& example);
// The same with `count`; `label` is phrased by a template.
std::vector<Question> ask_pixmo_count(const data::Example& example);
// PixMo-Points-Eval: points in pixels, masks.
std::vector<Question> ask_pointing_eval(const data::Example& example);

// A dense caption; `references` are what people said about the picture.
std::vector<Question> ask_dense_caption(const data::Example& example);

ItemScores score_vqa(const Json& reference, std::string_view answer, config::Quirks quirks);      // vqa_score
ItemScores score_a_okvqa(const Json& reference, std::string_view answer, config::Quirks quirks);  // a_okvqa_score
ItemScores score_exact(const Json& reference, std::string_view answer, config::Quirks quirks);    // em
ItemScores score_anls(const Json& reference, std::string_view answer, config::Quirks quirks);     // anls, em
ItemScores score_chart(const Json& reference, std::string_view answer, config::Quirks quirks);    // relaxed, em
ItemScores score_option(const Json& reference, std::string_view answer, config::Quirks quirks);   // mc
ItemScores score_ai2d(const Json& reference, std::string_view answer,
                      config::Quirks quirks);  // mc_transparent, mc_opaque
ItemScores score_mmmu(const Json& reference, std::string_view answer, config::Quirks quirks);  // mmmu_score
ItemScores score_real_world(const Json& reference, std::string_view answer,
                            config::Quirks quirks);  // real_world_qa_score
ItemScores score_math_vista(const Json& reference, std::string_view answer, config::Quirks quirks);  // math_vista_score
ItemScores score_clock_train(const Json& reference, std::string_view answer, config::Quirks quirks);  // eval/readings.h
ItemScores score_clock_bench(const Json& reference, std::string_view answer, config::Quirks quirks);
ItemScores score_dense_caption(const Json& reference, std::string_view answer,
                               config::Quirks quirks);  // recall, precision, f1 of the built-in judge
ItemScores score_android(const Json& reference, std::string_view answer, config::Quirks quirks);  // accuracy

}  // namespace molmo::eval
