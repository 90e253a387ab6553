// What everything that talks through libcurl needs of it.
#pragma once

#include <curl/curl.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "http/client.h"
#include "http/url.h"

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

// What every request of ours has: http and https only, no redirects by libcurl, no proxy, no netrc, certificates that
// are verified, against `ca_file` unless it is empty. `url` must outlive the request.
void set_common_options(CURL* easy, const Url& url, const std::filesystem::path& ca_file,
                        const std::string& user_agent);

Failure failure_of(CURLcode code, bool has_status);

}  // namespace molmo::http
