// The headers of c10d say what the library that we link was built with only when they are asked.
#define USE_C10D_GLOO
#ifdef MOLMO_HAS_NCCL
#define USE_C10D_NCCL
#endif

#include "dist/process_group.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef MOLMO_HAS_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "dist/world.h"

namespace molmo::dist {
namespace {

using Backend = c10::intrusive_ptr<c10d::Backend>;

// Silence is noticed much earlier (world.h): this is for ranks that live and wait for each other in vain. Long, because
// the others wait while one of them evaluates or writes a model.
constexpr auto kTimeOut = std::chrono::hours(2);

c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> gloo_options(const Launch& launch) {
  if (launch.num_local_ranks < launch.num_ranks) return c10d::ProcessGroupGloo::Options::create_default(kTimeOut);
  auto options = c10d::ProcessGroupGloo::Options::create(kTimeOut);
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  return options;
}

Backend make_backend(at::DeviceType device, const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch,
                     int64_t rank, int64_t num_ranks) {
  if (device == at::kCPU) {
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(rank), static_cast<int>(num_ranks),
                                                       gloo_options(launch));
  }
#ifdef MOLMO_HAS_NCCL
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = kTimeOut;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, static_cast<int>(rank), static_cast<int>(num_ranks),
                                                     options);
#else
  fail(ErrorCategory::Unsupported, "ranks on {} need a libtorch with NCCL, which this program was built without",
       c10::DeviceTypeName(device));
#endif
}

// Work goes on though nobody waits for it any more, and nothing can end it: its tensors must stay.
void abandon(c10::intrusive_ptr<c10d::Work> work) {
  static std::mutex mutex;
  static auto* const works = new std::vector<c10::intrusive_ptr<c10d::Work>>;  // outlives the threads that work
  const std::lock_guard lock(mutex);
  works->push_back(std::move(work));
}

}  // namespace

struct Pending::Work {
  std::shared_ptr<World> world;
  c10::intrusive_ptr<c10d::Work> work;
  std::vector<at::Tensor> tensors;  // that it reads and writes
  std::function<void()> finish;     // once it is done

  void wait() {
    if (!tensors.front().is_cpu()) {
      work->wait();  // the stream waits, this thread does not; NCCL's own watch looks after it
    } else {
      const auto future = work->getFuture();
      future->addCallback([world = world](c10::ivalue::Future&) { world->notify(); });
      try {
        world->wait_for([&] { return future->completed(); });
      } catch (...) {
        abandon(work);
        throw;
      }
      try {
        work->wait();
      } catch (const std::exception& error) {
        world->fail_because(error.what());
      }
    }
    if (finish) finish();
  }
};

Pending::Pending() = default;
Pending::Pending(std::shared_ptr<Work> work) : work_(std::move(work)) {}

void Pending::wait() {
  if (const auto work = std::exchange(work_, nullptr)) work->wait();
}

struct ProcessGroup::Impl {
  int64_t rank = 0, num_ranks = 1;
  std::shared_ptr<World> world;  // null: alone
  at::DeviceType device = at::kCPU;
  std::string name;
  Backend control, data;  // on the CPU, and where the tensors are

  void connect() {
    const c10::intrusive_ptr<c10d::Store> root(c10::intrusive_ptr<c10d::Store>::reclaim_copy(&world->store()));
    const auto store = [&](const char* kind) {
      return c10::make_intrusive<c10d::PrefixStore>(fmt::format("{}/{}", name, kind), root);
    };
    try {
      control = make_backend(at::kCPU, store("cpu"), world->launch(), rank, num_ranks);
      data = device == at::kCPU ? control : make_backend(device, store("device"), world->launch(), rank, num_ranks);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      fail(ErrorCategory::Io, "rank {} of {} waited in vain for the others: {}", rank, num_ranks, error.what());
    }
  }

  ~Impl() {
    if (!world || !world->has_failed()) return;
    // What is under way will not end, and the destructors would wait for it.
    static_cast<void>(control.release());
    static_cast<void>(data.release());
  }

  const Backend& backend_of(const at::Tensor& tensor) const { return tensor.is_cpu() ? control : data; }

  template <class Start>
  Pending start(std::vector<at::Tensor> tensors, const Start& start, std::function<void()> finish = {}) const {
    auto work = std::make_shared<Pending::Work>();
    work->world = world;
    work->tensors = std::move(tensors);
    work->finish = std::move(finish);
    try {
      work->work = start(*backend_of(work->tensors.front()), work->tensors);
    } catch (const std::exception& error) {
      world->fail_because(error.what());
    }
    return Pending(std::move(work));
  }

  Pending start_sum(const at::Tensor& tensor, std::function<void()> finish = {}) const {
    return start(
        {tensor}, [](c10d::Backend& backend, std::vector<at::Tensor>& all) { return backend.allreduce(all); },
        std::move(finish));
  }
};

ProcessGroup::ProcessGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessGroup::~ProcessGroup() = default;

std::shared_ptr<ProcessGroup> ProcessGroup::alone() {
  return std::shared_ptr<ProcessGroup>(new ProcessGroup(std::make_unique<Impl>()));
}

