#include "http/post.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <memory>

#include "base/error.h"
#include "http/libcurl.h"
#include "http/url.h"

namespace molmo::http {
namespace {

struct Receiver {
  uint64_t max_bytes;
  std::string body;
  bool is_too_large = false;
};

// A callback of libcurl: nothing may be thrown.
size_t on_body(char* data, size_t, size_t num_bytes, void* self) noexcept {
  auto& receiver = *static_cast<Receiver*>(self);
  receiver.is_too_large = num_bytes > receiver.max_bytes - receiver.body.size();
  if (receiver.is_too_large) return CURL_WRITEFUNC_ERROR;
  try {
    receiver.body.append(data, num_bytes);
  } catch (const std::bad_alloc&) {
    return CURL_WRITEFUNC_ERROR;
  }
  return num_bytes;
}

}  // namespace

PostResponse post(const std::string& url, const std::string& body, const PostOptions& options) {
  start_library();
  PostResponse response;
  Url parsed;
  try {
    parsed = Url::parse(url);
  } catch (const Error& error) {
    response.failure = Failure::BadUrl;
    response.message = error.what();
    return response;
  }
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), &curl_easy_cleanup);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  std::vector<std::string> lines = options.headers;
  lines.emplace_back("Expect:");  // libcurl would wait for a permission that small servers do not give
  for (const std::string& header : lines) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) fail(ErrorCategory::OutOfMemory, "no memory for a request");
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  CURL* easy = handle.get();
  if (easy == nullptr) fail(ErrorCategory::OutOfMemory, "no memory for a request");
  Receiver receiver{.max_bytes = options.max_body_bytes, .body = {}};
  char error[CURL_ERROR_SIZE] = "";
  set_common_options(easy, parsed, options.ca_file, "molmo.cpp");
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.total_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  const BrokenPipesIgnored ignored;
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  response.status = static_cast<int>(status);
  if (retry_after > 0) response.retry_after = std::chrono::seconds(retry_after);
  if (receiver.is_too_large) {
    response.failure = Failure::TooLarge;
    response.message = fmt::format("more than {} bytes", options.max_body_bytes);
  } else if (code != CURLE_OK) {
    response.failure = failure_of(code, status != 0);
    response.message = error[0] != 0 ? error : curl_easy_strerror(code);
  } else {
    response.body = std::move(receiver.body);
  }
  return response;
}

}  // namespace molmo::http
