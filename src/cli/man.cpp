// molmo man [VERB] [-o DIR]
#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "cli/flags.h"
#include "cli/man_pages.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Man final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description("Prints the manual in roff, or writes all pages into a folder.");
    flags.examples(
        "# read a page\nmolmo man run | man -l -\n"
        "# write all pages, as 'make install' does\nmolmo man -o /usr/local/share/man/man1\n");
    flags.add_option("VERB", verb_, "the page of this verb, of one word or two; without it, of the program")
        .group("Arguments");
    flags.add_option("-o,--output", folder_, "write all pages into this folder").type_name("DIR");
  }

  int run() override {
    if (!folder_.empty()) {
      std::filesystem::create_directories(folder_);
      write_file_atomic(folder_ / "molmo.1", man_page());
      for (const VerbEntry& entry : verbs()) write_file_atomic(folder_ / man_page_file(entry), man_page(entry));
    } else if (verb_.empty()) {
      fmt::print("{}", man_page());
    } else if (const VerbEntry* entry = find_verb(fmt::format("{}", fmt::join(verb_, " ")))) {
      fmt::print("{}", man_page(*entry));
    } else {
      const std::string name = fmt::format("{}", fmt::join(verb_, " "));
      throw UsageError(fmt::format("unknown verb '{}'.{}", name, did_you_mean(name, verb_names())));
    }
    return kExitDone;
  }

 private:
  std::vector<std::string> verb_;
  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<Verb> make_man() {
  return std::make_unique<Man>();
}

}  // namespace molmo::cli
