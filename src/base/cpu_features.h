// What this CPU can do, found once at start. Built with baseline flags: it must run on every machine.
#pragma once

#include <cstdint>
#include <string>

namespace molmo {

struct CpuFeatures {
  bool avx2 = false;  // with FMA and F16C
  bool avx_vnni = false;
  bool avx512 = false;  // F, BW, DQ, VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool amx_bf16 = false;  // the tiles too, and the system lets this process use them
  bool amx_int8 = false;
  bool neon = false;
  bool neon_dotprod = false;
};

const CpuFeatures& detected_cpu_features();

// Detected features, cut down to MOLMO_CPU when it is set: scalar, avx2, avx_vnni, avx512, avx512_vnni, amx, neon,
// neon_dotprod.
const CpuFeatures& cpu_features();

// Libraries that are made by Intel keep some of their code for it.
bool is_intel_cpu();

// "avx2 avx512 avx512_vnni", for --version.
std::string describe(const CpuFeatures& features);

}  // namespace molmo
