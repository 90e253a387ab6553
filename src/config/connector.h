// Connector between vision tower and decoder: pools patch features, then projects them (paper, section 2;
// reference: MolmoVisionBackbone in olmo/model.py).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/enum_names.h"

namespace molmo::config {

enum class Pooling {
  AttentionMeanQuery,  // multi-head attention, the query is the mean of the window
  Attention,           // the query is the first patch of the window
  Attention2Wide,      // as Attention, with twice the features and head width
  Stack,               // features of the window side by side
  None,                // every patch becomes a token
};

enum class Projector {
  Mlp,   // gated MLP
  Mlp2,  // gated MLP, then a residual MLP
  Linear,
};

enum class PaddingEmbed {
  None,
  PadAndPartialPad,  // one vector for patches that are all padding, one for partly padded ones
  PadEmbed,          // one vector for patches that are all padding
  Regress,           // one vector, weighted by the share of the patch that is image
};

struct ConnectorConfig {
  std::vector<int64_t> feature_layers = {-2, -9};  // block outputs that are concatenated, Python indexing
  Pooling pooling = Pooling::AttentionMeanQuery;
  std::array<int64_t, 2> pooling_window = {2, 2};  // patches: rows, columns
  Projector projector = Projector::Mlp;
  int64_t mlp_width = 18944;  // hidden width of the projector
  PaddingEmbed padding_embed = PaddingEmbed::PadAndPartialPad;

  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("feature_layers", feature_layers, "vision blocks whose outputs are concatenated");
    visit("pooling", pooling, "how a window of patches becomes one feature");
    visit("pooling_window", pooling_window, "patches per window: rows, columns");
    visit("projector", projector, "how features become decoder embeddings");
    visit("mlp_width", mlp_width, "hidden width of the projector");
    visit("padding_embed", padding_embed, "learned vectors that mark padding");
  }
};

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::Pooling> {
  using enum config::Pooling;
  static constexpr EnumName<config::Pooling> kValues[] = {{AttentionMeanQuery, "attention_meanq"},
                                                          {AttentionMeanQuery, "attention-meanq"},
                                                          {Attention, "attention"},
                                                          {Attention2Wide, "attention_2wide"},
                                                          {Attention2Wide, "attention-2wide"},
                                                          {Stack, "stack"},
                                                          {None, "none"}};
};

template <>
struct molmo::EnumNames<molmo::config::Projector> {
  using enum config::Projector;
  static constexpr EnumName<config::Projector> kValues[] = {{Mlp, "mlp"}, {Mlp2, "2mlp"}, {Linear, "linear"}};
};

template <>
struct molmo::EnumNames<molmo::config::PaddingEmbed> {
  using enum config::PaddingEmbed;
  static constexpr EnumName<config::PaddingEmbed> kValues[] = {
      {None, "none"}, {PadAndPartialPad, "pad_and_partial_pad"}, {PadEmbed, "pad_embed"}, {Regress, "regress"}};
};
