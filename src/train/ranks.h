// The processes of one training run, by what they share (config::ParallelConfig). Rank (r * S + s) * T + t of a run of
// R replicas, S shards and T ranks that share each layer: neighbours share most, because they are on one machine.
//   const Ranks ranks = make_ranks(group, config.parallel);
#pragma once

#include <cstdint>
#include <memory>

#include "config/training.h"
#include "dist/process_group.h"

namespace molmo::train {

// By default a run of one process.
struct Ranks {
  using Group = std::shared_ptr<const dist::ProcessGroup>;

  Group all = dist::ProcessGroup::alone();
  Group data = dist::ProcessGroup::alone();      // that read different examples: all replicas and shards of one t
  Group shards = dist::ProcessGroup::alone();    // that hold one copy of what is trained together
  Group replicas = dist::ProcessGroup::alone();  // that hold the same shard
  Group tensor = dist::ProcessGroup::alone();    // that compute each layer together, of the same examples

  bool is_alone() const { return all->num_ranks() == 1; }
};

// All ranks call it. Throws InvalidArgument when the ranks cannot be divided so.
Ranks make_ranks(const std::shared_ptr<const dist::ProcessGroup>& all, const config::ParallelConfig& parallel);

// How many ranks hold one copy of what is trained together.
int64_t count_shards(const config::ParallelConfig& parallel, int64_t num_ranks);

}  // namespace molmo::train
