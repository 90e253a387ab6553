#include "eval/paper_table.h"

#include <algorithm>
#include <iterator>

namespace molmo::eval {
namespace {

constexpr PaperColumn kColumns[kNumEleven] = {
    {"ai2d", "AI2D"},
    {"chart_qa", "ChartQA"},
    {"vqa2", "VQA v2"},
    {"doc_qa", "DocVQA"},
    {"info_qa", "InfoVQA"},
    {"text_vqa", "TextVQA"},
    {"real_world_qa", "RealWorldQA"},
    {"mmmu", "MMMU"},
    {"math_vista", "MathVista"},
    {"countbench_qa", "CountBenchQA"},
    {"pixmo_count", "PixMo-Count"},
};

constexpr PaperRow kRows[] = {
    {"MolmoE-1B", {86.4, 78.0, 83.9, 77.7, 53.9, 78.8, 60.4, 34.9, 34.0, 87.2, 79.6}, 68.6},
    {"Molmo-7B-O", {90.7, 80.4, 85.3, 90.8, 70.0, 80.4, 67.5, 39.3, 44.5, 89.0, 83.3}, 74.6},
    {"Molmo-7B-D", {93.2, 84.1, 85.6, 92.2, 72.6, 81.7, 70.7, 45.3, 51.6, 88.5, 84.8}, 77.3},
    {"Molmo-72B", {96.3, 87.3, 86.5, 93.5, 81.9, 83.1, 75.2, 54.1, 58.6, 91.2, 85.2}, 81.2},
    {"GPT-4V", {89.4, 78.1, 77.2, 87.2, 75.1, 78.0, 61.4, 63.1, 58.1, 69.9, 45.0}, 71.1},
    {"GPT-4o-0513", {94.2, 85.7, 78.7, 92.8, 79.2, 77.4, 75.4, 69.1, 63.8, 87.9, 59.6}, 78.5},
    {"Gemini 1.5 Flash", {91.7, 85.4, 80.1, 89.9, 75.3, 78.7, 67.5, 56.1, 58.4, 81.6, 61.1}, 75.1},
    {"Gemini 1.5 Pro", {94.4, 87.2, 80.2, 93.1, 81.0, 78.7, 70.4, 62.2, 63.9, 85.8, 64.3}, 78.3},
    {"Claude 3.5 Sonnet", {94.7, 90.8, 70.7, 95.2, 74.3, 74.1, 60.1, 68.3, 67.7, 89.7, 58.3}, 76.7},
    {"Qwen2-VL-7B", {83.0, 83.0, 82.9, 94.5, 76.5, 84.3, 70.1, 54.1, 58.2, 76.5, 48.0}, 73.7},
    {"Qwen2-VL-72B", {88.1, 88.3, 81.9, 96.5, 84.5, 85.5, 77.8, 64.5, 70.5, 80.4, 55.7}, 79.4},
    {"InternVL2-8B", {83.8, 83.3, 76.7, 91.6, 74.8, 77.4, 64.2, 51.2, 58.3, 57.8, 43.9}, 69.4},
    {"InternVL2-76B", {87.6, 88.4, 85.6, 94.1, 82.0, 84.4, 72.7, 58.2, 65.5, 74.7, 54.6}, 77.1},
    {"Pixtral-12B", {79.0, 81.8, 80.2, 90.7, 50.8, 75.7, 65.4, 52.5, 58.0, 78.8, 51.7}, 69.5},
    {"Llama-3.2V-11B", {91.1, 83.4, 75.2, 88.4, 63.6, 79.7, 64.1, 50.7, 51.5, 73.1, 47.4}, 69.8},
    {"Llama-3.2V-90B", {92.3, 85.5, 78.1, 90.1, 67.2, 82.3, 69.8, 60.3, 57.3, 78.5, 58.5}, 74.5},
    {"LLaVA-OneVision-7B", {81.4, 80.0, 84.0, 87.5, 68.8, 78.3, 66.3, 48.8, 63.2, 78.8, 54.4}, 72.0},
    {"LLaVA-OneVision-72B", {85.6, 83.7, 85.2, 91.3, 74.9, 80.5, 71.9, 56.8, 67.5, 84.3, 60.7}, 76.6},
};

}  // namespace

std::span<const PaperColumn, kNumEleven> paper_columns() {
  return kColumns;
}

bool is_of_eleven(std::string_view benchmark) {
  return std::any_of(std::begin(kColumns), std::end(kColumns),
                     [&](const PaperColumn& column) { return column.benchmark == benchmark; });
}

std::span<const PaperRow> paper_rows() {
  return kRows;
}

std::optional<double> average_of_eleven(std::span<const std::optional<double>, kNumEleven> scores) {
  double sum = 0;
  for (const auto& score : scores) {
    if (!score) return std::nullopt;
    sum += *score;
  }
  return sum / kNumEleven;
}

}  // namespace molmo::eval
