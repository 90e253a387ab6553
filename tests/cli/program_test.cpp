// The frame of the program: help, hints, environment twins, exit statuses, completion and man pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/file.h"
#include "child.h"
#include "cli/command_doc.h"
#include "cli/man_pages.h"
#include "cli/program.h"
#include "cli/run_here.h"
#include "cli/verb.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

using test::Result;
using test::run_molmo;
using testing::HasSubstr;
using testing::StartsWith;

// A verb of two words is two arguments; `rest` follows.
std::vector<std::string> words_of(std::string_view verb, const std::vector<std::string>& rest) {
  std::vector<std::string> words;
  std::istringstream text{std::string(verb)};
  for (std::string word; text >> word;) words.push_back(word);
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

TEST(Program, WithoutArgumentsShowsHelpAndFails) {
  const Result result = run_molmo({});
  EXPECT_EQ(result.status, kExitUsage);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("Usage: molmo VERB"));
}

TEST(Program, HelpNamesEveryVerb) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"}, {"-h"}, {"help"}}) {
    const Result result = run_molmo(arguments);
    EXPECT_EQ(result.status, kExitDone);
    EXPECT_EQ(result.err, "");
    for (const VerbEntry& entry : verbs()) EXPECT_THAT(result.out, HasSubstr("\n  " + std::string(entry.name) + " "));
  }
}

TEST(Program, VersionTellsBuildLibtorchCpuAndThreads) {
  const Result result = run_molmo({"--version"}, {.environment = {{"MOLMO_CPU", "scalar"}, {"MOLMO_THREADS", "3"}}});
  EXPECT_EQ(result.status, kExitDone);
  EXPECT_THAT(result.out, StartsWith("molmo 0.1.0\n"));
  for (const char* part : {"build:", "libtorch: 2.", "found, scalar used", "threads:  3\n"})
    EXPECT_THAT(result.out, HasSubstr(part));
}

TEST(Program, UnknownVerbNamesTheNearest) {
  const Result result = run_molmo({"completoin"});
  EXPECT_EQ(result.status, kExitUsage);
  EXPECT_EQ(result.err, "molmo: unknown verb 'completoin'. Did you mean 'completion'? See 'molmo --help'.\n");
  EXPECT_EQ(run_molmo({"--versoin"}).err,
            "molmo: unknown flag '--versoin'. Did you mean '--version'? See 'molmo --help'.\n");
}

TEST(Program, VerbsOfTwoWordsHaveAHelpOfTheirOwn) {
  const Result help = run_molmo({"data", "--help"});
  EXPECT_EQ(help.status, kExitDone);
  EXPECT_THAT(help.out, HasSubstr("\n  fetch "));
  const Result alone = run_molmo({"data"});
  EXPECT_EQ(alone.status, kExitUsage);
  EXPECT_EQ(alone.err, help.out);
  EXPECT_EQ(run_molmo({"data", "lsit"}).err,
            "molmo: unknown verb 'data lsit'. Did you mean 'data list'? See 'molmo data --help'.\n");
  EXPECT_EQ(run_molmo({"help", "data", "list"}).out, run_molmo({"data", "list", "--help"}).out);
  EXPECT_EQ(run_molmo({"man", "data", "list"}).status, kExitDone);
}

TEST(Program, UnknownFlagNamesTheNearestOfEveryVerb) {
  for (const VerbEntry& entry : verbs()) {
    for (const OptionDoc& option : document(entry).options) {
      if (option.long_name.size() < 6) continue;
      std::string misspelt = option.long_name;
      std::swap(misspelt[3], misspelt[4]);
      if (misspelt == option.long_name) continue;
      const Result result = run_here(words_of(entry.name, {misspelt + "=1"}));
      EXPECT_EQ(result.status, kExitUsage) << entry.name << " " << misspelt;
      EXPECT_THAT(result.err, HasSubstr("unknown flag '" + misspelt + "'. Did you mean '" + option.long_name + "'?"));
    }
  }
}

