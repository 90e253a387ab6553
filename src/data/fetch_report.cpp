#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "data/fetch.h"

namespace molmo::data {
namespace {

double percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

double per_second(uint64_t count, std::chrono::duration<double> elapsed) {
  return elapsed.count() > 0 ? static_cast<double>(count) / elapsed.count() : 0;
}

}  // namespace

uint64_t FetchReport::num_ok() const {
  const auto found = num_pictures.find(FetchOutcome::Ok);
  return found == num_pictures.end() ? 0 : found->second;
}

std::string FetchReport::text() const {
  std::string text = fmt::format("{:<18}{:>10}{:>9}\n", "outcome", "pictures", "share");
  for (const auto& [outcome, count] : num_pictures) {
    text += fmt::format("{:<18}{:>10}{:>7.1f} %\n", enum_name(outcome), count, percent(count, num_items));
  }
  text += fmt::format("{:<18}{:>10}\n", "all", num_items);
  text += fmt::format("this run: {} pictures kept of {} downloads, {:.1f} MiB, {:.1f} s, {:.0f} downloads/s\n",
                      num_kept, num_downloads, static_cast<double>(num_bytes) / (1 << 20), elapsed.count(),
                      per_second(num_downloads, elapsed));
  return text;
}

std::string FetchReport::markdown() const {
  std::string text = "| outcome | pictures | share |\n|---|---:|---:|\n";
  for (const auto& [outcome, count] : num_pictures) {
    text += fmt::format("| {} | {} | {:.1f} % |\n", enum_name(outcome), count, percent(count, num_items));
  }
  return text + fmt::format("| all | {} | |\n", num_items);
}

Json FetchReport::json() const {
  Json outcomes = Json::object();
  for (const auto& [outcome, count] : num_pictures) outcomes[std::string(enum_name(outcome))] = count;
  return {{"items", num_items},
          {"ok", num_ok()},
          {"outcomes", outcomes},
          {"this_run",
           {{"kept", num_kept},
            {"downloads", num_downloads},
            {"bytes", num_bytes},
            {"seconds", elapsed.count()},
            {"downloads_per_second", per_second(num_downloads, elapsed)}}}};
}

}  // namespace molmo::data
