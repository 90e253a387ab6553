// The program on a terminal: lines are edited and remembered, and Ctrl-C ends the answer, then the program.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "child.h"
#include "cli/interrupt.h"
#include "cli/program.h"
#include "fixtures.h"
#include "pointing_model.h"

namespace molmo::cli {
namespace {

using test::Child;
using test::Result;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kUp = "\x1b[A";
constexpr const char* kLeft = "\x1b[D";
constexpr const char* kBackspace = "\x7f";

// Keys are pressed when the prompt is there: before, the terminal itself would act on them.
Child chat(const std::string& folder, const Arguments& more = {}) {
  Arguments arguments{"chat", "-m", folder, "-t", "1", "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Child(arguments, {.environment = {{"TERM", "xterm"}}, .has_terminal = true});
}

char state_of(pid_t process) {
  const std::string stat = read_file("/proc/" + std::to_string(process) + "/stat");
  return stat.at(stat.rfind(')') + 2);
}

bool has_pending_signal(pid_t process) {
  const std::string status = read_file("/proc/" + std::to_string(process) + "/status");
  return status.find("\nShdPnd:\t0000000000000000") == std::string::npos;
}

// The program computes on one thread: asleep, it can only be waiting for us to read what it writes.
void wait_until_it_waits(pid_t process) {
  while (has_pending_signal(process) || state_of(process) != 'S') {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool echoes(int terminal) {
  termios settings{};
  return ::tcgetattr(terminal, &settings) == 0 && (settings.c_lflag & ICANON) && (settings.c_lflag & ECHO);
}

// The editor writes its prompt a moment before it takes the terminal over; what is typed in between is edited by the
// terminal itself.
bool wait_for_prompt(Child& child, const std::string& output, int times = 1) {
  if (!child.wait_for_output(output, times)) return false;
  while (echoes(child.output())) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return true;
}

class Terminal : public testing::Test {
 protected:
  Terminal() { test::write_pointing_model(folder_.path() / "m", "yes."); }
  std::string pointing() const { return folder_.path() / "m"; }
  test::TemporaryFolder folder_;
};

TEST_F(Terminal, EditsAndRemembersLines) {
  Child child = chat(pointing());
  ASSERT_TRUE(wait_for_prompt(child, "> "));
  child.send(std::string("Is it redd?") + kLeft + kBackspace + "\n");
  ASSERT_TRUE(wait_for_prompt(child, "yes.\r\n> "));
  child.send(std::string(kUp) + "\n");
  ASSERT_TRUE(wait_for_prompt(child, "yes.\r\n> ", 2));
  child.send("/save " + (folder_.path() / "talk.json").string() + "\n");
  ASSERT_TRUE(wait_for_prompt(child, "talk.json\r\n> "));
  child.send(kCtrlD);
  EXPECT_EQ(child.finish().status, kExitDone);
  const Json talk = read_json_file(folder_.path() / "talk.json");
  EXPECT_EQ(talk["messages"][0]["text"], "Is it red?");
  EXPECT_EQ(talk["messages"][2]["text"], "Is it red?");
  EXPECT_EQ(talk["messages"][3]["text"], "yes.");
}

TEST_F(Terminal, KeepsCharactersOfSeveralBytes) {
  Child child = Child({"chat", "-m", pointing(), "-t", "1", "-q"},
                      {.environment = {{"TERM", "xterm"}, {"LC_ALL", "C.UTF-8"}}, .has_terminal = true});
  ASSERT_TRUE(wait_for_prompt(child, "> "));
  child.send(std::string("Is it gr\u00fc\u00fcn?") + kLeft + kLeft + kBackspace + "\n");
  ASSERT_TRUE(wait_for_prompt(child, "yes.\r\n> "));
  child.send("/save " + (folder_.path() / "talk.json").string() + "\n/exit\n");
  EXPECT_EQ(child.finish().status, kExitDone);
  EXPECT_EQ(read_json_file(folder_.path() / "talk.json")["messages"][0]["text"], "Is it gr\u00fcn?");
}

TEST_F(Terminal, CtrlCEndsTheAnswerAndNotTheChat) {
  Child child = chat(test::miniature_model(), {"-n", "2000", "--min-predict", "2000"});
  ASSERT_TRUE(wait_for_prompt(child, "> "));
  child.send("How many birds are there?\n");
  ASSERT_TRUE(child.wait_for_output("man", 2));  // the echo of "many", and the fourth token
  child.send(kCtrlC);
  ASSERT_TRUE(wait_for_prompt(child, "\r\n> "));
  child.send("/save " + (folder_.path() / "talk.json").string() + "\n");
  ASSERT_TRUE(wait_for_prompt(child, "talk.json\r\n> "));
  const Json talk = read_json_file(folder_.path() / "talk.json");
  EXPECT_EQ(talk["messages"][1]["finish_reason"], "cancelled");
  EXPECT_NE(talk["messages"][1]["text"], "");
  child.send("/exit\n");
  EXPECT_EQ(child.finish().status, kExitDone);
}

TEST_F(Terminal, CtrlCAtThePromptEndsTheProgramAndPutsTheTerminalBack) {
  Child child = chat(pointing());
  ASSERT_TRUE(wait_for_prompt(child, "> "));
  EXPECT_FALSE(echoes(child.output()));  // the editor draws the line itself
  child.send(std::string("half a quest") + kCtrlC);
  const int terminal = ::dup(child.output());
  EXPECT_EQ(child.finish().status, kExitCancelled);
  EXPECT_TRUE(echoes(terminal));
  ::close(terminal);
}

TEST(Interrupt, SecondCtrlCEndsTheProgramAtOnce) {
  Child child({"run", "-m", test::miniature_model(), "-p", "How many birds are there?", "-n", "3000", "--min-predict",
               "3000", "-t", "1"});
  ASSERT_EQ(::fcntl(child.output(), F_SETPIPE_SZ, 4096), 4096);
  ASSERT_TRUE(child.wait_for_output("man"));
  // From here on nobody reads, and the program comes to a stop in the middle of its answer.
  wait_until_it_waits(child.id());
  child.interrupt();
  wait_until_it_waits(child.id());
  child.interrupt();
  const Result result = child.finish();
  EXPECT_EQ(result.status, kExitCancelled);
  EXPECT_EQ(result.err, "");  // no good order this time: no timings
}

TEST(Interrupt, FirstAsksTheAnswerToEndAndSecondEndsTheProgram) {
  const auto answer_twice_interrupted = [] {
    install_interrupt_handler();
    {
      const InterruptibleWork earlier;
      ::raise(SIGINT);
      if (!earlier.is_interrupted()) ::_exit(1);
    }
    const InterruptibleWork answer;
    if (answer.is_interrupted()) ::_exit(2);
    ::raise(SIGINT);
    if (!answer.is_interrupted()) ::_exit(3);
    ::raise(SIGINT);
    ::_exit(4);
  };
  EXPECT_EXIT(answer_twice_interrupted(), testing::ExitedWithCode(kExitCancelled), "");
  EXPECT_EXIT((install_interrupt_handler(), ::raise(SIGINT), ::_exit(5)), testing::ExitedWithCode(kExitCancelled), "");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // no start of its own: src/cli/main.cpp

// libgomp prints the settings that it works with.
std::string openmp_settings(const std::vector<std::string>& environment) {
  std::vector<std::string> words{"-u", "_", "-u", "OLDPWD", "OMP_DISPLAY_ENV=verbose"};
  words.insert(words.end(), environment.begin(), environment.end());
  words.insert(words.end(), {MOLMO_BINARY_DIR "/bin/molmo", "--version"});
  const test::Result result = Child("/usr/bin/env", words).finish();
  EXPECT_EQ(result.status, kExitDone);
  return result.err;
}

TEST(OpenMp, SpinsShortlyUnlessToldOtherwise) {
  EXPECT_THAT(openmp_settings({}), HasSubstr("GOMP_SPINCOUNT = '2000'"));
  EXPECT_THAT(openmp_settings({"OLDPWD=/"}), HasSubstr("GOMP_SPINCOUNT = '2000'"));
  EXPECT_THAT(openmp_settings({"_=/bin/molmo", "GOMP_SPINCOUNT=7"}), HasSubstr("GOMP_SPINCOUNT = '7'"));
  EXPECT_THAT(openmp_settings({"_=/bin/molmo", "OMP_WAIT_POLICY=PASSIVE"}), HasSubstr("GOMP_SPINCOUNT = '0'"));
}

#endif

}  // namespace
}  // namespace molmo::cli
