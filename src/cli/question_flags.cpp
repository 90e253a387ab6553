#include "cli/question_flags.h"

#include "cli/flags.h"
#include "text/styles.h"

namespace molmo::cli {

void define_question_flags(Flags& flags, generate::Request& request) {
  flags
      .add_option("--style", request.style,
                  "task that the model was trained on, for example vqa2, chart_qa or point_count")
      .check([](const std::string& style) { text::check_style(style, "--style"); })
      .type_name("STYLE")
      .group("Question");
  flags
      .add_option("--length", request.length_hint,
                  "length of a caption in units of 15 characters, for models trained to a length")
      .type_name("N")
      .group("Question");
  flags.add_flag("--raw", request.is_raw, "TEXT is the whole prompt, byte for byte: no role words, no leading space")
      .group("Question");
}

}  // namespace molmo::cli
