// States of a training run: what comes back, what is refused, and what is left when calls of the system fail.
#include "checkpoint/training_state.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/system_calls.h"
#include "fixtures.h"
#include "state_ranks.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three tensors of odd sizes whose values depend on the step.
std::vector<StateTensor> tensors_of(int64_t step) {
  const auto values = [&](int64_t count, int64_t offset) {
    return (at::arange(count, at::kFloat) + static_cast<double>(1000 * step + offset)).contiguous();
  };
  return {{"weights/a", {7, 3}, 0, values(21, 0)},
          {"weights/b", {5}, 0, values(5, 100)},
          {"optimizer/a.step", {}, 0, at::zeros({}, at::kFloat) + static_cast<double>(step)}};
}

std::vector<StateTensor> empty_like(const std::vector<StateTensor>& tensors) {
  std::vector<StateTensor> empty = tensors;
  for (StateTensor& tensor : empty) tensor.values = at::zeros_like(tensor.values);
  return empty;
}

void expect_step(const TrainingStates& states, int64_t step) {
  const auto saved = states.newest();
  ASSERT_TRUE(saved.has_value());
  EXPECT_EQ(saved->step(), step);
  const auto expected = tensors_of(step);
  const auto read = empty_like(expected);
  saved->read(read);
  for (size_t i = 0; i < read.size(); ++i) EXPECT_TRUE(at::equal(read[i].values, expected[i].values)) << read[i].name;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// Collects warnings while it lives.
class Warnings {
 public:
  Warnings() {
    set_log_sink([this](LogLevel, std::string_view message) { text += std::string(message) + "\n"; });
  }
  ~Warnings() { set_log_sink({}); }
  std::string text;
};

TEST(TrainingState, GivesBackWhatWasSaved) {
  test::TemporaryFolder folder;
  TrainingStates states(folder.path());
  EXPECT_FALSE(states.newest().has_value());
  states.save(400, {{"stage", 1}, {"seed", 18446744073709551615u}}, tensors_of(400), /*keep=*/2);
  expect_step(states, 400);
  EXPECT_EQ(states.newest()->progress().dump(), R"({"stage":1,"seed":18446744073709551615})");
  EXPECT_EQ(read_file(folder.path() / "latest"), "step-00000400\n");
  EXPECT_EQ(states.newest()->tensors().at("weights/a"), (std::vector<int64_t>{7, 3}));
}

TEST(TrainingState, KeepsTheNewest) {
  test::TemporaryFolder folder;
  TrainingStates states(folder.path());
  for (const int64_t step : {1, 2, 3, 10}) states.save(step, {}, tensors_of(step), /*keep=*/2);
  EXPECT_THAT(states.steps(), ElementsAre(10, 3));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("latest", "step-00000003", "step-00000010"));
}

TEST(TrainingState, RemovesWhatAKilledProcessLeft) {
  test::TemporaryFolder folder;
  TrainingStates(folder.path()).save(5, {}, tensors_of(5), 2);
  fs::create_directories(folder.path() / "step-00000006.tmp");
  fs::create_directories(folder.path() / "step-00000003.removed");
  std::ofstream(folder.path() / "latest.tmp.17.0") << "step";
  std::ofstream(folder.path() / "notes.tmp") << "not ours";
  expect_step(TrainingStates(folder.path()), 5);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("latest", "notes.tmp", "step-00000005"));
}

TEST(TrainingState, RefusesAChangedConfiguration) {
  test::TemporaryFolder folder;
  TrainingStates states(folder.path());
  states.save(1, {}, tensors_of(1), 2);
  const auto message = [&](const StateTensor& tensor) {
    try {
      states.newest()->read({&tensor, 1});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({"weights/a", {3, 7}, 0, at::zeros({21})}),
              HasSubstr("'weights/a' is f32 [7, 3], this run wants f32 [3, 7]"));
  EXPECT_THAT(message({"weights/c", {2}, 0, at::zeros({2})}), HasSubstr("has 0 of the 2 values of 'weights/c'"));
  EXPECT_THAT(message({"weights/b", {5}, 0, at::zeros({5}, at::kDouble)}),
              HasSubstr("'weights/b' is f32 [5], this run wants f64"));
}

// Every byte of every file counts: whichever one is flipped, the state is refused and the file named.
TEST(TrainingState, DetectsEveryFlippedByte) {
  test::TemporaryFolder folder;
  Warnings warnings;
  TrainingStates states(folder.path());
  states.save(1, {{"stage", 0}}, tensors_of(1), 2);
  states.save(2, {{"stage", 0}}, tensors_of(2), 2);
  const fs::path newest = states.folder_of(2);
  constexpr size_t kMostFlips = 600;  // of each file
  int num_flips = 0, num_named_tensors = 0;
  for (const auto& entry : fs::directory_iterator(newest)) {
    const std::string whole = read_file(entry.path());
    RandomStream draws(1, entry.path().filename().string());
    const size_t count = std::min(whole.size(), kMostFlips);
    for (size_t i = 0; i < count; ++i, ++num_flips) {
      const size_t at = whole.size() <= kMostFlips ? i : draws.below(whole.size());
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << draws.below(8));
      std::ofstream(entry.path(), std::ios::binary) << damaged;
      warnings.text.clear();
      const auto saved = states.newest();
      ASSERT_TRUE(saved.has_value());
      EXPECT_EQ(saved->step(), 1) << entry.path() << " byte " << at;
      const bool names_file = warnings.text.find("state-00000-of-00001") != std::string::npos ||
                              warnings.text.find("manifest") != std::string::npos;
      EXPECT_TRUE(names_file) << warnings.text;
      num_named_tensors += warnings.text.find("tensor '") != std::string::npos;
    }
    std::ofstream(entry.path(), std::ios::binary) << whole;
  }
  EXPECT_GE(num_flips, 1000);
  EXPECT_GE(num_named_tensors, 10);
  expect_step(states, 2);
}

