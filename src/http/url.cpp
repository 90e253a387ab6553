#include "http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace molmo::http {
namespace {

constexpr size_t kMaxUrlBytes = 8192;
constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string get_part(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK || text == nullptr) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

void Url::Free::operator()(CURLU* handle) const {
  curl_url_cleanup(handle);
}

Url Url::parse(std::string_view text) {
  const std::string trimmed(trim(text));
  if (trimmed.size() > kMaxUrlBytes) {
    fail(ErrorCategory::InvalidArgument, "a URL of {} bytes, over the limit of {}", trimmed.size(), kMaxUrlBytes);
  }
  if (trimmed.find('\0') != trimmed.npos) fail(ErrorCategory::InvalidArgument, "a URL with a NUL in it");
  Url url;
  url.handle_.reset(curl_url());
  if (!url.handle_) fail(ErrorCategory::OutOfMemory, "no memory for a URL");
  constexpr unsigned kFlags = CURLU_DISALLOW_USER | CURLU_URLENCODE | CURLU_ALLOW_SPACE;
  const CURLUcode code = curl_url_set(url.handle_.get(), CURLUPART_URL, trimmed.c_str(), kFlags);
  if (code != CURLUE_OK)
    fail(ErrorCategory::InvalidArgument, "'{}' is no usable URL: {}", trimmed, curl_url_strerror(code));
  const std::string scheme = get_part(url.handle_.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    fail(ErrorCategory::InvalidArgument, "'{}': scheme '{}', expected http or https", trimmed, scheme);
  }
  if (!get_part(url.handle_.get(), CURLUPART_ZONEID).empty()) {
    fail(ErrorCategory::InvalidArgument, "'{}': an address with a zone", trimmed);
  }
  url.host_ = get_part(url.handle_.get(), CURLUPART_HOST);
  if (url.host_.empty()) fail(ErrorCategory::InvalidArgument, "'{}': no host", trimmed);
  std::transform(url.host_.begin(), url.host_.end(), url.host_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string port = get_part(url.handle_.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), url.port_);
  curl_url_set(url.handle_.get(), CURLUPART_FRAGMENT, nullptr, 0);
  url.text_ = get_part(url.handle_.get(), CURLUPART_URL);
  return url;
}

}  // namespace molmo::http
