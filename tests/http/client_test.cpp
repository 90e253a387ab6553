// The client against a server that misbehaves in one way at a time.
#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <mutex>

#include "base/error.h"
#include "http/loopback_server.h"

namespace molmo::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A mebibyte of zeros in 1051 bytes, as zlib packs them at level 9.
std::string gzip_of_a_mebibyte() {
  const std::string head("\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed\xc1\x31\x01\0\0\0\xc2\xa0\xf5\x4f\x6d\x08\x5f\xa0", 26);
  const std::string tail("\x3e\x03\x1c\xea\x38\xa7\0\0\x10\0", 10);
  return head + std::string(1051 - head.size() - tail.size(), '\0') + tail;
}

ClientOptions options_for(const LoopbackServer& server) {
  return {.total_timeout = milliseconds(10000), .allowed_hosts = {server.host()}};
}

// Answers a request with whatever `reply` does.
Response get(const LoopbackServer::Handler& handler, const std::function<void(ClientOptions&)>& change = nullptr,
             const std::string& target = "/") {
  LoopbackServer server(handler);
  ClientOptions options = options_for(server);
  if (change) change(options);
  return Client(options).get(server.url(target));
}

LoopbackServer::Handler answer(const std::string& bytes) {
  return [bytes](const IncomingRequest&, Reply& reply) {
    reply.send(bytes);
    reply.close();
  };
}

TEST(Client, ReadsAnAnswer) {
  std::map<std::string, std::string> headers;
  const Response response = get(
      [&](const IncomingRequest& request, Reply& reply) {
        headers = request.headers;
        reply.send(http_answer(200, "a picture", "Content-Type: image/png\r\n"));
      },
      [](ClientOptions& options) { options.user_agent = "tester/1"; });
  EXPECT_EQ(response.failure, Failure::None) << response.message;
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "a picture");
  EXPECT_EQ(response.content_type, "image/png");
  EXPECT_EQ(headers.at("user-agent"), "tester/1");
}

TEST(Client, AnErrorStatusIsAnAnswerWithoutBody) {
  for (const int status : {304, 400, 403, 404, 410, 429, 500, 503}) {
    const Response response = get(answer(http_answer(status, "<html>sorry</html>")));
    EXPECT_EQ(response.failure, Failure::None) << response.message;
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, "");
  }
  // Also where the page is endless, or shorter than announced.
  const Response endless = get([](const IncomingRequest&, Reply& reply) {
    reply.send("HTTP/1.1 404 -\r\n\r\n");
    while (reply.send(std::string(65536, 'x'))) {
    }
  });
  EXPECT_EQ(endless.status, 404);
  EXPECT_EQ(endless.failure, Failure::None) << endless.message;
  EXPECT_EQ(get(answer("HTTP/1.1 410 -\r\nContent-Length: 99\r\n\r\nx")).failure, Failure::None);
}

TEST(Client, FollowsRedirects) {
  const auto handler = [](const IncomingRequest& request, Reply& reply) {
    const int left = std::atoi(request.target.c_str() + 1);
    const std::string location = left % 2 == 0
                                     ? std::to_string(left - 1)
                                     : "http://" + request.headers.at("host") + "/" + std::to_string(left - 1);
    reply.send(left == 0 ? http_answer(200, "end") : http_answer(302, "moved", "Location: " + location + "\r\n"));
  };
  const Response ten = get(handler, nullptr, "/10");
  EXPECT_EQ(ten.body, "end") << ten.message;
  EXPECT_EQ(ten.num_redirects, 10);
  EXPECT_THAT(ten.url, HasSubstr("/0"));
  const Response eleven = get(handler, nullptr, "/11");
  EXPECT_EQ(eleven.failure, Failure::RedirectLoop);
  EXPECT_EQ(eleven.body, "");
}

TEST(Client, SeesLoops) {
  const auto handler = [](const IncomingRequest& request, Reply& reply) {
    reply.send(http_answer(301, "", request.target == "/a" ? "Location: /b\r\n" : "Location: /a\r\n"));
  };
  const Response response = get(handler, nullptr, "/a");
  EXPECT_EQ(response.failure, Failure::RedirectLoop);
  EXPECT_THAT(response.message, HasSubstr("circle"));
  EXPECT_EQ(response.num_redirects, 2);
}

TEST(Client, ARedirectToNowhereIsABadUrl) {
  for (const char* location :
       {"file:///etc/passwd", "gopher://127.0.0.1:1/", "http://user@127.0.0.1/", "http://", "http://a b/"}) {
    const Response response = get(answer(http_answer(302, "", std::string("Location: ") + location + "\r\n")));
    EXPECT_EQ(response.failure, Failure::BadUrl) << location << ": " << response.message;
  }
}

