// A small HTTP/1.1 server on 127.0.0.1 whose handler decides about every byte of an answer: pictures of a folder for
// the acceptance tool, and every kind of misbehaviour for the tests. Not for anything that strangers can reach.
//   LoopbackServer server([](const IncomingRequest& request, Reply& reply) { reply.send(http_answer(200, "hello")); });
//   client.get(server.url("/hello"));
// A thread per connection; the handler is called from them, at the same time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace molmo::http {

struct IncomingRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // of the length that Content-Length says
};

// What goes back to the client.
class Reply {
 public:
  Reply(int socket, const std::atomic<bool>& is_stopping) : socket_(socket), is_stopping_(is_stopping) {}

  // False when the client is gone or the server ends.
  bool send(std::string_view bytes);
  // Does nothing for a while; ends early, with false, when the client is gone or the server ends.
  bool stall(std::chrono::milliseconds time);
  // Ends the connection when the handler returns; with a reset instead of an orderly end if `reset`.
  void close(bool reset = false);

  bool is_closed() const { return is_closed_; }

 private:
  int socket_;
  const std::atomic<bool>& is_stopping_;
  bool is_closed_ = false;
};

// A whole answer with its Content-Length. `headers`: lines that each end in "\r\n".
std::string http_answer(int status, std::string_view body, std::string_view headers = "");

class LoopbackServer {
 public:
  using Handler = std::function<void(const IncomingRequest& request, Reply& reply)>;

  explicit LoopbackServer(Handler handler);
  ~LoopbackServer();  // ends all connections
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  std::string host() const;                        // "127.0.0.1:PORT"
  std::string url(std::string_view target) const;  // "http://127.0.0.1:PORT/..."
  uint64_t num_connections() const { return num_connections_; }
  uint64_t num_requests() const { return num_requests_; }

 private:
  struct Connection {
    int socket;
    std::thread thread;
    std::atomic<bool> is_over = false;
  };
  void accept_connections();
  void serve(Connection& connection);
  void remove_finished_connections();

  Handler handler_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<uint64_t> num_connections_ = 0, num_requests_ = 0;
  std::list<Connection> connections_;  // of the accepting thread alone, until that has ended
  std::thread acceptor_;
};

}  // namespace molmo::http
