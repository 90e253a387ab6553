// A hostile URL must not make us contact this machine or its neighbours: what a listener that takes every local address
// sees is counted.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/loopback_server.h"

namespace molmo::http {
namespace {

using std::chrono::milliseconds;

// Listens on all addresses of this machine, IPv4 and IPv6, and answers nobody.
class Probe {
 public:
  Probe() {
    socket_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int no = 0;
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    socklen_t length = sizeof six;
    if (socket_ >= 0 && ::setsockopt(socket_, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
        ::bind(socket_, reinterpret_cast<sockaddr*>(&six), length) == 0 && ::listen(socket_, 1024) == 0 &&
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&six), &length) == 0) {
      port_ = ntohs(six.sin6_port);
      return;
    }
    if (socket_ >= 0) ::close(socket_);  // a machine without IPv6
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    length = sizeof four;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&four), length) != 0 || ::listen(socket_, 1024) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&four), &length) != 0) {
      throw std::runtime_error("no probe");
    }
    port_ = ntohs(four.sin_port);
  }
  ~Probe() { ::close(socket_); }

  std::string port() const { return std::to_string(port_); }

  // Connections since the last call.
  int num_connections() {
    int count = 0;
    for (int connection; (connection = ::accept(socket_, nullptr, nullptr)) >= 0; ++count) ::close(connection);
    return count;
  }

 private:
  int socket_ = -1, port_ = 0;
};

const std::vector<std::string> kForbiddenHosts = {
    // this machine
    "127.0.0.1", "127.1", "127.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0", "0.1.2.3", "2130706433",
    "0x7f000001", "0x7F.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1", "017700000001", "00000177.0.0.1", "127.0.0.1.",
    "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "loc%61lhost",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "ｌｏｃａｌｈｏｓｔ", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::80ff:fffe]",
    // its neighbours
    "10.0.0.1", "10.255.255.255", "0xA.0.0.1", "012.0.0.1", "167772161", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.255.255", "3232235521", "[::ffff:10.0.0.1]", "[::ffff:c0a8:1]", "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::10.0.0.1]", "[2002:a00:1::1]", "[fc00::1]", "[fd12:3456::1]", "[fec0::1]",
    // metadata services and link-local addresses
    "169.254.169.254", "169.254.0.1", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]",
    "[fe80::a9fe:a9fe]", "[fe80::1%25lo]", "[fe80::1%lo]",
    // shared, reserved, documentation, benchmarking, multicast
    "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]"};

