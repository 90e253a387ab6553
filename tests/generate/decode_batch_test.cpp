#include "generate/decode_batch.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "generate/picture_cache.h"
#include "generate/prompt_tokens.h"
#include "generate/trace.h"
#include "loaded_case.h"
#include "preprocess/build_input.h"

namespace molmo::generate {
namespace {

using test::max_difference;

constexpr double kTolerance = 1e-4;

at::Tensor random_ids(int64_t num_tokens, RandomStream& random) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < num_tokens; ++i) ids.push_back(static_cast<int64_t>(random.below(600)));
  return at::tensor(ids, at::kLong).unsqueeze(0);
}

class DecodeBatchTest : public testing::Test {
 protected:
  // Logits behind every token, from one pass without a cache.
  at::Tensor all_logits(const at::Tensor& ids) const {
    const preprocess::ModelInput input{.input_ids = ids[0], .position_ids = at::arange(ids.size(1), at::kLong)};
    return record_trace(molmo_, input).at("logits");
  }

  at::NoGradGuard no_gradients_;
  const model::Molmo& molmo_ = test::shared_case().model->molmo;
  RandomStream random_{3, "decode-batch"};
};

TEST_F(DecodeBatchTest, PiecesAndStepsEqualOnePass) {
  const at::Tensor ids = random_ids(1100, random_);
  const at::Tensor expected = all_logits(ids);
  for (const int64_t split : {1, 300, 512, 513, 1099}) {
    DecodeBatch batch(molmo_);
    EXPECT_LE(max_difference(batch.prefill({.input_ids = ids.narrow(1, 0, split)})[0], expected[split - 1]),
              kTolerance);
    EXPECT_EQ(batch.num_cached(), split);
    if (split == 1099) {
      EXPECT_LE(max_difference(batch.step(std::array{ids[0][split].item<int64_t>()})[0], expected[split]), kTolerance);
    } else {
      EXPECT_LE(max_difference(batch.prefill({.input_ids = ids.narrow(1, split, 1100 - split)})[0], expected[1099]),
                kTolerance);
    }
  }
}

TEST_F(DecodeBatchTest, TruncatedBatchForgets) {
  const at::Tensor ids = random_ids(40, random_), other = random_ids(40, random_);
  DecodeBatch batch(molmo_);
  batch.prefill({.input_ids = ids});
  batch.truncate(10);
  const at::Tensor mixed = at::cat({ids.narrow(1, 0, 10), other.narrow(1, 10, 30)}, 1);
  EXPECT_LE(max_difference(batch.prefill({.input_ids = other.narrow(1, 10, 30)})[0], all_logits(mixed)[39]),
            kTolerance);
}

TEST_F(DecodeBatchTest, PaddedRowsEqualRowsAlone) {
  const at::Tensor longer = random_ids(30, random_), shorter = random_ids(12, random_);
  const at::Tensor padding = at::full({1, 18}, -1, at::kLong);
  DecodeBatch batch(molmo_);
  const at::Tensor first = batch.prefill({.input_ids = at::cat({longer, at::cat({shorter, padding}, 1)})});
  const at::Tensor next = random_ids(5, random_), longer_all = at::cat({longer, next}, 1),
                   shorter_all = at::cat({shorter, next}, 1);
  EXPECT_LE(max_difference(first[0], all_logits(longer_all)[29]), kTolerance);
  EXPECT_LE(max_difference(first[1], all_logits(shorter_all)[11]), kTolerance);
  for (int64_t i = 0; i < 5; ++i) {
    const int64_t token = next[0][i].item<int64_t>();
    const at::Tensor logits = batch.step(std::array{token, token});
    EXPECT_LE(max_difference(logits[0], all_logits(longer_all)[30 + i]), kTolerance);
    EXPECT_LE(max_difference(logits[1], all_logits(shorter_all)[12 + i]), kTolerance);
  }
}

