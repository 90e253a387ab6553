#include "cli/conformance/tensor_fixture.h"

#include <ATen/ops/count_nonzero.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace molmo::conformance {
namespace {

std::string shape_text(at::IntArrayRef shape) {
  std::string text;
  for (int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

std::string index_text(int64_t flat, at::IntArrayRef shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = flat % shape[i];
    flat /= shape[i];
  }
  return shape_text(index);
}

// float32, int64 and the like may be computed; the fixture's type is what is written.
at::Tensor as_stored(at::Tensor computed, const at::Tensor& stored) {
  while (computed.dim() < stored.dim()) computed = computed.unsqueeze(0);
  return computed.detach().to(stored.scalar_type()).contiguous();
}

std::optional<std::string> find_shape_mismatch(const at::Tensor& expected, const at::Tensor& found) {
  if (expected.sizes() == found.sizes()) return std::nullopt;
  return "expected shape " + shape_text(expected.sizes()) + ", found " + shape_text(found.sizes());
}

std::optional<std::string> find_mismatch(const at::Tensor& expected, const at::Tensor& found,
                                         const Tolerance& tolerance) {
  const at::Tensor wanted = expected.to(at::kDouble).contiguous(), got = found.to(at::kDouble).contiguous();
  const double* want = wanted.const_data_ptr<double>();
  const double* value = got.const_data_ptr<double>();
  int64_t num_outside = 0, worst = 0;
  double largest = -1;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    if (!std::isfinite(value[i]))
      return fmt::format("{} expected {:.9g}, found {}", index_text(i, expected.sizes()), want[i], value[i]);
    const double difference = std::abs(value[i] - want[i]);
    if (difference > tolerance.absolute + tolerance.relative * std::abs(want[i])) ++num_outside;
    if (difference > largest) {
      largest = difference;
      worst = i;
    }
  }
  const bool few_outside =
      static_cast<double>(num_outside) <= tolerance.outlier_share * static_cast<double>(wanted.numel());
  if (num_outside == 0 || (few_outside && largest <= tolerance.outlier_absolute)) return std::nullopt;
  return fmt::format("{} expected {:.9g}, found {:.9g}, difference {:.3g}; {} of {} values are off by more than {:.3g}",
                     index_text(worst, expected.sizes()), want[worst], value[worst], largest, num_outside,
                     wanted.numel(), tolerance.absolute);
}

}  // namespace

TensorFixture::TensorFixture(Report& report, std::string name, const std::filesystem::path& file)
    : report_(report), name_(std::move(name)), file_(checkpoint::SafetensorsFile::open(file)) {}

std::vector<std::string> TensorFixture::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file_.entries()) names.push_back(name);
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return file_.entries().at(name).offset; });
  return names;
}

void TensorFixture::answer(const std::string& name, const at::Tensor& computed, const Tolerance& tolerance) {
  if (!contains(name)) return;
  answers_[name] = {as_stored(computed, file_.tensor(name)), tolerance, false};
}

void TensorFixture::keep(const std::string& name) {
  if (contains(name)) answers_[name] = {file_.tensor(name), {}, true};
}

bool TensorFixture::is_emptied() const {
  return std::ranges::all_of(answers_, [&](const auto& entry) {
    return entry.second.is_kept || at::count_nonzero(file_.tensor(entry.first)).template item<int64_t>() == 0;
  });
}

void TensorFixture::compare(const std::string& name, const Answer& answer, bool emptied) const {
  const at::Tensor expected = file_.tensor(name);
  auto mismatch = find_shape_mismatch(expected, answer.tensor);
  if (!mismatch && !emptied) mismatch = find_mismatch(expected, answer.tensor, answer.tolerance);
  if (mismatch) {
    report_.fail(name_ + ":" + name, *mismatch);
  } else if (emptied) {
    report_.answer_unchecked();
  } else {
    report_.pass();
  }
}

void TensorFixture::finish(const std::optional<std::filesystem::path>& output) {
  for (const auto& name : names()) {
    if (!answers_.contains(name)) report_.fail(name_ + ":" + name, "is a tensor that this program cannot compute");
  }
  const bool emptied = is_emptied();
  for (const auto& [name, answer] : answers_) {
    if (!answer.is_kept) compare(name, answer, emptied);
  }
  if (!output) return;
  std::vector<std::pair<std::string, checkpoint::TensorEntry>> entries;
  for (const auto& name : names()) {
    if (!answers_.contains(name)) continue;
    const at::Tensor& tensor = answers_.at(name).tensor;
    checkpoint::TensorEntry entry = file_.entries().at(name);
    entry.shape = tensor.sizes().vec();
    entry.num_bytes = static_cast<uint64_t>(tensor.numel() * tensor.element_size());
    entries.emplace_back(name, std::move(entry));
  }
  std::filesystem::create_directories(output->parent_path());
  checkpoint::write_safetensors(*output, entries, file_.metadata(),
                                [&](const std::string& name) { return answers_.at(name).tensor; });
}

}  // namespace molmo::conformance