TEST(Client, LimitsTheBody) {
  const auto limit = [](ClientOptions& options) { options.max_body_bytes = 10000; };
  EXPECT_EQ(get(answer(http_answer(200, std::string(10000, 'x'))), limit).body.size(), 10000u);
  EXPECT_EQ(get(answer(http_answer(200, std::string(10001, 'x'))), limit).failure, Failure::TooLarge);
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nContent-Length: 99999999999\r\n\r\nx"), limit).failure, Failure::TooLarge);
  const Response endless = get(
      [](const IncomingRequest&, Reply& reply) {
        reply.send("HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (reply.send("400\r\n" + std::string(0x400, 'x') + "\r\n")) {
        }
      },
      limit);
  EXPECT_EQ(endless.failure, Failure::TooLarge);
}

TEST(Client, CountsTheBodyAfterItWasUnpacked) {
  const std::string bomb = http_answer(200, gzip_of_a_mebibyte(), "Content-Encoding: gzip\r\n");
  const Response whole = get(answer(bomb));
  EXPECT_EQ(whole.body.size(), 1u << 20) << whole.message;
  EXPECT_EQ(get(answer(bomb), [](ClientOptions& options) { options.max_body_bytes = (1 << 20) - 1; }).failure,
            Failure::TooLarge);
  EXPECT_EQ(get(answer(http_answer(200, "no gzip", "Content-Encoding: gzip\r\n"))).failure, Failure::BadResponse);
}

TEST(Client, SeesATruncatedBody) {
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nContent-Length: 10\r\n\r\nabc")).failure, Failure::Truncated);
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")).failure, Failure::Truncated);
  // Too short a length hides the rest; what comes is what was announced.
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nContent-Length: 3\r\n\r\nabcdef")).body, "abc");
}

TEST(Client, WhatIsLeftOverOfOneAnswerIsNotTheNext) {
  LoopbackServer server([](const IncomingRequest& request, Reply& reply) {
    reply.send(request.target == "/1"
                   ? "HTTP/1.1 200 -\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 -\r\nContent-Length: 4\r\n\r\nevil"
                   : http_answer(200, "good"));
  });
  Client client(options_for(server));
  EXPECT_EQ(client.get(server.url("/1")).body, "a");
  EXPECT_EQ(client.get(server.url("/2")).body, "good");
}

TEST(Client, LimitsHeaders) {
  std::string many = "HTTP/1.1 200 -\r\n";
  for (int i = 0; i < 5000; ++i) many += "X-Filler-" + std::to_string(i) + ": 0123456789\r\n";
  EXPECT_EQ(get(answer(many + "Content-Length: 0\r\n\r\n")).failure, Failure::BadResponse);
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n")).failure,
            Failure::BadResponse);
  const Response endless = get([](const IncomingRequest&, Reply& reply) {
    while (reply.send("HTTP/1.1 100 Continue\r\n\r\n")) {
    }
  });
  EXPECT_EQ(endless.failure, Failure::BadResponse);
}

TEST(Client, RefusesWhatIsNotHttp) {
  EXPECT_EQ(get(answer("<html>hello</html>\r\n\r\n")).failure, Failure::BadResponse);
  // A broken chunk looks like a broken connection to libcurl.
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n")).failure,
            Failure::Truncated);
  EXPECT_EQ(get(answer("HTTP/1.1 200 -\r\nContent-Length: -5\r\n\r\nabc")).body, "");
}

TEST(Client, GivesUpOnSilence) {
  const auto silent = [](const IncomingRequest&, Reply& reply) { reply.stall(milliseconds(20000)); };
  EXPECT_EQ(get(silent, [](ClientOptions& options) { options.total_timeout = milliseconds(200); }).failure,
            Failure::Timeout);
  const auto half = [](const IncomingRequest&, Reply& reply) {
    reply.send("HTTP/1.1 200 -\r\nContent-Length: 10\r\n\r\nabc");
    reply.stall(milliseconds(20000));
  };
  const Response response = get(half, [](ClientOptions& options) { options.total_timeout = milliseconds(200); });
  EXPECT_EQ(response.failure, Failure::Timeout);
  EXPECT_EQ(response.body, "");
}

TEST(Client, GivesUpOnADrip) {
  const auto drip = [](const IncomingRequest&, Reply& reply) {
    reply.send("HTTP/1.1 200 -\r\nContent-Length: 100000\r\n\r\n");
    while (reply.send("x") && reply.stall(milliseconds(20))) {
    }
  };
  const auto start = std::chrono::steady_clock::now();
  const Response response = get(drip, [](ClientOptions& options) {
    options.total_timeout = milliseconds(60000);
    options.slow_time = std::chrono::seconds(1);
  });
  EXPECT_EQ(response.failure, Failure::Timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30))
      << "the total time ended it, not the speed";
}

