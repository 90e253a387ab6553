// Which version of each kernel family this CPU runs. Chosen once, at the highest level: inner loops never ask for CPU
// features.
//   const DenseLinearKernel& kernel = *best(dense_linear_versions()).kernel;
// MOLMO_CPU takes features away (base/cpu_features.h), so that any version that this CPU can run can be tried.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/cpu_features.h"
#include "kernels/attention.h"
#include "kernels/decode_attention.h"
#include "kernels/dense_linear.h"
#include "kernels/packed_linear.h"
#include "kernels/training_passes.h"

namespace molmo::kernels {

template <class Kernel>
struct Version {
  std::string_view name;
  bool CpuFeatures::*feature;  // what the CPU must have; null: nothing
  const Kernel* kernel;

  bool runs_on(const CpuFeatures& features) const { return !feature || features.*feature; }
};

// The first version that runs; the last one, scalar, runs everywhere.
template <class Kernel>
const Version<Kernel>& best(std::span<const Version<Kernel>> versions) {
  for (const auto& version : versions) {
    if (version.runs_on(cpu_features())) return version;
  }
  return versions.back();
}

// One table per family, best version first, with those that were built for this architecture.
std::span<const Version<AttentionKernel>> attention_versions();           // of any type
std::span<const Version<AttentionKernel>> attention_bfloat16_versions();  // where that is the type of all
std::span<const Version<DecodeAttentionKernel>> decode_attention_versions();
std::span<const Version<DenseLinearKernel>> dense_linear_versions();
std::span<const Version<PackedLinearKernel>> packed_linear_versions();
std::span<const Version<TrainingPasses>> training_passes_versions();

// Which library of libtorch multiplies matrices of float32. MKL gives processors of other makers than Intel
// AVX2 only; oneDNN writes its code for what the processor can do.
enum class FloatProducts { Mkl, OneDnn };
FloatProducts float_products();

// "attention: avx512", one family a line, for --version.
std::string describe_kernels();

}  // namespace molmo::kernels
