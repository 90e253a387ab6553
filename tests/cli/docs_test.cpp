// The commands of the documents: every `sh` block names known programs, verbs and flags, and those marked `sh test`
// run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "child.h"
#include "cli/command_doc.h"
#include "cli/verb.h"
#include "fixtures.h"
#include "pointing_model.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;

struct DocumentedCommand {
  std::string document, text;
  bool is_runnable = false;
};

std::vector<fs::path> documents() {
  const fs::path root = MOLMO_SOURCE_DIR;
  std::vector<fs::path> paths;
  for (const fs::path& folder : {root, root / "docs"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".md") paths.push_back(entry.path());
    }
  }
  return paths;
}

std::vector<DocumentedCommand> documented_commands() {
  std::vector<DocumentedCommand> commands;
  for (const fs::path& path : documents()) {
    std::istringstream lines(read_file(path));
    bool is_shell = false, is_runnable = false;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("```")) {
        is_shell = !is_shell && (line == "```sh" || line == "```sh test");
        is_runnable = line == "```sh test";
      } else if (is_shell && !line.empty() && line[0] != '#') {
        if (const size_t comment = line.find("  #"); comment != std::string::npos) line.resize(comment);
        commands.push_back({path.filename(), line, is_runnable});
      }
    }
  }
  return commands;
}

// Splits at pipes and &&, and into words; what is quoted stays together.
std::vector<std::vector<std::string>> simple_commands(const std::string& text) {
  std::vector<std::vector<std::string>> commands(1);
  const std::regex word(R"re("[^"]*"|'[^']*'|\$\([^)]*\)|[^\s"']+)re");
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) {
    const std::string part = it->str();
    if (part == "|" || part == "&&") {
      commands.emplace_back();
    } else {
      commands.back().push_back(part);
    }
  }
  return commands;
}

void check_verb(const std::vector<std::string>& words, const std::string& where) {
  ASSERT_GT(words.size(), 1u) << where;
  if (words[1] == "--help" || words[1] == "--version") return;
  const VerbEntry* entry = words.size() > 2 ? find_verb(words[1] + " " + words[2]) : nullptr;
  if (entry == nullptr) entry = find_verb(words[1]);
  ASSERT_NE(entry, nullptr) << where << ": no verb '" << words[1] << "'";
  std::set<std::string> names{"--help"};
  for (const OptionDoc& option : document(*entry).options) {
    names.insert({option.short_name, option.long_name});
    names.insert(option.aliases.begin(), option.aliases.end());
  }
  for (size_t i = 2; i < words.size(); ++i) {
    const bool is_flag = words[i].size() > 1 && words[i][0] == '-';
    EXPECT_TRUE(!is_flag || names.contains(words[i])) << where << ": no flag " << words[i];
  }
}

TEST(Documents, CommandsNameKnownProgramsVerbsAndFlags) {
  const std::set<std::string> known = {"c++", "cmake",  "ctest",  "echo", "git",     "sudo",
                                       "cd",  "export", "mpirun", "srun", "torchrun"};
  const std::string makefile = read_file(fs::path(MOLMO_SOURCE_DIR) / "Makefile");
  const auto commands = documented_commands();
  EXPECT_GT(commands.size(), 20u);
  for (const DocumentedCommand& command : commands) {
    const std::string where = command.document + ": " + command.text;
    for (const auto& words : simple_commands(command.text)) {
      ASSERT_FALSE(words.empty()) << where;
      const std::string& program = words[0];
      if (program == "molmo") {
        check_verb(words, where);
      } else if (program == "make") {
        ASSERT_GT(words.size(), 1u) << where;
        EXPECT_THAT(makefile, testing::HasSubstr("\n" + words[1] + ":")) << where;
      } else if (program.starts_with("scripts/")) {
        EXPECT_TRUE(fs::exists(fs::path(MOLMO_SOURCE_DIR) / program)) << where;
      } else {
        EXPECT_TRUE(known.contains(program) || program.starts_with("build")) << where << ": unknown program";
      }
    }
  }
}

// In a folder that has what the documents speak of: MODEL, examples, photo.jpg, desk.jpg, questions.txt, texts.jsonl,
// own-data.yaml with its data, own.jsonl, pixmo-points, comparisons.csv.
TEST(Documents, MarkedCommandsRun) {
  const test::TemporaryFolder folder;
  test::write_pointing_model(
      folder.path() / "MODEL",
      R"(Counting the <points x1="25.0" y1="50.0" x2="75.0" y2="10.0" alt="mugs">mugs</points> shows a total of 2.)");
  fs::create_directory_symlink(fs::path(MOLMO_SOURCE_DIR) / "examples", folder.path() / "examples");
  for (const char* name : {"photo.jpg", "desk.jpg"})
    fs::copy(test::fixture_path("model/images/exif6_2000x1500.jpg"), folder.path() / name);
  std::ofstream(folder.path() / "questions.txt") << "What is on the desk?\nAnd where?\n";
  std::ofstream(folder.path() / "texts.jsonl") << "\"Point to the mug.\"\n\"\"\n";
  fs::copy(fs::path(MOLMO_SOURCE_DIR) / "configs" / "own-data.yaml", folder.path() / "own-data.yaml");
  fs::create_directory(folder.path() / "my-data");
  for (const char* name : {"train.jsonl", "validation.jsonl"}) {
    std::ofstream(folder.path() / "my-data" / name)
        << R"({"id": "1", "image": "../photo.jpg", "annotations": [{"style": "pointing", "label": "torx screw", )"
        << R"("points": [[12.5, 40]], "point_scale": 100}, {"style": "pointing", "label": "nut", "points": []}]})"
        << "\n";
  }
  std::ofstream(folder.path() / "own.jsonl")
      << R"({"id": "1", "image": "photo.jpg", "annotations": [{"style": "user_qa", "question": "?", "answer": "!"}]})";
  fs::create_directory(folder.path() / "pixmo-points");
  fs::copy(test::fixture_path("parquet/pixmo-points.parquet"), folder.path() / "pixmo-points/train.parquet");
  fs::copy(test::fixture_path("arena/comparisons.csv"), folder.path() / "comparisons.csv");
  int num_commands = 0;
  for (const DocumentedCommand& command : documented_commands()) {
    if (!command.is_runnable) continue;
    ++num_commands;
    const std::string script = "PATH=" MOLMO_BINARY_DIR "/bin:$PATH; " + command.text;
    const test::Result result = test::Child("/bin/bash", {"-c", script}, {.folder = folder.path()}).finish();
    EXPECT_EQ(result.status, 0) << command.text << "\n" << result.err;
  }
  EXPECT_GT(num_commands, 15);
  for (const char* written :
       {"cups.png", "captions.jsonl", "mugs.png", "mugs.svg", "trace.safetensors", "molmo-bf16/config.json",
        "tiny/config.json", "runs/own-data/report.html", "merged/config.json", "own.html", "again.jsonl", "arena.html",
        "arena.db", "pixmo-points/report.json", "molmo-q4/config.json", "molmo-calibrated/config.json",
        "molmo-dense/config.json"}) {
    EXPECT_TRUE(fs::exists(folder.path() / written)) << written;
  }
}

}  // namespace
}  // namespace molmo::cli
