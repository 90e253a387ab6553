#include "http/url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace molmo::http {
namespace {

TEST(Url, NamesHostPortAndText) {
  const Url url = Url::parse("HTTPS://Images.Example.ORG/a/../b c.jpg?x=ä#part");
  EXPECT_EQ(url.host(), "images.example.org");
  EXPECT_EQ(url.port(), 443);
  EXPECT_EQ(url.text(), "https://Images.Example.ORG/b%20c.jpg?x=%c3%a4");
  EXPECT_EQ(Url::parse("http://[2001:DB8::1]:8080").host(), "[2001:db8::1]");
  EXPECT_EQ(Url::parse("http://[2001:DB8::1]:8080").port(), 8080);
  EXPECT_EQ(Url::parse(" \t http://a.example/ \n").text(), "http://a.example/");
}

TEST(Url, BringsSpellingsOfAnAddressIntoOneForm) {
  for (const char* host : {"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1",
                           "017700000001", "127%2e0%2e0%2e1", "%31%32%37.0.0.1"}) {
    EXPECT_EQ(Url::parse(std::string("http://") + host + "/").host(), "127.0.0.1") << host;
  }
}

TEST(Url, RefusesWhatHidesTheHost) {
  for (const char* text : {"",
                           " ",
                           "example.org",
                           "//example.org/",
                           "/etc/passwd",
                           "file:///etc/passwd",
                           "ftp://example.org/",
                           "gopher://example.org/",
                           "data:image/png;base64,AAAA",
                           "javascript:alert(1)",
                           "http://",
                           "http://:80/",
                           "http://user@example.org/",
                           "http://user:password@example.org/",
                           "http://example.org:80@127.0.0.1/",
                           "http://example.org\\@127.0.0.1/",
                           "http://127.0.0.1\\@example.org/",
                           "http://127.0.0.1\\.example.org/",
                           "http://a b.example/",
                           "http://example.org:99999/",
                           "http://example.org:-1/",
                           "http://example.org:80:80/",
                           "http://[::1",
                           "http://[fe80::1%25lo]/",
                           "http://exa\rmple.org/",
                           "http://example.org%0d%0aHost:%20x/",
                           "http://ex\x01mple.org/"}) {
    EXPECT_THROW(Url::parse(text), Error) << text;
  }
  EXPECT_THROW(Url::parse(std::string("http://a.example/\0b", 18)), Error);
  EXPECT_THROW(Url::parse("http://a.example/" + std::string(10000, 'x')), Error);
}

}  // namespace
}  // namespace molmo::http
