#include "image/inspect.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "fixtures.h"
#include "image/encode.h"
#include "image/image.h"
#include "pictures.h"

namespace molmo::image {
namespace {

Image make_image(int64_t height, int64_t width) {
  Image image{{height, width}, std::vector<uint8_t>(static_cast<size_t>(height * width * 3))};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 37 % 251);
  return image;
}

std::optional<EncodedInfo> inspect(std::string_view bytes) {
  return inspect_image(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

std::string webp_of(const Image& image) {
  uint8_t* data = nullptr;
  const size_t size =
      WebPEncodeLosslessRGB(image.pixels.data(), static_cast<int>(image.size.width),
                            static_cast<int>(image.size.height), static_cast<int>(image.size.width) * 3, &data);
  std::string bytes(reinterpret_cast<char*>(data), size);
  WebPFree(data);
  return bytes;
}

TEST(Inspect, NamesFormatAndSizeOfWholePictures) {
  const Image image = make_image(23, 41);
  const std::vector<std::pair<std::string, std::string>> pictures = {
      {"jpeg", encode_jpeg(image)}, {"png", encode_png(image)}, {"webp", webp_of(image)}};
  for (const auto& [format, bytes] : pictures) {
    for (const std::string padding : {"", "bytes behind the picture"}) {
      const auto info = inspect(bytes + padding);
      ASSERT_TRUE(info.has_value()) << format;
      EXPECT_EQ(info->format, format);
      EXPECT_EQ(info->size, (ImageSize{23, 41})) << format;
      EXPECT_EQ(info->damage, "") << format;
    }
  }
}

TEST(Inspect, SeesEveryCut) {
  const Image image = make_image(16, 24);
  for (const std::string& bytes : {encode_jpeg(image), encode_png(image), webp_of(image)}) {
    for (size_t length = 0; length < bytes.size(); ++length) {
      const auto info = inspect(bytes.substr(0, length));
      EXPECT_TRUE(!info || !info->damage.empty())
          << bytes.substr(1, 3) << " cut to " << length << " of " << bytes.size();
    }
  }
}

TEST(Inspect, SeesEveryChangedByteOfAPngsPixels) {
  const std::string png = encode_png(make_image(8, 8));
  const size_t begin = png.find("IDAT"), end = png.find("IEND");
  for (size_t at = begin; at < end - 4; ++at) {
    std::string changed = png;
    changed[at] ^= 0x01;
    const auto info = inspect(changed);
    // A changed first letter makes another chunk of it, without pixels: the decoder's matter.
    if (info && at >= begin + 4) {
      EXPECT_NE(info->damage, "") << at;
    }
  }
}

TEST(Inspect, ReadsJpegsWithThumbnailsFillBytesAndRestarts) {
  const std::string jpeg = encode_jpeg(make_image(16, 16));
  // A thumbnail inside of an APP1 segment has an end marker of its own.
  const std::string thumbnail = encode_jpeg(make_image(8, 8));
  const auto length = static_cast<uint16_t>(thumbnail.size() + 2);
  const std::string segment =
      std::string("\xFF\xFF\xFF\xE1") + static_cast<char>(length >> 8) + static_cast<char>(length) + thumbnail;
  const std::string with_thumbnail = jpeg.substr(0, 2) + segment + jpeg.substr(2);
  ASSERT_TRUE(inspect(with_thumbnail).has_value());
  EXPECT_EQ(inspect(with_thumbnail)->size, (ImageSize{16, 16}));
  EXPECT_EQ(inspect(with_thumbnail)->damage, "");
  EXPECT_NE(inspect(with_thumbnail.substr(0, with_thumbnail.size() - 2))->damage, "");
}

TEST(Inspect, KnowsNothingElse) {
  for (const std::string& bytes :
       {std::string(), std::string("\xFF\xD8\xFF", 3), std::string("\xFF\xD8\xFF\xD9", 4),
        std::string("\x89PNG\r\n\x1A\n", 8), std::string("RIFF\4\0\0\0WEBP", 12), std::string("GIF89a\1\0\1\0"),
        std::string("<html></html>"), std::string(100000, '\xFF')}) {
    EXPECT_FALSE(inspect(bytes).has_value()) << bytes.substr(0, 20);
  }
}

// Noise behind a right beginning: no crash, and nothing that is called whole by accident.
TEST(Inspect, SurvivesNoise) {
  const Image image = make_image(16, 24);
  uint64_t random = 1;
  const auto next = [&] { return random = random * 6364136223846793005ull + 1442695040888963407ull; };
  for (const std::string& bytes : {encode_jpeg(image), encode_png(image), webp_of(image)}) {
    for (int i = 0; i < 2000; ++i) {
      std::string changed = bytes;
      for (int k = 0; k < 4; ++k)
        changed[12 + (next() >> 33) % (changed.size() - 12)] = static_cast<char>(next() >> 56);
      const auto info = inspect(changed);
      if (info) {
        EXPECT_GT(info->size.height * info->size.width, 0);
      }
    }
  }
}

}  // namespace
}  // namespace molmo::image