// Where the host is hidden; PORT is the probe's.
const std::vector<std::string> kTrickUrls = {"http://user@127.0.0.1:PORT/",
                                             "http://user:password@127.0.0.1:PORT/",
                                             "http://example.invalid@127.0.0.1:PORT/",
                                             "http://example.invalid:80@127.0.0.1:PORT/",
                                             "http://example.invalid%40127.0.0.1:PORT/",
                                             "http://@127.0.0.1:PORT/",
                                             "http://:@127.0.0.1:PORT/",
                                             "http://example.invalid\\@127.0.0.1:PORT/",
                                             "http://127.0.0.1:PORT\\@example.invalid/",
                                             "http://127.0.0.1\\.example.invalid:PORT/",
                                             "http:\\\\127.0.0.1:PORT\\",
                                             "http:/\\127.0.0.1:PORT/",
                                             "http:127.0.0.1:PORT/",
                                             "http:/127.0.0.1:PORT/",
                                             "http:///127.0.0.1:PORT/",
                                             "http:////127.0.0.1:PORT/",
                                             "//127.0.0.1:PORT/",
                                             "127.0.0.1:PORT",
                                             "http://127.0.0.1:PORT#@example.invalid/",
                                             "http://127.0.0.1:PORT?@example.invalid/",
                                             " http://127.0.0.1:PORT/ ",
                                             "\thttp://127.0.0.1:PORT/",
                                             "ht\ntp://127.0.0.1:PORT/",
                                             "http://127.0.0.1\t:PORT/",
                                             "http://127.0.0.1%00:PORT/",
                                             "http://127.0.0.1%0d%0aHost:%20x:PORT/",
                                             "http://127.0.0.1:0PORT/",
                                             "http://127.0.0.1:PORT:80/",
                                             "http://127.0.0.1:+PORT/",
                                             "HTTP://127.0.0.1:PORT/",
                                             "hTTps://127.0.0.1:PORT/",
                                             "https://[::1]:PORT/",
                                             "file:///etc/passwd",
                                             "file://127.0.0.1:PORT/etc/passwd",
                                             "gopher://127.0.0.1:PORT/_GET%20/",
                                             "dict://127.0.0.1:PORT/d:x",
                                             "ftp://127.0.0.1:PORT/x",
                                             "ftps://127.0.0.1:PORT/x",
                                             "ldap://127.0.0.1:PORT/",
                                             "tftp://127.0.0.1:PORT/x",
                                             "telnet://127.0.0.1:PORT/",
                                             "smb://127.0.0.1:PORT/x",
                                             "scp://127.0.0.1:PORT/x",
                                             "sftp://127.0.0.1:PORT/x",
                                             "imap://127.0.0.1:PORT/",
                                             "pop3://127.0.0.1:PORT/",
                                             "smtp://127.0.0.1:PORT/",
                                             "rtsp://127.0.0.1:PORT/",
                                             "mqtt://127.0.0.1:PORT/",
                                             "ws://127.0.0.1:PORT/",
                                             "jar:http://127.0.0.1:PORT/!/",
                                             "url:http://127.0.0.1:PORT/",
                                             "data:text/html,<img src=http://127.0.0.1:PORT/>",
                                             "javascript:fetch('http://127.0.0.1:PORT/')",
                                             "http://[::1:PORT/",
                                             "http://[::ffff:127.0.0.1:PORT/",
                                             "http://[127.0.0.1]:PORT/",
                                             "http://127.0.0.1:PORT/../../",
                                             ""};

std::string with_port(std::string text, const std::string& port) {
  for (size_t at; (at = text.find("PORT")) != text.npos;) text.replace(at, 4, port);
  return text;
}

ClientOptions quick_options() {
  return {.connect_timeout = milliseconds(3000), .total_timeout = milliseconds(5000)};
}

std::vector<Response> get_all(Client& client, const std::vector<std::string>& urls) {
  std::vector<Response> responses(urls.size());
  for (size_t i = 0; i < urls.size(); ++i) {
    client.start(urls[i], [&responses, i](Response&& response) { responses[i] = std::move(response); });
  }
  while (client.num_running() > 0) client.poll(milliseconds(1000));
  return responses;
}

TEST(ForbiddenAddress, IsNeverContacted) {
  Probe probe;
  std::vector<std::string> urls;
  for (const std::string& host : kForbiddenHosts)
    urls.push_back("http://" + host + ":" + probe.port() + "/picture.png");
  for (const std::string& url : kTrickUrls) urls.push_back(with_port(url, probe.port()));
  ASSERT_GE(urls.size(), 140u);
  Client client(quick_options());
  const auto responses = get_all(client, urls);
  for (size_t i = 0; i < urls.size(); ++i) {
    EXPECT_NE(responses[i].failure, Failure::None) << urls[i];
    const bool is_refused = responses[i].failure == Failure::ForbiddenAddress ||
                            responses[i].failure == Failure::BadUrl || responses[i].failure == Failure::UnknownHost;
    EXPECT_TRUE(is_refused) << urls[i] << ": " << enum_name(responses[i].failure) << ": " << responses[i].message;
  }
  EXPECT_EQ(client.num_connections(), 0u);
  EXPECT_EQ(probe.num_connections(), 0);
}

