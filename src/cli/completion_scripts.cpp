#include "cli/completion_scripts.h"

#include <fmt/core.h>

#include "cli/command_doc.h"
#include "config/model.h"

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

// Quotes for single-quoted shell words.
std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

bool is_path(const OptionDoc& option) {
  return option.value_name == "FILE" || option.value_name == "DIR" || option.value_name == "IMAGE";
}

std::string bash_values(const OptionDoc& option) {
  if (const auto choices = option.choices(); !choices.empty()) return fmt::format("-W '{}'", join(choices, " "));
  if (option.value_name == "MODEL") return fmt::format("-d -W '{}'", join(config::preset_names(), " "));
  if (option.value_name == "DIR") return "-d";
  return is_path(option) ? "-f" : "";
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
    std::string values, positional = "-f";
    for (const OptionDoc& option : doc.options) {
      if (option.is_positional()) {
        if (const std::string words = bash_values(option); !words.empty()) positional = words;
        continue;
      }
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
  if (const auto choices = option.choices(); !choices.empty()) return fmt::format("({})", join(choices, " "));
  if (option.value_name == "MODEL" || option.value_name == "DIR") return "_files -/";
  return is_path(option) ? "_files" : " ";
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
      if (option.is_positional()) {
        cases += fmt::format("        {} \\\n", shell_quoted((option.can_repeat ? "*" : "") + value));
        continue;
      }
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
                     names, groups, cases);
}

std::string fish_script() {
  std::string text = "# fish completion of molmo: put this file as molmo.fish into ~/.config/fish/completions.\n";
  text += "complete -c molmo -n __fish_use_subcommand -f -l help -d 'explain molmo'\n";
  text += "complete -c molmo -n __fish_use_subcommand -f -l version -d 'tell about this build'\n";
  for (const CommandDoc& doc : all_documents()) {
    const size_t blank = doc.name.find(' ');
    const std::string first = doc.name.substr(0, blank);
    const std::string second = blank == std::string::npos ? "" : doc.name.substr(blank + 1);
    std::string condition = fmt::format("__fish_seen_subcommand_from {}", first);
    if (second.empty()) {
      text +=
          fmt::format("complete -c molmo -n __fish_use_subcommand -f -a {} -d {}\n", first, shell_quoted(doc.summary));
    } else {
      text += fmt::format("complete -c molmo -n __fish_use_subcommand -f -a {}\n", first);
      text += fmt::format("complete -c molmo -n '{}; and not __fish_seen_subcommand_from {}' -f -a {} -d {}\n",
                          condition, join(second_words(first), " "), second, shell_quoted(doc.summary));
      condition += "; and __fish_seen_subcommand_from " + second;
    }
    condition = fmt::format("complete -c molmo -n '{}'", condition);
    for (const OptionDoc& option : doc.options) {
      if (option.is_positional()) continue;
      text += condition;
      for (const std::string& name : names_of(option))
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (const auto choices = option.choices(); !choices.empty()) {
        text += fmt::format(" -x -a '{}'", join(choices, " "));
      } else if (!option.value_name.empty()) {
        text += is_path(option) || option.value_name == "MODEL" ? " -r -F" : " -x";
      }
      text += " -d " + shell_quoted(option.description) + "\n";
    }
    text += condition + " -l help -d 'explain this verb'\n";
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
