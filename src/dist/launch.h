// Where a process stands among those that were started together, from the environment that launchers set: torchrun
// (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), Slurm's srun (SLURM_PROCID, ...) and Open MPI's mpirun
// (OMPI_COMM_WORLD_RANK, ...). run_local_ranks starts processes of its own on this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace molmo::dist {

struct Launch {
  int64_t rank = 0, num_ranks = 1;
  int64_t local_rank = 0, num_local_ranks = 1;  // of this machine
  std::string address = "127.0.0.1";            // where ranks meet
  uint16_t port = 29500;
  bool has_served_store = false;  // the launcher serves the meeting point; else rank 0 does
  std::string attempt = {};       // of launchers that start again after a failure
};

using ReadVariable = std::function<const char*(const char* name)>;

// Empty for a process that was started by itself. MASTER_ADDR and MASTER_PORT are respected with every launcher;
// without them Slurm's ranks meet at the first host of the step, and those of mpirun on one machine at 127.0.0.1.
// Throws InvalidArgument naming the variable that is missing or makes no sense.
std::optional<Launch> read_launch(const ReadVariable& variable = {});

// The first host of a list as Slurm writes it: "node[07-09,12],other" -> "node07".
std::string first_host(const std::string& nodes);

// Runs this program `num_ranks` times with the arguments that it was started with and the environment of torchrun, and
// waits. Signals that ask for
// the end (SIGINT, SIGTERM) are passed on. When one fails the others get a few seconds to say why they cannot go on,
// and are then ended. Returns the exit status of the first that failed (1 when a signal ended it), else that of rank 0.
// Call it before the process has threads.
int run_local_ranks(int64_t num_ranks);

}  // namespace molmo::dist
