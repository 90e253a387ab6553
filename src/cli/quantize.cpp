// molmo quantize -m IN -o OUT --type q8|q4
#include <fmt/core.h>

#include "api/calibrate.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "quantize/quantize_checkpoint.h"

namespace molmo::cli {

enum class PartType { Q8, Q4, BF16, F16, F32, Keep };

}  // namespace molmo::cli

namespace molmo {

template <>
struct EnumNames<kernels::PackedType> {
  using enum kernels::PackedType;
  static constexpr EnumName<kernels::PackedType> kValues[] = {{Q8, "q8"}, {Q4, "q4"}};
};

template <>
struct EnumNames<cli::PartType> {
  using enum cli::PartType;
  static constexpr EnumName<cli::PartType> kValues[] = {{Q8, "q8"},   {Q4, "q4"},   {BF16, "bf16"},
                                                        {F16, "f16"}, {F32, "f32"}, {Keep, "keep"}};
};

}  // namespace molmo

namespace molmo::cli {
namespace {

using checkpoint::StoredType;

std::optional<StoredType> stored_type(PartType type) {
  if (type == PartType::Keep) return std::nullopt;
  return parse_enum<StoredType>(enum_name(type), "type");
}

class Quantize final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Writes the released layout with matrices of 8 or 4 bits, which need a quarter or an eighth of the memory of "
        "float32 and are read faster in proportion. Matrices go through one by one, so that a model larger than memory "
        "can be quantised. OUT appears complete or not at all.\n\n"
        "--type q8 packs every matrix in 8 bits. --type q4 packs the blocks of the decoder in 4 bits, and embeddings, "
        "head, vision tower and connector in 8; norms, biases and routers stay as they are. The other flags choose for "
        "one part.");
    flags.examples(
        "# for a machine with 8 GiB\nmolmo quantize -m Molmo-7B-D-0924 -o molmo-7b-d-q4 --type q4\n"
        "# 4 bits everywhere but in the vision tower\n"
        "molmo quantize -m MODEL -o small --type q4 --embeddings q4 --head q4 --connector q4 --vision bf16\n"
        "# what is lost in 4 bits falls where it matters least\n"
        "molmo quantize -m MODEL -o small --type q4 --calibrate photos/*.jpg\n"
        "# back to what other tools read\nmolmo convert -m molmo-7b-d-q4 -o molmo-7b-d-f32 --dtype f32\n");
    flags.add_option("-m,--model", model_, "checkpoint folder of any layout").type_name("MODEL");
    flags.add_option("-o,--output", output_, "folder to write").type_name("DIR").required();
    flags.add_enum("--type", type_, "of all parts that no other flag names").required();
    flags.add_enum("--language", language_, "blocks of the decoder, experts too").group("Parts");
    flags.add_enum("--embeddings", embeddings_, "token embeddings; the head too, where it shares them").group("Parts");
    flags.add_enum("--head", head_, "the matrix that gives the logits").group("Parts");
    flags.add_enum("--vision", vision_, "vision tower").group("Parts");
    flags.add_enum("--connector", connector_, "pooling and projector").group("Parts");
    flags
        .add_option("--calibrate", calibration_.pictures,
                    "run the model on these pictures first, to learn what matters")
        .type_name("IMAGE")
        .group("Calibration");
    flags.add_option("-p,--prompt", calibration_.prompts, "asked about them; without it, four of ours")
        .type_name("TEXT")
        .takes_one()
        .group("Calibration");
    flags
        .add_option("-n,--predict", calibration_.max_new_tokens,
                    "most tokens of each answer, which is learnt from, too")
        .type_name("N")
        .positive()
        .shows_default()
        .group("Calibration");
    flags.add_option("--max-shard-mib", max_shard_mebibytes_, "largest file")
        .type_name("MIB")
        .range(1, 1 << 20)
        .shows_default();
    flags.add_flag("--overwrite", overwrite_, "replace a folder that is not empty");
    threads_.define(flags);
  }

  int run() override {
    threads_.apply();
    quantize::PartTypes types = quantize::default_types(type_);
    if (language_) types.language = stored_type(*language_);
    if (embeddings_) types.embeddings = stored_type(*embeddings_);
    if (head_) types.head = stored_type(*head_);
    if (vision_) types.vision = stored_type(*vision_);
    if (connector_) types.connector = stored_type(*connector_);
    const std::filesystem::path input = resolve_model_folder(model_);
    quantize::QuantizeOptions options{
        .types = types, .max_shard_bytes = max_shard_mebibytes_ << 20, .overwrite = overwrite_};
    if (!calibration_.pictures.empty()) options.statistics = [&] { return api::calibrate(input, calibration_); };
    quantize::quantize_checkpoint(input, output_, options);
    return kExitDone;
  }

 private:
  std::string model_;
  std::filesystem::path output_;
  kernels::PackedType type_ = kernels::PackedType::Q8;
  std::optional<PartType> language_, embeddings_, head_, vision_, connector_;
  api::CalibrationOptions calibration_;
  uint64_t max_shard_mebibytes_ = checkpoint::kDefaultShardBytes >> 20;
  bool overwrite_ = false;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_quantize() {
  return std::make_unique<Quantize>();
}

}  // namespace molmo::cli
