#include "data/fetch_record.h"

namespace molmo::data {
namespace {

FetchOutcome outcome_of_status(int status) {
  if (status >= 200 && status < 300) return FetchOutcome::Ok;
  switch (status) {
    case 404:
      return FetchOutcome::NotFound;
    case 410:
      return FetchOutcome::Gone;
    case 401:
    case 402:
    case 403:
    case 451:
      return FetchOutcome::Refused;
    case 429:
      return FetchOutcome::RateLimited;
    default:
      return status >= 500 && status < 600 ? FetchOutcome::ServerError : FetchOutcome::OtherStatus;
  }
}

}  // namespace

FetchOutcome outcome_of(const http::Response& response) {
  switch (response.failure) {
    case http::Failure::None:
      return outcome_of_status(response.status);
    case http::Failure::BadUrl:
      return FetchOutcome::BadUrl;
    case http::Failure::ForbiddenAddress:
      return FetchOutcome::ForbiddenAddress;
    case http::Failure::UnknownHost:
      return FetchOutcome::UnknownHost;
    case http::Failure::ConnectFailed:
      return FetchOutcome::ConnectFailed;
    case http::Failure::TlsFailed:
      return FetchOutcome::TlsFailed;
    case http::Failure::Timeout:
      return FetchOutcome::Timeout;
    case http::Failure::TooLarge:
      return FetchOutcome::TooLarge;
    case http::Failure::Truncated:
      return FetchOutcome::Truncated;
    case http::Failure::RedirectLoop:
      return FetchOutcome::RedirectLoop;
    case http::Failure::BadResponse:
      return FetchOutcome::BadResponse;
  }
  throw Error(ErrorCategory::Internal, "internal error: a failure without an outcome");
}

}  // namespace molmo::data
