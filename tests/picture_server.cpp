#include "picture_server.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "image/encode.h"

namespace molmo::test {
namespace {

using http::http_answer;
using std::chrono::milliseconds;

uint32_t crc32(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string little_endian(uint32_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// Different pixels for every number below 2^24.
std::string make_picture(uint32_t number) {
  image::Image image{{6, 5}, std::vector<uint8_t>(6 * 5 * 3)};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(number >> (8 * (i % 3)));
  return image::encode_png(image);
}

uint32_t number_of(std::string_view target) {
  uint32_t number = 0;
  const std::string_view digits = target.substr(target.rfind('/') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// A mebibyte of zeros, as zlib packs them at level 9.
std::string gzip_of_a_mebibyte() {
  const std::string head("\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed\xc1\x31\x01\0\0\0\xc2\xa0\xf5\x4f\x6d\x08\x5f\xa0", 26);
  const std::string tail("\x3e\x03\x1c\xea\x38\xa7\0\0\x10\0", 10);
  return head + std::string(1015, '\0') + tail;
}

void send_without_end(http::Reply& reply, std::string_view begin, const std::string& piece) {
  reply.send(begin);
  while (reply.send(piece)) {
  }
}

}  // namespace

std::string png_that_claims(uint32_t width, uint32_t height) {
  std::string png = make_picture(1);
  png.replace(16, 8, big_endian(width) + big_endian(height));
  png.replace(29, 4, big_endian(crc32(std::string_view(png).substr(12, 17))));
  return png;
}

std::string gzip_stored(std::string_view bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());  // below 64 KiB
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) + little_endian(length, 2) + little_endian(~length, 2) +
         std::string(bytes) + little_endian(crc32(bytes), 4) + little_endian(length, 4);
}

std::string PictureServer::bytes(std::string_view target) {
  return make_picture(number_of(target));
}

int PictureServer::num_requests_of(const std::string& target) const {
  std::lock_guard lock(mutex_);
  const auto found = visits_.find("/" + target);
  return found == visits_.end() ? 0 : found->second.count;
}

std::chrono::duration<double> PictureServer::time_between(const std::string& target) const {
  std::lock_guard lock(mutex_);
  const Visits& visits = visits_.at("/" + target);
  return visits.second - visits.first;
}

void PictureServer::answer(const http::IncomingRequest& request, http::Reply& reply) {
  int visit = 0;
  {
    std::lock_guard lock(mutex_);
    Visits& visits = visits_[request.target];
    visit = ++visits.count;
    if (visit <= 2) (visit == 1 ? visits.first : visits.second) = std::chrono::steady_clock::now();
  }
  if (request.headers.contains("cookie")) ++num_cookies_;
  const std::string kind = request.target.substr(1, request.target.find('/', 1) - 1);
  const std::string number = std::to_string(number_of(request.target));
  const std::string picture = make_picture(number_of(request.target));
  const std::string cookie = "Set-Cookie: session=" + number + "; Path=/\r\n";
  const auto send = [&](int status, std::string_view body, const std::string& headers = "") {
    reply.send(http_answer(status, body, cookie + headers));
  };
  static const std::map<std::string, int> kStatus = {
      {"missing", 404}, {"gone", 410}, {"secret", 403}, {"teapot", 418}, {"error", 500}};
  if (const auto status = kStatus.find(kind); status != kStatus.end()) return send(status->second, "<html>no</html>");
  if (kind == "busy" && visit == 1) return send(429, "", "Retry-After: 1\r\n");
  if (kind == "unavailable" && visit == 1) return send(503, "");
  if (kind == "exhausted") return send(429, "");
  if (kind == "closed") return send(429, "", "Retry-After: 100000\r\n");
  if (kind == "hop") return send(302, "", "Location: /picture/" + number + "\r\n");
  if (kind == "loop") return send(302, "", "Location: /loop/" + std::to_string(number_of(request.target) ^ 1) + "\r\n");
  if (kind == "trap") return send(302, "", "Location: " + trap_url + "\r\n");
  if (kind == "long" || kind == "short") {
    const size_t length = kind == "long" ? picture.size() + 10 : picture.size() - 10;
    reply.send("HTTP/1.1 200 -\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" + picture);
    return reply.close();
  }
  if (kind == "html") return send(200, "<!doctype html><title>Not here any more</title>");
  if (kind == "gif") return send(200, std::string("GIF89a\1\0\1\0\0\0\0;", 14));
  if (kind == "cut") return send(200, picture.substr(0, picture.size() / 2));
  if (kind == "flipped") {
    std::string flipped = picture;
    flipped[flipped.size() - 20] ^= 0x10;  // in the pixels
    return send(200, flipped);
  }
  if (kind == "bomb") return send(200, png_that_claims(65535, 65535));
  if (kind == "gzip") return send(200, gzip_stored(picture), "Content-Encoding: gzip\r\n");
  if (kind == "gzipbomb") return send(200, gzip_of_a_mebibyte(), "Content-Encoding: gzip\r\n");
  if (kind == "endless")
    return send_without_end(reply, "HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n",
                            "400\r\n" + std::string(0x400, 'x') + "\r\n");
  if (kind == "flood")
    return send_without_end(reply, "HTTP/1.1 200 -\r\n", "X-Flood: " + std::string(500, 'x') + "\r\n");
  if (kind == "stall") {
    reply.stall(milliseconds(60000));
    return reply.close();
  }
  if (kind == "drip") {
    reply.send("HTTP/1.1 200 -\r\nContent-Length: 100000\r\n\r\n");
    while (reply.send("x") && reply.stall(milliseconds(20))) {
    }
    return reply.close();
  }
  if (kind == "reset") return reply.close(/*reset=*/true);
  if (kind == "changed") return send(200, make_picture(number_of(request.target) + 1));
  send(200, picture, "Content-Type: image/png\r\n");
}

}  // namespace molmo::test
