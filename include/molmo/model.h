// A model in memory.
//   molmo::Model model = molmo::Model::load("Molmo-7B-D-0924");
//   molmo::Session session(model);
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "molmo/error.h"
#include "molmo/export.h"

namespace molmo {

struct ModelOptions {
  std::string dtype;               // "f32", "bf16" or "f16"; empty: as stored, used in place without a copy
  std::string device = "cpu";      // or "cuda"
  std::filesystem::path adapter;   // folder of a LoRA adapter, or empty
  int64_t max_context_tokens = 0;  // longest prompt and answer together; 0: the model's own limit
};

// Copies share the weights. May be used by many sessions at once.
class MOLMO_API Model {
 public:
  // A checkpoint folder in the released Hugging Face layout or the reference's native one.
  // Throws Error: NotFound, BadData, Unsupported, InvalidArgument or OutOfMemory.
  static Model load(const std::filesystem::path& folder, const ModelOptions& options = {});

  int64_t num_parameters() const;
  int64_t max_context_tokens() const;

  // Token ids of a text, without anything added; and back, special tokens included.
  std::vector<int64_t> encode(std::string_view text) const;
  std::string decode(const std::vector<int64_t>& ids) const;

  struct Impl;
  const Impl& impl() const { return *impl_; }  // for the library itself

 private:
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// Threads that all models of this process compute with; the CPUs that the process may use unless set.
MOLMO_API void set_compute_threads(int count);

}  // namespace molmo
