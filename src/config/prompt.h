// How questions become prompts (reference: olmo/data/data_formatter.py).
#pragma once

#include <cstdint>
#include <optional>

#include "base/enum_names.h"

namespace molmo::config {

enum class PromptTemplates { None, UberModel };                        // which styles are phrased by a random template
enum class SystemPrompt { None, Style, DemoOrStyle, StyleAndLength };  // the tag in front of the question
enum class MessageFormat { None, Role };                               // "User: ... Assistant:" or nothing

struct PromptConfig {
  PromptTemplates templates = PromptTemplates::UberModel;
  SystemPrompt system_prompt = SystemPrompt::DemoOrStyle;
  MessageFormat message_format = MessageFormat::Role;
  bool starts_with_space = true;                    // a space between the image and the first text
  std::optional<int64_t> default_length_hint = 65;  // of captions at inference, in units of 15 characters

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("templates", templates, "which styles are phrased by templates");
    visit("system_prompt", system_prompt, "the tag in front of the question");
    visit("message_format", message_format, "role words around messages");
    visit("starts_with_space", starts_with_space, "a space before the first text");
    visit("default_length_hint", default_length_hint,
          "caption length asked for at inference, 15 characters each; null for none");
  }
};

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::PromptTemplates> {
  using enum config::PromptTemplates;
  static constexpr EnumName<config::PromptTemplates> kValues[] = {{None, "none"}, {UberModel, "uber_model"}};
};

template <>
struct molmo::EnumNames<molmo::config::SystemPrompt> {
  using enum config::SystemPrompt;
  static constexpr EnumName<config::SystemPrompt> kValues[] = {
      {None, "none"}, {Style, "style"}, {DemoOrStyle, "demo_or_style"}, {StyleAndLength, "style_and_length"}};
};

template <>
struct molmo::EnumNames<molmo::config::MessageFormat> {
  using enum config::MessageFormat;
  static constexpr EnumName<config::MessageFormat> kValues[] = {{None, "none"}, {Role, "role"}};
};
