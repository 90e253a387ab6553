// molmo trace -p TEXT -o OUT.safetensors
#include <fmt/core.h>

#include "api/trace.h"
#include "checkpoint/safetensors.h"
#include "cli/flags.h"
#include "cli/image_flags.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/question_flags.h"
#include "cli/standard_input.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

class Trace final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Runs the prompt through the model once and writes every intermediate tensor by name, float32 or int64, "
        "without batch axis: "
        "input_ids, position_ids, images, image_masks, image_input_idx, vit.features, connector.output, embeddings, "
        "hidden.N (after "
        "block N), hidden.final, logits.");
    flags.examples(
        "# compare two builds, or a port with this program\nmolmo trace -m MODEL --image photo.jpg -p \"Describe this "
        "image.\" -o trace.safetensors\n"
        "# a prompt without template\nmolmo trace -m MODEL -p \" User: hi Assistant:\" --raw -o text.safetensors\n");
    flags.add_option("-p,--prompt", prompt_, "what to ask; - reads standard input")
        .type_name("TEXT")
        .required()
        .group("Question");
    flags.add_option("-i,--image", images_, "pictures, in order").type_name("FILE").group("Question");
    define_question_flags(flags, request_);
    flags.add_option("-o,--output", output_, "file to write").type_name("FILE").required().group("Output");
    image_flags_.define(flags);
    model_flags_.define(flags);
  }

  int run() override {
    request_.prompt = prompt_ == "-" ? read_standard_input() : prompt_;
    request_.images = image_flags_.read(images_).images;
    image_flags_.apply(request_);
    const TimedModel loaded = model_flags_.load();
    checkpoint::write_safetensors(output_, api::trace(*loaded.model, request_));
    return kExitDone;
  }

 private:
  std::string prompt_;
  std::vector<std::filesystem::path> images_;
  std::filesystem::path output_;
  generate::Request request_;
  ImageFlags image_flags_;
  ModelFlags model_flags_;
};

}  // namespace

std::unique_ptr<Verb> make_trace() {
  return std::make_unique<Trace>();
}

}  // namespace molmo::cli
