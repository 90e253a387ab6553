#include "checkpoint/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"

namespace molmo::checkpoint {
namespace {

// Beyond this a shape is nonsense, and libtorch has paths that assume it.
constexpr size_t kMaxDimensions = 64;

struct DTypeName {
  DType type;
  std::string_view name;
};

constexpr DTypeName kDTypeNames[] = {
    {DType::F32, "F32"}, {DType::F16, "F16"}, {DType::BF16, "BF16"}, {DType::F64, "F64"}, {DType::I64, "I64"},
    {DType::I32, "I32"}, {DType::I16, "I16"}, {DType::I8, "I8"},     {DType::U8, "U8"},   {DType::Bool, "BOOL"}};

// A tensor as the header claims it, before it is believed.
struct Claim {
  std::optional<DType> dtype;
  std::optional<std::vector<uint64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

// Reads the one shape that a header may have: {name: {"dtype": text, "shape": [n...], "data_offsets": [n, n]},
// "__metadata__": {text: text}}. Anything else ends the parse at once, so nesting cannot grow. An event handler,
// because a document tree of a large header costs ten times its text.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string_view source) : source_(source) {}

  std::map<std::string, Claim> claims;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) override {
    switch (state_) {
      case State::Start:
        state_ = State::Top;
        return true;
      case State::Tensor:
        state_ = State::TensorFields;
        return true;
      case State::Metadata:
        state_ = State::MetadataFields;
        return true;
      default:
        unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    switch (state_) {
      case State::Top:
        begin_entry(name);
        return true;
      case State::TensorFields:
        begin_field(name);
        return true;
      case State::MetadataFields:
        check_name(name);
        if (!metadata.emplace(name, "").second) bad("metadata key '{}' appears twice", name);
        metadata_key_ = name;
        state_ = State::MetadataValue;
        return true;
      default:
        unexpected("a key");
    }
  }

  bool string(string_t& text) override {
    if (state_ == State::MetadataValue) {
      metadata[metadata_key_] = text;
      state_ = State::MetadataFields;
    } else if (state_ == State::DType) {
      claim_->dtype = parse_dtype(text);
      state_ = State::TensorFields;
    } else {
      unexpected("a text");
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::ShapeItems) {
      if (claim_->shape->size() == kMaxDimensions) {
        bad("tensor '{}' has more than {} dimensions", tensor_, kMaxDimensions);
      }
      claim_->shape->push_back(value);
    } else if (state_ == State::OffsetItems) {
      if (claim_->offsets->size() == 2) bad("tensor '{}': data_offsets has more than two numbers", tensor_);
      claim_->offsets->push_back(value);
    } else {
      unexpected("a number");
    }
    return true;
  }

  bool number_integer(number_integer_t value) override { unexpected(fmt::format("the number {}", value)); }
  bool number_float(number_float_t, const string_t& text) override { unexpected(fmt::format("the number {}", text)); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool null() override { unexpected("null"); }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool start_array(std::size_t) override {
    if (state_ == State::Shape) {
      claim_->shape.emplace();
      state_ = State::ShapeItems;
    } else if (state_ == State::Offsets) {
      claim_->offsets.emplace();
      state_ = State::OffsetItems;
    } else {
      unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    state_ = State::TensorFields;
    return true;
  }

  bool end_object() override {
    state_ = state_ == State::Top ? State::End : State::Top;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    bad("not valid JSON at byte {}", position);
  }

 private:
  enum class State {
    Start,
    Top,
    Tensor,
    TensorFields,
    DType,
    Shape,
    ShapeItems,
    Offsets,
    OffsetItems,
    Metadata,
    MetadataFields,
    MetadataValue,
    End
  };

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCategory::BadData, "{}: safetensors header: {}", source_,
         fmt::format(format, std::forward<Args>(args)...));
  }

  void check_name(const std::string& name) const {
    if (!is_sound_name(name)) bad("a name of {} bytes is longer than 1024 or has control characters", name.size());
  }

  void begin_entry(const std::string& name) {
    check_name(name);
    if (name == "__metadata__") {
      if (has_metadata_) bad("'__metadata__' appears twice");
      has_metadata_ = true;
      state_ = State::Metadata;
      return;
    }
    const auto [entry, is_new] = claims.try_emplace(name);
    if (!is_new) bad("tensor '{}' appears twice", name);
    tensor_ = name;
    claim_ = &entry->second;
    state_ = State::Tensor;
  }

  void begin_field(const std::string& name) {
    check_name(name);
    bool is_repeated = false;
    if (name == "dtype") {
      is_repeated = claim_->dtype.has_value();
      state_ = State::DType;
    } else if (name == "shape") {
      is_repeated = claim_->shape.has_value();
      state_ = State::Shape;
    } else if (name == "data_offsets") {
      is_repeated = claim_->offsets.has_value();
      state_ = State::Offsets;
    } else {
      bad("tensor '{}' has an unknown field '{:.64}', expected dtype, shape and data_offsets", tensor_, name);
    }
    if (is_repeated) bad("tensor '{}' has '{}' twice", tensor_, name);
  }

  DType parse_dtype(const std::string& text) const {
    check_name(text);
    for (const DTypeName& row : kDTypeNames) {
      if (row.name == text) return row.type;
    }
    fail(ErrorCategory::Unsupported,
         "{}: safetensors header: tensor '{}' has the element type '{:.64}', expected F32, BF16, F16 or another that "
         "PyTorch trains with",
         source_, tensor_, text);
  }

  // Where the value that may not stand here was found, and what would be right.
  [[noreturn]] void unexpected(std::string_view found) const {
    switch (state_) {
      case State::Start:
        bad("expected an object, found {}", found);
      case State::Tensor:
        bad("tensor '{}': expected an object, found {}", tensor_, found);
      case State::DType:
        bad("tensor '{}': dtype: expected a text, found {}", tensor_, found);
      case State::Shape:
        bad("tensor '{}': shape: expected a list, found {}", tensor_, found);
      case State::Offsets:
        bad("tensor '{}': data_offsets: expected a list, found {}", tensor_, found);
      case State::ShapeItems:
        bad("tensor '{}': shape: expected whole numbers below 2^64, found {}", tensor_, found);
      case State::OffsetItems:
        bad("tensor '{}': data_offsets: expected whole numbers below 2^64, found {}", tensor_, found);
      case State::Metadata:
        bad("'__metadata__': expected an object, found {}", found);
      case State::MetadataValue:
        bad("metadata '{}': expected a text, found {}", metadata_key_, found);
      default:
        bad("unexpected {}", found);
    }
  }

  std::string_view source_;
  State state_ = State::Start;
  bool has_metadata_ = false;
  std::string tensor_, metadata_key_;
  Claim* claim_ = nullptr;
};

// Bytes of a shape. Dimensions of zero count as one while checking, because strides are products of the others.
uint64_t checked_bytes(const std::vector<uint64_t>& shape, DType type, std::string_view source,
                       const std::string& name) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  uint64_t product = static_cast<uint64_t>(dtype_bytes(type));
  bool is_empty = false;
  for (uint64_t size : shape) {
    is_empty |= size == 0;
    if (size > 0 && product > kMost / size) {
      fail(ErrorCategory::BadData, "{}: safetensors header: tensor '{}': shape [{}] is larger than any file", source,
           name, fmt::join(shape, ", "));
    }
    product *= std::max<uint64_t>(size, 1);
  }
  return is_empty ? 0 : product;
}

TensorEntry believe(const std::string& name, const Claim& claim, uint64_t data_begin, uint64_t data_bytes,
                    std::string_view source) {
  const char* missing = !claim.dtype ? "dtype" : !claim.shape ? "shape" : !claim.offsets ? "data_offsets" : nullptr;
  if (missing) fail(ErrorCategory::BadData, "{}: safetensors header: tensor '{}' has no {}", source, name, missing);
  if (claim.offsets->size() != 2) {
    fail(ErrorCategory::BadData, "{}: safetensors header: tensor '{}': data_offsets has {} numbers, expected two",
         source, name, claim.offsets->size());
  }
  const uint64_t begin = (*claim.offsets)[0], end = (*claim.offsets)[1];
  if (begin > end) {
    fail(ErrorCategory::BadData, "{}: safetensors header: tensor '{}': data_offsets [{}, {}] run backwards", source,
         name, begin, end);
  }
  if (end > data_bytes) {
    fail(ErrorCategory::BadData,
         "{}: tensor '{}' ends at byte {} of the data, but the file has only {}. Was it cut off while copying?", source,
         name, end, data_bytes);
  }
  const uint64_t expected = checked_bytes(*claim.shape, *claim.dtype, source, name);
  if (end - begin != expected) {
    fail(ErrorCategory::BadData, "{}: safetensors header: tensor '{}': {} [{}] takes {} bytes, data_offsets give it {}",
         source, name, safetensors_dtype_name(*claim.dtype), fmt::join(*claim.shape, ", "), expected, end - begin);
  }
  return {*claim.dtype, std::vector<int64_t>(claim.shape->begin(), claim.shape->end()), data_begin + begin,
          end - begin};
}

// The data must be covered exactly once: a hole could hide foreign bytes, an overlap alias two tensors.
void check_coverage(const std::map<std::string, TensorEntry>& entries, uint64_t data_begin, uint64_t file_bytes,
                    std::string_view source) {
  std::vector<std::pair<const std::string, TensorEntry> const*> order;
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.offset, a->second.num_bytes) < std::pair(b->second.offset, b->second.num_bytes);
  });
  uint64_t position = data_begin;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    if (tensor.offset != position) {
      fail(ErrorCategory::BadData,
           "{}: safetensors header: tensor '{}' begins at byte {} of the data, expected {} ({})", source, name,
           tensor.offset - data_begin, position - data_begin,
           tensor.offset < position ? "tensors overlap" : "there is a hole");
    }
    position += tensor.num_bytes;
  }
  if (position != file_bytes) {
    fail(ErrorCategory::BadData, "{}: {} bytes follow the last tensor, expected none", source, file_bytes - position);
  }
}

}  // namespace

