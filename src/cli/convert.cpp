// molmo convert -m IN -o OUT
#include <fmt/core.h>

#include "checkpoint/convert.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Convert final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes the released Hugging Face layout, tokenizer and processor files included, so that other tools load it. "
        "Weights go "
        "through one by one: memory stays at the size of the largest. OUT appears complete or not at all.");
    flags.examples(
        "# half the size on disk\nmolmo convert -m Molmo-7B-D-0924 -o molmo-7b-d-bf16 --dtype bf16\n"
        "# merge a LoRA adapter\nmolmo convert -m MODEL --lora my-adapter -o merged\n"
        "# the mean of two stages of a training\nmolmo convert -m runs/a/polish --average runs/b/counting -o mean\n"
        "# a checkpoint of the reference's own trainer\nmolmo convert -m run/step1000-unsharded -o my-molmo\n");
    flags.add_option("-m,--model", model_, "checkpoint folder of any layout").type_name("MODEL");
    flags.add_option("-o,--output", output_, "folder to write").type_name("DIR").required();
    flags.add_enum("--dtype", dtype_, "type of the stored weights; without it, bit for bit as they are");
    flags.add_option("--lora", adapter_, "LoRA adapter to merge into the weights").type_name("DIR");
    flags.add_option("--average", averaged_with_, "checkpoints whose weights are averaged with the model's, all alike")
        .type_name("MODEL...");
    flags.add_option("--max-shard-mib", max_shard_mebibytes_, "largest file")
        .type_name("MIB")
        .range(1, 1 << 20)
        .shows_default();
    flags.add_flag("--overwrite", options_.overwrite, "replace a folder that is not empty");
    threads_.define(flags);
  }

  int run() override {
    threads_.apply();
    if (dtype_) options_.dtype = api::stored_type(*dtype_);
    if (!adapter_.empty()) options_.adapter = adapter_;
    for (const std::string& model : averaged_with_) options_.averaged_with.push_back(resolve_model_folder(model));
    options_.max_shard_bytes = max_shard_mebibytes_ << 20;
    checkpoint::convert_checkpoint(resolve_model_folder(model_), output_, options_);
    return kExitDone;
  }

 private:
  std::string model_;
  std::vector<std::string> averaged_with_;
  std::filesystem::path output_, adapter_;
  std::optional<api::WeightType> dtype_;
  uint64_t max_shard_mebibytes_ = checkpoint::kDefaultShardBytes >> 20;
  checkpoint::ConvertOptions options_;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_convert() {
  return std::make_unique<Convert>();
}

}  // namespace molmo::cli
