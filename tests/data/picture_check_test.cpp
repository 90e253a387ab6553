#include "data/picture_check.h"

#include <gtest/gtest.h>

#include "data/sha256.h"
#include "image/encode.h"
#include "picture_server.h"

namespace molmo::data {
namespace {

using config::Quirks;

FetchRecord check(std::string_view bytes, std::string_view sha256 = "", Quirks quirks = Quirks::Fixed,
                  image::ImageLimits limits = {}) {
  FetchRecord record;
  record.url = "http://a.example/";
  check_picture(bytes, sha256, {.limits = limits, .quirks = quirks}, record);
  return record;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

const std::string kPicture = test::PictureServer::bytes("picture/1");

TEST(PictureCheck, TakesWholePictures) {
  const FetchRecord record = check(kPicture);
  EXPECT_EQ(record.outcome, FetchOutcome::Ok) << record.message;
  EXPECT_EQ(record.sha256, sha256_hex(kPicture));
  EXPECT_EQ(record.num_bytes, kPicture.size());
  EXPECT_EQ(record.size, (ImageSize{6, 5}));
  EXPECT_EQ(check(kPicture, sha256_hex(kPicture)).outcome, FetchOutcome::Ok);
  EXPECT_EQ(check(kPicture, upper(sha256_hex(kPicture))).outcome, FetchOutcome::Ok);
}

TEST(PictureCheck, SaysWhatIsWrong) {
  EXPECT_EQ(check(kPicture, sha256_hex("another")).outcome, FetchOutcome::HashMismatch);
  EXPECT_EQ(check("<html>").outcome, FetchOutcome::NotAnImage);
  EXPECT_EQ(check("").outcome, FetchOutcome::NotAnImage);
  EXPECT_EQ(check("<html>", sha256_hex("<html>")).outcome, FetchOutcome::NotAnImage)
      << "the hash alone makes no picture";
  EXPECT_EQ(check("<html>", sha256_hex("another")).outcome, FetchOutcome::NotAnImage) << "the more telling cause";
  EXPECT_EQ(check("GIF89a......").outcome, FetchOutcome::UnsupportedImage);
  EXPECT_EQ(check(kPicture.substr(0, kPicture.size() - 1)).outcome, FetchOutcome::DamagedImage);
  const std::string cut = kPicture.substr(0, kPicture.size() / 2 + 8);
  EXPECT_EQ(check(cut, sha256_hex(cut)).outcome, FetchOutcome::DamagedImage);
  EXPECT_EQ(check(test::png_that_claims(65535, 65535)).outcome, FetchOutcome::ImageTooLarge);
  EXPECT_EQ(check(test::png_that_claims(1u << 30, 1)).outcome, FetchOutcome::ImageTooLarge);
  EXPECT_EQ(check(kPicture, "", Quirks::Fixed, {.max_pixels = 29}).outcome, FetchOutcome::ImageTooLarge);
  EXPECT_EQ(check(kPicture, "", Quirks::Fixed, {.max_pixels = 30}).outcome, FetchOutcome::Ok);
  // A size that the pixels do not fill.
  EXPECT_EQ(check(test::png_that_claims(500, 500)).outcome, FetchOutcome::DamagedImage);
}

// data/download_urls.py: with a hash the content is not opened, without one only the header is.
TEST(PictureCheck, AcceptsWhatTheReferenceAccepts) {
  const std::string cut = kPicture.substr(0, kPicture.size() / 2 + 8), page = "<html>";
  for (const std::string& bytes : {kPicture, cut, page}) {
    EXPECT_EQ(check(bytes, sha256_hex(bytes), Quirks::Reference).outcome, FetchOutcome::Ok);
    EXPECT_EQ(check(bytes, upper(sha256_hex(bytes)), Quirks::Reference).outcome, FetchOutcome::HashMismatch);
  }
  EXPECT_EQ(check(cut, "", Quirks::Reference).outcome, FetchOutcome::Ok);
  EXPECT_EQ(check(test::png_that_claims(65535, 65535), "", Quirks::Reference).outcome, FetchOutcome::Ok);
  EXPECT_EQ(check(page, "", Quirks::Reference).outcome, FetchOutcome::NotAnImage);
}

}  // namespace
}  // namespace molmo::data
