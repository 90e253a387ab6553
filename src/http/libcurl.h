// What everything that talks through libcurl needs of it.
#pragma once

#include <curl/curl.h>
#include <signal.h>

#include "http/client.h"

namespace molmo::http {

// Once for the process, whoever calls first. Throws Internal.
void start_library();

// While this lives, the thread gets no SIGPIPE when OpenSSL writes to a server that already left; one that came
// meanwhile is taken away. Only for this thread: the handlers of the process belong to the program.
class BrokenPipesIgnored {
 public:
  BrokenPipesIgnored();
  ~BrokenPipesIgnored();
  BrokenPipesIgnored(const BrokenPipesIgnored&) = delete;
  BrokenPipesIgnored& operator=(const BrokenPipesIgnored&) = delete;

 private:
  sigset_t broken_pipe_, before_;
  bool was_pending_ = false;
};

Failure failure_of(CURLcode code, bool has_status);

}  // namespace molmo::http
