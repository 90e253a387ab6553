// What became of one picture of a data set.
#pragma once

#include <cstdint>
#include <string>

#include "base/enum_names.h"
#include "base/geometry.h"
#include "http/client.h"

namespace molmo::data {

enum class FetchOutcome {
  Ok,
  // The server's answer:
  NotFound,     // 404
  Gone,         // 410
  Refused,      // 401, 402, 403, 451
  RateLimited,  // 429, after all attempts
  ServerError,  // 5xx, after all attempts where it was 503
  OtherStatus,
  // No answer:
  BadUrl,
  ForbiddenAddress,
  UnknownHost,
  ConnectFailed,
  TlsFailed,
  Timeout,
  TooLarge,
  Truncated,
  RedirectLoop,
  BadResponse,
  // An answer that is not the picture:
  NotAnImage,
  UnsupportedImage,  // a format that we do not read
  DamagedImage,
  ImageTooLarge,  // pixels
  HashMismatch,
};

struct FetchRecord {
  std::string file = {};  // name of the picture's file
  std::string url = {};
  FetchOutcome outcome = FetchOutcome::Ok;
  int status = 0;            // HTTP, 0 without an answer
  std::string message = {};  // of failures
  // Of pictures, also of those whose hash differs:
  std::string sha256 = {};
  uint64_t num_bytes = 0;
  ImageSize size = {};  // upright
};

// Of an answer whose content was not looked at: Ok for 2xx.
FetchOutcome outcome_of(const http::Response& response);

}  // namespace molmo::data

template <>
struct molmo::EnumNames<molmo::data::FetchOutcome> {
  using enum data::FetchOutcome;
  static constexpr EnumName<data::FetchOutcome> kValues[] = {{Ok, "ok"},
                                                             {NotFound, "not_found"},
                                                             {Gone, "gone"},
                                                             {Refused, "refused"},
                                                             {RateLimited, "rate_limited"},
                                                             {ServerError, "server_error"},
                                                             {OtherStatus, "other_status"},
                                                             {BadUrl, "bad_url"},
                                                             {ForbiddenAddress, "forbidden_address"},
                                                             {UnknownHost, "unknown_host"},
                                                             {ConnectFailed, "connect_failed"},
                                                             {TlsFailed, "tls_failed"},
                                                             {Timeout, "timeout"},
                                                             {TooLarge, "too_large"},
                                                             {Truncated, "truncated"},
                                                             {RedirectLoop, "redirect_loop"},
                                                             {BadResponse, "bad_response"},
                                                             {NotAnImage, "not_an_image"},
                                                             {UnsupportedImage, "unsupported_image"},
                                                             {DamagedImage, "damaged_image"},
                                                             {ImageTooLarge, "image_too_large"},
                                                             {HashMismatch, "hash_mismatch"}};
};
