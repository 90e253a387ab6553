// Flags of verbs that score captions: who judges.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "eval/caption_judge.h"

namespace molmo::cli {

class Flags;

class JudgeFlags {
 public:
  void define(Flags& flags);
  // The endpoint that was named, or the built-in judge. Throws UsageError for half of the flags.
  std::shared_ptr<const eval::CaptionJudge> open() const;

 private:
  std::string url_, model_, key_variable_ = "MOLMO_JUDGE_KEY";
  int64_t timeout_s_ = 120, num_requests_ = 8;
};

}  // namespace molmo::cli
