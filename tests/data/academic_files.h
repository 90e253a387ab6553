// Tiny copies of published sets for tests of their readers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/parquet.h"
#include "data/registry.h"
#include "fixtures.h"
#include "molmo/error.h"
#include "text/fixed_draws.h"
#include "text/prompt.h"

namespace molmo::data {

class AcademicTest : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(path(name).parent_path());
    write_file_atomic(path(name), bytes);
  }

  // The readers do not decode pictures, so these are none.
  void write_pictures(const std::vector<std::string>& names) const {
    for (const std::string& name : names) write(name, "picture " + name);
  }

  static Json picture(const std::string& bytes) {
    return {{"bytes", Json::binary({bytes.begin(), bytes.end()})}, {"path", nullptr}};
  }

  void write_table(const std::string& name, const std::vector<TableColumn>& columns,
                   const std::vector<Json>& rows) const {
    std::filesystem::create_directories(path(name).parent_path());
    ParquetWriter writer(path(name), columns);
    for (const Json& row : rows) writer.add(row);
    writer.commit();
  }

  std::shared_ptr<const Dataset> open(const std::string& name, const std::string& split = "train",
                                      config::Quirks quirks = config::Quirks::Reference) const {
    return open_dataset({.name = name, .path = folder_.path(), .split = split, .quirks = quirks});
  }

  static Example example(const Dataset& dataset, size_t index) {
    RandomStream draws(1, "test", index);
    return dataset.example(index, draws);
  }

  // "id | picture | metadata": what a reader gives besides the conversations.
  std::string summary(const Example& example) const {
    std::string text = example.id + " |";
    for (const Picture& picture : example.pictures) {
      text += " " + (picture.bytes ? *picture.bytes : picture.file.lexically_relative(folder_.path()).string());
    }
    return text + " | " + dump_json(*example.metadata);
  }

  // The conversations as the released models see them.
  static std::vector<std::string> texts(const Example& example, text::Purpose purpose = text::Purpose::Training) {
    config::PromptConfig config;
    config.templates = config::PromptTemplates::UberModel;
    config.message_format = config::MessageFormat::Role;
    config.system_prompt = config::SystemPrompt::DemoOrStyle;
    config.starts_with_space = true;
    text::FixedDraws draws;
    std::vector<std::string> texts;
    for (const auto& conversation : text::PromptFormatter(config).format(example.text, purpose, draws)) {
      texts.push_back(text::join_messages(conversation.messages, "<EOS>"));
    }
    return texts;
  }

  // The message of the error that opening the set, or reading all of it, ends with.
  std::string error(const std::string& name, const std::string& split = "train") const {
    try {
      const auto dataset = open(name, split);
      for (size_t i = 0; i < dataset->size(); ++i) example(*dataset, i);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  molmo::test::TemporaryFolder folder_;
};

}  // namespace molmo::data
