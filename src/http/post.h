// One request to an API that the user names: a language model that judges, on this machine, in this network or in the
// internet. Unlike a download (client.h) it may go to any address, because no stranger chose it.
//   const PostResponse response = post("http://127.0.0.1:8000/v1/chat/completions", body, {.headers = {...}});
// Certificates are verified, redirects are not followed (a key would travel with them), and proxies and .netrc of the
// environment are not used. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"

namespace molmo::http {

struct PostOptions {
  std::vector<std::string> headers = {"Content-Type: application/json"};
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds total_timeout{120000};
  uint64_t max_body_bytes = 8u << 20;
  std::filesystem::path ca_file = {};  // certificates to trust instead of the system's
};

struct PostResponse {
  Failure failure = Failure::None;  // an answer with an error status is an answer
  std::string message;              // what went wrong, in words
  int status = 0;
  std::optional<std::chrono::seconds> retry_after;
  std::string body;  // whatever the status
};

PostResponse post(const std::string& url, const std::string& body, const PostOptions& options);

}  // namespace molmo::http
