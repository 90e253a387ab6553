#include "base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"

namespace molmo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::filesystem::path kShell = "/bin/sh";

TEST(ChildProcess, GivesOutputAndPassesArgumentsUnchanged) {
  EXPECT_EQ(run_program(kShell, {"-c", "printf '%s|' \"$@\"; cat", "sh", "a b", "$(date)", "\"'`;"}),
            "a b|$(date)|\"'`;|");
  const std::string many = run_program(kShell, {"-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"});
  EXPECT_EQ(many.size(), 300000u);
}

TEST(ChildProcess, SaysHowItFailed) {
  EXPECT_THAT(
      [] {
        run_program(kShell, {"-c", "echo no such paper >&2; exit 3"});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("/bin/sh"), HasSubstr("status 3"), HasSubstr("no such paper"))));
  EXPECT_THAT([] { run_program(kShell, {"-c", "kill -9 $$"}); }, ThrowsMessage<Error>(HasSubstr("signal 9")));
  EXPECT_THAT([] { run_program("/nonexistent/program", {}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("/nonexistent/program"), HasSubstr("cannot be started"))));
  EXPECT_THAT(
      [] {
        run_program(kShell, {"-c", "while :; do echo 0123456789; done"}, {.max_output_bytes = 1000});
      },
      ThrowsMessage<Error>(HasSubstr("expected at most 1000")));
}

bool is_running(pid_t process) {
  // A process that has ended and that nobody has waited for is still there, in state Z.
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  return std::getline(file, line) && line.substr(line.rfind(')') + 2, 1) != "Z";
}

void expect_gone(const std::filesystem::path& file) {
  const pid_t process = std::stoi(read_file(file));
  // SIGKILL has been sent; the system ends it soon.
  for (int i = 0; i < 500 && is_running(process); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(is_running(process)) << process;
}

TEST(ChildProcess, EndsTheWholeGroupWhenTheTimeIsOver) {
  const TemporaryFolder folder;
  const std::string own = (folder.path() / "own").string(), child = (folder.path() / "child").string();
  // The pipes stay open in the child's child: nothing but the limit ends this.
  const std::string script = "echo $$ > " + own + "; sleep 1000 & echo $! > " + child + "; echo stuck >&2; wait";
  EXPECT_THAT(
      [&] {
        run_program(kShell, {"-c", script}, {.time = std::chrono::milliseconds(1500)});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("within 1500 ms"), HasSubstr("stuck"))));
  expect_gone(own);
  expect_gone(child);
}

TEST(ChildProcess, EndsWhatAProgramLeftBehind) {
  const TemporaryFolder folder;
  const std::string child = (folder.path() / "child").string();
  EXPECT_EQ(run_program(kShell, {"-c", "sleep 1000 & echo $! > " + child + "; echo done"}), "done\n");
  expect_gone(child);
}

TEST(ChildProcess, FindsProgramsInPath) {
  EXPECT_EQ(find_program({"no-such-program-7", "sh"})->filename(), "sh");
  EXPECT_FALSE(find_program({"no-such-program-7"}));
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "sh") << "not a program";
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  EXPECT_FALSE(find_program({"sh"}));
  ::setenv("PATH", before.c_str(), 1);
}

TEST(ChildProcess, TemporaryFoldersAreRemoved) {
  std::filesystem::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    std::filesystem::create_directory(path / "inner");
    write_file_atomic(path / "inner" / "file", "x");
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace molmo
