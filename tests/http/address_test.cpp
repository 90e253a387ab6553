// Expected: the IANA registries of special-purpose IPv4 and IPv6 addresses, and addresses of well-known public
// services.
#include "http/address.h"

#include <gtest/gtest.h>

namespace molmo::http {
namespace {

TEST(PublicAddress, IsTheInternet) {
  for (const char* address : {"1.1.1.1",
                              "8.8.8.8",
                              "9.255.255.255",
                              "11.0.0.0",
                              "93.184.216.34",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.0",
                              "169.253.255.255",
                              "169.255.0.0",
                              "172.15.255.255",
                              "172.32.0.0",
                              "191.255.255.255",
                              "192.0.1.0",
                              "192.0.3.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "198.17.255.255",
                              "198.20.0.0",
                              "223.255.255.255",
                              "2606:4700:4700::1111",
                              "2001:4860:4860::8888",
                              "[2a00:1450:4001:81b::200e]",
                              "64:ff9b::8.8.8.8",
                              "::ffff:8.8.8.8",
                              "2000::",
                              "3ffe:ffff::1"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
    EXPECT_TRUE(is_address(address)) << address;
  }
}

TEST(PublicAddress, IsNotWhatIsReserved) {
  for (const char* address : {"0.0.0.0",
                              "0.255.255.255",
                              "10.0.0.0",
                              "10.255.255.255",
                              "100.64.0.0",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "169.254.0.0",
                              "169.254.169.254",
                              "169.254.255.255",
                              "172.16.0.0",
                              "172.31.255.255",
                              "192.0.0.0",
                              "192.0.0.255",
                              "192.0.2.1",
                              "192.88.99.1",
                              "192.168.0.0",
                              "192.168.255.255",
                              "198.18.0.0",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.0",
                              "239.255.255.255",
                              "240.0.0.0",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "[::1]",
                              "::127.0.0.1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::ffff:a9fe:a9fe",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b::7f00:1",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001::1",
                              "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                              "2001:2::1",
                              "2001:20::1",
                              "2001:db8::1",
                              "2002:7f00:1::",
                              "2002:808:808::1",
                              "3fff::1",
                              "5f00::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "ff02::1",
                              "ffff::"}) {
    EXPECT_FALSE(is_public_address(address)) << address;
    EXPECT_TRUE(is_address(address)) << address;
  }
}

TEST(PublicAddress, IsNoNameAndNoOddSpelling) {
  for (const char* text : {"", "localhost", "example.org", "127.1", "2130706433", "0x7f.1", "1.1.1.1.", "1.1.1",
                           "[8.8.8.8", "fe80::1%lo"}) {
    EXPECT_FALSE(is_public_address(text)) << text;
    EXPECT_FALSE(is_address(text)) << text;
  }
}

}  // namespace
}  // namespace molmo::http
