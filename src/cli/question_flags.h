// How a question becomes a prompt, for verbs that take any question.
#pragma once

#include "cli/verb.h"
#include "generate/session.h"

namespace molmo::cli {

// --style, --length and --raw. `request` must outlive the flags.
void define_question_flags(Flags& flags, generate::Request& request);

}  // namespace molmo::cli
