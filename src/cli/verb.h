// A verb of the program, and the list of them.
// Adding one is a file `<verb>.cpp` (flags, one library call, printing) and a row of kVerbs in verbs.cpp: help, hints,
// environment twins, completion and the man page follow from the flags.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::cli {

class Flags;

// The command line makes no sense: exit status 2, and a pointer to the help.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Verb {
 public:
  virtual ~Verb() = default;
  // Adds flags and arguments, with flags.examples() as the examples: lines of "# what it does" and "molmo ...".
  virtual void define(Flags& flags) = 0;
  // Runs after the flags were read; returns the exit status.
  virtual int run() = 0;
};

struct VerbEntry {
  std::string_view name;     // of one word, or of two: "data fetch" is written `molmo data fetch`
  std::string_view summary;  // one line, for `molmo --help`
  std::unique_ptr<Verb> (*make)();
};

std::span<const VerbEntry> verbs();
const VerbEntry* find_verb(std::string_view name);  // nullptr when there is none
std::vector<std::string> verb_names();
// First words of the verbs, each once, in the order of the list.
std::vector<std::string> first_words();
// The verbs of two words that begin with `word`.
std::vector<const VerbEntry*> verbs_of_group(std::string_view word);

}  // namespace molmo::cli
