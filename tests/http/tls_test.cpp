// Certificates are verified: a server with one of its own making is refused unless that one is trusted, and then only
// under the names that it is for.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "fixtures.h"
#include "http/client.h"

namespace molmo::http {
namespace {

template <class T, void (*free)(T*)>
struct Free {
  void operator()(T* value) const { free(value); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>>;

Certificate make_certificate(EVP_PKEY* key, const char* names, long first_day, long last_day) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), first_day * 86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), last_day * 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("tester"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

// Answers `num_connections` connections, one after the other.
class TlsServer {
 public:
  TlsServer(const char* names, long first_day, long last_day, int num_connections)
      : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")),
        certificate_(make_certificate(key_.get(), names, first_day, last_day)),
        context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, length) != 0 || ::listen(listener_, 8) != 0)
      throw std::runtime_error("no TLS server");
    ::getsockname(listener_, generic, &length);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, num_connections] {
      // OpenSSL writes to clients that already left: that must not end the test.
      sigset_t broken_pipe;
      sigemptyset(&broken_pipe);
      sigaddset(&broken_pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      for (int i = 0; i < num_connections; ++i) serve();
    });
  }
  ~TlsServer() {
    thread_.join();
    ::close(listener_);
  }

  const std::string& port() const { return port_; }
  int num_requests() const { return num_requests_; }

  void write_certificate(const std::filesystem::path& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }

 private:
  void serve() {
    const int socket = ::accept(listener_, nullptr, nullptr);
    SSL* ssl = SSL_new(context_.get());
    SSL_set_fd(ssl, socket);
    char buffer[4096];
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, buffer, sizeof buffer) > 0) {
      ++num_requests_;
      const std::string answer = "HTTP/1.1 200 -\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";
      SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    ::close(socket);
  }

  Key key_;
  Certificate certificate_;
  Context context_;
  int listener_ = -1;
  std::string port_;
  std::atomic<int> num_requests_ = 0;
  std::thread thread_;
};

Response get(const TlsServer& server, const std::string& host, const std::filesystem::path& ca_file) {
  Client client({.total_timeout = std::chrono::milliseconds(10000),
                 .allowed_hosts = {host},
                 .ca_file = ca_file,
                 .host_addresses = {{"pictures.example", {"127.0.0.1"}}, {"other.example", {"127.0.0.1"}}}});
  return client.get("https://" + host + ":" + server.port() + "/");
}

TEST(Tls, TakesOnlyTrustedCertificatesForTheirNames) {
  const test::TemporaryFolder folder;
  const auto ca_file = folder.path() / "ca.pem";
  TlsServer server("DNS:pictures.example,IP:127.0.0.1", -1, 1, 5);
  server.write_certificate(ca_file);
  const Response trusted = get(server, "pictures.example", ca_file);
  EXPECT_EQ(trusted.body, "secret") << trusted.message;
  EXPECT_EQ(get(server, "127.0.0.1", ca_file).body, "secret");
  EXPECT_EQ(server.num_requests(), 2);
  EXPECT_EQ(get(server, "other.example", ca_file).failure, Failure::TlsFailed);
  EXPECT_EQ(get(server, "pictures.example", "").failure, Failure::TlsFailed);
  EXPECT_EQ(get(server, "127.0.0.1", "").failure, Failure::TlsFailed);
  EXPECT_EQ(server.num_requests(), 2) << "a request was sent to a server that is not trusted";
}

TEST(Tls, RefusesAnExpiredCertificate) {
  const test::TemporaryFolder folder;
  const auto ca_file = folder.path() / "ca.pem";
  TlsServer server("DNS:pictures.example", -20, -10, 1);
  server.write_certificate(ca_file);
  EXPECT_EQ(get(server, "pictures.example", ca_file).failure, Failure::TlsFailed);
  EXPECT_EQ(server.num_requests(), 0);
}

}  // namespace
}  // namespace molmo::http
