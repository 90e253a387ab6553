// The programs that draw where `renderers` names others than this process.
#pragma once

#include <filesystem>

#include "synth/options.h"

namespace molmo::synth {

// Throws NotFound, with what to install, where no folder of PATH has it. Not for Renderer::Page.
std::filesystem::path find_renderer_program(Renderer renderer);

}  // namespace molmo::synth
