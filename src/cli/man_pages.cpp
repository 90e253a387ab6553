#include "cli/man_pages.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "cli/command_doc.h"
#include "molmo/version.h"

namespace molmo::cli {
namespace {

// Backslashes, dashes and leading dots or quotes mean something in roff.
std::string escaped(std::string_view text) {
  std::string result;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    at_line_start = c == '\n';
  }
  return result;
}

std::string title(const std::string& name) {
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format(".TH {} 1 \"\" \"molmo {}\" \"molmo.cpp\"\n", upper, MOLMO_VERSION);
}

// "data fetch" is the page molmo-data-fetch.
std::string page_name(std::string_view verb) {
  std::string name = "molmo-" + std::string(verb);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string option_entry(const OptionDoc& option) {
  std::string text = ".TP\n";
  if (option.is_positional()) {
    text += fmt::format("\\fI{}\\fR\n", escaped(option.value_name));
  } else {
    std::string names;
    if (!option.short_name.empty()) names = "\\fB" + escaped(option.short_name) + "\\fR";
    if (!option.long_name.empty()) names += (names.empty() ? "" : ", ") + ("\\fB" + escaped(option.long_name) + "\\fR");
    for (const std::string& alias : option.aliases) names += ", \\fB" + escaped(alias) + "\\fR";
    text += names + (option.value_name.empty() ? "" : " \\fI" + escaped(option.value_name) + "\\fR") +
            (option.can_repeat ? "..." : "") + "\n";
  }
  text += escaped(option.description);
  if (!option.default_text.empty()) text += fmt::format(" (default {})", escaped(option.default_text));
  text += ".\n";
  if (!option.environment.empty()) text += fmt::format("Environment: \\fB{}\\fR.\n", option.environment);
  return text;
}

constexpr std::string_view kExitStatus = R"(.SH EXIT STATUS
.TP
0
done
.TP
1
failed; one line on standard error says what, where and what to do
.TP
2
the command line makes no sense
.TP
130
ended by Ctrl\-C
)";

}  // namespace

std::string man_page_file(const VerbEntry& entry) {
  return page_name(entry.name) + ".1";
}

std::string man_page(const VerbEntry& entry) {
  const CommandDoc doc = document(entry);
  std::string text = title(page_name(doc.name));
  text += fmt::format(".SH NAME\n{} \\- {}\n", escaped(page_name(doc.name)), escaped(doc.summary));
  text += fmt::format(".SH SYNOPSIS\n.B {}\n", escaped(doc.usage()));
  text += fmt::format(".SH DESCRIPTION\n{}\n", escaped(doc.details.empty() ? doc.summary + "." : doc.details));
  if (!doc.options.empty()) text += ".SH OPTIONS\n";
  for (const OptionDoc& option : doc.options) text += option_entry(option);
  if (!doc.examples.empty()) text += ".SH EXAMPLES\n";
  for (const ExampleDoc& example : doc.examples) {
    if (!example.comment.empty()) text += ".PP\n" + escaped(example.comment) + ":\n";
    text += fmt::format(".PP\n.nf\n.RS\n{}\n.RE\n.fi\n", escaped(example.command));
  }
  return text + std::string(kExitStatus) + ".SH SEE ALSO\n.BR molmo (1)\n";
}

std::string man_page() {
  std::string text = title("molmo");
  text += ".SH NAME\nmolmo \\- run Molmo vision\\-language models on this machine\n";
  text += ".SH SYNOPSIS\n.B molmo\n\\fIVERB\\fR [flags]\n";
  text +=
      ".SH DESCRIPTION\nAnswers questions about pictures, points, counts and captions. Answers go to standard output; "
      "logs, progress and "
      "timings go to standard error.\n.PP\nMODEL is a checkpoint folder; without \\fB\\-m\\fR it is "
      "\\fB$MOLMO_MODEL\\fR, else the small "
      "model that ships with molmo. Every flag has an environment twin: \\fB\\-\\-max\\-crops\\fR is "
      "\\fBMOLMO_MAX_CROPS\\fR.\n";
  text += ".SH VERBS\n";
  std::string see_also;
  for (const VerbEntry& entry : verbs()) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}.\n", escaped(entry.name), escaped(entry.summary));
    see_also += fmt::format("{}.BR {} (1)", see_also.empty() ? "" : ",\n", escaped(page_name(entry.name)));
  }
  return text + std::string(kExitStatus) + ".SH SEE ALSO\n" + see_also + "\n";
}

}  // namespace molmo::cli
