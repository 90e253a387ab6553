#include "cli/program.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "api/guard.h"
#include "base/error.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/progress.h"
#include "cli/command_doc.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/version.h"

namespace molmo::cli {
namespace {

size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 60) return 100;
  return std::min<size_t>(size.ws_col, 120);
}

std::string environment_name(std::string flag) {
  for (char& c : flag) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "MOLMO_" + flag;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// An unknown flag is the likeliest cause of whatever else went wrong, so it is named first.
std::string explain(const CLI::App& app, const std::string& what) {
  for (const std::string& leftover : app.remaining()) {
    if (leftover.size() < 2 || leftover[0] != '-' || leftover == "--") continue;
    const std::string flag = leftover.substr(0, leftover.find('='));
    return fmt::format("unknown flag '{}'.{}", flag, did_you_mean(flag, flag_names(app)));
  }
  if (!app.remaining().empty()) return fmt::format("unexpected argument '{}'.", app.remaining().front());
  return what + (what.ends_with('.') || what.ends_with('?') ? "" : ".");
}

int fail_usage(const std::string& message, const std::string& help_command) {
  fmt::print(stderr, "molmo: {} See '{}'.\n", message, help_command);
  return kExitUsage;
}

int run_verb(const VerbEntry& entry, std::vector<std::string> arguments) {
  const auto verb = entry.make();
  const auto app = make_app(*verb, entry);
  const std::string help_command = fmt::format("molmo {} --help", entry.name);
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const bool wants_help =
      std::any_of(arguments.begin(), separator, [](const std::string& a) { return a == "--help" || a == "-h"; });
  if (wants_help) {
    fmt::print("{}", help_text(document(*app, entry), terminal_columns()));
    return kExitDone;
  }
  std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 takes vectors in
  try {
    app->parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return fail_usage(explain(*app, error.what()), help_command);
  } catch (const Error& error) {  // a flag's value was refused
    return fail_usage(explain(*app, error.what()), help_command);
  }
  try {
    return verb->run();
  } catch (const UsageError& error) {
    return fail_usage(error.what(), help_command);
  }
}

void install_sinks() {
  set_progress_sink(make_text_progress_sink(STDERR_FILENO));
  set_log_sink([](LogLevel level, std::string_view message) {
    if (level == LogLevel::Debug) return;
    fmt::print(stderr, "molmo: {}{}\n", level == LogLevel::Warn ? "warning: " : "", message);
  });
}

// Takes the one or two words of a verb from the arguments; nullptr where they name none.
const VerbEntry* take_verb(std::vector<std::string>& arguments) {
  for (const size_t num_words : {2, 1}) {
    if (arguments.size() < num_words) continue;
    const std::string name = num_words == 2 ? arguments[0] + " " + arguments[1] : arguments[0];
    const VerbEntry* entry = find_verb(name);
    if (entry == nullptr) continue;
    arguments.erase(arguments.begin(), arguments.begin() + static_cast<int64_t>(num_words));
    return entry;
  }
  return nullptr;
}

// `molmo data`, and `molmo data` with a second word that is no verb of it.
int explain_group(const std::string& group, const std::vector<std::string>& arguments) {
  const std::string help = group_help_text(group, terminal_columns());
  if (arguments.size() < 2) {
    fmt::print(stderr, "{}", help);
    return kExitUsage;
  }
  if (arguments[1] == "--help" || arguments[1] == "-h") {
    fmt::print("{}", help);
    return kExitDone;
  }
  std::vector<std::string> names;
  for (const VerbEntry* entry : verbs_of_group(group)) names.emplace_back(entry->name);
  const std::string name = group + " " + arguments[1];
  return fail_usage(fmt::format("unknown verb '{}'.{}", name, did_you_mean(name, names)),
                    fmt::format("molmo {} --help", group));
}

int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", program_help_text(terminal_columns()));
    return kExitUsage;
  }
  if (arguments.front() == "help" && arguments.size() > 1) {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  const std::string first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    fmt::print("{}", program_help_text(terminal_columns()));
    return kExitDone;
  }
  if (first == "--version" || first == "-V") {
    fmt::print("{}", version_text());
    return kExitDone;
  }
  if (const VerbEntry* entry = take_verb(arguments)) return run_verb(*entry, std::move(arguments));
  if (!verbs_of_group(first).empty()) return explain_group(first, arguments);
  std::vector<std::string> names = first_words();
  names.insert(names.end(), {"--help", "--version"});
  const char* kind = first.starts_with('-') ? "flag" : "verb";
  return fail_usage(fmt::format("unknown {} '{}'.{}", kind, first, did_you_mean(first, names)), "molmo --help");
}

}  // namespace

void print_error(const Error& error) {
  std::string line = error.what();
  std::replace(line.begin(), line.end(), '\n', ' ');
  fmt::print(stderr, "molmo: {}\n", line);
}

std::unique_ptr<CLI::App> make_app(Verb& verb, const VerbEntry& entry) {
  auto app = std::make_unique<CLI::App>("", std::string(entry.name));
  app->set_help_flag();  // --help is answered before parsing: it must win over every error
  app->option_defaults()->group("Flags");
  Flags flags(*app);
  verb.define(flags);
  for (CLI::Option* option : app->get_options()) {
    if (!option->get_lnames().empty()) option->envname(environment_name(option->get_lnames().front()));
  }
  return app;
}

int run_program(const std::vector<std::string>& arguments) {
  install_sinks();
  install_interrupt_handler();
  try {
    return api::guarded([&] {
      const int status = dispatch(arguments);
      // Output that did not arrive is a failure: a full disk behind `> answers.json` must not look like success.
      if (std::fflush(stdout) != 0) {
        fail(ErrorCategory::Io, "standard output could not be written: {}", std::strerror(errno));
      }
      return status;
    });
  } catch (const Error& error) {
    print_error(error);
  }
  return kExitFailed;
}

}  // namespace molmo::cli
