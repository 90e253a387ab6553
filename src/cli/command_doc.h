// What a verb's flags say about themselves, as data: help, completion and man pages are printed from it, so they cannot
// disagree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/verb.h"

namespace CLI {
class App;
}

namespace molmo::cli {

struct OptionDoc {
  std::string positional_name;       // for arguments; some can be given by a flag as well
  std::string short_name;            // "-m", or ""
  std::string long_name;             // "--model", or "" for an argument without a flag
  std::vector<std::string> aliases;  // other spellings that are accepted
  std::string value_name;            // "FILE", or choices "f32|bf16"; "" for a switch
  std::string description;
  std::string default_text;  // "" when there is none
  std::string environment;   // "MOLMO_MODEL"
  std::string group;         // heading of the help
  bool is_required = false;
  bool can_repeat = false;

  bool is_positional() const { return long_name.empty() && short_name.empty(); }
  std::vector<std::string> choices() const;  // of a value name with '|', else empty
};

struct ExampleDoc {
  std::string comment, command;
};

struct CommandDoc {
  std::string name, summary;
  std::string details;  // paragraphs after the summary, may be empty
  std::vector<OptionDoc> options;
  std::vector<ExampleDoc> examples;

  std::string usage() const;  // "molmo run [flags] -p TEXT"
};

CommandDoc document(const VerbEntry& entry);
CommandDoc document(const CLI::App& app, const VerbEntry& entry);

// Text of `molmo VERB --help` and of `molmo --help`, wrapped to `columns`.
std::string help_text(const CommandDoc& doc, size_t columns);
std::string program_help_text(size_t columns);
// Of `molmo data --help`, for the first word of verbs of two words.
std::string group_help_text(std::string_view group, size_t columns);

// `text` in lines of at most `columns`, each after the first with `indent` spaces in front.
std::string wrap(std::string_view text, size_t indent, size_t columns);

}  // namespace molmo::cli
