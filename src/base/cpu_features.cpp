#include "base/cpu_features.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace molmo {
namespace {

#if defined(__x86_64__)
// The system saves a thread's tiles only for a process that has asked. Refused where the system is too old, and where a
// signal stack is too small for them.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

CpuFeatures detect() {
  CpuFeatures found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  // cpuid where Clang 14 has no name for the feature: F16C, AVX-VNNI, BF16 and AMX.
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool has_f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
  found.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c;
  found.avx512 = found.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  found.avx512_vnni = found.avx512 && __builtin_cpu_supports("avx512vnni");
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    found.avx_vnni = found.avx2 && (a & (1u << 4));
    found.avx512_bf16 = found.avx512 && (a & (1u << 5));
  }
  if (found.avx512_bf16 && __get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    const bool has_tiles = (d & (1u << 24)) && may_use_tiles();
    found.amx_bf16 = has_tiles && (d & (1u << 22));
    found.amx_int8 = has_tiles && found.avx512_vnni && (d & (1u << 25));
  }
#elif defined(__aarch64__)
  found.neon = true;
  found.neon_dotprod = getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#endif
  return found;
}

// Never adds what the CPU lacks: an override is for tests and for comparing paths.
CpuFeatures restrict_to(CpuFeatures found, std::string_view level) {
  if (level == "amx" || level == "neon_dotprod") return found;
  found.amx_bf16 = found.amx_int8 = false;
  if (level == "avx512_vnni") return found;
  found.avx512_vnni = found.avx512_bf16 = found.neon_dotprod = false;
  if (level == "avx512" || level == "neon") return found;
  found.avx512 = false;
  if (level == "avx_vnni") return found;
  found.avx_vnni = false;
  if (level == "avx2") return found;
  if (level == "scalar") return {};
  fail(ErrorCategory::InvalidArgument,
       "MOLMO_CPU is '{}', expected scalar, avx2, avx_vnni, avx512, avx512_vnni, amx, neon or neon_dotprod", level);
}

}  // namespace

const CpuFeatures& detected_cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    const char* level = std::getenv("MOLMO_CPU");
    return level ? restrict_to(detected_cpu_features(), level) : detected_cpu_features();
  }();
  return features;
}

bool is_intel_cpu() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

std::string describe(const CpuFeatures& features) {
  std::string text;
  auto add = [&](bool present, const char* name) {
    if (present) text += (text.empty() ? "" : " ") + std::string(name);
  };
  add(features.avx2, "avx2");
  add(features.avx_vnni, "avx_vnni");
  add(features.avx512, "avx512");
  add(features.avx512_vnni, "avx512_vnni");
  add(features.avx512_bf16, "avx512_bf16");
  add(features.amx_bf16, "amx_bf16");
  add(features.amx_int8, "amx_int8");
  add(features.neon, "neon");
  add(features.neon_dotprod, "neon_dotprod");
  return text.empty() ? "scalar" : text;
}

}  // namespace molmo
