// URLs, read by the one parser that also makes the request: libcurl's. Two parsers that disagree about a backslash or
// an
// "@" are how checks of hosts are fooled.
//   const Url url = Url::parse(text);          // throws InvalidArgument
//   url.host();  // "images.example.org"       // lower case; addresses in their usual form, whatever the spelling was
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

typedef struct Curl_URL CURLU;

namespace molmo::http {

class Url {
 public:
  // `text` must be absolute, http or https, and carry no user name or password. Blanks around it are dropped, blanks
  // and other bytes that need it are percent-encoded. Throws InvalidArgument.
  static Url parse(std::string_view text);

  const std::string& host() const { return host_; }  // IPv6 addresses in brackets
  int port() const { return port_; }
  const std::string& text() const { return text_; }  // without the fragment
  CURLU* handle() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(CURLU* handle) const;
  };
  std::unique_ptr<CURLU, Free> handle_;
  std::string host_, text_;
  int port_ = 0;
};

}  // namespace molmo::http