std::shared_ptr<ProcessGroup> ProcessGroup::join(const Launch& launch, at::DeviceType device) {
  if (launch.num_ranks == 1) return alone();
  auto impl = std::make_unique<Impl>();
  impl->rank = launch.rank;
  impl->num_ranks = launch.num_ranks;
  impl->device = device;
  impl->name = "all";
  impl->world = std::make_shared<World>(launch);
  impl->connect();
  impl->world->begin_watch();
  return std::shared_ptr<ProcessGroup>(new ProcessGroup(std::move(impl)));
}

std::shared_ptr<ProcessGroup> ProcessGroup::part(const std::string& name, const std::vector<int64_t>& members) const {
  const auto own = std::find(members.begin(), members.end(), rank());
  check_internal(own != members.end(), "a rank joins only groups that it is a member of");
  if (members.size() == 1) return alone();
  auto impl = std::make_unique<Impl>();
  impl->rank = own - members.begin();
  impl->num_ranks = static_cast<int64_t>(members.size());
  impl->device = impl_->device;
  impl->name = fmt::format("{}/{}-{}", impl_->name, name, members.front());
  impl->world = impl_->world;
  impl->connect();
  return std::shared_ptr<ProcessGroup>(new ProcessGroup(std::move(impl)));
}

int64_t ProcessGroup::rank() const {
  return impl_->rank;
}
int64_t ProcessGroup::num_ranks() const {
  return impl_->num_ranks;
}

int64_t ProcessGroup::local_rank() const {
  return impl_->world ? impl_->world->launch().local_rank : 0;
}

void ProcessGroup::sum(std::span<double> values) const {
  if (num_ranks() == 1 || values.empty()) return;
  const at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::memcpy(tensor.mutable_data_ptr<double>(), values.data(), values.size_bytes());
  sum(tensor);
  std::memcpy(values.data(), tensor.const_data_ptr<double>(), values.size_bytes());
}

void ProcessGroup::sum(const at::Tensor& tensor) const {
  if (num_ranks() > 1 && tensor.numel() > 0) impl_->start_sum(tensor).wait();
}

Pending ProcessGroup::gather(const at::Tensor& whole, const at::Tensor& part) const {
  check_internal(whole.numel() == num_ranks() * part.numel(), "parts of all ranks are as large as the whole");
  if (num_ranks() == 1) {
    if (whole.data_ptr() != part.data_ptr()) whole.copy_(part);
    return {};
  }
  return impl_->start({whole, part}, [](c10d::Backend& backend, std::vector<at::Tensor>& tensors) {
    return backend._allgather_base(tensors[0], tensors[1]);
  });
}

Pending ProcessGroup::scatter_sum(const at::Tensor& part, const at::Tensor& whole) const {
  check_internal(whole.numel() == num_ranks() * part.numel(), "parts of all ranks are as large as the whole");
  if (num_ranks() == 1) {
    part.copy_(whole.view(-1));
    return {};
  }
  if (!whole.is_cpu()) {
    return impl_->start({part, whole}, [](c10d::Backend& backend, std::vector<at::Tensor>& tensors) {
      return backend._reduce_scatter_base(tensors[0], tensors[1]);
    });
  }
  // Gloo's own is this, with a copy more.
  const int64_t begin = rank() * part.numel();
  return impl_->start_sum(whole, [=] { part.copy_(whole.view(-1).narrow(0, begin, part.numel())); });
}

void ProcessGroup::broadcast(const at::Tensor& tensor, int64_t root) const {
  if (num_ranks() == 1 || tensor.numel() == 0) return;
  impl_
      ->start({tensor},
              [root](c10d::Backend& backend, std::vector<at::Tensor>& tensors) {
                c10d::BroadcastOptions options;
                options.rootRank = root;
                return backend.broadcast(tensors, options);
              })
      .wait();
}

bool ProcessGroup::all_agree(bool is_fine) const {
  std::array<double, 1> num_not_fine = {is_fine ? 0.0 : 1.0};
  sum(num_not_fine);
  return num_not_fine[0] == 0;
}

std::vector<std::string> ProcessGroup::gather_texts(const std::string& text) const {
  if (num_ranks() == 1) return {text};
  std::vector<double> sizes(static_cast<size_t>(num_ranks()));
  sizes[static_cast<size_t>(rank())] = static_cast<double>(text.size());
  sum(sizes);
  const auto longest = static_cast<int64_t>(*std::max_element(sizes.begin(), sizes.end()));
  std::vector<std::string> texts(sizes.size());
  if (longest == 0) return texts;
  const at::Tensor part = at::full({longest}, 0, at::kByte), whole = at::empty({num_ranks() * longest}, at::kByte);
  std::memcpy(part.mutable_data_ptr<uint8_t>(), text.data(), text.size());
  gather(whole, part).wait();
  const char* all = reinterpret_cast<const char*>(whole.const_data_ptr<uint8_t>());
  for (size_t i = 0; i < texts.size(); ++i)
    texts[i].assign(all + i * static_cast<size_t>(longest), static_cast<size_t>(sizes[i]));
  return texts;
}

void ProcessGroup::report_failure(const std::string& message) const {
  if (!impl_->world || impl_->world->has_failed()) return;
  impl_->world->announce(fmt::format("rank {} of {} failed: {}", rank(), num_ranks(), message));
}

}  // namespace molmo::dist