std::string_view safetensors_dtype_name(DType type) {
  for (const DTypeName& row : kDTypeNames) {
    if (row.type == type) return row.name;
  }
  throw Error(ErrorCategory::Internal, "internal error: element type without a safetensors name");
}

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_begin, uint64_t file_bytes,
                                           std::string_view source) {
  check_internal(data_begin <= file_bytes, "safetensors data beyond the file");
  if (text.empty() || text.front() != '{') {
    fail(ErrorCategory::BadData, "{}: the safetensors header does not begin with '{{'. Is it a safetensors file?",
         source);
  }
  const std::string_view document = text.substr(0, text.find_last_not_of(' ') + 1);
  if (document.back() != '}') {
    fail(ErrorCategory::BadData, "{}: safetensors header: ends with byte 0x{:02x}, expected '}}' and spaces", source,
         static_cast<unsigned char>(document.back()));
  }
  HeaderReader reader(source);
  nlohmann::json::sax_parse(document, &reader);
  SafetensorsHeader header;
  header.metadata = std::move(reader.metadata);
  for (const auto& [name, claim] : reader.claims) {
    header.entries.emplace_hint(header.entries.end(), name,
                                believe(name, claim, data_begin, file_bytes - data_begin, source));
  }
  check_coverage(header.entries, data_begin, file_bytes, source);
  return header;
}

}  // namespace molmo::checkpoint
