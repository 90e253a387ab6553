#include "synth/renderer_program.h"

#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/child_process.h"
#include "base/error.h"

namespace molmo::synth {
namespace {

std::filesystem::path find_one(Renderer renderer, std::initializer_list<std::string_view> names,
                               std::string_view in_words, std::string_view package) {
  if (const auto program = find_program(names)) return *program;
  const auto name = enum_name(renderer);
  fail(ErrorCategory::NotFound,
       "renderers: {} needs the program {}, which no folder of PATH has; install {} (Debian: apt install {}) or leave "
       "{} out of renderers",
       name, in_words, name, package, name);
}

}  // namespace

std::filesystem::path find_renderer_program(Renderer renderer) {
  switch (renderer) {
    case Renderer::Graphviz:
      return find_one(renderer, {"dot"}, "'dot'", "graphviz");
    case Renderer::Gnuplot:
      return find_one(renderer, {"gnuplot"}, "'gnuplot'", "gnuplot-nox");
    case Renderer::Chromium:
      return find_one(renderer, {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"},
                      "'chromium' or 'google-chrome'", "chromium");
    case Renderer::Page:
      break;
  }
  check_internal(false, "this process needs no program to draw");
  return {};
}

}  // namespace molmo::synth