TEST(Program, EveryVerbHasHelpWithExamplesThatUseItsOwnFlags) {
  for (const VerbEntry& entry : verbs()) {
    const CommandDoc doc = document(entry);
    EXPECT_FALSE(doc.examples.empty()) << entry.name;
    std::set<std::string> names{"--help"};
    for (const OptionDoc& option : doc.options) {
      names.insert({option.short_name, option.long_name});
      EXPECT_FALSE(option.description.empty()) << entry.name << " " << option.long_name;
      EXPECT_FALSE(option.description.ends_with('.')) << entry.name << " " << option.long_name;
    }
    for (const ExampleDoc& example : doc.examples) {
      if (!example.command.starts_with("molmo " + doc.name)) continue;
      std::istringstream words(example.command.substr(0, example.command.find_first_of("|>\"")));
      for (std::string word; words >> word;) {
        EXPECT_TRUE(!word.starts_with('-') || word == "-" || names.contains(word)) << example.command;
      }
    }
    const Result result = run_here(words_of(doc.name, {"--help"}));
    EXPECT_EQ(result.status, kExitDone);
    EXPECT_THAT(result.out, HasSubstr("Usage: " + doc.usage()));
  }
}

TEST(Program, HelpWinsOverEveryOtherMistake) {
  EXPECT_EQ(run_molmo({"man", "--nonsense", "--help"}).status, kExitDone);
  EXPECT_EQ(run_molmo({"help", "man"}).out, run_molmo({"man", "--help"}).out);
}

TEST(Program, EveryFlagHasAnEnvironmentTwinThatTheHelpShows) {
  for (const VerbEntry& entry : verbs()) {
    const CommandDoc doc = document(entry);
    const std::string help = help_text(doc, 100);
    for (const OptionDoc& option : doc.options) {
      if (option.is_positional()) continue;
      std::string twin = "MOLMO" + option.long_name.substr(1);
      std::replace(twin.begin(), twin.end(), '-', '_');
      std::transform(twin.begin(), twin.end(), twin.begin(), ::toupper);
      EXPECT_EQ(option.environment, twin);
      EXPECT_THAT(help, HasSubstr("[$" + twin + "]"));
    }
  }
}

TEST(Program, EnvironmentTwinWorksAndTheFlagWins) {
  const test::TemporaryFolder folder;
  const std::string from_environment = folder.path() / "environment", from_flag = folder.path() / "flag";
  EXPECT_EQ(run_molmo({"man"}, {.environment = {{"MOLMO_OUTPUT", from_environment}}}).status, kExitDone);
  EXPECT_TRUE(std::filesystem::exists(from_environment + "/molmo.1"));
  EXPECT_EQ(run_molmo({"man", "-o", from_flag}, {.environment = {{"MOLMO_OUTPUT", from_environment + "2"}}}).status,
            kExitDone);
  EXPECT_TRUE(std::filesystem::exists(from_flag + "/molmo.1"));
  EXPECT_FALSE(std::filesystem::exists(from_environment + "2"));
}

TEST(Program, ManPagesAreCleanRoff) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(run_molmo({"man", "-o", folder.path()}).status, kExitDone);
  for (const VerbEntry& entry : verbs()) {
    const std::filesystem::path page = folder.path() / man_page_file(entry);
    ASSERT_TRUE(std::filesystem::exists(page));
    if (!std::filesystem::exists("/usr/bin/groff")) continue;
    const Result checked = test::Child("/usr/bin/groff", {"-man", "-ww", "-Tutf8", "-P-cbou", page}).finish();
    EXPECT_EQ(checked.err, "") << page;
    EXPECT_THAT(checked.out, HasSubstr("EXAMPLES"));
  }
}

// Lets bash complete `line` and returns the words it offers.
std::set<std::string> complete_in_bash(const std::string& line) {
  const std::string script = "source <(" MOLMO_BINARY_DIR
                             "/bin/molmo completion bash); COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=(''); "
                             "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _molmo; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const Result result = test::Child("/bin/bash", {"-c", script, "bash", line}).finish();
  EXPECT_EQ(result.err, "");
  std::set<std::string> words;
  std::istringstream lines(result.out);
  for (std::string word; std::getline(lines, word);) words.insert(word);
  return words;
}

