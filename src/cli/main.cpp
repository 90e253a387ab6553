#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "base/process_memory.h"
#include "cli/program.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MOLMO_IS_PLAIN_PROGRAM 1
#endif

namespace {

#if defined(MOLMO_IS_PLAIN_PROGRAM)

bool is_variable(const char* entry, const char* name_and_equals) {
  return std::strncmp(entry, name_and_equals, std::strlen(name_and_equals)) == 0;
}

// The threads of libtorch's OpenMP (libgomp) wait for each other by turning in a loop, 300,000 times before they sleep.
// On busy cores each wait then burns a whole time slice: 63 s for an answer of a miniature model beside a full build on
// two cores. 2,000 turns, about as long as waking a sleeper takes, give 4 s, and the same speed as before on a quiet
// machine (1,670 against 1,650 tokens/s; 1,100 where they sleep at once). Who sets GOMP_SPINCOUNT or OMP_WAIT_POLICY
// decides otherwise.
//
// libgomp reads its settings before `main`, in a constructor, from the environment that the kernel laid down: there is
// no room to add a variable, but one that shells leave for nobody's use can be replaced. Where there is none the
// program starts again with one more, and loads libtorch twice (40 ms).
void shorten_openmp_spin(int, char** arguments, char** environment) {
  static char setting[] = "GOMP_SPINCOUNT=2000";
  static std::array<char*, 4096> extended;
  char** replaceable = nullptr;
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (is_variable(environment[count], "GOMP_SPINCOUNT=") || is_variable(environment[count], "OMP_WAIT_POLICY="))
      return;
    if (is_variable(environment[count], "_=") || is_variable(environment[count], "OLDPWD="))
      replaceable = &environment[count];
    if (count + 2 < extended.size()) extended[count] = environment[count];
  }
  if (replaceable != nullptr) {
    *replaceable = setting;
    return;
  }
  if (count + 2 > extended.size()) return;
  extended[count] = setting;
  static std::array<char, 4096> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size > 0) ::execve(path.data(), arguments, extended.data());  // where it fails, threads spin as they did
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_constructors)(int, char**,
                                                                                char**) = shorten_openmp_spin;

#endif

// Ends without destructors of static objects: libtorch takes its 3,000 operators apart one by one, a third of the time
// of a short command (0.12 of 0.36 s). What this program owns was destroyed before `main` ends, and is on disk.
int leave(int status) {
#if defined(MOLMO_IS_PLAIN_PROGRAM)  // a sanitizer reports leaks at a regular end
  std::fflush(nullptr);
  ::_exit(status);
#endif
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  molmo::keep_freed_memory();
  molmo::bound_product_caches();
  return leave(molmo::cli::run_program({argv + 1, argv + argc}));
}
