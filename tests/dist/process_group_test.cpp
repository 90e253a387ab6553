// Ranks as threads of one process, over Gloo; and ranks that die as processes.
#include "dist/process_group.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <thread>

#include "base/error.h"
#include "dist/thread_ranks.h"

namespace molmo::dist {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(ProcessGroup, SumsGathersAndScatters) {
  test::run_ranks(3, [](const std::shared_ptr<ProcessGroup>& group) {
    const int64_t rank = group->rank();
    ASSERT_EQ(group->num_ranks(), 3);
    std::vector<double> values = {1, static_cast<double>(rank), 1e-17};
    group->sum(values);
    EXPECT_EQ(values, (std::vector<double>{3, 3, 3e-17}));

    const at::Tensor part = at::arange(4, at::kFloat) + 10 * rank, whole = at::full({12}, -1.0, at::kFloat);
    group->gather(whole, part).wait();
    for (int64_t other = 0; other < 3; ++other)
      EXPECT_TRUE(at::equal(whole.narrow(0, 4 * other, 4), at::arange(4, at::kFloat) + 10 * other));

    const at::Tensor addends = at::arange(12, at::kFloat) * (rank + 1), share = at::full({4}, 0.0, at::kFloat);
    group->scatter_sum(share, addends).wait();
    EXPECT_TRUE(at::equal(share, (at::arange(4, at::kFloat) + 4 * rank) * 6));

    const at::Tensor told = at::full({2}, static_cast<double>(rank), at::kFloat);
    group->broadcast(told, 2);
    EXPECT_TRUE(at::equal(told, at::full({2}, 2.0, at::kFloat)));

    EXPECT_TRUE(group->all_agree(true));
    EXPECT_FALSE(group->all_agree(rank != 1));
    EXPECT_EQ(group->gather_texts(std::string(static_cast<size_t>(rank), 'x')),
              (std::vector<std::string>{"", "x", "xx"}));
  });
}

TEST(ProcessGroup, PartsWorkByThemselves) {
  test::run_ranks(4, [](const std::shared_ptr<ProcessGroup>& group) {
    const int64_t rank = group->rank(), half = rank / 2;
    const auto pair = group->part("half", {2 * half, 2 * half + 1});
    const auto across = group->part("across", {rank % 2, rank % 2 + 2});
    std::array<double, 1> value = {static_cast<double>(rank)};
    pair->sum(value);
    EXPECT_EQ(value[0], 4 * half + 1);
    across->sum(value);
    EXPECT_EQ(value[0], 6);
    const auto self = group->part("self", {rank});
    EXPECT_EQ(self->num_ranks(), 1);
    self->sum(value);
    EXPECT_EQ(value[0], 6);
  });
}

TEST(ProcessGroup, SeveralCollectivesGoOnAtOnce) {
  test::run_ranks(2, [](const std::shared_ptr<ProcessGroup>& group) {
    std::vector<at::Tensor> wholes;
    std::vector<Pending> pending;
    for (int i = 0; i < 10; ++i) {
      wholes.push_back(at::full({2000}, 0.0, at::kFloat));
      pending.push_back(group->gather(wholes.back(), at::full({1000}, i + group->rank() * 0.5, at::kFloat)));
    }
    for (int i = 9; i >= 0; --i) {
      pending[static_cast<size_t>(i)].wait();
      EXPECT_EQ(wholes[static_cast<size_t>(i)][0].item<float>(), i);
      EXPECT_EQ(wholes[static_cast<size_t>(i)][1999].item<float>(), i + 0.5);
    }
  });
}

TEST(ProcessGroup, AFailureOfOneEndsTheWaitingOfAll) {
  test::run_ranks(3, [](const std::shared_ptr<ProcessGroup>& group) {
    if (group->rank() == 1) {
      group->report_failure("picture.png: is not a picture");
      return;
    }
    EXPECT_THAT([&] { group->all_agree(true); },
                ThrowsMessage<Error>(HasSubstr("rank 1 of 3 failed: picture.png: is not a picture")));
  });
}

// Kills one of three processes and says how the others end.
std::map<int64_t, std::string> messages_after_kill(int64_t killed) {
  const uint16_t port = test::next_port();
  std::map<int64_t, std::pair<pid_t, int>> children;
  for (int64_t rank = 0; rank < 3; ++rank) {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(120);  // one that waits for ever fails the test instead of holding it up
      std::string message = "no error";
      try {
        const auto group = ProcessGroup::join({.rank = rank, .num_ranks = 3, .num_local_ranks = 3, .port = port});
        group->all_agree(true);
        if (rank == killed) ::raise(SIGKILL);
        group->all_agree(true);
      } catch (const Error& error) {
        message = error.what();
      }
      static_cast<void>(!::write(ends[1], message.data(), message.size()));
      ::_exit(0);
    }
    ::close(ends[1]);
    children[rank] = {child, ends[0]};
  }
  std::map<int64_t, std::string> messages;
  for (const auto& [rank, child] : children) {
    std::array<char, 4096> buffer{};
    static_cast<void>(!::read(child.second, buffer.data(), buffer.size() - 1));
    ::close(child.second);
    ::waitpid(child.first, nullptr, 0);
    messages[rank] = buffer.data();
  }
  return messages;
}

