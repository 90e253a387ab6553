#include "checkpoint/torch_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <variant>

#include "base/error.h"
#include "checkpoint/pickle_opcodes.h"
#include "checkpoint/stored_tensor.h"

namespace molmo::checkpoint {
namespace {

// Real checkpoints nest four deep. Deeper values would exhaust the stack when they are destroyed.
constexpr int kMaxDepth = 16;
// Bounds memory: a byte of pickle can make a value of a hundred. The largest released model needs some 50,000.
constexpr size_t kMaxValues = 1 << 21;

enum class Global { OrderedDict, RebuildTensor, RebuildParameter, FloatStorage, HalfStorage, BFloat16Storage };

struct GlobalName {
  Global global;
  std::string_view module, name;
};

// Everything that a pickle may refer to. None of it is called: each stands for a value that is built here.
constexpr GlobalName kGlobals[] = {{Global::OrderedDict, "collections", "OrderedDict"},
                                   {Global::RebuildTensor, "torch._utils", "_rebuild_tensor_v2"},
                                   {Global::RebuildParameter, "torch._utils", "_rebuild_parameter"},
                                   {Global::FloatStorage, "torch", "FloatStorage"},
                                   {Global::HalfStorage, "torch", "HalfStorage"},
                                   {Global::BFloat16Storage, "torch", "BFloat16Storage"}};

struct Storage {
  std::string key;
  DType dtype;
  uint64_t size;  // elements
};

struct Value;
using Values = std::vector<Value>;
struct Tuple;
struct Dictionary;

struct None {};

struct Value {
  std::variant<None, bool, int64_t, Global, std::shared_ptr<const std::string>, std::shared_ptr<const Tuple>,
               std::shared_ptr<Dictionary>, std::shared_ptr<const Storage>, std::shared_ptr<const PickledTensor>>
      content;

  template <class T>
  const T* get() const {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int64_t> || std::is_same_v<T, Global>) {
      return std::get_if<T>(&content);
    } else if constexpr (std::is_same_v<T, Dictionary>) {
      const auto* pointer = std::get_if<std::shared_ptr<Dictionary>>(&content);
      return pointer ? pointer->get() : nullptr;
    } else {
      const auto* pointer = std::get_if<std::shared_ptr<const T>>(&content);
      return pointer ? pointer->get() : nullptr;
    }
  }
  int depth() const;
};

struct Tuple {
  Values items;
  int depth = 0;
};

struct Dictionary {
  std::map<std::string, Value> items;
  int depth = 0;
  bool is_finished = false;  // part of another value: a later change could tie a knot
};

// Kept, not counted anew: values may share parts, and walking them all could take forever.
int Value::depth() const {
  if (const Dictionary* dictionary = get<Dictionary>()) return dictionary->depth;
  if (const Tuple* tuple = get<Tuple>()) return tuple->depth;
  return 0;
}

class Unpickler {
 public:
  Unpickler(std::string_view pickle, std::string_view source) : pickle_(pickle), source_(source) {}

  std::map<std::string, PickledTensor> run() {
    while (step()) {
    }
    if (position_ != pickle_.size()) bad("{} bytes follow its end", pickle_.size() - position_);
    if (stack_.size() != 1 || !marks_.empty()) bad("it ends with {} values, expected one", stack_.size());
    const Dictionary* dictionary = stack_.back().get<Dictionary>();
    if (!dictionary) unsupported("it holds something else than a dictionary of names to tensors");
    std::map<std::string, PickledTensor> tensors;
    for (const auto& [name, value] : dictionary->items) {
      const PickledTensor* tensor = value.get<PickledTensor>();
      if (!tensor)
        unsupported("'{:.64}' is not a tensor. Expected the weights alone (model.pt), not a training state.", name);
      tensors.emplace_hint(tensors.end(), name, *tensor);
    }
    return tensors;
  }