TEST(Completion, BashOffersVerbsFlagsAndChoices) {
  const auto offered = complete_in_bash("molmo ");
  for (const std::string& word : first_words()) EXPECT_TRUE(offered.contains(word)) << word;
  EXPECT_THAT(complete_in_bash("molmo data "), testing::IsSupersetOf({"list", "info", "fetch", "show"}));
  EXPECT_THAT(complete_in_bash("molmo data fetch --retry"), testing::ElementsAre("--retry-failed"));
  EXPECT_THAT(complete_in_bash("molmo completion "), testing::ElementsAre("bash", "fish", "zsh"));
  EXPECT_THAT(complete_in_bash("molmo man --ou"), testing::ElementsAre("--output"));
}

TEST(Completion, BashOffersWhatCanStandForAValue) {
  EXPECT_THAT(complete_in_bash("molmo inspect molmo-7b"), testing::ElementsAre("molmo-7b-d", "molmo-7b-o"));
  EXPECT_THAT(complete_in_bash("molmo run --style vqa"), testing::ElementsAre("vqa2"));
  EXPECT_THAT(complete_in_bash("molmo data info pixmo_as"), testing::ElementsAre("pixmo_ask_model_anything"));
  EXPECT_THAT(complete_in_bash("molmo eval score synth-po"), testing::ElementsAre("synth-points"));
}

TEST(Completion, ShellsWithoutANameAreRefused) {
  EXPECT_EQ(run_here({"completion"}).status, kExitUsage);
  EXPECT_EQ(run_here({"completion", "tcsh"}).status, kExitUsage);
  for (const char* shell : {"zsh", "fish"}) {
    const Result result = run_here({"completion", shell});
    EXPECT_EQ(result.status, kExitDone);
    for (const std::string& word : first_words()) EXPECT_THAT(result.out, HasSubstr(word));
    const std::string program = std::string("/usr/bin/") + shell;
    if (!std::filesystem::exists(program)) continue;
    const Result read = test::Child(program, {"-n", "/dev/stdin"}, {.input = result.out}).finish();
    EXPECT_EQ(read.status, 0) << shell << " cannot read its script: " << read.err;
  }
}

TEST(Completion, FishOffersOnlyWhatFitsTheVerb) {
  const test::TemporaryFolder folder;
  const std::string script = folder.path() / "molmo.fish";
  write_file_atomic(script, run_here({"completion", "fish"}).out);
  EXPECT_THAT(read_file(script), HasSubstr("complete -c molmo -n '__molmo_after eval run'"));
  if (!std::filesystem::exists("/usr/bin/fish")) return;
  // The first words of the lines: what would be typed.
  const auto complete = [&](const std::string& line) {
    const std::string command = "source " + script + "; complete -C '" + line + "'";
    std::istringstream lines(test::Child("/usr/bin/fish", {"--no-config", "-c", command}).finish().out);
    std::set<std::string> words;
    for (std::string text; std::getline(lines, text);) words.insert(text.substr(0, text.find('\t')));
    return words;
  };
  const auto verbs_offered = complete("molmo ");
  for (const std::string& word : first_words()) EXPECT_TRUE(verbs_offered.contains(word)) << word;
  EXPECT_THAT(complete("molmo eval "), testing::ElementsAre("report", "run", "score"));
  EXPECT_THAT(complete("molmo man co"), testing::ElementsAre("completion", "convert", "count"));
  EXPECT_THAT(complete("molmo inspect molmo-7b"), testing::ElementsAre("molmo-7b-d", "molmo-7b-o"));
  EXPECT_THAT(complete("molmo run --quirks "), testing::ElementsAre("fixed", "reference"));
  EXPECT_THAT(complete("molmo eval run --over"), testing::IsEmpty()) << "--overlay is a flag of run";
}

TEST(Program, OutputThatCannotBeWrittenIsAFailure) {
  const Result result = test::Child("/bin/sh", {"-c", MOLMO_BINARY_DIR "/bin/molmo --help > /dev/full"}).finish();
  EXPECT_EQ(result.status, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("standard output could not be written"));
}

}  // namespace
}  // namespace molmo::cli
