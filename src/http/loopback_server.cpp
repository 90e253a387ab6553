#include "http/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace molmo::http {
namespace {

constexpr int kPollMs = 20;  // how soon a waiting thread notices that the server ends
constexpr size_t kMaxHeadBytes = 64u << 10;
constexpr size_t kMaxBodyBytes = 16u << 20;

bool is_gone(int socket) {
  char byte;
  const ssize_t count = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Waits for more bytes. False when the client is gone or the server ends.
bool read_more(int socket, std::string& buffer, const std::atomic<bool>& is_stopping) {
  while (!is_stopping) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, kPollMs) == 0) continue;
    char bytes[4096];
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(count));
    return true;
  }
  return false;
}

// Reads on until `buffer` begins with a whole head, and takes it out.
std::optional<std::string> read_head(int socket, std::string& buffer, const std::atomic<bool>& is_stopping) {
  for (;;) {
    if (const size_t end = buffer.find("\r\n\r\n"); end != buffer.npos) {
      std::string head = buffer.substr(0, end + 2);
      buffer.erase(0, end + 4);
      return head;
    }
    if (buffer.size() > kMaxHeadBytes || !read_more(socket, buffer, is_stopping)) return std::nullopt;
  }
}

// The same for the body, where the head announces one.
bool read_body(int socket, std::string& buffer, IncomingRequest& request, const std::atomic<bool>& is_stopping) {
  const auto length = request.headers.find("content-length");
  if (length == request.headers.end()) return true;
  const size_t num_bytes = std::strtoull(length->second.c_str(), nullptr, 10);
  if (num_bytes > kMaxBodyBytes) return false;
  while (buffer.size() < num_bytes) {
    if (!read_more(socket, buffer, is_stopping)) return false;
  }
  request.body = buffer.substr(0, num_bytes);
  buffer.erase(0, num_bytes);
  return true;
}

IncomingRequest parse_head(const std::string& head) {
  IncomingRequest request;
  const size_t line_end = head.find("\r\n"), first = head.find(' '), second = head.find(' ', first + 1);
  if (second >= line_end) return request;
  request.method = head.substr(0, first);
  request.target = head.substr(first + 1, second - first - 1);
  for (size_t begin = line_end + 2; begin < head.size();) {
    const size_t end = head.find("\r\n", begin), colon = head.find(':', begin);
    if (end == head.npos) break;
    if (colon < end) {
      const size_t value = std::min(head.find_first_not_of(' ', colon + 1), end);
      request.headers[lower(head.substr(begin, colon - begin))] = head.substr(value, end - value);
    }
    begin = end + 2;
  }
  return request;
}

}  // namespace

bool Reply::send(std::string_view bytes) {
  while (!bytes.empty() && !is_closed_) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      pollfd ready{socket_, POLLOUT, 0};
      ::poll(&ready, 1, kPollMs);
      if (is_stopping_) is_closed_ = true;
    } else if (errno != EINTR) {
      is_closed_ = true;
    }
  }
  return !is_closed_;
}

bool Reply::stall(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!is_closed_ && std::chrono::steady_clock::now() < end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(kPollMs)));
    if (is_stopping_ || is_gone(socket_)) is_closed_ = true;
  }
  return !is_closed_;
}

void Reply::close(bool reset) {
  is_closed_ = true;
  if (!reset) return;
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string http_answer(int status, std::string_view body, std::string_view headers) {
  return fmt::format("HTTP/1.1 {} -\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body);
}

LoopbackServer::LoopbackServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, generic, length) != 0 || ::listen(listener_, SOMAXCONN) != 0 ||
      ::getsockname(listener_, generic, &length) != 0) {
    const int code = errno;
    if (listener_ >= 0) ::close(listener_);
    fail(ErrorCategory::Io, "no server on 127.0.0.1: {}", std::strerror(code));
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

LoopbackServer::~LoopbackServer() {
  is_stopping_ = true;
  acceptor_.join();
  ::close(listener_);
  for (Connection& connection : connections_) connection.thread.join();
}

std::string LoopbackServer::host() const {
  return fmt::format("127.0.0.1:{}", port_);
}

std::string LoopbackServer::url(std::string_view target) const {
  return fmt::format("http://{}{}", host(), target);
}

void LoopbackServer::remove_finished_connections() {
  for (auto connection = connections_.begin(); connection != connections_.end();) {
    if (!connection->is_over) {
      ++connection;
      continue;
    }
    connection->thread.join();
    connection = connections_.erase(connection);
  }
}

void LoopbackServer::accept_connections() {
  while (!is_stopping_) {
    pollfd ready{listener_, POLLIN, 0};
    if (::poll(&ready, 1, kPollMs) <= 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ++num_connections_;
    remove_finished_connections();
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void LoopbackServer::serve(Connection& connection) {
  std::string buffer;
  for (;;) {
    const auto head = read_head(connection.socket, buffer, is_stopping_);
    if (!head) break;
    IncomingRequest request = parse_head(*head);
    if (!read_body(connection.socket, buffer, request, is_stopping_)) break;
    ++num_requests_;
    Reply reply(connection.socket, is_stopping_);
    handler_(request, reply);
    if (reply.is_closed()) break;
  }
  ::close(connection.socket);
  connection.is_over = true;
}

}  // namespace molmo::http