 private:
  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCategory::BadData, "{}: pickle, byte {}: {}", source_, position_,
         fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCategory::Unsupported, "{}: pickle, byte {}: {}", source_, position_,
         fmt::format(format, std::forward<Args>(args)...));
  }

  // False after the last instruction.
  bool step() {
    const uint8_t code = read<uint8_t>();
    switch (code) {
      case kProto:
        read_protocol();
        break;
      case kMark:
        marks_.push_back(stack_.size());
        break;
      case kNone:
        push(None{});
        break;
      case kNewTrue:
        push(true);
        break;
      case kNewFalse:
        push(false);
        break;
      case kBinInt:
        push<int64_t>(read<int32_t>());
        break;
      case kBinInt1:
        push<int64_t>(read<uint8_t>());
        break;
      case kBinInt2:
        push<int64_t>(read<uint16_t>());
        break;
      case kLong1:
        push(read_long());
        break;
      case kBinUnicode:
        push(std::make_shared<const std::string>(take(read<uint32_t>())));
        break;
      case kGlobal:
        push(read_global());
        break;
      case kBinPut:
        put(read<uint8_t>());
        break;
      case kLongBinPut:
        put(read<uint32_t>());
        break;
      case kBinGet:
        get(read<uint8_t>());
        break;
      case kLongBinGet:
        get(read<uint32_t>());
        break;
      case kEmptyTuple:
        push_tuple({});
        break;
      case kTuple1:
        push_tuple(pop_last(1));
        break;
      case kTuple2:
        push_tuple(pop_last(2));
        break;
      case kTuple3:
        push_tuple(pop_last(3));
        break;
      case kTuple:
        push_tuple(pop_to_mark());
        break;
      case kEmptyDict:
        push(std::make_shared<Dictionary>());
        break;
      case kSetItem:
        set_items(pop_last(2));
        break;
      case kSetItems:
        set_items(pop_to_mark());
        break;
      case kBinPersId:
        push_storage(pop());
        break;
      case kReduce:
        reduce();
        break;
      case kBuild:
        build();
        break;
      case kStop:
        return false;
      default:
        refuse(code);
    }
    return true;
  }

  [[noreturn]] void refuse(uint8_t code) const {
    for (const OpcodeName& row : kRefusedOpcodes) {
      if (row.code == code)
        unsupported("instruction {} is not one that a dictionary of tensors needs. Refused.", row.name);
    }
    bad("0x{:02x} is not an instruction", code);
  }

  template <class T>
  T read() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  std::string_view take(uint64_t length) {
    if (length > pickle_.size() - position_) bad("cut off");
    const std::string_view bytes = pickle_.substr(position_, length);
    position_ += length;
    return bytes;
  }

  std::string_view take_line() {
    const size_t end = pickle_.find('\n', position_);
    if (end == std::string_view::npos) bad("cut off");
    const std::string_view line = pickle_.substr(position_, end - position_);
    position_ = end + 1;
    return line;
  }

  void read_protocol() {
    const int version = read<uint8_t>();
    if (version != 2) unsupported("protocol {}, expected 2, which torch.save writes", version);
  }

  int64_t read_long() {
    const uint8_t length = read<uint8_t>();
    if (length > 8) unsupported("a number of {} bytes", length);
    const std::string_view bytes = take(length);
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), length);
    const bool is_negative = length > 0 && (static_cast<uint8_t>(bytes.back()) & 0x80);
    if (is_negative && length < 8) value |= ~uint64_t{0} << (8 * length);
    return static_cast<int64_t>(value);
  }

  Global read_global() {
    const std::string_view module = take_line(), name = take_line();
    for (const GlobalName& row : kGlobals) {
      if (row.module == module && row.name == name) return row.global;
    }
    if (!is_sound_name(module) || !is_sound_name(name)) bad("it asks for a name with control characters");
    unsupported(
        "it asks for '{:.64}.{:.64}'. Only float32, float16 and bfloat16 tensors in a dictionary are read. Refused.",
        module, name);
  }

  void push_value(Value value) {
    if (++num_values_ > kMaxValues) bad("it makes more than {} values", kMaxValues);
    stack_.push_back(std::move(value));
  }

  template <class T>
  void push(T content) {
    push_value({std::move(content)});
  }

  Value pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("an instruction lacks its operands");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }

  Values pop_last(size_t count) {
    Values values(count);
    for (size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  Values pop_to_mark() {
    if (marks_.empty()) bad("an instruction lacks its mark");
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    marks_.pop_back();
    Values values(std::make_move_iterator(begin), std::make_move_iterator(stack_.end()));
    stack_.erase(begin, stack_.end());
    return values;
  }

  Value& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("an instruction lacks its operands");
    return stack_.back();
  }

  // A value that becomes part of another one may not change any more.
  void finish(const Value& value) const {
    if (const auto* dictionary = std::get_if<std::shared_ptr<Dictionary>>(&value.content))
      (*dictionary)->is_finished = true;
    if (value.depth() >= kMaxDepth) bad("values are nested deeper than {}", kMaxDepth);
  }

  void push_tuple(Values values) {
    int depth = 0;
    for (const Value& value : values) {
      finish(value);
      depth = std::max(depth, value.depth() + 1);
    }
    push(std::make_shared<const Tuple>(Tuple{std::move(values), depth}));
  }

  void put(uint32_t index) { memo_[index] = top(); }

  void get(uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) bad("memo {} is empty", index);
    push_value(found->second);
  }

  void set_items(Values keys_and_values) {
    if (keys_and_values.size() % 2 != 0) bad("a key without a value");
    const auto* target = std::get_if<std::shared_ptr<Dictionary>>(&top().content);
    if (!target) bad("items are set on something that is not a dictionary");
    Dictionary& dictionary = **target;
    if (dictionary.is_finished) bad("a dictionary that is part of another is changed");
    for (size_t i = 0; i < keys_and_values.size(); i += 2) {
      const std::string* key = keys_and_values[i].get<std::string>();
      if (!key) unsupported("a dictionary has a key that is not a text");
      if (!is_sound_name(*key)) bad("a key of {} bytes is longer than 1024 or has control characters", key->size());
      Value& value = keys_and_values[i + 1];
      finish(value);
      // Before it holds itself: nobody would ever free it.
      if (dictionary.is_finished) bad("a dictionary contains itself");
      dictionary.depth = std::max(dictionary.depth, value.depth() + 1);
      if (!dictionary.items.emplace(*key, std::move(value)).second) bad("'{:.64}' appears twice", *key);
    }
  }

  void push_storage(const Value& identifier) {
    // ("storage", type, key, device, elements)
    const Tuple* tuple = identifier.get<Tuple>();
    if (!tuple || tuple->items.size() != 5) bad("a storage is not named by five values");
    const std::string* kind = tuple->items[0].get<std::string>();
    const Global* type = tuple->items[1].get<Global>();
    const std::string* key = tuple->items[2].get<std::string>();
    const int64_t* size = tuple->items[4].get<int64_t>();
    if (!kind || *kind != "storage" || !type || !key || !size || *size < 0)
      bad("a storage is not named by (\"storage\", type, key, device, size)");
    if (!is_sound_name(*key)) bad("the name of a storage is longer than 1024 bytes or has control characters");
    push(std::make_shared<const Storage>(Storage{*key, storage_dtype(*type), static_cast<uint64_t>(*size)}));
  }

  DType storage_dtype(Global type) const {
    switch (type) {
      case Global::FloatStorage:
        return DType::F32;
      case Global::HalfStorage:
        return DType::F16;
      case Global::BFloat16Storage:
        return DType::BF16;
      default:
        bad("a storage has a type that is none");
    }
  }

  void reduce() {
    const Value arguments = pop();
    const Value callable = pop();
    const Global* global = callable.get<Global>();
    const Tuple* values = arguments.get<Tuple>();
    if (!global || !values) bad("a call that is not of a known name with a tuple");
    switch (*global) {
      case Global::OrderedDict:
        if (!values->items.empty()) unsupported("an OrderedDict that is made from arguments");
        push(std::make_shared<Dictionary>());
        return;
      case Global::RebuildTensor:
        push(rebuild_tensor(values->items));
        return;
      case Global::RebuildParameter:
        if (values->items.empty() || !values->items.front().get<PickledTensor>()) bad("a parameter without a tensor");
        push_value(values->items.front());
        return;
      default:
        bad("a storage type is called");
    }
  }

  // (storage, offset, shape, strides, requires_grad, hooks)
  std::shared_ptr<const PickledTensor> rebuild_tensor(const Values& arguments) const {
    if (arguments.size() < 4) bad("a tensor is described by {} values, expected six", arguments.size());
    const Storage* storage = arguments[0].get<Storage>();
    const int64_t* offset = arguments[1].get<int64_t>();
    if (!storage || !offset || *offset < 0) bad("a tensor has no storage or a negative offset");
    PickledTensor tensor{storage->key, storage->dtype, storage->size, static_cast<uint64_t>(*offset),
                         sizes(arguments[2], "shape")};
    check_contiguous(tensor.shape, sizes(arguments[3], "strides"));
    return std::make_shared<const PickledTensor>(std::move(tensor));
  }

  std::vector<int64_t> sizes(const Value& value, std::string_view what) const {
    const Tuple* tuple = value.get<Tuple>();
    if (!tuple) bad("the {} of a tensor is not a tuple", what);
    std::vector<int64_t> numbers;
    for (const Value& item : tuple->items) {
      const int64_t* number = item.get<int64_t>();
      if (!number || *number < 0) bad("the {} of a tensor has an entry that is not a size", what);
      numbers.push_back(*number);
    }
    return numbers;
  }

  // Also proves that the product of the shape does not overflow.
  void check_contiguous(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) const {
    if (shape.size() != strides.size()) bad("a tensor has {} sizes and {} strides", shape.size(), strides.size());
    int64_t expected = 1;
    for (size_t i = shape.size(); i-- > 0;) {
      if (shape[i] > 1 && strides[i] != expected) {
        unsupported("a tensor of shape [{}] has strides [{}]. Save it with .contiguous().", fmt::join(shape, ", "),
                    fmt::join(strides, ", "));
      }
      if (__builtin_mul_overflow(expected, std::max<int64_t>(shape[i], 1), &expected))
        bad("a tensor is larger than any memory");
    }
  }

  // Attributes of the dictionary: PyTorch attaches `_metadata` (module versions), which no weight depends on.
  void build() {
    const Value state = pop();
    const Dictionary* attributes = state.get<Dictionary>();
    if (!top().get<Dictionary>() || !attributes)
      unsupported("instruction BUILD on something else than the dictionary. Refused.");
    for (const auto& [name, unused] : attributes->items) {
      if (name != "_metadata")
        unsupported("the dictionary has an attribute '{:.64}', expected only _metadata. Refused.", name);
    }
  }

  std::string_view pickle_, source_;
  size_t position_ = 0;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Value> memo_;
  size_t num_values_ = 0;
};

}  // namespace

std::map<std::string, PickledTensor> read_torch_pickle(std::string_view pickle, std::string_view source) {
  return Unpickler(pickle, source).run();
}

}  // namespace molmo::checkpoint