TEST_F(DecodeBatchTest, SelectedAndClonedRowsGoTheirOwnWay) {
  const at::Tensor a = random_ids(20, random_), b = random_ids(8, random_);
  DecodeBatch batch(molmo_);
  batch.prefill({.input_ids = at::cat({a, at::cat({b, at::full({1, 12}, -1, at::kLong)}, 1)})});
  DecodeBatch copy = batch.clone();
  batch.select(std::array<int64_t, 3>{1, 0, 1});
  const at::Tensor logits = batch.step(std::array<int64_t, 3>{7, 8, 9});
  const auto behind = [&](const at::Tensor& ids, int64_t token) {
    return all_logits(at::cat({ids, at::full({1, 1}, token, at::kLong)}, 1))[ids.size(1)];
  };
  EXPECT_LE(max_difference(logits[0], behind(b, 7)), kTolerance);
  EXPECT_LE(max_difference(logits[1], behind(a, 8)), kTolerance);
  EXPECT_LE(max_difference(logits[2], behind(b, 9)), kTolerance);
  EXPECT_LE(max_difference(copy.step(std::array<int64_t, 2>{5, 6})[1], behind(b, 6)), kTolerance);
}

TEST_F(DecodeBatchTest, CancelledPrefillKeepsWhatWasRead) {
  const at::Tensor ids = random_ids(1100, random_);
  DecodeBatch batch(molmo_);
  int num_calls = 0;
  EXPECT_FALSE(batch.prefill({.input_ids = ids}, [&] { return ++num_calls < 2; }).defined());
  EXPECT_EQ(batch.num_cached(), 1024);
  EXPECT_LE(max_difference(batch.prefill({.input_ids = ids.narrow(1, 1024, 76)})[0], all_logits(ids)[1099]),
            kTolerance);
}

// A known prefix may end anywhere, also among the tokens of a picture.
TEST_F(DecodeBatchTest, PromptsContinueFromAnyPrefix) {
  const test::LoadedCase& model = test::shared_case();
  const image::Image image = model.image();
  PictureCache cache;
  const auto picture = cache.find_or_prepare(image, model.config(), {});
  PromptTokens prompt;
  prompt.append(std::array{model.eos()});
  const auto text = model.model->tokenizer.encode(" User: Describe this image. Assistant:");
  prompt.append(text, {{picture}}, model.config().image_placeholder_id());
  ASSERT_TRUE(picture->encode(molmo_, {}));
  const auto input = preprocess::build_input(model.config(), model.model->tokenizer, {&image, 1},
                                             " User: Describe this image. Assistant:");
  const at::Tensor expected = record_trace(molmo_, input).at("logits");
  EXPECT_EQ(prompt.num_image_tokens(), input.num_image_tokens);
  for (const int64_t known : {1, 2, 100, 300, 413, 421}) {
    DecodeBatch batch(molmo_);
    PrefillInput prefix = prompt.input_from(0);
    prefix.input_ids = prefix.input_ids.narrow(1, 0, known);
    prefix.image_input_idx = prefix.image_input_idx.masked_fill(prefix.image_input_idx.ge(known), -1);
    batch.prefill(prefix);
    EXPECT_EQ(prompt.pictures_from(known).empty(), known >= 413);
    EXPECT_LE(max_difference(batch.prefill(prompt.input_from(known))[0], expected[prompt.size() - 1]), kTolerance)
        << known;
  }
}

TEST(PictureCache, TellsPicturesApartAndDropsTheOldest) {
  const auto& config = test::shared_case().config();
  PictureCache cache;
  image::Image image{.size = {20, 30}, .pixels = std::vector<uint8_t>(20 * 30 * 3, 100)};
  const auto first = cache.find_or_prepare(image, config, {});
  EXPECT_EQ(cache.find_or_prepare(image, config, {}), first);
  EXPECT_NE(cache.find_or_prepare(image, config, {.max_crops = 2}), first);
  EXPECT_NE(cache.find_or_prepare(image, config, {.quirks = config::Quirks::Fixed}), first);
  image::Image turned{.size = {30, 20}, .pixels = image.pixels};
  EXPECT_NE(cache.find_or_prepare(turned, config, {})->id(), first->id());
  for (const size_t pixel : {size_t{0}, image.pixels.size() / 2, image.pixels.size() - 1}) {
    image::Image changed = image;
    changed.pixels[pixel] ^= 1;
    EXPECT_NE(cache.find_or_prepare(changed, config, {})->id(), first->id());
  }
  EXPECT_EQ(cache.find_or_prepare(image, config, {}), first);
  for (uint8_t value = 0; value < 8; ++value) {
    image.pixels[5] = value;
    cache.find_or_prepare(image, config, {});
  }
  image.pixels[5] = 100;
  EXPECT_NE(cache.find_or_prepare(image, config, {}), first) << "eight other pictures came since";
}

}  // namespace
}  // namespace molmo::generate
