#include "molmo/model.h"

#include <ATen/Parallel.h>

#include "api/guard.h"
#include "api/impl.h"
#include "api/load.h"
#include "base/error.h"
#include "base/threads.h"
#include "model/parameter_table.h"

namespace molmo {

Model Model::load(const std::filesystem::path& folder, const ModelOptions& options) {
  return api::guarded([&] {
    api::LoadOptions load{.device = parse_enum<api::Device>(options.device, "device"), .adapter = options.adapter};
    if (!options.dtype.empty()) load.dtype = parse_enum<api::WeightType>(options.dtype, "dtype");
    if (options.max_context_tokens != 0) load.max_context_tokens = options.max_context_tokens;
    return Model(std::make_shared<const Impl>(Impl{api::load_model(folder, load)}));
  });
}

int64_t Model::num_parameters() const {
  return api::guarded([&] { return model::count_parameters(impl_->loaded->molmo.config()).total; });
}

int64_t Model::max_context_tokens() const {
  return impl_->loaded->molmo.config().decoder.max_sequence_length;
}

std::vector<int64_t> Model::encode(std::string_view text) const {
  return api::guarded([&] { return impl_->loaded->tokenizer.encode(text); });
}

std::string Model::decode(const std::vector<int64_t>& ids) const {
  return api::guarded([&] { return impl_->loaded->tokenizer.decode(ids); });
}

void set_compute_threads(int count) {
  return api::guarded([&] {
    if (count < 1 || count > 4096) fail(ErrorCategory::InvalidArgument, "threads are {}, allowed are 1 to 4096", count);
    set_num_threads(count);      // of our own pool
    at::set_num_threads(count);  // of the engine
  });
}

}  // namespace molmo