TEST(TrainingState, NamesTensorAndFileOfTheDamage) {
  test::TemporaryFolder folder;
  Warnings warnings;
  TrainingStates states(folder.path());
  states.save(1, {}, tensors_of(1), 2);
  const fs::path path = states.folder_of(1) / "state-00000-of-00001.safetensors";
  std::string bytes = read_file(path);
  bytes[bytes.size() - 2] ^= 1;  // the scalar stands last
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_THROW(states.newest(), Error);
  EXPECT_THAT(warnings.text, HasSubstr("state-00000-of-00001.safetensors: tensor 'optimizer/a.step' is damaged"));
  bytes.resize(bytes.size() - 1);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_THROW(states.newest(), Error);
  EXPECT_THAT(warnings.text, HasSubstr("bytes, written were"));
}

TEST(TrainingState, ReplacesADamagedStateOfTheSameStep) {
  test::TemporaryFolder folder;
  Warnings warnings;
  TrainingStates states(folder.path());
  for (const int64_t step : {1, 2, 7}) states.save(step, {}, tensors_of(step), 3);
  for (const int64_t step : {2, 7}) fs::remove(states.folder_of(step) / "manifest.json");
  expect_step(states, 1);
  states.save(2, {}, tensors_of(2), 3);
  expect_step(states, 2);
  EXPECT_THAT(states.steps(), ElementsAre(2, 1));  // the damaged later one is of a time that did not happen
}

// Whichever call of a save fails, the state before is whole and nothing else is left.
TEST(TrainingState, LosesNothingWhenCallsOfTheSystemFail) {
  Warnings warnings;
  for (const int code : {ENOSPC, EIO}) {
    int num_failures = 0;
    for (int n = 1;; ++n) {
      test::TemporaryFolder folder;
      TrainingStates states(folder.path());
      states.save(1, {}, tensors_of(1), 1);
      int calls = 0;
      set_system_call_fault([&](SystemCall) { return ++calls == n ? code : 0; });
      bool has_failed = false;
      try {
        states.save(2, {}, tensors_of(2), 1);
      } catch (const Error& error) {
        has_failed = true;
        EXPECT_EQ(error.category(), ErrorCategory::Io) << error.what();
      }
      set_system_call_fault({});
      if (calls < n) {
        EXPECT_FALSE(has_failed);
        break;
      }
      ++num_failures;
      EXPECT_TRUE(has_failed) << "call " << n;
      const auto names = names_in(folder.path());
      for (const std::string& name : names)
        EXPECT_THAT(name, ::testing::AnyOf("latest", "step-00000001", "step-00000002")) << "call " << n;
      const auto saved = states.newest();
      ASSERT_TRUE(saved.has_value());
      expect_step(states, saved->step());
      for (const auto& step : states.steps()) {
        for (const std::string& name : names_in(states.folder_of(step)))
          EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
      }
    }
    EXPECT_GE(num_failures, 25);
  }
}

TEST(TrainingState, GoesOnAfterInterruptedAndShortWrites) {
  for (const int code : {EINTR, kShortWrite}) {
    for (int n = 1;; ++n) {
      test::TemporaryFolder folder;
      TrainingStates states(folder.path());
      int calls = 0;
      set_system_call_fault([&](SystemCall call) {
        if (code == kShortWrite && call != SystemCall::Write) return 0;
        return ++calls == n ? code : 0;
      });
      EXPECT_NO_THROW(states.save(3, {}, tensors_of(3), 1)) << "call " << n;
      set_system_call_fault({});
      expect_step(states, 3);
      if (calls < n) break;
    }
  }
}

