#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/cpu_features.h"
#include "kernels/cpu_dispatch.h"

namespace molmo::bench {
namespace {

double gops(double operations, double ms) {
  return ms > 0 ? operations / 1e6 / ms : 0;
}

double per_second(double count, double ms) {
  return ms > 0 ? 1000 * count / ms : 0;
}

std::string counted(int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double ratio(double value, double limit) {
  return limit > 0 ? value / limit : 0;
}

Json or_null(double value) {
  return value > 0 ? Json(value) : Json(nullptr);
}

// The figures of one number of threads, derived from the medians.
struct Figures {
  Repetition steps;
  double num_crops, num_tokens;

  double time_to_first_token_ms() const {
    return steps.preprocess.ms + steps.vision.ms + steps.connector.ms + steps.prefill.ms;
  }
  double decode_gb_per_s() const { return ratio(steps.decode.weight_bytes, steps.decode.ms) / 1e6; }
  double decode_fraction() const { return ratio(decode_gb_per_s(), steps.read_gb_per_s); }
  static double linear_gops(const Step& step) { return gops(step.operations, step.linear_ms); }
  static double total_gops(const Step& step) { return gops(step.operations, step.ms); }
};

Figures figures_of(const Run& run, const Measurement& measurement) {
  return {run.medians(), static_cast<double>(measurement.num_crops), static_cast<double>(measurement.prompt_tokens)};
}

// As if all layers had been run: what is outside of them stays, the rest grows with their number.
Step of_all_layers(const Step& step, const Step& outside, double factor) {
  const auto stretched = [&](double Step::*figure) {
    return outside.*figure + (step.*figure - outside.*figure) * factor;
  };
  return {stretched(&Step::ms), stretched(&Step::linear_ms), stretched(&Step::operations),
          stretched(&Step::weight_bytes)};
}

Figures of_all_layers(Figures figures, const Subject& subject) {
  const double factor = static_cast<double>(subject.layers_of_model) / static_cast<double>(subject.layers);
  figures.steps.prefill = of_all_layers(figures.steps.prefill, figures.steps.outside, factor);
  figures.steps.decode = of_all_layers(figures.steps.decode, figures.steps.outside, factor);
  return figures;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  }
  return "CPU";
}

void add_decoder_figures(Json& json, const Figures& figures) {
  const Repetition& steps = figures.steps;
  json["prefill_ms"] = steps.prefill.ms;
  json["prefill_tokens_per_s"] = per_second(figures.num_tokens, steps.prefill.ms);
  json["prefill_linear_ms"] = steps.prefill.linear_ms;
  json["prefill_linear_gops"] = Figures::linear_gops(steps.prefill);
  json["decode_ms_per_token"] = steps.decode.ms;
  json["decode_tokens_per_s"] = per_second(1, steps.decode.ms);
  json["decode_weights_gb_per_token"] = steps.decode.weight_bytes / 1e9;
  json["decode_gb_per_s"] = figures.decode_gb_per_s();
  json["time_to_first_token_ms"] = figures.time_to_first_token_ms();
  json["decode_fraction_of_bandwidth"] = or_null(figures.decode_fraction());
  json["prefill_fraction_of_int8_peak"] = or_null(ratio(Figures::linear_gops(steps.prefill), steps.int8_gops));
  json["prefill_total_fraction"] = or_null(ratio(Figures::total_gops(steps.prefill), steps.int8_gops));
  json["prefill_fraction_of_float32_peak"] = or_null(ratio(Figures::linear_gops(steps.prefill), steps.float32_gops));
}

Json run_json(const Subject& subject, const Run& run, const Measurement& measurement) {
  const Figures figures = figures_of(run, measurement);
  const Repetition& steps = figures.steps;
  Json kernels;
  std::istringstream lines(kernels::describe_kernels());
  for (std::string line; std::getline(lines, line);)
    kernels[line.substr(0, line.find(": "))] = line.substr(line.find(": ") + 2);
  Json json{{"model", subject.model},
            {"type", subject.type},
            {"layers", subject.layers},
            {"threads", run.threads},
            {"repetitions", run.repetitions.size()},
            {"cpu", cpu_name()},
            {"cpu_features", describe(cpu_features())},
            {"kernels", kernels},
            {"crops", measurement.num_crops},
            {"image_tokens", measurement.image_tokens},
            {"prompt_tokens", measurement.prompt_tokens},
            {"generated_tokens", measurement.generated_tokens},
            {"load_ms", subject.load_ms ? Json(*subject.load_ms) : Json(nullptr)},
            {"preprocess_ms", steps.preprocess.ms},
            {"vision_ms", or_null(steps.vision.ms)},
            {"vision_crops_per_s", or_null(per_second(figures.num_crops, steps.vision.ms))},
            {"vision_linear_ms", or_null(steps.vision.linear_ms)},
            {"vision_linear_gops", or_null(Figures::linear_gops(steps.vision))},
            {"connector_ms", or_null(steps.connector.ms)},
            {"connector_linear_ms", or_null(steps.connector.linear_ms)},
            {"connector_linear_gops", or_null(Figures::linear_gops(steps.connector))}};
  add_decoder_figures(json, figures);
  json["vision_fraction_of_int8_peak"] = or_null(ratio(Figures::linear_gops(steps.vision), steps.int8_gops));
  json["vision_fraction_of_float32_peak"] = or_null(ratio(Figures::linear_gops(steps.vision), steps.float32_gops));
  json["int8_peak_gops"] = or_null(steps.int8_gops);
  json["float32_peak_gops"] = or_null(steps.float32_gops);
  json["read_bandwidth_gb_per_s"] = or_null(steps.read_gb_per_s);
  json["peak_memory_bytes"] = measurement.peak_memory_bytes;
  if (subject.layers < subject.layers_of_model) {
    Json all{{"layers", subject.layers_of_model}};
    add_decoder_figures(all, of_all_layers(figures, subject));
    json["extrapolated"] = all;
  }
  return json;
}

// What grows faster with threads, as it is shown: its name and its time.
struct Scaled {
  const char* name;
  double (*ms)(const Figures&);
};

constexpr Scaled kScaled[] = {
    {"vision", [](const Figures& figures) { return figures.steps.vision.ms; }},
    {"connector", [](const Figures& figures) { return figures.steps.connector.ms; }},
    {"prefill", [](const Figures& figures) { return figures.steps.prefill.ms; }},
    {"decode", [](const Figures& figures) { return figures.steps.decode.ms; }},
    {"time_to_first_token", [](const Figures& figures) { return figures.time_to_first_token_ms(); }},
};

using Row = std::array<std::string, 5>;

std::string time_text(double ms) {
  if (ms >= 10'000) return fmt::format("{:.1f} s", ms / 1000);
  if (ms >= 1000) return fmt::format("{:.2f} s", ms / 1000);
  return ms >= 100 ? fmt::format("{:.0f} ms", ms) : fmt::format("{:.{}f} ms", ms, ms >= 10 ? 1 : 2);
}

std::string fraction_text(double fraction) {
  return fraction > 0 ? fmt::format("{:.2f}", fraction) : "";
}

// The type of the weights says which multipliers the products use.
Row linear_row(const Step& step, const Figures& figures, bool is_int8) {
  const double peak = is_int8 ? figures.steps.int8_gops : figures.steps.float32_gops;
  return {"  its linear layers", time_text(step.linear_ms), fmt::format("{:.0f} GOP/s", Figures::linear_gops(step)),
          peak > 0 ? fmt::format("{:.0f} GOP/s {}", peak, is_int8 ? "int8 VNNI" : "float32") : "not known",
          fraction_text(ratio(Figures::linear_gops(step), peak))};
}

void add_decoder_rows(std::vector<Row>& rows, const Figures& figures, bool is_int8) {
  const Repetition& steps = figures.steps;
  rows.push_back({fmt::format("prefill, {:.0f} tokens", figures.num_tokens), time_text(steps.prefill.ms),
                  fmt::format("{:.1f} tokens/s", per_second(figures.num_tokens, steps.prefill.ms)), "", ""});
  rows.push_back(linear_row(steps.prefill, figures, is_int8));
  rows.push_back({"decoding, a token", time_text(steps.decode.ms),
                  fmt::format("{:.2f} tokens/s", per_second(1, steps.decode.ms)), "", ""});
  rows.push_back({fmt::format("  weights, {:.3f} GB", steps.decode.weight_bytes / 1e9), "",
                  fmt::format("{:.1f} GB/s", figures.decode_gb_per_s()),
                  steps.read_gb_per_s > 0 ? fmt::format("{:.1f} GB/s read", steps.read_gb_per_s) : "not known",
                  fraction_text(figures.decode_fraction())});
  rows.push_back({"time to first token", time_text(figures.time_to_first_token_ms()), "", "", ""});
}

std::string aligned(const std::vector<Row>& rows) {
  std::array<size_t, 5> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], widths[0]);
    for (size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", row[i], widths[i]);
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string run_text(const Subject& subject, const Run& run, const Measurement& measurement) {
  const Figures figures = figures_of(run, measurement);
  const Repetition& steps = figures.steps;
  const bool is_int8 = subject.type.starts_with("q");
  std::vector<Row> rows{{counted(run.threads, "thread"), "time", "rate", "limit of this machine", "fraction"}};
  if (measurement.num_crops > 0) {
    rows.push_back({"picture to crops", time_text(steps.preprocess.ms), "", "", ""});
    rows.push_back({"vision tower, " + counted(measurement.num_crops, "crop"), time_text(steps.vision.ms),
                    fmt::format("{:.2f} crops/s", per_second(figures.num_crops, steps.vision.ms)), "", ""});
    rows.push_back(linear_row(steps.vision, figures, is_int8));
    rows.push_back({"connector", time_text(steps.connector.ms), "", "", ""});
    rows.push_back(linear_row(steps.connector, figures, is_int8));
  }
  add_decoder_rows(rows, figures, is_int8);
  if (subject.layers < subject.layers_of_model) {
    rows.push_back(
        {fmt::format("extrapolated from {} to {} layers:", subject.layers, subject.layers_of_model), "", "", "", ""});
    add_decoder_rows(rows, of_all_layers(figures, subject), is_int8);
  }
  return aligned(rows);
}

std::string scaling_text(const Measurement& measurement) {
  std::vector<Row> rows;
  const Figures first = figures_of(measurement.runs.front(), measurement);
  for (const Scaled& scaled : kScaled) {
    Row row{scaled.name, "", "", "", ""};
    std::ranges::replace(row[0], '_', ' ');
    for (size_t i = 1; i < std::min<size_t>(measurement.runs.size(), row.size()); ++i) {
      const Figures figures = figures_of(measurement.runs[i], measurement);
      row[i] =
          fmt::format("{} threads: {:.2f}", measurement.runs[i].threads, ratio(scaled.ms(first), scaled.ms(figures)));
    }
    rows.push_back(row);
  }
  return "times as fast as with " + counted(measurement.runs.front().threads, "thread") + "\n" + aligned(rows);
}

}  // namespace

Json report_json(const Subject& subject, const Measurement& measurement) {
  if (measurement.runs.size() == 1) return run_json(subject, measurement.runs[0], measurement);
  Json runs = Json::array(), scaling = Json::array();
  const Figures first = figures_of(measurement.runs.front(), measurement);
  for (const Run& run : measurement.runs) {
    runs.push_back(run_json(subject, run, measurement));
    Json ratios{{"threads", run.threads}};
    for (const Scaled& scaled : kScaled)
      ratios[scaled.name] = or_null(ratio(scaled.ms(first), scaled.ms(figures_of(run, measurement))));
    scaling.push_back(ratios);
  }
  return {{"runs", runs}, {"scaling", scaling}};
}

std::string report_text(const Subject& subject, const Measurement& measurement) {
  std::string layers = counted(subject.layers, "layer");
  if (subject.layers < subject.layers_of_model)
    layers = fmt::format("{} of {} layers", subject.layers, subject.layers_of_model);
  std::string text = fmt::format(
      "{}, {}, {}; {}: {}\n{}, {} image and {} text tokens, {} tokens generated, medians of {}\n"
      "load {}, peak memory {:.2f} GiB\n",
      subject.model, subject.type, layers, cpu_name(), describe(cpu_features()), counted(measurement.num_crops, "crop"),
      measurement.image_tokens, measurement.prompt_tokens - measurement.image_tokens, measurement.generated_tokens,
      measurement.runs[0].repetitions.size(),
      subject.load_ms ? time_text(*subject.load_ms) : "not applicable (random weights)",
      static_cast<double>(measurement.peak_memory_bytes) / (1 << 30));
  for (const Run& run : measurement.runs) text += "\n" + run_text(subject, run, measurement);
  if (measurement.runs.size() > 1) text += "\n" + scaling_text(measurement);
  return text;
}

}  // namespace molmo::bench
