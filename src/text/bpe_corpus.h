// Texts that a tokenizer is learnt from, read from files.
#pragma once

#include <cstdint>
#include <filesystem>

#include "text/bpe_trainer.h"

namespace molmo::text {

// Adds the texts of a file, read line by line. Of JSON lines (".jsonl"): `text`, and the texts of `annotations`, which
// is the format of own data; of any other file: each line with its end. Returns how many texts there were. Throws
// NotFound, Io, or BadData naming file and line.
uint64_t add_corpus(BpeTrainer& trainer, const std::filesystem::path& file);

}  // namespace molmo::text
