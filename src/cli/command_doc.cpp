#include "cli/command_doc.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "cli/program.h"

namespace molmo::cli {
namespace {

OptionDoc document_option(const CLI::Option& option) {
  OptionDoc doc;
  const std::string positional = option.get_name(/*positional=*/true);
  if (option.get_positional()) doc.positional_name = positional.substr(0, positional.find(','));
  if (!option.get_snames().empty()) doc.short_name = "-" + option.get_snames().front();
  const auto& long_names = option.get_lnames();
  if (!long_names.empty()) doc.long_name = "--" + long_names.front();
  for (size_t i = 1; i < long_names.size(); ++i) doc.aliases.push_back("--" + long_names[i]);
  const bool is_switch = option.get_items_expected_max() == 0;
  const std::string type = option.get_type_name();
  const bool is_named = doc.is_positional() && type.find('|') == std::string::npos;  // choices say more than the name
  doc.value_name = is_named ? doc.positional_name : is_switch ? "" : type;
  doc.description = option.get_description();
  doc.default_text = is_switch ? "" : option.get_default_str();
  doc.environment = option.get_envname();
  doc.group = option.get_group();
  doc.is_required = option.get_required();
  doc.can_repeat = option.get_expected_max() > 1;
  return doc;
}

std::vector<ExampleDoc> parse_examples(const std::string& text) {
  std::vector<ExampleDoc> examples;
  std::istringstream lines(text);
  std::string comment;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) {
      comment = line.substr(2);
    } else if (!line.empty()) {
      examples.push_back({std::exchange(comment, ""), line});
    }
  }
  return examples;
}

std::string option_head(const OptionDoc& option) {
  if (option.is_positional()) return "  " + option.value_name + (option.can_repeat ? "..." : "");
  std::string head = option.short_name.empty() ? "      " : "  " + option.short_name;
  if (!option.long_name.empty()) head += (option.short_name.empty() ? "" : ", ") + option.long_name;
  if (!option.value_name.empty()) head += " " + option.value_name + (option.can_repeat ? "..." : "");
  return head;
}

std::string option_body(const OptionDoc& option) {
  std::string body = option.description;
  if (!option.default_text.empty()) body += fmt::format(" (default {})", option.default_text);
  if (!option.environment.empty()) body += fmt::format(" [${}]", option.environment);
  return body;
}

constexpr size_t kIndent = 28;  // column of the descriptions

std::string option_lines(const OptionDoc& option, size_t columns) {
  std::string head = option_head(option);
  if (head.size() + 2 > kIndent) {
    head += "\n" + std::string(kIndent, ' ');
  } else {
    head.resize(kIndent, ' ');
  }
  return head + wrap(option_body(option), kIndent, columns) + "\n";
}

}  // namespace

std::vector<std::string> OptionDoc::choices() const {
  std::vector<std::string> names;
  if (value_name.find('|') == std::string::npos) return names;
  std::istringstream text(value_name);
  for (std::string name; std::getline(text, name, '|');) names.push_back(name);
  return names;
}

std::string CommandDoc::usage() const {
  std::string text = "molmo " + name;
  if (std::any_of(options.begin(), options.end(), [](const OptionDoc& option) { return !option.is_positional(); })) {
    text += " [flags]";
  }
  for (const OptionDoc& option : options) {
    const std::string value = option.value_name + (option.can_repeat ? "..." : "");
    if (!option.positional_name.empty()) {
      text += option.is_required ? " " + value : " [" + value + "]";
    } else if (option.is_required) {
      text += " " + (option.short_name.empty() ? option.long_name : option.short_name) + " " + value;
    }
  }
  return text;
}

CommandDoc document(const CLI::App& app, const VerbEntry& entry) {
  CommandDoc doc;
  doc.name = entry.name;
  doc.summary = entry.summary;
  doc.details = app.get_description();
  doc.examples = parse_examples(app.get_footer());
  for (const CLI::Option* option : app.get_options()) doc.options.push_back(document_option(*option));
  return doc;
}

CommandDoc document(const VerbEntry& entry) {
  const auto verb = entry.make();
  const auto app = make_app(*verb, entry);
  return document(*app, entry);
}

std::string wrap(std::string_view text, size_t indent, size_t columns) {
  std::string result;
  size_t column = indent;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > columns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string help_text(const CommandDoc& doc, size_t columns) {
  std::string text = wrap(doc.summary + ".", 0, columns) + "\n\nUsage: " + doc.usage() + "\n";
  if (!doc.details.empty()) text += "\n" + wrap(doc.details, 0, columns) + "\n";
  std::vector<std::string> groups;
  for (const OptionDoc& option : doc.options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  }
  for (const std::string& group : groups) {
    text += "\n" + group + ":\n";
    for (const OptionDoc& option : doc.options) {
      if (option.group == group) text += option_lines(option, columns);
    }
  }
  if (!doc.examples.empty()) text += "\nExamples:\n";
  for (const ExampleDoc& example : doc.examples) {
    if (!example.comment.empty()) text += "  # " + example.comment + "\n";
    text += "  " + example.command + "\n";
  }
  return text;
}

std::string group_help_text(std::string_view group, size_t columns) {
  std::string text = fmt::format("Usage: molmo {} VERB [flags]\n\n", group);
  for (const VerbEntry* entry : verbs_of_group(group)) {
    text += fmt::format("  {:<14}{}\n", entry->name.substr(group.size() + 1), wrap(entry->summary, 16, columns));
  }
  return text + fmt::format("\n'molmo {} VERB --help' lists the flags of a verb, with examples.\n", group);
}

std::string program_help_text(size_t columns) {
  std::string text =
      "molmo runs Molmo vision-language models on this machine: it answers questions about pictures, and it "
      "points.\n\n";
  text += "Usage: molmo VERB [flags]\n\n";
  for (const VerbEntry& entry : verbs()) {
    text += fmt::format("  {:<14}{}\n", entry.name, wrap(entry.summary, 16, columns));
  }
  text +=
      "\nMODEL is a checkpoint folder; without -m it is $MOLMO_MODEL, else the small model that ships with molmo.\n"
      "\nStart here:\n"
      "  molmo point \"the mug\" photo.jpg --overlay mugs.png\n"
      "  molmo run --image photo.jpg -p \"What is on the desk?\"\n"
      "\n'molmo VERB --help' lists the flags of a verb, with examples; 'molmo --version' tells about this build.\n";
  return text;
}

}  // namespace molmo::cli
