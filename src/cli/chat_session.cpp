#include "cli/chat_session.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "api/tasks.h"
#include "base/error.h"
#include "base/json.h"
#include "base/nearest.h"
#include "cli/program.h"

namespace molmo::cli {

const std::vector<ChatSession::Command>& ChatSession::commands() {
  static const std::vector<Command> all = {
      {"/image", "FILE", "talk about this picture; begins a new conversation", &ChatSession::change_image},
      {"/point", "TEXT", "point to TEXT in the picture, in pixels", &ChatSession::point},
      {"/save", "FILE", "write the conversation as JSON", &ChatSession::save},
      {"/reset", "", "forget the conversation, keep the picture", &ChatSession::reset},
      {"/clear", "", "the same", &ChatSession::reset},
      {"/help", "", "this list", &ChatSession::print_help},
      {"/exit", "", "leave; Ctrl-D does as well", &ChatSession::leave},
  };
  return all;
}

ChatSession::ChatSession(TimedModel model, const TaskFlags& flags)
    : model_(std::move(model)), flags_(flags), session_(model_.model), generation_(flags.generation.get()) {}

bool ChatSession::handle(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return true;
  try {
    if (line[begin] != '/') {
      ask(line);
      return true;
    }
    const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    const std::string name = line.substr(begin, end - begin);
    const size_t rest = std::min(line.find_first_not_of(" \t", end), line.size());
    std::vector<std::string> names;
    for (const Command& command : commands()) {
      names.emplace_back(command.name);
      if (name != command.name) continue;
      if (*command.argument != '\0' && rest == line.size()) {
        fail(ErrorCategory::InvalidArgument, "{} needs {}", name, command.argument);
      }
      (this->*command.act)(line.substr(rest));
      return !wants_to_leave_;
    }
    fail(ErrorCategory::InvalidArgument, "unknown command '{}'.{} /help lists them", name, did_you_mean(name, names));
  } catch (const Error& error) {
    print_error(error);
  }
  return true;
}

void ChatSession::set_images(const std::vector<std::filesystem::path>& paths) {
  pictures_ = flags_.images.read(paths);
  image_paths_ = paths;
  reset("");
}

std::string ChatSession::help() {
  std::string text = "Type a question, or:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<14}{}\n", fmt::format("{} {}", command.name, command.argument), command.summary);
  }
  return text + "Ctrl-C ends an answer, and the program when no answer is being made.\n";
}

generate::Answer ChatSession::next_answer(const std::string& question, bool streams) {
  generate::Request request{.prompt = question};
  if (turns_.empty()) request.images = pictures_.images;
  flags_.images.apply(request);
  const generate::Answer answer =
      cli::ask(session_, request, generation_,
               {.streams = streams, .continues = !turns_.empty(), .reading = std::exchange(pictures_.time, {})})
          .at(0);
  const bool was_read = answer.finish_reason != generate::FinishReason::Cancelled || !answer.tokens.empty();
  if (was_read) turns_.push_back({question, answer});  // else the conversation is as it was
  if (!flags_.answer.is_quiet()) print_timings(answer, model_.load_ms);
  return answer;
}

void ChatSession::ask(const std::string& question) {
  next_answer(question, /*streams=*/true);
}

void ChatSession::point(const std::string& what) {
  if (pictures_.images.empty()) fail(ErrorCategory::InvalidArgument, "/point needs a picture: /image FILE first");
  const generate::Answer answer = next_answer(api::point_request(what, {}).prompt, /*streams=*/false);
  for (const auto& point : answer.points) fmt::print("{:.1f}\t{:.1f}\t{}\n", point.px.x, point.px.y, point.point.label);
  if (answer.points.empty()) fmt::print("{}\n", answer.text);
  std::fflush(stdout);
}

void ChatSession::save(const std::string& path) {
  Json images = Json::array(), messages = Json::array();
  for (const auto& image : image_paths_) images.push_back(image.string());
  for (const Turn& turn : turns_) {
    messages.push_back({{"role", "user"}, {"text", turn.question}});
    const Json answer = answer_json(turn.answer, model_.load_ms);
    messages.push_back({{"role", "assistant"},
                        {"text", answer["text"]},
                        {"points", answer["points"]},
                        {"finish_reason", answer["finish_reason"]}});
  }
  write_json_file(path, {{"images", images}, {"messages", messages}});
  fmt::print(stderr, "saved {} turns to {}\n", turns_.size(), path);
}

void ChatSession::change_image(const std::string& path) {
  set_images({path});
}

void ChatSession::reset(const std::string&) {
  session_.reset();
  turns_.clear();
}

void ChatSession::print_help(const std::string&) {
  fmt::print(stderr, "{}", help());
}

}  // namespace molmo::cli