// The elements that one of several ranks holds: an uneven share of every tensor.
std::vector<StateTensor> share(const std::vector<StateTensor>& tensors, int64_t rank, int64_t num_ranks) {
  std::vector<StateTensor> parts;
  for (const StateTensor& tensor : tensors) {
    const int64_t size = tensor.values.numel(), chunk = (size + num_ranks - 1) / num_ranks;
    const int64_t begin = std::min(size, rank * chunk), end = std::min(size, begin + chunk);
    if (begin == end) continue;
    parts.push_back({tensor.name, tensor.shape, begin, tensor.values.view({-1}).slice(0, begin, end).clone()});
  }
  return parts;
}

TEST(TrainingState, MovesBetweenNumbersOfRanks) {
  test::TemporaryFolder folder;
  const auto whole = tensors_of(9);
  test::run_ranks(3, [&](const StateRanks& ranks) {
    TrainingStates(folder.path(), ranks).save(9, {{"ranks", 3}}, share(whole, ranks.rank, 3), 2);
  });
  EXPECT_EQ(names_in(folder.path() / "step-00000009").size(), 8u);
  expect_step(TrainingStates(folder.path()), 9);
  test::run_ranks(2, [&](const StateRanks& ranks) {
    const auto expected = share(whole, ranks.rank, 2);
    const auto read = empty_like(expected);
    TrainingStates(folder.path(), ranks).newest()->read(read);
    for (size_t i = 0; i < read.size(); ++i) EXPECT_TRUE(at::equal(read[i].values, expected[i].values));
  });
}

// Columns 0 to 1 and 3 of the whole, then the others, and rows likewise: read as the whole and as other slices.
TEST(TrainingState, MovesBetweenRowsAndColumns) {
  test::TemporaryFolder folder;
  const std::vector<int64_t> shape = {4, 5};
  const at::Tensor whole = at::arange(20, at::kFloat).view(shape);
  const auto part = [&](const model::TensorSlice& slice, int64_t begin, int64_t count) {
    return StateTensor{"a", shape, begin, slice.take(whole).reshape({-1}).narrow(0, begin, count).clone(), slice};
  };
  const model::TensorSlice columns[] = {{1, 5, {{0, 1}, {2, 4}}}, {1, 5, {{1, 2}, {4, 5}}}};
  const model::TensorSlice rows[] = {{0, 4, {{0, 1}, {3, 4}}}, {0, 4, {{1, 3}}}};
  // The first columns are divided once more, within a row.
  const StateTensor saved[] = {part(columns[0], 0, 7), part(columns[0], 7, 5), part(columns[1], 0, 8)};
  test::run_ranks(3, [&](const StateRanks& ranks) {
    TrainingStates(folder.path(), ranks).save(1, {}, {&saved[ranks.rank], 1}, 2);
  });
  const auto state = TrainingStates(folder.path()).newest();
  for (const StateTensor& wanted : {part({}, 0, 20), part({}, 3, 11), part(rows[0], 0, 10), part(rows[1], 4, 3),
                                    part(columns[0], 0, 12), part(columns[1], 1, 5)}) {
    StateTensor read = wanted;
    read.values = at::zeros_like(wanted.values);
    state->read({&read, 1});
    EXPECT_TRUE(at::equal(read.values, wanted.values)) << read.values;
  }
}

TEST(TrainingState, AllRanksTakeTheSameStateWhenOneIsDamaged) {
  test::TemporaryFolder folder;
  Warnings warnings;
  for (const int64_t step : {1, 2}) {
    test::run_ranks(2, [&](const StateRanks& ranks) {
      TrainingStates(folder.path(), ranks).save(step, {}, share(tensors_of(step), ranks.rank, 2), 2);
    });
  }
  const fs::path path = folder.path() / "step-00000002" / "state-00001-of-00002.safetensors";
  std::string bytes = read_file(path);
  bytes.back() ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
  test::run_ranks(
      2, [&](const StateRanks& ranks) { EXPECT_EQ(TrainingStates(folder.path(), ranks).newest()->step(), 1); });
  EXPECT_THAT(warnings.text, HasSubstr("state-00001-of-00002.safetensors: tensor 'weights/b@3' is damaged"));
}

TEST(TrainingState, FailsOnEveryRankWhenOneFails) {
  test::TemporaryFolder folder;
  test::run_ranks(2, [&](const StateRanks& ranks) {
    TrainingStates states(folder.path(), ranks);
    // The second rank has nowhere to write to.
    if (ranks.rank == 0) fs::remove_all(folder.path());
    ranks.all_agree(true);
    EXPECT_THROW(states.save(1, {}, share(tensors_of(1), ranks.rank, 2), 2), Error);
  });
  EXPECT_FALSE(fs::exists(folder.path() / "step-00000001"));
}

}  // namespace
}  // namespace molmo::checkpoint
