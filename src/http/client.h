// Downloads over HTTP and HTTPS, many at a time, that a hostile URL or server cannot turn against this machine.
//   Client client({.user_agent = "my-tool/1.0"});
//   client.start(url, [](Response&& response) { ... });
//   while (client.num_running() > 0) client.poll(std::chrono::seconds(1));
// Only GET, only http and https, certificates always verified. Addresses that are not public are refused (address.h)
// unless the host is named in `allowed_hosts`. The check is made on the very address that a connection is about to be
// opened to, for every connection of every redirect, so a name that resolves differently the second time gains nothing.
// Redirects are followed hop by hop with a limit and a loop check. Cookies, proxies, .netrc and credentials are neither
// taken from the environment nor sent. A body is counted after it was decompressed.
// Thread-compatible: one thread owns a client, except wake().
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.h"

namespace molmo::http {

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds total_timeout{60000};  // of all hops together
  // A transfer slower than this for as long as this is given up.
  int64_t min_bytes_per_second = 500;
  std::chrono::seconds slow_time{10};
  uint64_t max_body_bytes = 20u << 20;
  uint64_t max_header_bytes = 64u << 10;  // of one hop
  int max_redirects = 10;
  std::string user_agent = "molmo.cpp";
  // "HOST" or "HOST:PORT": contacted even where the address is not public. For servers of one's own.
  std::vector<std::string> allowed_hosts = {};
  // Certificates to trust instead of the system's.
  std::filesystem::path ca_file = {};
  // Addresses of hosts, instead of asking the resolver: what /etc/hosts is to a machine. Checked like any other.
  std::map<std::string, std::vector<std::string>> host_addresses = {};
};

// Why no answer came. An answer with an error status is an answer.
enum class Failure {
  None,
  BadUrl,            // not http or https, user information in it, or no URL at all; also of a redirect
  ForbiddenAddress,  // not a public address
  UnknownHost,
  ConnectFailed,  // refused, unreachable, or closed before the answer
  TlsFailed,      // certificate not trusted or not for this host, or a broken handshake
  Timeout,        // no connection, too slow, or too long altogether
  TooLarge,       // body over the limit
  Truncated,      // less came than was announced
  RedirectLoop,   // a URL came again, or too many hops
  BadResponse,    // not HTTP, headers over the limit, broken encoding
};

struct Response {
  Failure failure = Failure::None;
  std::string message;  // what went wrong, in words
  int status = 0;       // of the last hop, 0 when none answered
  std::string url;      // of the last hop
  int num_redirects = 0;
  std::string content_type;
  std::optional<std::chrono::seconds> retry_after;  // from now, seconds and dates alike
  std::string body;                                 // of a 2xx answer, else empty
};

class Client {
 public:
  using Done = std::function<void(Response&&)>;

  // Throws InvalidArgument for options out of range.
  explicit Client(ClientOptions options = {});
  ~Client();  // drops what is running, without calling anybody
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `done` is called from a later poll(). Bad URLs are answered there as well.
  void start(const std::string& url, Done done);
  // Waits until something happened, at most `wait`, and hands out the answers that are complete.
  void poll(std::chrono::milliseconds wait);
  // Ends the wait of a poll() that another thread is in.
  void wake();
  size_t num_running() const;
  // Connections that were opened so far, and those that were refused because of their address.
  uint64_t num_connections() const;
  uint64_t num_refused_connections() const;

  // One download, waited for.
  Response get(const std::string& url);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::http

template <>
struct molmo::EnumNames<molmo::http::Failure> {
  using enum http::Failure;
  static constexpr EnumName<http::Failure> kValues[] = {{None, "none"},
                                                        {BadUrl, "bad_url"},
                                                        {ForbiddenAddress, "forbidden_address"},
                                                        {UnknownHost, "unknown_host"},
                                                        {ConnectFailed, "connect_failed"},
                                                        {TlsFailed, "tls_failed"},
                                                        {Timeout, "timeout"},
                                                        {TooLarge, "too_large"},
                                                        {Truncated, "truncated"},
                                                        {RedirectLoop, "redirect_loop"},
                                                        {BadResponse, "bad_response"}};
};
