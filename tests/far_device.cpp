#include "far_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/SDPBackend.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace molmo::test {
namespace {

constexpr auto kFar = c10::DeviceType::PrivateUse1;
constexpr auto kFarKey = c10::DispatchKey::PrivateUse1;

// No program has memory at addresses with this bit.
constexpr uintptr_t kFarBit = uintptr_t{1} << 62;

void* to_far(void* pointer) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(pointer) | kFarBit);
}
void* to_near(const void* pointer) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(pointer) & ~kFarBit);
}

class FarAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    void* memory = std::malloc(num_bytes + 1);
    return {to_far(memory), memory, &std::free, c10::Device(kFar, 0)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t num_bytes) const override {
    std::memcpy(to_near(to), to_near(from), num_bytes);
  }
};

FarAllocator far_allocator;

const c10::Stream kStream(c10::Stream::DEFAULT, c10::Device(kFar, 0));

class FarGuard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kFar; }
  c10::Device exchangeDevice(c10::Device) const override { return {kFar, 0}; }
  c10::Device getDevice() const override { return {kFar, 0}; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return kStream; }
  c10::Stream getDefaultStream(c10::Device) const override { return kStream; }
  c10::Stream exchangeStream(c10::Stream) const override { return kStream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
};
const FarGuard far_guard;

class FarHooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
};
FarHooks far_hooks;

// The same memory, for the operators of the CPU.
at::Tensor near_view(const at::Tensor& far) {
  const auto offset = static_cast<size_t>(far.storage_offset()) * far.element_size();
  auto* memory = static_cast<std::byte*>(to_near(far.storage().data())) + offset;
  return at::from_blob(memory, far.sizes(), far.strides(), far.options().device(at::kCPU).requires_grad(false));
}

at::Tensor far_copy(const at::Tensor& near) {
  const at::Tensor far = at::empty_strided(near.sizes(), near.strides(), near.options().device(kFar));
  near_view(far).copy_(near);
  return far;
}

// The arguments of one call, brought to the CPU and back.
class Call {
 public:
  explicit Call(const c10::OperatorHandle& op) : op_(op) {}

  at::Tensor bring_near(const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.device().type() != kFar) {
      // Scalars and indices may be on the CPU, as with CUDA.
      const bool is_index = op_.schema().name().find("index") != std::string::npos && !tensor_is_floating(tensor);
      TORCH_CHECK(!tensor.defined() || tensor.dim() == 0 || is_index, op_.schema().name(),
                  ": expected all tensors on the far device, found one of ", tensor.sizes(), " on the CPU");
      return tensor;
    }
    // An empty one may be an output that the operator gives its size.
    const at::Tensor near =
        tensor.numel() == 0 ? at::empty(tensor.sizes(), tensor.options().device(at::kCPU)) : near_view(tensor);
    pairs_.emplace_back(near, tensor);
    return near;
  }

  void give_sizes() const {
    for (const auto& [near, far] : pairs_) {
      if (near.sizes() == far.sizes()) continue;
      at::TensorImpl* impl = far.unsafeGetTensorImpl();
      impl->set_storage_keep_dtype(far_copy(near).storage());
      impl->set_sizes_and_strides(near.sizes(), near.strides());
    }
  }

  at::Tensor bring_back(const at::Tensor& near) const {
    if (!near.defined()) return near;
    for (const auto& [known, far] : pairs_) {
      if (known.is_same(near)) return far;
    }
    for (const auto& [known, far] : pairs_) {
      TORCH_CHECK(known.storage().data() != near.storage().data() || near.numel() == 0, op_.schema().name(),
                  ": a view that the far device does not know");
    }
    return far_copy(near);
  }

 private:
  static bool tensor_is_floating(const at::Tensor& tensor) {
    return tensor.defined() && at::isFloatingType(tensor.scalar_type());
  }

  const c10::OperatorHandle& op_;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
};

template <class Change>
c10::IValue with_tensors(const c10::IValue& value, const Change& change) {
  if (value.isTensor()) return change(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(change(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const auto& tensor : value.toOptionalTensorVector())
      list.push_back(tensor ? std::optional(change(*tensor)) : std::nullopt);
    return list;
  }
  if (value.isDevice() && value.toDevice().type() == kFar) return c10::Device(at::kCPU);
  return value;
}

void compute_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  Call call(op);
  const auto num_arguments = op.schema().arguments().size();
  for (size_t i = stack->size() - num_arguments; i < stack->size(); ++i) {
    (*stack)[i] = with_tensors((*stack)[i], [&](const at::Tensor& tensor) { return call.bring_near(tensor); });
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  call.give_sizes();
  for (size_t i = stack->size() - op.schema().returns().size(); i < stack->size(); ++i) {
    (*stack)[i] = with_tensors((*stack)[i], [&](const at::Tensor& tensor) { return call.bring_back(tensor); });
  }
}

at::Tensor far_empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                     std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &far_allocator, c10::DispatchKeySet(kFarKey), at::dtype_or_default(type),
                                   format);
}

at::Tensor far_empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                             std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &far_allocator, c10::DispatchKeySet(kFarKey),
                                           at::dtype_or_default(type));
}

at::Tensor far_copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  const auto near = [](const at::Tensor& tensor) { return tensor.is_cpu() ? tensor : near_view(tensor); };
  near(to).copy_(near(from));
  return to;
}

at::Scalar far_scalar(const at::Tensor& tensor) {
  return near_view(tensor).item();
}

int64_t choose_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                         double, bool, std::optional<double>, bool) {
  return static_cast<int64_t>(at::SDPBackend::math);
}

void register_device() {
  c10::register_privateuse1_backend("far");
  c10::SetAllocator(kFar, &far_allocator);
  c10::impl::registerDeviceGuard(kFar, &far_guard);
  at::RegisterPrivateUse1HooksInterface(&far_hooks);
  static torch::Library all(torch::Library::IMPL, "_", kFarKey, __FILE__, __LINE__);
  all.fallback(torch::CppFunction::makeFromBoxedFunction<&compute_on_cpu>());
  static torch::Library aten(torch::Library::IMPL, "aten", kFarKey, __FILE__, __LINE__);
  aten.impl("empty.memory_format", &far_empty);
  aten.impl("empty_strided", &far_empty_strided);
  aten.impl("_copy_from", &far_copy_from);
  aten.impl("_local_scalar_dense", &far_scalar);
  aten.impl("as_strided", &at::native::as_strided_tensorimpl);
  aten.impl("view", &at::native::view);
  aten.impl("_reshape_alias", &at::native::_reshape_alias);
  aten.impl("unfold", &at::native::unfold);
  aten.impl("_fused_sdp_choice", &choose_attention);
}

}  // namespace

at::Device far_device() {
  static const bool is_registered = (register_device(), true);
  static_cast<void>(is_registered);
  return {kFar, 0};
}

}  // namespace molmo::test
