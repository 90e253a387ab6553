// Random streams that depend only on what they are for: the same (seed, purpose, index) gives the same numbers on
// every machine, thread count and run, and drawing from one stream never moves another.
//   RandomStream stream(seed, "init", tensor_index);   double u = stream.uniform();
#pragma once

#include <cstdint>
#include <string_view>

namespace molmo {

class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view purpose, uint64_t index = 0);

  uint64_t next();                 // 64 uniform bits (xoshiro256**)
  uint64_t below(uint64_t bound);  // uniform in [0, bound), without bias; bound > 0
  double uniform();                // uniform in [0, 1), 53 bits
  double normal();                 // standard normal (Box-Muller)

 private:
  uint64_t state_[4];
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace molmo
