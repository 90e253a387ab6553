// Requests to endpoints that the user names, against a server that misbehaves in one way at a time.
#include "http/post.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/loopback_server.h"

namespace molmo::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

PostOptions quick() {
  return {.total_timeout = milliseconds(5000)};
}

TEST(Post, SendsABodyAndGetsTheAnswerWhateverItsStatus) {
  IncomingRequest seen;
  LoopbackServer server([&](const IncomingRequest& request, Reply& reply) {
    seen = request;
    const bool is_busy = request.target == "/busy";
    reply.send(is_busy ? http_answer(429, "{\"error\":\"busy\"}", "Retry-After: 7\r\n") : http_answer(200, "{}"));
  });
  PostOptions options = quick();
  options.headers.push_back("Authorization: Bearer key");
  const std::string body(100000, 'x');
  const PostResponse response = post(server.url("/v1"), body, options);
  EXPECT_EQ(response.failure, Failure::None) << response.message;
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{}");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.body, body);
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer key");
  EXPECT_FALSE(seen.headers.contains("expect"));
  const PostResponse busy = post(server.url("/busy"), "", quick());
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.retry_after, std::chrono::seconds(7));
  EXPECT_THAT(busy.body, HasSubstr("busy"));
}

TEST(Post, FollowsNoRedirectAndSaysWhatWentWrong) {
  LoopbackServer server([](const IncomingRequest& request, Reply& reply) {
    if (request.target == "/elsewhere") reply.send(http_answer(307, "", "Location: http://127.0.0.1:1/\r\n"));
    if (request.target == "/large") reply.send(http_answer(200, std::string(2000, 'x')));
    if (request.target == "/silent") reply.stall(std::chrono::seconds(20));
    if (request.target == "/torn") reply.send("HTTP/1.1 200 -\r\nContent-Length: 10\r\n\r\nhalf"), reply.close();
    if (request.target == "/reset") reply.close(/*reset=*/true);
  });
  EXPECT_EQ(post(server.url("/elsewhere"), "", quick()).status, 307);
  PostOptions small = quick();
  small.max_body_bytes = 1999;
  EXPECT_EQ(post(server.url("/large"), "", small).failure, Failure::TooLarge);
  EXPECT_EQ(post(server.url("/silent"), "", {.total_timeout = milliseconds(200)}).failure, Failure::Timeout);
  EXPECT_EQ(post(server.url("/torn"), "", quick()).failure, Failure::Truncated);
  EXPECT_EQ(post(server.url("/reset"), "", quick()).failure, Failure::ConnectFailed);
  EXPECT_EQ(post("ftp://127.0.0.1/", "", quick()).failure, Failure::BadUrl);
  EXPECT_EQ(post("http://user:secret@127.0.0.1/", "", quick()).failure, Failure::BadUrl);
  EXPECT_EQ(post("http://127.0.0.1:1/", "", quick()).failure, Failure::ConnectFailed);
}

}  // namespace
}  // namespace molmo::http
