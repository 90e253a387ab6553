// A server of pictures that misbehaves by the first part of a path; the rest tells the answers apart.
//   PictureServer server;
//   server.url("picture/7")     PNG number 7                          server.bytes("picture/7"): its bytes
//   .../missing/7 gone/7 secret/7 teapot/7 error/7                    404 410 403 418 500
//   .../busy/7 unavailable/7    429 (with Retry-After: 1), 503 for the first request, then a picture
//   .../exhausted/7 closed/7    429 always, the second with Retry-After: 100000
//   .../hop/7 loop/7 trap/7     redirects: to a picture, in a circle, to `trap_url`
//   .../long/7 short/7          Content-Length is larger (and the connection ends) or smaller than the picture
//   .../html/7 gif/7 cut/7 flipped/7 bomb/7       a page, a GIF, half a PNG, a PNG with a wrong byte, 65535 x 65535
//   pixels
//   .../gzip/7 gzipbomb/7 endless/7 flood/7       a packed picture, 1 MiB in 1 KiB, no end, no end of headers
//   .../stall/7 drip/7 reset/7                    silence, a byte at a time, a reset
//   .../changed/7               another picture than bytes() says
// Every answer sets a cookie; num_cookies() counts those that came back.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "http/loopback_server.h"

namespace molmo::test {

class PictureServer {
 public:
  PictureServer() : server_([this](const auto& request, auto& reply) { answer(request, reply); }) {}

  std::string host() const { return server_.host(); }
  std::string url(std::string_view target) const { return server_.url("/" + std::string(target)); }
  static std::string bytes(std::string_view target);

  std::string trap_url;  // set before the first request
  uint64_t num_requests() const { return server_.num_requests(); }
  uint64_t num_connections() const { return server_.num_connections(); }
  int num_requests_of(const std::string& target) const;
  // Between the first and the second request.
  std::chrono::duration<double> time_between(const std::string& target) const;
  int num_cookies() const { return num_cookies_; }

 private:
  void answer(const http::IncomingRequest& request, http::Reply& reply);

  struct Visits {
    int count = 0;
    std::chrono::steady_clock::time_point first, second;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Visits> visits_;
  std::atomic<int> num_cookies_ = 0;
  http::LoopbackServer server_;  // last: its threads use everything above
};

// A PNG of a few pixels with its header's size changed and its check sum right.
std::string png_that_claims(uint32_t width, uint32_t height);
// Bytes in gzip's form, without compression.
std::string gzip_stored(std::string_view bytes);

}  // namespace molmo::test
