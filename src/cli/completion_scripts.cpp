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
  std::string cases;
  for (const CommandDoc& doc : all_documents()) {
    names.push_back(doc.name);
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
    cases += fmt::format("    {})\n      flags='{}'\n      values=\"{}\"\n      case $previous in\n{}      esac ;;\n",
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
  case ${{COMP_WORDS[1]}} in
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
                     join(names, " "), cases);
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
  std::string names, cases;
  for (const CommandDoc& doc : all_documents()) {
    names += fmt::format("    {}\n", shell_quoted(zsh_text(doc.name) + ":" + zsh_text(doc.summary)));
    cases += fmt::format("    {})\n      _arguments \\\n", doc.name);
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
  shift words
  (( CURRENT-- ))
  case $verb in
{}  esac
}}
_molmo "$@"
)sh",
                     names, cases);
}

std::string fish_script() {
  std::string text = "# fish completion of molmo: put this file as molmo.fish into ~/.config/fish/completions.\n";
  text += "complete -c molmo -n __fish_use_subcommand -f -l help -d 'explain molmo'\n";
  text += "complete -c molmo -n __fish_use_subcommand -f -l version -d 'tell about this build'\n";
  for (const CommandDoc& doc : all_documents()) {
    text += fmt::format("complete -c molmo -n __fish_use_subcommand -f -a {} -d {}\n", doc.name, shell_quoted(doc.summary));
    const std::string condition = fmt::format("complete -c molmo -n '__fish_seen_subcommand_from {}'", doc.name);
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
