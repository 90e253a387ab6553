#include "dist/launch.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace molmo::dist {
namespace {

// Ports that are derived from the number of a job, so that two jobs on one machine do not meet each other.
constexpr uint64_t kFirstJobPort = 20000, kNumJobPorts = 10000;

class Variables {
 public:
  explicit Variables(ReadVariable read) : read_(std::move(read)) {}

  std::optional<std::string> text(const char* name) const {
    const char* value = read_ ? read_(name) : std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  }
  bool has(const char* name) const { return text(name).has_value(); }

  int64_t number(const char* name, int64_t least, int64_t most) const {
    const auto value = text(name);
    if (!value)
      fail(ErrorCategory::InvalidArgument, "{} is not set, which the other ranks need to find each other", name);
    int64_t number = 0;
    const char* end = value->data() + value->size();
    const auto [rest, error] = std::from_chars(value->data(), end, number);
    if (error != std::errc() || rest != end || number < least || number > most) {
      fail(ErrorCategory::InvalidArgument, "{} is '{}', expected a number from {} to {}", name, *value, least, most);
    }
    return number;
  }
  int64_t number_or(const char* name, int64_t otherwise, int64_t least, int64_t most) const {
    return has(name) ? number(name, least, most) : otherwise;
  }

 private:
  ReadVariable read_;
};

constexpr int64_t kMostRanks = 1 << 20;

struct Names {
  const char *rank, *num_ranks, *local_rank, *num_local_ranks;
};

Launch read_ranks(const Variables& variables, const Names& names) {
  Launch launch;
  launch.num_ranks = variables.number(names.num_ranks, 1, kMostRanks);
  launch.rank = variables.number(names.rank, 0, launch.num_ranks - 1);
  launch.local_rank = variables.number_or(names.local_rank, 0, 0, launch.num_ranks - 1);
  if (names.num_local_ranks != nullptr)
    launch.num_local_ranks = variables.number_or(names.num_local_ranks, 1, 1, launch.num_ranks);
  return launch;
}

uint16_t port_of_job(std::string_view job) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a: the same on every machine
  for (const char character : job) hash = (hash ^ static_cast<unsigned char>(character)) * 1099511628211u;
  return static_cast<uint16_t>(kFirstJobPort + hash % kNumJobPorts);
}

// What MASTER_ADDR and MASTER_PORT say instead.
void read_meeting_point(const Variables& variables, Launch& launch) {
  launch.address = variables.text("MASTER_ADDR").value_or(launch.address);
  launch.port = static_cast<uint16_t>(variables.number_or("MASTER_PORT", launch.port, 1, 65535));
}

Launch read_torchrun(const Variables& variables) {
  Launch launch = read_ranks(variables, {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"});
  if (launch.num_ranks > 1) {
    for (const char* name : {"MASTER_ADDR", "MASTER_PORT"}) {
      if (!variables.has(name))
        fail(ErrorCategory::InvalidArgument, "WORLD_SIZE is {}, but {} is not set", launch.num_ranks, name);
    }
  }
  launch.has_served_store = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  launch.attempt = variables.text("TORCHELASTIC_RESTART_COUNT").value_or("");
  return launch;
}

Launch read_slurm(const Variables& variables) {
  Launch launch = read_ranks(variables, {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr});
  // "4(x2),3": four tasks on each of two nodes, three on the third. The first is the most.
  const std::string tasks = variables.text("SLURM_STEP_TASKS_PER_NODE").value_or("1");
  std::from_chars(tasks.data(), tasks.data() + tasks.size(), launch.num_local_ranks);
  launch.address = first_host(variables.text("SLURM_STEP_NODELIST").value_or("127.0.0.1"));
  launch.port =
      port_of_job(variables.text("SLURM_JOB_ID").value_or("") + "." + variables.text("SLURM_STEP_ID").value_or(""));
  return launch;
}

Launch read_open_mpi(const Variables& variables) {
  Launch launch = read_ranks(variables, {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
                                         "OMPI_COMM_WORLD_LOCAL_SIZE"});
  if (launch.num_local_ranks < launch.num_ranks && !variables.has("MASTER_ADDR")) {
    fail(ErrorCategory::InvalidArgument,
         "mpirun started {} ranks on several machines, and MASTER_ADDR does not say where they meet. Give it the name "
         "of "
         "the machine of rank 0: mpirun -x MASTER_ADDR=NAME ...",
         launch.num_ranks);
  }
  launch.port =
      port_of_job(variables.text("PMIX_NAMESPACE").value_or(variables.text("OMPI_MCA_ess_base_jobid").value_or("")));
  return launch;
}

}  // namespace

std::string first_host(const std::string& nodes) {
  const size_t end = nodes.find_first_of(",[");
  if (end == std::string::npos || nodes[end] == ',') return nodes.substr(0, end);
  const size_t number_end = nodes.find_first_of(",-]", end + 1);
  return nodes.substr(0, end) + nodes.substr(end + 1, number_end - end - 1);
}

std::optional<Launch> read_launch(const ReadVariable& variable) {
  const Variables variables(variable);
  std::optional<Launch> launch;
  if (variables.has("RANK") || variables.has("WORLD_SIZE")) {
    launch = read_torchrun(variables);
  } else if (variables.has("OMPI_COMM_WORLD_SIZE")) {
    launch = read_open_mpi(variables);
  } else if (variables.has("SLURM_STEP_NUM_TASKS")) {
    launch = read_slurm(variables);
  }
  if (launch) read_meeting_point(variables, *launch);
  return launch;
}

}  // namespace molmo::dist
