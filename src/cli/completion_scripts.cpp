#include "cli/completion_scripts.h"

#include <fmt/core.h>

#include "cli/command_doc.h"
#include "config/model.h"
#include "data/registry.h"
#include "eval/benchmark.h"
#include "text/styles.h"

namespace molmo::cli {
namespace {

std::vector<CommandDoc> all_documents() {
  std::vector<CommandDoc> docs;
  for (const VerbEntry& entry : verbs()) docs.push_back(document(entry));
  return docs;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(separator)) + word;
  return text;
}

// The rest of the verbs that begin with `word`.
std::vector<std::string> second_words(const std::string& word) {
  std::vector<std::string> words;
  for (const VerbEntry* entry : verbs_of_group(word)) words.emplace_back(entry->name.substr(word.size() + 1));
  return words;
}

std::vector<std::string> names_of(const OptionDoc& option) {
  std::vector<std::string> names;
  if (!option.short_name.empty()) names.push_back(option.short_name);
  if (!option.long_name.empty()) names.push_back(option.long_name);
  names.insert(names.end(), option.aliases.begin(), option.aliases.end());
  return names;
}

bool is_argument(const OptionDoc& option) {
  return option.is_positional() || !option.positional_name.empty();
}

// Quotes for single-quoted shell words.
std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const data::DatasetEntry& entry : data::dataset_entries()) names.emplace_back(entry.name);
  return names;
}

// What can stand for an option's value.
struct Values {
  std::vector<std::string> words;
  enum class Paths { None, Folders, Files } paths = Paths::None;
};

Values values_of(const OptionDoc& option) {
  using Paths = Values::Paths;
  const std::string& name = option.value_name;
  Values values{.words = option.choices()};
  if (name == "MODEL") return {config::preset_names(), Paths::Folders};
  if (name == "DIR") return {{}, Paths::Folders};
  for (const char* file : {"FILE", "IMAGE", "CONFIG", "COMPARISONS", "STORE"}) {
    if (name == file) return {{}, Paths::Files};
  }
  if (name == "VERB") return {first_words()};
  if (name == "STYLE") return {{text::known_styles().begin(), text::known_styles().end()}};
  if (name == "NAME") return {dataset_names(), Paths::Files};  // a published set, or a file of own data
  if (name == "BENCHMARK") {
    for (const eval::Benchmark& benchmark : eval::benchmarks()) values.words.emplace_back(benchmark.name);
  }
  return values;
}

std::string bash_values(const OptionDoc& option) {
  const Values values = values_of(option);
  std::string actions = values.paths == Values::Paths::Files     ? "-f"
                        : values.paths == Values::Paths::Folders ? "-d"
                                                                 : "";
  if (!values.words.empty()) actions += fmt::format(" -W '{}'", join(values.words, " "));
  return actions;
}

std::string bash_script() {
  std::vector<std::string> names{"--help", "--version"};
  std::string cases, groups;
  for (const std::string& word : first_words()) {
    names.push_back(word);
    if (verbs_of_group(word).empty()) continue;
    groups += fmt::format(
        "    {0}) if [ \"$COMP_CWORD\" -eq 2 ]; then COMPREPLY=($(compgen -W '{1}' -- \"$current\")); return; fi\n"
        "      verb=\"{0} ${{COMP_WORDS[2]}}\" ;;\n",
        word, join(second_words(word), " "));
  }
  for (const CommandDoc& doc : all_documents()) {
    std::vector<std::string> flags{"--help"};
    std::string values, positional;
    for (const OptionDoc& option : doc.options) {
      if (is_argument(option) && positional.empty()) positional = bash_values(option);
      if (option.is_positional()) continue;
      const auto spellings = names_of(option);
      if (!option.short_name.empty()) flags.push_back(option.short_name);
      flags.push_back(option.long_name);
      if (!option.value_name.empty())
        values += fmt::format("        {}) values=\"{}\" ;;\n", join(spellings, "|"), bash_values(option));
    }
    cases += fmt::format("    '{}')\n      flags='{}'\n      values=\"{}\"\n      case $previous in\n{}      esac ;;\n",
                         doc.name, join(flags, " "), positional, values);
  }
  return fmt::format(R"sh(# bash completion of molmo. Use: source <(molmo completion bash)
_molmo() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} flags values
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{}' -- "$current"))
    return
  fi
  local verb=${{COMP_WORDS[1]}}
  case $verb in
{}  esac
  case $verb in
{}    *) return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [ -n "$values" ]; then
    mapfile -t COMPREPLY < <(eval "compgen $values -- \"\$current\"")
  fi
}}
complete -o filenames -F _molmo molmo
)sh",
                     join(names, " "), groups, cases);
}

std::string zsh_values(const OptionDoc& option) {
  if (option.value_name == "MODEL") return "_molmo_models";
  if (option.value_name == "NAME") return "_molmo_sets";
  const Values values = values_of(option);
  if (!values.words.empty()) return fmt::format("({})", join(values.words, " "));
  return values.paths == Values::Paths::Files ? "_files" : values.paths == Values::Paths::Folders ? "_files -/" : " ";
}

std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text)
    result += (c == ':' || c == '[' || c == ']' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return result;
}

