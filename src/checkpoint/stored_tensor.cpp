#include "checkpoint/stored_tensor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {

static_assert(std::endian::native == std::endian::little, "stored tensors are used in place, and are little-endian");

bool is_sound_name(std::string_view name) {
  constexpr size_t kMaxBytes = 1024;
  return name.size() <= kMaxBytes && std::none_of(name.begin(), name.end(), [](char c) {
           return (c >= 0 && c < ' ') || c == 0x7F;  // UTF-8 beyond ASCII has its high bit set
         });
}

at::Tensor StoredTensor::map() const {
  const at::TensorOptions options = at::TensorOptions().dtype(to_scalar_type(entry.dtype));
  if (entry.num_bytes == 0) return at::empty(entry.shape, options);
  const std::byte* data = file->bytes().subspan(entry.offset, entry.num_bytes).data();
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(dtype_bytes(entry.dtype)) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.mutable_data_ptr(), data, entry.num_bytes);
    return copy;
  }
  return at::from_blob(
      const_cast<std::byte*>(data), entry.shape, [keep = file](void*) {}, options);
}

void StoredTensor::drop_pages() const {
  file->drop_pages(entry.offset, entry.num_bytes);
}

StoredTensor StoredTensor::block(int64_t index, int64_t count) const {
  check_internal(!entry.shape.empty() && entry.shape[0] % count == 0 && index < count, "blocks of a stored tensor");
  StoredTensor part = *this;
  part.entry.shape[0] /= count;
  part.entry.num_bytes /= static_cast<uint64_t>(count);
  part.entry.offset += static_cast<uint64_t>(index) * part.entry.num_bytes;
  return part;
}

}  // namespace molmo::checkpoint
