#include "http/libcurl.h"

#include "base/error.h"

namespace molmo::http {

void start_library() {
  static const CURLcode kCode = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kCode != CURLE_OK) fail(ErrorCategory::Internal, "libcurl cannot be started: {}", curl_easy_strerror(kCode));
}

BrokenPipesIgnored::BrokenPipesIgnored() {
  sigemptyset(&broken_pipe_);
  sigaddset(&broken_pipe_, SIGPIPE);
  sigset_t pending;
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
}

BrokenPipesIgnored::~BrokenPipesIgnored() {
  constexpr timespec kNoWait{};
  if (!was_pending_) sigtimedwait(&broken_pipe_, nullptr, &kNoWait);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void set_common_options(CURL* easy, const Url& url, const std::filesystem::path& ca_file,
                        const std::string& user_agent) {
  curl_easy_setopt(easy, CURLOPT_CURLU, url.handle());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);  // libcurl would change the handlers of the whole process
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // Without this, http_proxy and its kin in the environment would see the URLs, and resolve them in our place.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
}

Failure failure_of(CURLcode code, bool has_status) {
  switch (code) {
    case CURLE_OK:
      return Failure::None;
    case CURLE_URL_MALFORMAT:
      return Failure::BadUrl;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failure::UnknownHost;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::Timeout;
    case CURLE_PARTIAL_FILE:
      return Failure::Truncated;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return has_status ? Failure::Truncated : Failure::ConnectFailed;
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
      return Failure::ConnectFailed;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return Failure::TlsFailed;
    default:
      return Failure::BadResponse;
  }
}

}  // namespace molmo::http
