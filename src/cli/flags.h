// Flags and arguments of a verb. CLI11 stands behind it and is compiled once, in flags.cpp: a verb that included its
// header took 12 s to compile instead of 2 s.
//   flags.add_option("-n,--predict", max_tokens_, "most tokens of the answer").type_name("N").shows_default();
//   flags.add_flag("--json", is_json_, "print one JSON document");
// Values are written when the command line is parsed, so they must outlive the flags.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace molmo::cli {

// What more there is to say of one flag.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}

  Flag& type_name(const std::string& name);  // of the value in help texts: "FILE"
  Flag& group(const std::string& heading);   // of the help text
  Flag& required();
  Flag& range(int64_t lowest, int64_t highest);
  Flag& positive();
  Flag& not_negative();
  Flag& check(std::function<void(const std::string&)> check);  // throws Error for a bad value
  Flag& shows_default();                                       // the value that it has now
  Flag& default_text(const std::string& text);                 // "" for none
  Flag& takes_one();  // each time that it is given, though it may be given several times

 private:
  CLI::Option* option_;
};

class Flags {
 public:
  explicit Flags(CLI::App& app) : app_(app) {}

  void description(const std::string& text);  // paragraphs after the summary
  void examples(const std::string& lines);    // lines of "# what it does" and "molmo ..."

  // `names`: "-m,--model", or "IMAGE" for an argument.
  Flag add_option(const std::string& names, std::string& value, const std::string& description);
  Flag add_option(const std::string& names, std::filesystem::path& value, const std::string& description);
  Flag add_option(const std::string& names, int& value, const std::string& description);
  Flag add_option(const std::string& names, int64_t& value, const std::string& description);
  Flag add_option(const std::string& names, uint64_t& value, const std::string& description);
  Flag add_option(const std::string& names, double& value, const std::string& description);
  Flag add_option(const std::string& names, std::optional<std::string>& value, const std::string& description);
  Flag add_option(const std::string& names, std::optional<int>& value, const std::string& description);
  Flag add_option(const std::string& names, std::optional<int64_t>& value, const std::string& description);
  Flag add_option(const std::string& names, std::optional<uint64_t>& value, const std::string& description);
  Flag add_option(const std::string& names, std::optional<double>& value, const std::string& description);
  Flag add_option(const std::string& names, std::vector<std::string>& value, const std::string& description);
  Flag add_option(const std::string& names, std::vector<std::filesystem::path>& value, const std::string& description);
  Flag add_flag(const std::string& names, bool& value, const std::string& description);

  // A value that is one of a few names. The value name becomes "f32|bf16|...", which help, completion and man pages
  // show; aliases are accepted silently.
  template <class E>
  Flag add_enum(const std::string& names, E& value, const std::string& description) {
    return add_enum_as<E>(names, value, description).default_text(std::string(enum_name(value)));
  }
  template <class E>
  Flag add_enum(const std::string& names, std::optional<E>& value, const std::string& description) {
    return add_enum_as<E>(names, value, description);
  }

 private:
  Flag add_reader(const std::string& names, std::function<void(const std::string&)> read,
                  const std::string& description);

  template <class E, class Value>
  Flag add_enum_as(const std::string& names, Value& value, const std::string& description) {
    std::string choices;
    for (const auto& row : EnumNames<E>::kValues) {
      if (enum_name(row.value) == row.name) choices += (choices.empty() ? "" : "|") + std::string(row.name);
    }
    const std::string flag = names.substr(names.find_last_of(',') + 1);
    return add_reader(
               names, [&value, flag](const std::string& text) { value = parse_enum<E>(text, flag); }, description)
        .type_name(choices);
  }

  CLI::App& app_;
};

}  // namespace molmo::cli
