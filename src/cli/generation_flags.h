// Flags that say how an answer is decoded. Names follow llama.cpp; --max-tokens and --temperature are understood as
// well.
#pragma once

#include "cli/verb.h"
#include "config/generation.h"

namespace molmo::cli {

class GenerationFlags {
 public:
  // `default_tokens` is the limit without -n.
  void define(Flags& flags, int64_t default_tokens = 448);
  // Throws UsageError naming the flag's setting, its value and the allowed range.
  config::GenerationConfig get() const;

 private:
  config::GenerationConfig config_;
};

}  // namespace molmo::cli
