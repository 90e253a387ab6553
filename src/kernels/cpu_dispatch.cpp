#include "kernels/cpu_dispatch.h"

#include <fmt/format.h>

namespace molmo::kernels {

std::span<const Version<AttentionKernel>> attention_versions() {
  static constexpr Version<AttentionKernel> kVersions[] = {
#if defined(__x86_64__)
    {"avx512", &CpuFeatures::avx512, &kAttentionAvx512},
    {"avx2", &CpuFeatures::avx2, &kAttentionAvx2},
#endif
    {"scalar", nullptr, &kAttentionScalar},
  };
  return kVersions;
}

std::span<const Version<AttentionKernel>> attention_bfloat16_versions() {
  static constexpr Version<AttentionKernel> kVersions[] = {
#if defined(__x86_64__)
    {"amx", &CpuFeatures::amx_bf16, &kAttentionAmx},
    {"avx512", &CpuFeatures::avx512, &kAttentionAvx512},
    {"avx2", &CpuFeatures::avx2, &kAttentionAvx2},
#endif
    {"scalar", nullptr, &kAttentionScalar},
  };
  return kVersions;
}

std::span<const Version<DecodeAttentionKernel>> decode_attention_versions() {
  static constexpr Version<DecodeAttentionKernel> kVersions[] = {
#if defined(__x86_64__)
    {"avx512", &CpuFeatures::avx512, &kDecodeAttentionAvx512},
    {"avx2", &CpuFeatures::avx2, &kDecodeAttentionAvx2},
#endif
    {"scalar", nullptr, &kDecodeAttentionScalar},
  };
  return kVersions;
}

std::span<const Version<DenseLinearKernel>> dense_linear_versions() {
  static constexpr Version<DenseLinearKernel> kVersions[] = {
#if defined(__x86_64__)
    {"avx512", &CpuFeatures::avx512, &kDenseLinearAvx512},
    {"avx2", &CpuFeatures::avx2, &kDenseLinearAvx2},
#endif
    {"scalar", nullptr, &kDenseLinearScalar},
  };
  return kVersions;
}

std::span<const Version<PackedLinearKernel>> packed_linear_versions() {
  static constexpr Version<PackedLinearKernel> kVersions[] = {
#if defined(__x86_64__)
    {"amx", &CpuFeatures::amx_int8, &kPackedLinearAmx},
    {"avx512_vnni", &CpuFeatures::avx512_vnni, &kPackedLinearAvx512Vnni},
    {"avx_vnni", &CpuFeatures::avx_vnni, &kPackedLinearAvxVnni},
    {"avx2", &CpuFeatures::avx2, &kPackedLinearAvx2},
#elif defined(__aarch64__)
    {"neon_dotprod", &CpuFeatures::neon_dotprod, &kPackedLinearNeonDot},
#endif
    {"scalar", nullptr, &kPackedLinearScalar},
  };
  return kVersions;
}

std::span<const Version<TrainingPasses>> training_passes_versions() {
  static constexpr Version<TrainingPasses> kVersions[] = {
#if defined(__x86_64__)
    {"avx512", &CpuFeatures::avx512, &kTrainingPassesAvx512},
    {"avx2", &CpuFeatures::avx2, &kTrainingPassesAvx2},
#endif
    {"scalar", nullptr, &kTrainingPassesScalar},
  };
  return kVersions;
}

FloatProducts float_products() {
  static const bool is_cut_short = cpu_features().avx512 && !is_intel_cpu();
  return is_cut_short ? FloatProducts::OneDnn : FloatProducts::Mkl;
}

std::string describe_kernels() {
  return fmt::format(
      "attention: {}\nattention of bfloat16: {}\ndecode_attention: {}\ndense_linear: {}\npacked_linear: {}\n"
      "training_passes: {}\nproducts of float32: {}",
      best(attention_versions()).name, best(attention_bfloat16_versions()).name, best(decode_attention_versions()).name,
      best(dense_linear_versions()).name, best(packed_linear_versions()).name, best(training_passes_versions()).name,
      float_products() == FloatProducts::OneDnn ? "oneDNN" : "MKL");
}

}  // namespace molmo::kernels