// A suite of its own is a process of its own, which no test before has left threads in: only the thread that forks is
// there in the child, and whatever lock another one held stays locked.
TEST(LostRank, IsNamed) {
  const auto messages = messages_after_kill(1);
  for (const int64_t rank : {0, 2}) EXPECT_THAT(messages.at(rank), HasSubstr("rank 1 of 3 does not answer any more"));
}

TEST(LostRank, IsNamedIfItIsTheFirstToo) {
  const auto messages = messages_after_kill(0);
  for (const int64_t rank : {1, 2}) EXPECT_THAT(messages.at(rank), HasSubstr("rank 0 of 3 does not answer any more"));
}

std::optional<Launch> launch_with(const std::map<std::string, std::string>& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launch, IsReadFromWhatLaunchersSay) {
  EXPECT_FALSE(launch_with({}));
  const auto torchrun = launch_with({{"RANK", "5"},
                                     {"WORLD_SIZE", "8"},
                                     {"LOCAL_RANK", "1"},
                                     {"LOCAL_WORLD_SIZE", "4"},
                                     {"MASTER_ADDR", "gpu-1"},
                                     {"MASTER_PORT", "1234"},
                                     {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                     {"TORCHELASTIC_RESTART_COUNT", "2"},
                                     {"SLURM_STEP_NUM_TASKS", "2"}});
  ASSERT_TRUE(torchrun);
  EXPECT_EQ(torchrun->rank, 5);
  EXPECT_EQ(torchrun->num_ranks, 8);
  EXPECT_EQ(torchrun->local_rank, 1);
  EXPECT_EQ(torchrun->num_local_ranks, 4);
  EXPECT_EQ(torchrun->address, "gpu-1");
  EXPECT_EQ(torchrun->port, 1234);
  EXPECT_TRUE(torchrun->has_served_store);
  EXPECT_EQ(torchrun->attempt, "2");

  const std::map<std::string, std::string> slurm = {{"SLURM_PROCID", "3"},
                                                    {"SLURM_STEP_NUM_TASKS", "7"},
                                                    {"SLURM_LOCALID", "3"},
                                                    {"SLURM_STEP_TASKS_PER_NODE", "4(x1),3"},
                                                    {"SLURM_STEP_NODELIST", "node[07-08]"},
                                                    {"SLURM_JOB_ID", "991"}};
  auto launch = launch_with(slurm);
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->rank, 3);
  EXPECT_EQ(launch->num_ranks, 7);
  EXPECT_EQ(launch->num_local_ranks, 4);
  EXPECT_EQ(launch->address, "node07");
  EXPECT_FALSE(launch->has_served_store);
  auto other_rank = slurm;
  other_rank["SLURM_PROCID"] = "0";
  EXPECT_EQ(launch_with(other_rank)->port, launch->port);
  // A batch script that was not started by srun is one process.
  EXPECT_FALSE(launch_with({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}));

  const std::map<std::string, std::string> mpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_SIZE", "2"},
                                                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  launch = launch_with(mpi);
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->rank, 1);
  EXPECT_EQ(launch->address, "127.0.0.1");
}

TEST(Launch, SaysWhatIsMissing) {
  EXPECT_THAT(
      [] {
        launch_with({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "1"}});
      },
      ThrowsMessage<Error>(HasSubstr("MASTER_ADDR is not set")));
  EXPECT_THAT(
      [] {
        launch_with({{"RANK", "2"}, {"WORLD_SIZE", "2"}});
      },
      ThrowsMessage<Error>(HasSubstr("RANK is '2', expected a number from 0 to 1")));
  EXPECT_THAT(
      [] {
        launch_with(
            {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
      },
      ThrowsMessage<Error>(HasSubstr("MASTER_ADDR does not say where they meet")));
}

TEST(Launch, FindsTheFirstHostOfAList) {
  EXPECT_EQ(first_host("node1"), "node1");
  EXPECT_EQ(first_host("node1,node2"), "node1");
  EXPECT_EQ(first_host("gpu[007-009,12],other"), "gpu007");
  EXPECT_EQ(first_host("gpu[3]"), "gpu3");
  EXPECT_EQ(first_host("gpu[3,5]"), "gpu3");
}

}  // namespace
}  // namespace molmo::dist
