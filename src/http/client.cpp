#include "http/client.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "http/address.h"
#include "http/libcurl.h"
#include "http/url.h"

namespace molmo::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Of an answer that is no success the body is not wanted. This much is read over, which keeps the connection usable.
constexpr uint64_t kMaxSkippedBytes = 64u << 10;

void check_options(const ClientOptions& options) {
  const auto check = [](bool is_fine, std::string_view name) {
    if (!is_fine) fail(ErrorCategory::InvalidArgument, "{} is out of range, expected a positive number", name);
  };
  check(options.connect_timeout.count() > 0, "connect_timeout");
  check(options.total_timeout.count() > 0, "total_timeout");
  check(options.min_bytes_per_second >= 0, "min_bytes_per_second");
  check(options.slow_time.count() > 0, "slow_time");
  check(options.max_body_bytes > 0, "max_body_bytes");
  check(options.max_header_bytes > 0, "max_header_bytes");
  check(options.max_redirects >= 0, "max_redirects");
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct Client::Impl {
  struct Transfer {
    explicit Transfer(Impl& owner) : impl(owner) {}
    ~Transfer() {
      if (easy != nullptr) curl_easy_cleanup(easy);
      curl_slist_free_all(host_addresses);
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    Impl& impl;
    Done done;
    Response response;
    Url url;
    std::set<std::string> visited;
    Clock::time_point deadline;
    CURL* easy = nullptr;
    curl_slist* host_addresses = nullptr;
    char error[CURL_ERROR_SIZE] = "";
    // Of the hop that is running:
    bool is_allowed_host = false;
    bool was_refused = false;  // an address that the name led to
    bool was_connected = false;
    Failure own_failure = Failure::None;  // why we ended it ourselves
    uint64_t header_bytes = 0, skipped_bytes = 0;
  };

  explicit Impl(ClientOptions chosen) : options(std::move(chosen)), multi(curl_multi_init()) {
    if (multi == nullptr) fail(ErrorCategory::OutOfMemory, "no memory for downloads");
  }

  ~Impl() {
    const BrokenPipesIgnored ignored;
    for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi, easy);
    running.clear();
    curl_multi_cleanup(multi);
  }

  // Callbacks of libcurl: C frames are between them and us, so nothing may be thrown.
  static curl_socket_t on_connect(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.is_allowed_host && !is_public_address(address->addr)) {
      transfer.was_refused = true;
      ++transfer.impl.num_refused;
      return CURL_SOCKET_BAD;
    }
    transfer.was_connected = true;
    ++transfer.impl.num_opened;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static size_t on_body(char* data, size_t, size_t num_bytes, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.impl.take_body(transfer, {data, num_bytes}) ? num_bytes : CURL_WRITEFUNC_ERROR;
  }

  static size_t on_header(char*, size_t, size_t num_bytes, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes += num_bytes;
    if (transfer.header_bytes <= transfer.impl.options.max_header_bytes) return num_bytes;
    transfer.own_failure = Failure::BadResponse;
    return CURL_WRITEFUNC_ERROR;
  }

  bool take_body(Transfer& transfer, std::string_view bytes) noexcept {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (!is_success(static_cast<int>(status))) {
      transfer.skipped_bytes += bytes.size();
      return transfer.skipped_bytes <= kMaxSkippedBytes;
    }
    curl_off_t announced = -1;
    curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    std::string& body = transfer.response.body;
    if (announced > static_cast<curl_off_t>(options.max_body_bytes) ||
        bytes.size() > options.max_body_bytes - body.size()) {
      transfer.own_failure = Failure::TooLarge;
      return false;
    }
    try {
      body.append(bytes);
    } catch (const std::bad_alloc&) {
      transfer.own_failure = Failure::TooLarge;
      return false;
    }
    return true;
  }

  bool is_allowed(const Url& url) const {
    return std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(), [&](const std::string& entry) {
      return entry == url.host() || entry == fmt::format("{}:{}", url.host(), url.port());
    });
  }

  void finish(std::unique_ptr<Transfer> transfer, Failure failure, std::string message) {
    Response& response = transfer->response;
    response.failure = failure;
    response.message = std::move(message);
    if (failure != Failure::None || !is_success(response.status)) response.body.clear();
    finished.emplace_back(std::move(transfer->done), std::move(response));
  }

  void set_options(Transfer& transfer, milliseconds time_left);
  void start_hop(std::unique_ptr<Transfer> transfer, const std::string& text);
  void end_hop(std::unique_ptr<Transfer> transfer, CURLcode code);
  void take_messages();

  ClientOptions options;
  CURLM* multi;
  std::map<CURL*, std::unique_ptr<Transfer>> running;
  std::vector<std::pair<Done, Response>> finished;
  uint64_t num_opened = 0, num_refused = 0;
};

void Client::Impl::set_options(Transfer& transfer, milliseconds time_left) {
  CURL* easy = transfer.easy;
  set_common_options(easy, transfer.url, options.ca_file, options.user_agent);
  curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  // One request a connection at a time: a misbehaving answer then spoils nothing but itself.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(time_left.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.min_bytes_per_second));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.slow_time.count()));
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Impl::on_connect);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Impl::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  if (const auto known = options.host_addresses.find(transfer.url.host()); known != options.host_addresses.end()) {
    std::string entry = fmt::format("{}:{}:", known->first, transfer.url.port());
    for (const std::string& address : known->second) entry += (entry.back() == ':' ? "" : ",") + address;
    curl_slist_free_all(transfer.host_addresses);
    transfer.host_addresses = curl_slist_append(nullptr, entry.c_str());
    curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer.host_addresses);
  }
}

