// molmo convert -m IN -o OUT
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "checkpoint/convert.h"
#include "cli/enum_flag.h"
#include "cli/model_flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Convert final : public Verb {
 public:
  void define(CLI::App& app) override {
    app.description(
        "Writes the released Hugging Face layout, tokenizer and processor files included, so that other tools load it. "
        "Weights go "
        "through one by one: memory stays at the size of the largest. OUT appears complete or not at all.");
    app.footer(
        "# half the size on disk\nmolmo convert -m Molmo-7B-D-0924 -o molmo-7b-d-bf16 --dtype bf16\n"
        "# merge a LoRA adapter\nmolmo convert -m MODEL --lora my-adapter -o merged\n"
        "# a checkpoint of the reference's own trainer\nmolmo convert -m run/step1000-unsharded -o my-molmo\n");
    app.add_option("-m,--model", model_, "checkpoint folder of any layout")->type_name("MODEL");
    app.add_option("-o,--output", output_, "folder to write")->type_name("DIR")->required();
    add_enum(app, "--dtype", dtype_, "type of the stored weights; without it, bit for bit as they are");
    app.add_option("--lora", adapter_, "LoRA adapter to merge into the weights")->type_name("DIR");
    app.add_option("--max-shard-mib", max_shard_mebibytes_, "largest file")
        ->type_name("MIB")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    app.add_flag("--overwrite", options_.overwrite, "replace a folder that is not empty");
    threads_.define(app);
  }

  int run() override {
    threads_.apply();
    if (dtype_) options_.dtype = api::stored_type(*dtype_);
    if (!adapter_.empty()) options_.adapter = adapter_;
    options_.max_shard_bytes = max_shard_mebibytes_ << 20;
    checkpoint::convert_checkpoint(resolve_model_folder(model_), output_, options_);
    return kExitDone;
  }

 private:
  std::string model_;
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
