#include <unistd.h>

#include <array>
#include <cstring>

#include "base/process_memory.h"
#include "cli/program.h"

namespace {

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// The threads of libtorch's OpenMP (libgomp) wait for each other by turning in a loop, 300,000 times before they sleep.
// On busy cores each wait then burns a whole time slice: 63 s for an answer of a miniature model beside a full build on
// two cores. 2,000 turns, about as long as waking a sleeper takes, give 4 s, and the same speed as before on a quiet
// machine (1,670 against 1,650 tokens/s; 1,100 where they sleep at once). libgomp reads its settings before `main`, in
// a constructor, so the program has to start again with the setting in its environment. Here, before any constructor,
// that costs 10 ms. Who sets GOMP_SPINCOUNT or OMP_WAIT_POLICY decides otherwise.
void shorten_openmp_spin(int, char** arguments, char** environment) {
  static char setting[] = "GOMP_SPINCOUNT=2000";
  static std::array<char*, 4096> extended;
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    const char* variable = environment[count];
    if (std::strncmp(variable, "GOMP_SPINCOUNT=", 15) == 0 || std::strncmp(variable, "OMP_WAIT_POLICY=", 16) == 0)
      return;
    if (count + 2 >= extended.size()) return;
    extended[count] = environment[count];
  }
  extended[count] = setting;
  static std::array<char, 4096> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size > 0) ::execve(path.data(), arguments, extended.data());  // where it fails, threads spin as they did
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_constructors)(int, char**,
                                                                                char**) = shorten_openmp_spin;

#endif

}  // namespace

int main(int argc, char** argv) {
  molmo::keep_freed_memory();
  return molmo::cli::run_program({argv + 1, argv + argc});
}