void Client::Impl::start_hop(std::unique_ptr<Transfer> transfer, const std::string& text) {
  try {
    transfer->url = Url::parse(text);
  } catch (const Error& error) {
    return finish(std::move(transfer), Failure::BadUrl, error.what());
  }
  const Url& url = transfer->url;
  transfer->response.url = url.text();
  if (!transfer->visited.insert(url.text()).second) {
    return finish(std::move(transfer), Failure::RedirectLoop,
                  fmt::format("redirected in a circle to '{}'", url.text()));
  }
  transfer->is_allowed_host = is_allowed(url);
  if (!transfer->is_allowed_host && is_address(url.host()) && !is_public_address(url.host())) {
    const std::string message = fmt::format("'{}' is not a public address", url.host());
    return finish(std::move(transfer), Failure::ForbiddenAddress, message);
  }
  const auto time_left = std::chrono::duration_cast<milliseconds>(transfer->deadline - Clock::now());
  if (time_left.count() <= 0) return finish(std::move(transfer), Failure::Timeout, "redirects took too long");
  transfer->was_refused = transfer->was_connected = false;
  transfer->own_failure = Failure::None;
  transfer->header_bytes = transfer->skipped_bytes = 0;
  transfer->response.status = 0;
  transfer->error[0] = 0;
  if (transfer->easy == nullptr) transfer->easy = curl_easy_init();
  if (transfer->easy == nullptr) fail(ErrorCategory::OutOfMemory, "no memory for a download");
  set_options(*transfer, time_left);
  CURL* easy = transfer->easy;
  running.emplace(easy, std::move(transfer));
  curl_multi_add_handle(multi, easy);
}

void Client::Impl::end_hop(std::unique_ptr<Transfer> transfer, CURLcode code) {
  CURL* easy = transfer->easy;
  Response& response = transfer->response;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  const char* location = nullptr;
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
  const bool has_answer = code == CURLE_OK || (status >= 300 && transfer->own_failure == Failure::None);
  if (has_answer && is_redirect(response.status) && location != nullptr) {
    if (response.num_redirects == options.max_redirects) {
      const std::string message = fmt::format("more than {} redirects", options.max_redirects);
      return finish(std::move(transfer), Failure::RedirectLoop, message);
    }
    ++response.num_redirects;
    const std::string next = location;
    return start_hop(std::move(transfer), next);
  }
  if (has_answer) {
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0) response.retry_after = std::chrono::seconds(retry_after);
    const char* content_type = nullptr;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    if (content_type != nullptr) response.content_type = content_type;
    return finish(std::move(transfer), Failure::None, "");
  }
  if (transfer->own_failure == Failure::TooLarge) {
    const std::string message = fmt::format("more than {} bytes", options.max_body_bytes);
    return finish(std::move(transfer), Failure::TooLarge, message);
  }
  if (transfer->own_failure == Failure::BadResponse) {
    const std::string message = fmt::format("more than {} bytes of headers", options.max_header_bytes);
    return finish(std::move(transfer), Failure::BadResponse, message);
  }
  if (transfer->was_refused && !transfer->was_connected) {
    const std::string message = fmt::format("'{}' leads to an address that is not public", transfer->url.host());
    return finish(std::move(transfer), Failure::ForbiddenAddress, message);
  }
  const std::string message = transfer->error[0] != 0 ? transfer->error : curl_easy_strerror(code);
  finish(std::move(transfer), failure_of(code, status != 0), message);
}

void Client::Impl::take_messages() {
  int num_left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &num_left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(multi, easy);
    auto node = running.extract(easy);
    end_hop(std::move(node.mapped()), code);
  }
}

Client::Client(ClientOptions options) {
  check_options(options);
  start_library();
  impl_ = std::make_unique<Impl>(std::move(options));
}

Client::~Client() = default;

void Client::start(const std::string& url, Done done) {
  auto transfer = std::make_unique<Impl::Transfer>(*impl_);
  transfer->done = std::move(done);
  transfer->response.url = url;
  transfer->deadline = Clock::now() + impl_->options.total_timeout;
  impl_->start_hop(std::move(transfer), url);
}

void Client::poll(milliseconds wait) {
  const BrokenPipesIgnored ignored;
  int num_running = 0;
  curl_multi_perform(impl_->multi, &num_running);
  impl_->take_messages();
  if (impl_->finished.empty()) {
    curl_multi_poll(impl_->multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    curl_multi_perform(impl_->multi, &num_running);
    impl_->take_messages();
  }
  // Taken out first: an answer may start the next download.
  auto finished = std::exchange(impl_->finished, {});
  for (auto& [done, response] : finished) done(std::move(response));
}

void Client::wake() {
  curl_multi_wakeup(impl_->multi);
}

size_t Client::num_running() const {
  return impl_->running.size() + impl_->finished.size();
}

uint64_t Client::num_connections() const {
  return impl_->num_opened;
}

uint64_t Client::num_refused_connections() const {
  return impl_->num_refused;
}

Response Client::get(const std::string& url) {
  std::optional<Response> answer;
  start(url, [&](Response&& response) { answer = std::move(response); });
  while (!answer) poll(std::chrono::seconds(1));
  return std::move(*answer);
}

}  // namespace molmo::http