std::string zsh_script() {
  std::string names, groups, cases;
  for (const std::string& word : first_words()) {
    const VerbEntry* entry = find_verb(word);
    const std::string summary = entry != nullptr ? std::string(entry->summary) : "several verbs";
    names += fmt::format("    {}\n", shell_quoted(zsh_text(word) + ":" + zsh_text(summary)));
    std::string seconds;
    for (const VerbEntry* of_group : verbs_of_group(word)) {
      seconds +=
          " " + shell_quoted(zsh_text(of_group->name.substr(word.size() + 1)) + ":" + zsh_text(of_group->summary));
    }
    if (seconds.empty()) continue;
    groups += fmt::format(
        "    {})\n      if (( CURRENT == 3 )); then\n        names=({} )\n        _describe verb names\n"
        "        return\n      fi\n      verb=\"$verb $words[3]\"\n      shift words\n      (( CURRENT-- )) ;;\n",
        word, seconds);
  }
  for (const CommandDoc& doc : all_documents()) {
    cases += fmt::format("    '{}')\n      _arguments \\\n", doc.name);
    for (const OptionDoc& option : doc.options) {
      const std::string value = fmt::format(":{}:{}", zsh_text(option.value_name), zsh_values(option));
      if (is_argument(option))
        cases += fmt::format("        {} \\\n", shell_quoted((option.can_repeat ? "*" : "") + value));
      for (const std::string& name : {option.short_name, option.long_name}) {
        if (name.empty()) continue;
        const std::string repeat = option.can_repeat ? "*" : "";
        cases += fmt::format("        {} \\\n", shell_quoted(repeat + name + "[" + zsh_text(option.description) + "]" +
                                                             (option.value_name.empty() ? "" : value)));
      }
    }
    cases += "        '--help[explain this verb]' ;;\n";
  }
  return fmt::format(R"sh(#compdef molmo
# zsh completion of molmo: put this file as _molmo into a folder of $fpath.
_molmo_models() {{
  _alternative 'presets:preset:({})' 'folders:checkpoint folder:_files -/'
}}
_molmo_sets() {{
  _alternative 'sets:data set:({})' 'files:file of own data:_files'
}}
_molmo() {{
  local -a names
  names=(
{}  )
  if (( CURRENT == 2 )); then
    _describe verb names
    return
  fi
  local verb=$words[2]
  case $verb in
{}  esac
  shift words
  (( CURRENT-- ))
  case $verb in
{}  esac
}}
_molmo "$@"
)sh",
                     join(config::preset_names(), " "), join(dataset_names(), " "), names, groups, cases);
}

std::string fish_words(const Values& values) {
  std::string words = join(values.words, " ");
  if (values.paths == Values::Paths::Folders)
    words += (words.empty() ? "" : " ") + std::string("(__fish_complete_directories)");
  return words.empty() ? "" : fmt::format(" -a '{}'", words);
}

std::string fish_script() {
  std::string text = R"sh(# fish completion of molmo: put this file as molmo.fish into ~/.config/fish/completions.
function __molmo_at -d 'The words so far are these'
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end
function __molmo_after -d 'The words so far begin with these'
    set -l words (commandline -opc)
    set -e words[1]
    set -l length (count $argv)
    test (count $words) -ge $length; and test "$words[1..$length]" = "$argv"
end
complete -c molmo -f
complete -c molmo -n __molmo_at -l help -d 'explain molmo'
complete -c molmo -n __molmo_at -l version -d 'tell about this build'
)sh";
  for (const std::string& word : first_words()) {
    if (verbs_of_group(word).empty()) continue;
    text += fmt::format("complete -c molmo -n __molmo_at -a {} -d 'several verbs'\n", word);
  }
  for (const CommandDoc& doc : all_documents()) {
    const size_t blank = doc.name.find(' ');
    const std::string group = blank == std::string::npos ? "" : " " + doc.name.substr(0, blank);
    text += fmt::format("complete -c molmo -n '__molmo_at{}' -a {} -d {}\n", group,
                        doc.name.substr(blank == std::string::npos ? 0 : blank + 1), shell_quoted(doc.summary));
    const std::string start = fmt::format("complete -c molmo -n '__molmo_after {}'", doc.name);
    for (const OptionDoc& option : doc.options) {
      if (is_argument(option)) {
        const Values values = values_of(option);
        if (values.paths == Values::Paths::Files) text += start + " -F\n";
        if (const std::string words = fish_words(values); !words.empty()) text += start + words + "\n";
      }
      if (option.is_positional()) continue;
      text += start;
      for (const std::string& name : names_of(option))
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.value_name.empty()) {
        const Values values = values_of(option);
        text += (values.paths == Values::Paths::Files ? " -r -F" : " -x") + fish_words(values);
      }
      text += " -d " + shell_quoted(option.description) + "\n";
    }
    text += start + " -l help -d 'explain this verb'\n";
  }
  return text;
}

}  // namespace

std::string completion_script(Shell shell) {
  switch (shell) {
    case Shell::Bash:
      return bash_script();
    case Shell::Zsh:
      return zsh_script();
    case Shell::Fish:
      return fish_script();
  }
  return "";
}

}  // namespace molmo::cli
