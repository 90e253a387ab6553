#include "cli/flags.h"

#include <CLI/CLI.hpp>

namespace molmo::cli {

Flag& Flag::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Flag& Flag::group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

Flag& Flag::required() {
  option_->required();
  return *this;
}

Flag& Flag::range(int64_t lowest, int64_t highest) {
  option_->check(CLI::Range(lowest, highest).description(""));  // the help says what the value is, an error its range
  return *this;
}

Flag& Flag::positive() {
  option_->check(CLI::Validator(CLI::PositiveNumber).description(""));
  return *this;
}

Flag& Flag::not_negative() {
  option_->check(CLI::Validator(CLI::NonNegativeNumber).description(""));
  return *this;
}

Flag& Flag::check(std::function<void(const std::string&)> check) {
  option_->each(check);
  return *this;
}

Flag& Flag::shows_default() {
  option_->capture_default_str();
  return *this;
}

Flag& Flag::default_text(const std::string& text) {
  option_->default_str(text);
  return *this;
}

Flag& Flag::takes_one() {
  option_->allow_extra_args(false);
  return *this;
}

void Flags::description(const std::string& text) {
  app_.description(text);
}

void Flags::examples(const std::string& lines) {
  app_.footer(lines);
}

Flag Flags::add_option(const std::string& names, std::string& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::filesystem::path& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, int& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, int64_t& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, uint64_t& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, double& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::optional<std::string>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::optional<int>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::optional<int64_t>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::optional<uint64_t>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::optional<double>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::vector<std::string>& value, const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_option(const std::string& names, std::vector<std::filesystem::path>& value,
                       const std::string& description) {
  return Flag(app_.add_option(names, value, description));
}

Flag Flags::add_flag(const std::string& names, bool& value, const std::string& description) {
  return Flag(app_.add_flag(names, value, description));
}

Flag Flags::add_reader(const std::string& names, std::function<void(const std::string&)> read,
                       const std::string& description) {
  return Flag(app_.add_option_function<std::string>(names, std::move(read), description));
}

}  // namespace molmo::cli
