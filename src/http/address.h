// Which network addresses a download may contact. A URL from a data set or a request is a stranger's text: it must not
// make this machine talk to itself, to its neighbours or to a cloud's metadata service.
#pragma once

#include <string>
#include <string_view>

struct sockaddr;

namespace molmo::http {

// True for unicast addresses of the public internet. False for everything that the IANA registries of special-purpose
// addresses reserve: this host, loopback, private (RFC 1918), link-local, shared (RFC 6598, CGNAT), documentation,
// benchmarking, multicast, broadcast, unique local (IPv6), 6to4, Teredo. Of addresses that carry an IPv4 address
// (mapped, NAT64) the carried one decides. False for other families.
bool is_public_address(const sockaddr& address);

// The same for an address as text, as a URL's parser leaves it: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]". False
// when it is no address at all.
bool is_public_address(std::string_view text);

// Whether a host is written as an address rather than as a name.
bool is_address(std::string_view host);

}  // namespace molmo::http
