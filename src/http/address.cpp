#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>

namespace molmo::http {
namespace {

struct Range4 {
  uint32_t network;
  int prefix;
};

constexpr uint32_t ipv4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// Not globally reachable according to the IANA IPv4 special-purpose registry, and multicast.
constexpr Range4 kReserved4[] = {
    {ipv4(0, 0, 0, 0), 8},        // this network
    {ipv4(10, 0, 0, 0), 8},       // private
    {ipv4(100, 64, 0, 0), 10},    // shared with the provider (CGNAT)
    {ipv4(127, 0, 0, 0), 8},      // loopback
    {ipv4(169, 254, 0, 0), 16},   // link-local; metadata services of clouds
    {ipv4(172, 16, 0, 0), 12},    // private
    {ipv4(192, 0, 0, 0), 24},     // protocol assignments
    {ipv4(192, 0, 2, 0), 24},     // documentation
    {ipv4(192, 88, 99, 0), 24},   // 6to4 relays
    {ipv4(192, 168, 0, 0), 16},   // private
    {ipv4(198, 18, 0, 0), 15},    // benchmarking
    {ipv4(198, 51, 100, 0), 24},  // documentation
    {ipv4(203, 0, 113, 0), 24},   // documentation
    {ipv4(224, 0, 0, 0), 4},      // multicast
    {ipv4(240, 0, 0, 0), 4},      // reserved, broadcast
};

using Bytes6 = std::array<uint8_t, 16>;

struct Range6 {
  Bytes6 network;
  int prefix;
};

// Parts of the global unicast space 2000::/3 that are not public.
constexpr Range6 kReserved6[] = {
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments: Teredo, benchmarking, ORCHID
    {{0x20, 0x01, 0x0D, 0xB8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4
    {{0x3F, 0xFF}, 20},              // documentation
};
constexpr Range6 kGlobalUnicast{{0x20}, 3};
constexpr Range6 kMapped4{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96};
constexpr Range6 kNat64{{0x00, 0x64, 0xFF, 0x9B}, 96};

bool is_public4(uint32_t address) {
  return std::none_of(std::begin(kReserved4), std::end(kReserved4),
                      [&](const Range4& range) { return (address ^ range.network) >> (32 - range.prefix) == 0; });
}

bool is_in(const Bytes6& address, const Range6& range) {
  for (int bit = 0; bit < range.prefix; bit += 8) {
    const int num_bits = std::min(8, range.prefix - bit);
    if ((address[bit / 8] ^ range.network[bit / 8]) >> (8 - num_bits) != 0) return false;
  }
  return true;
}

bool is_public6(const Bytes6& address) {
  if (is_in(address, kMapped4) || is_in(address, kNat64)) {
    return is_public4(ipv4(address[12], address[13], address[14], address[15]));
  }
  return is_in(address, kGlobalUnicast) && std::none_of(std::begin(kReserved6), std::end(kReserved6),
                                                        [&](const Range6& range) { return is_in(address, range); });
}

std::optional<bool> is_public_text(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string text(host);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return is_public4(ntohl(four.s_addr));
  Bytes6 six{};
  if (::inet_pton(AF_INET6, text.c_str(), six.data()) == 1) return is_public6(six);
  return std::nullopt;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return is_public4(ntohl(four.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof six);
    Bytes6 bytes;
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    return is_public6(bytes);
  }
  return false;
}

bool is_public_address(std::string_view text) {
  return is_public_text(text).value_or(false);
}

bool is_address(std::string_view host) {
  return is_public_text(host).has_value();
}

}  // namespace molmo::http
