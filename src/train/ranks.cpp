#include "train/ranks.h"

#include <vector>

#include "base/error.h"

namespace molmo::train {
namespace {

std::vector<int64_t> every(int64_t first, int64_t step, int64_t count) {
  std::vector<int64_t> members;
  for (int64_t i = 0; i < count; ++i) members.push_back(first + i * step);
  return members;
}

}  // namespace

int64_t count_shards(const config::ParallelConfig& parallel, int64_t num_ranks) {
  const int64_t num_replicas = parallel.sharding == config::Sharding::Hybrid ? parallel.replicas : 1;
  const int64_t divisor = parallel.tensor_parallel * num_replicas;
  if (num_ranks % divisor != 0) {
    fail(ErrorCategory::InvalidArgument,
         "the run has {} processes, expected a multiple of {}: parallel.tensor_parallel is {}, parallel.replicas is {}",
         num_ranks, divisor, parallel.tensor_parallel, parallel.replicas);
  }
  return parallel.sharding == config::Sharding::None ? 1 : num_ranks / divisor;
}

Ranks make_ranks(const Ranks::Group& all, const config::ParallelConfig& parallel) {
  const int64_t num_ranks = all->num_ranks(), num_tensor = parallel.tensor_parallel;
  const int64_t num_shards = count_shards(parallel, num_ranks);
  Ranks ranks;
  ranks.all = all;
  if (num_ranks == 1) return ranks;
  const int64_t num_data = num_ranks / num_tensor;
  const int64_t t = all->rank() % num_tensor, data = all->rank() / num_tensor;
  const int64_t shard = data % num_shards, replica = data / num_shards;
  if (num_tensor > 1) ranks.tensor = all->part("tensor", every(data * num_tensor, 1, num_tensor));
  ranks.data = num_tensor == 1 ? all : all->part("data", every(t, num_tensor, num_data));
  ranks.shards =
      num_shards == num_data ? ranks.data : ranks.data->part("shards", every(replica * num_shards, 1, num_shards));
  ranks.replicas =
      num_shards == 1 ? ranks.data : ranks.data->part("replicas", every(shard, num_shards, num_data / num_shards));
  return ranks;
}

}  // namespace molmo::train
