// The processes of one run and what they do together: collectives of c10d, over Gloo on the CPU and NCCL on CUDA.
//   auto group = ProcessGroup::join(*read_launch());
//   group->sum(losses);                                        // every rank calls the same in the same order
//   Pending pending = group->gather(whole, part); ...; pending.wait();
// A rank that dies, or that says so with report_failure, ends the waiting of all others with an Error that names it.
// Every rank says each half second that it lives, at the meeting point that the launch names; who is silent is named.
// One thread uses a group. Tensors are contiguous. CUDA work is ordered on the current stream, as c10d does.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dist/launch.h"

namespace molmo::dist {

// A collective that goes on. Its tensors must not be touched until wait() has returned.
class Pending {
 public:
  struct Work;

  Pending();  // nothing to wait for
  explicit Pending(std::shared_ptr<Work> work);
  void wait();

 private:
  std::shared_ptr<Work> work_;
};

class ProcessGroup {
 public:
  // Waits for all ranks, a few minutes at most. `device`: of the tensors that will be given. Throws Io naming what is
  // missing.
  static std::shared_ptr<ProcessGroup> join(const Launch& launch, at::DeviceType device = at::kCPU);
  // A group of this process only: nothing waits for anybody.
  static std::shared_ptr<ProcessGroup> alone();
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  // Some of the ranks of this group, which all call it. `name` tells it from other groups with the same first member.
  std::shared_ptr<ProcessGroup> part(const std::string& name, const std::vector<int64_t>& members) const;

  int64_t rank() const;
  int64_t num_ranks() const;
  int64_t local_rank() const;  // of this process among those of its machine

  // Each value, or element, becomes its sum over all ranks: the same bits everywhere.
  void sum(std::span<double> values) const;
  void sum(const at::Tensor& tensor) const;
  // part: [n] of each rank, in the order of the ranks -> whole: [num_ranks * n].
  Pending gather(const at::Tensor& whole, const at::Tensor& part) const;
  // The sum of `whole` [num_ranks * n] over all ranks, of which each gets its part [n]. `whole` is used up.
  Pending scatter_sum(const at::Tensor& part, const at::Tensor& whole) const;
  void broadcast(const at::Tensor& tensor, int64_t root) const;
  // True where all ranks say so. Also makes what each rank wrote to files before visible to the others.
  bool all_agree(bool is_fine) const;
  std::vector<std::string> gather_texts(const std::string& text) const;

  // Ends the waiting of all ranks of the run with an Error of this text.
  void report_failure(const std::string& message) const;

 private:
  struct Impl;
  explicit ProcessGroup(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::dist
