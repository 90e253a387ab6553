// molmo init PRESET -o DIR
#include <fmt/core.h>

#include "base/fields.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/init.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Init final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes a checkpoint with random weights, drawn as the reference initialises them. The same seed gives the "
        "same bytes, whatever "
        "the number of threads.");
    flags.examples(
        "# a model of real size to measure with\nmolmo init molmo-7b-d -o random-7b --seed 1\n"
        "# a small one of the same kind\nmolmo init molmo-7b-d decoder.num_layers=2 vision.num_layers=9 -o tiny\n");
    flags.add_option("MODEL", model_, "preset, or a checkpoint folder whose configuration is taken")
        .required()
        .group("Arguments");
    flags.add_option("KEY=VALUE", overrides_, "settings to change, as 'molmo inspect' names them").group("Arguments");
    flags.add_option("-o,--output", output_, "folder to write").type_name("DIR").required();
    flags.add_option("-s,--seed", options_.seed, "of the random draws").type_name("S").shows_default();
    flags.add_enum("--dtype", dtype_, "type of the stored weights");
    flags
        .add_option("--tokenizer", tokenizer_,
                    "folder of the tokenizer to copy; without it, one of single bytes is made")
        .type_name("DIR");
    flags.add_option("--max-shard-mib", max_shard_mebibytes_, "largest file")
        .type_name("MIB")
        .range(1, 1 << 20)
        .shows_default();
    flags.add_flag("--overwrite", options_.overwrite, "replace a folder that is not empty");
    threads_.define(flags);
  }

  int run() override {
    threads_.apply();
    const ModelName name = resolve_model(model_);
    config::ModelConfig config =
        name.preset.empty() ? checkpoint::Checkpoint::open(name.folder).config() : config::preset(name.preset);
    for (const std::string& assignment : overrides_) set_field(config, assignment);
    config.validate();
    options_.dtype = api::stored_type(dtype_);
    if (!tokenizer_.empty()) options_.tokenizer = tokenizer_;
    options_.max_shard_bytes = max_shard_mebibytes_ << 20;
    checkpoint::init_checkpoint(config, output_, options_);
    return kExitDone;
  }

 private:
  std::string model_;
  std::vector<std::string> overrides_;
  std::filesystem::path output_, tokenizer_;
  api::WeightType dtype_ = api::WeightType::BF16;
  uint64_t max_shard_mebibytes_ = checkpoint::kDefaultShardBytes >> 20;
  checkpoint::InitOptions options_;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_init() {
  return std::make_unique<Init>();
}

}  // namespace molmo::cli