TEST(ForbiddenAddress, IsNotReachedByRedirects) {
  Probe probe;
  LoopbackServer server([&](const IncomingRequest& request, Reply& reply) {
    // /HOPS/INDEX: after that many hops the trap.
    const int hops = std::atoi(request.target.c_str() + 1);
    const std::string index = request.target.substr(request.target.find('/', 1) + 1);
    const std::string trap = "http://" + kForbiddenHosts[std::stoul(index)] + ":" + probe.port() + "/";
    const std::string location = hops > 1 ? "/" + std::to_string(hops - 1) + "/" + index : trap;
    reply.send(http_answer(hops % 2 == 0 ? 302 : 307, "", "Location: " + location + "\r\n"));
  });
  ClientOptions options = quick_options();
  options.allowed_hosts = {server.host()};
  std::vector<std::string> urls;
  for (size_t i = 0; i < kForbiddenHosts.size(); ++i) {
    urls.push_back(server.url("/" + std::to_string(1 + i % 10) + "/" + std::to_string(i)));
  }
  Client client(options);
  const auto responses = get_all(client, urls);
  for (size_t i = 0; i < urls.size(); ++i) {
    EXPECT_NE(responses[i].failure, Failure::None) << kForbiddenHosts[i];
    EXPECT_NE(responses[i].failure, Failure::RedirectLoop) << kForbiddenHosts[i];
    EXPECT_EQ(responses[i].num_redirects, static_cast<int>(1 + i % 10)) << kForbiddenHosts[i];
  }
  EXPECT_EQ(probe.num_connections(), 0);
}

// What a resolver under a stranger's control may answer, at the first question or at a later one: the address is
// checked when the connection is made, so there is no moment between check and use.
TEST(ForbiddenAddress, IsNotReachedByNames) {
  Probe probe;
  ClientOptions options = quick_options();
  std::vector<std::string> urls;
  for (const char* address :
       {"127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.1.1",
        "224.0.0.251", "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[fe80::1]", "[fd00::1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::1]"}) {
    const std::string name = "rebind-" + std::to_string(urls.size()) + ".example.invalid";
    options.host_addresses[name] = {address};
    urls.push_back("http://" + name + ":" + probe.port() + "/");
  }
  options.host_addresses["both.example.invalid"] = {"127.0.0.1", "[::1]", "10.0.0.1"};
  urls.push_back("http://both.example.invalid:" + probe.port() + "/");
  urls.push_back("http://BOTH.example.invalid:" + probe.port() + "/");
  Client client(options);
  for (const Response& response : get_all(client, urls)) {
    EXPECT_EQ(response.failure, Failure::ForbiddenAddress) << response.url << ": " << response.message;
  }
  EXPECT_EQ(probe.num_connections(), 0);
  EXPECT_GE(client.num_refused_connections(), urls.size());
}

TEST(ForbiddenAddress, IsReachedWhereItWasAllowed) {
  Probe probe;
  ClientOptions options = quick_options();
  options.total_timeout = milliseconds(200);
  options.allowed_hosts = {"127.0.0.1:" + probe.port(), "name.example.invalid"};
  options.host_addresses["name.example.invalid"] = {"127.0.0.1"};
  Client client(options);
  // Nobody answers: the connection is what counts.
  get_all(client, {"http://127.0.0.1:" + probe.port() + "/", "http://name.example.invalid:" + probe.port() + "/"});
  EXPECT_EQ(probe.num_connections(), 2);
  // The permission is for this host and this port.
  LoopbackServer other([](const IncomingRequest&, Reply& reply) { reply.send(http_answer(200, "")); });
  EXPECT_EQ(client.get(other.url("/")).failure, Failure::ForbiddenAddress);
  EXPECT_EQ(client.get("http://localhost:" + probe.port() + "/").failure, Failure::ForbiddenAddress);
  EXPECT_EQ(other.num_connections(), 0u);
  EXPECT_EQ(probe.num_connections(), 0);
}

}  // namespace
}  // namespace molmo::http
