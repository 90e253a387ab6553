// A conversation in the terminal: questions, and commands that begin with a slash.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/task_flags.h"

namespace molmo::cli {

class ChatSession {
 public:
  ChatSession(TimedModel model, const TaskFlags& flags);

  // One line of the person; false when it asked to leave. Commands that fail say so and change nothing.
  bool handle(const std::string& line);
  // Begins a new conversation about these pictures.
  void set_images(const std::vector<std::filesystem::path>& paths);

  static std::string help();

 private:
  struct Turn {
    std::string question;
    generate::Answer answer;
  };
  // Each command gets the rest of its line.
  struct Command {
    const char* name;
    const char* argument;  // shown by /help
    const char* summary;
    void (ChatSession::*act)(const std::string& rest);
  };
  static const std::vector<Command>& commands();

  void ask(const std::string& question);
  void point(const std::string& what);
  void save(const std::string& path);
  void change_image(const std::string& path);
  void reset(const std::string&);
  void print_help(const std::string&);
  void leave(const std::string&) { wants_to_leave_ = true; }
  generate::Answer next_answer(const std::string& question, bool streams);

  TimedModel model_;
  const TaskFlags& flags_;
  generate::Session session_;
  config::GenerationConfig generation_;
  std::vector<std::filesystem::path> image_paths_;
  ReadImages pictures_;  // of the conversation; they go with its first question
  std::vector<Turn> turns_;
  bool wants_to_leave_ = false;
};

}  // namespace molmo::cli
