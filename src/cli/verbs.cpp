#include <algorithm>

#include "cli/verb.h"

namespace molmo::cli {

std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_chat();
std::unique_ptr<Verb> make_caption();
std::unique_ptr<Verb> make_point();
std::unique_ptr<Verb> make_count();
std::unique_ptr<Verb> make_tokenize();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_trace();
std::unique_ptr<Verb> make_convert();
std::unique_ptr<Verb> make_quantize();
std::unique_ptr<Verb> make_init();
std::unique_ptr<Verb> make_bench();
std::unique_ptr<Verb> make_train();
std::unique_ptr<Verb> make_synth();
std::unique_ptr<Verb> make_data_list();
std::unique_ptr<Verb> make_data_info();
std::unique_ptr<Verb> make_data_fetch();
std::unique_ptr<Verb> make_data_show();
std::unique_ptr<Verb> make_data_stats();
std::unique_ptr<Verb> make_data_check();
std::unique_ptr<Verb> make_data_convert();
std::unique_ptr<Verb> make_eval_run();
std::unique_ptr<Verb> make_eval_score();
std::unique_ptr<Verb> make_eval_report();
std::unique_ptr<Verb> make_arena_import();
std::unique_ptr<Verb> make_arena_fit();
std::unique_ptr<Verb> make_arena_report();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_man();

namespace {

constexpr VerbEntry kVerbs[] = {
    {"run", "Ask about pictures; the answer is streamed", make_run},
    {"chat", "Talk about a picture in the terminal", make_chat},
    {"caption", "Describe pictures", make_caption},
    {"point", "Point to something in a picture", make_point},
    {"count", "Count something in a picture", make_count},
    {"tokenize", "Turn text into token ids, or back", make_tokenize},
    {"inspect", "Tell a model's configuration, tensors, parameters and memory", make_inspect},
    {"trace", "Write every intermediate tensor of one prompt", make_trace},
    {"convert", "Write any checkpoint in the released layout; merge adapters", make_convert},
    {"quantize", "Pack the weights of a checkpoint in 8 or 4 bits", make_quantize},
    {"init", "Write a checkpoint with random weights", make_init},
    {"bench", "Measure how fast a model runs, beside the limits of this machine", make_bench},
    {"train", "Train a model: pre-training, fine-tuning, low-rank adapters", make_train},
    {"synth", "Draw pictures whose questions have exact answers, as PixMo data sets", make_synth},
    {"data list", "Name the data sets", make_data_list},
    {"data info", "Tell origin, licence, columns, splits and prompts of a data set", make_data_info},
    {"data fetch", "Download the pictures that a published set names", make_data_fetch},
    {"data show", "Show examples of a data set on a page", make_data_show},
    {"data stats", "Count what is in a data set", make_data_stats},
    {"data check", "Say what is wrong with own data, record by record", make_data_check},
    {"data convert", "Turn own data from JSON lines into parquet, or back, or a published set into own data",
     make_data_convert},
    {"eval run", "Measure a model by benchmarks", make_eval_run},
    {"eval score", "Score predictions that lie in a file", make_eval_score},
    {"eval report", "Report runs of benchmarks beside the paper", make_eval_report},
    {"arena import", "Collect comparisons of models by people in a store", make_arena_import},
    {"arena fit", "Rate models by how people compared them", make_arena_fit},
    {"arena report", "Write a page with the ratings of models", make_arena_report},
    {"completion", "Print a completion script for bash, zsh or fish", make_completion},
    {"man", "Print the manual", make_man},
};

}  // namespace

std::span<const VerbEntry> verbs() {
  return kVerbs;
}

const VerbEntry* find_verb(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbEntry& entry) { return entry.name == name; });
  return found == std::end(kVerbs) ? nullptr : found;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const VerbEntry& entry : kVerbs) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> first_words() {
  std::vector<std::string> words;
  for (const VerbEntry& entry : kVerbs) {
    const std::string word(entry.name.substr(0, entry.name.find(' ')));
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

std::vector<const VerbEntry*> verbs_of_group(std::string_view word) {
  std::vector<const VerbEntry*> entries;
  for (const VerbEntry& entry : kVerbs) {
    if (entry.name.starts_with(std::string(word) + " ")) entries.push_back(&entry);
  }
  return entries;
}

}  // namespace molmo::cli
