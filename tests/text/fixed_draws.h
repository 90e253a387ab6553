// Chance for tests: every uniform and every normal draw has a given value, every choice takes the first.
#pragma once

#include "text/prompt.h"

namespace molmo::text {

class FixedDraws : public PromptDraws {
 public:
  explicit FixedDraws(double uniform_value = 0.5, double normal_value = 0)
      : uniform_(uniform_value), normal_(normal_value) {}
  double uniform() override { return uniform_; }
  double normal(double) override { return normal_; }
  size_t choice(size_t) override { return 0; }

 private:
  double uniform_, normal_;
};

}  // namespace molmo::text