TEST(Client, TheTimeOfAllHopsCounts) {
  const auto slow = [](const IncomingRequest& request, Reply& reply) {
    reply.stall(milliseconds(80));
    reply.send(http_answer(302, "", "Location: " + request.target + "x\r\n"));
  };
  const Response response = get(slow, [](ClientOptions& options) { options.total_timeout = milliseconds(300); });
  EXPECT_EQ(response.failure, Failure::Timeout) << response.message;
}

TEST(Client, SeesAClosedConnection) {
  EXPECT_EQ(get([](const IncomingRequest&, Reply& reply) { reply.close(); }).failure, Failure::ConnectFailed);
  EXPECT_EQ(get([](const IncomingRequest&, Reply& reply) { reply.close(/*reset=*/true); }).failure,
            Failure::ConnectFailed);
  std::string gone;
  {
    LoopbackServer server(answer(""));
    gone = server.host();
  }
  EXPECT_EQ(Client({.allowed_hosts = {gone}}).get("http://" + gone + "/").failure, Failure::ConnectFailed);
}

TEST(Client, ReadsRetryAfterInSecondsAndAsADate) {
  const auto retry_after = [](const std::string& value) {
    return get(answer(http_answer(429, "", "Retry-After: " + value + "\r\n"))).retry_after;
  };
  EXPECT_EQ(retry_after("120"), std::chrono::seconds(120));
  EXPECT_EQ(retry_after("0"), std::nullopt);
  EXPECT_EQ(retry_after("-5"), std::nullopt);
  EXPECT_EQ(retry_after("soon"), std::nullopt);
  const std::time_t then = std::time(nullptr) + 3600;
  char date[64];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&then));
  ASSERT_TRUE(retry_after(date).has_value());
  EXPECT_NEAR(static_cast<double>(retry_after(date)->count()), 3600, 60);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), std::nullopt);
}

TEST(Client, KeepsNoCookiesAndSendsNoCredentials) {
  std::mutex mutex;
  std::vector<std::map<std::string, std::string>> seen;
  LoopbackServer server([&](const IncomingRequest& request, Reply& reply) {
    std::lock_guard lock(mutex);
    seen.push_back(request.headers);
    reply.send(http_answer(request.target == "/1" ? 302 : 401, "",
                           "Set-Cookie: id=1; Path=/\r\nLocation: /2\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"));
  });
  Client client(options_for(server));
  EXPECT_EQ(client.get(server.url("/1")).status, 401);
  EXPECT_EQ(client.get(server.url("/2")).status, 401);
  ASSERT_EQ(seen.size(), 3u);
  for (const auto& headers : seen) {
    EXPECT_FALSE(headers.contains("cookie"));
    EXPECT_FALSE(headers.contains("authorization"));
    EXPECT_FALSE(headers.contains("referer"));
  }
}

TEST(Client, TakesNoProxyFromTheEnvironment) {
  LoopbackServer proxy(answer(http_answer(200, "from the proxy")));
  LoopbackServer server(answer(http_answer(200, "direct")));
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
    ::setenv(name, proxy.url("").c_str(), 1);
  EXPECT_EQ(Client(options_for(server)).get(server.url("/")).body, "direct");
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  EXPECT_EQ(proxy.num_connections(), 0u);
}

TEST(Client, RunsManyAtATimeAndReusesConnections) {
  LoopbackServer server(
      [](const IncomingRequest& request, Reply& reply) { reply.send(http_answer(200, request.target)); });
  Client client(options_for(server));
  int num_right = 0, num_started = 0;
  std::function<void()> start = [&] {
    const std::string target = "/" + std::to_string(num_started++);
    client.start(server.url(target), [&, target](Response&& response) {
      num_right += response.body == target;
      if (num_started < 400) start();
    });
  };
  for (int i = 0; i < 8; ++i) start();
  while (client.num_running() > 0) client.poll(milliseconds(1000));
  EXPECT_EQ(num_right, 400);
  EXPECT_LE(client.num_connections(), 40u);
}

TEST(Client, ChecksItsOptions) {
  EXPECT_THROW(Client({.connect_timeout = milliseconds(0)}), Error);
  EXPECT_THROW(Client({.max_body_bytes = 0}), Error);
  EXPECT_THROW(Client({.max_redirects = -1}), Error);
}

}  // namespace
}  // namespace molmo::http
