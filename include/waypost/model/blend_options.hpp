// waypost/model/blend_options.hpp - the options of TrainBlend; blend_model.hpp has the formulas.
#ifndef WAYPOST_MODEL_BLEND_OPTIONS_HPP_
#define WAYPOST_MODEL_BLEND_OPTIONS_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waypost {

inline constexpr std::size_t kMaxBlendParts = 8;
inline constexpr std::size_t kMaxBlendText = 1024;  // bytes of the parts as text: what a model file takes
inline constexpr float kMaxBlendWeight = 1e6f;
inline constexpr float kDefaultBlendShare = 0.2f;
inline constexpr int kDefaultRankOffset = 60;

// One model of a blend, by the name and the options that it is trained with alone.
struct BlendPart {
  std::string kind;
  std::vector<std::pair<std::string, std::string>> settings;  // name, value; options left out have their defaults

  friend bool operator==(const BlendPart&, const BlendPart&) = default;
};

// What is added up: each part's scores over their standard deviation, or weights over ranks.
enum class BlendFusion { kScores, kRanks };

// Options of TrainBlend. Aggregate: use designated initializers. An option that the others do not use must stay empty.
struct BlendOptions {
  // -- quality --
  // 1..kMaxBlendParts models, none of them a blend. Models that err differently gain most from each other.
  std::vector<BlendPart> parts = {{"item-knn", {}}, {"gf-cf", {}}, {"ials", {}}};
  BlendFusion fusion = BlendFusion::kScores;
  // One weight a part, not all 0. Unset: those with the best ndcg@20 on items held out of the training, for which every
  // part is trained twice.
  std::optional<std::vector<float>> weights{};
  // Without weights only. Share of each user's items that is held out to find them.
  std::optional<float> validation_share{};
  // kRanks only. Added to every rank: the larger, the less the first places stand out.
  std::optional<int> rank_offset{};
  // -- reproducibility --
  // Of what is held out, and of every part that has a seed and is given none.
  std::uint64_t seed = 42;

  friend bool operator==(const BlendOptions&, const BlendOptions&) = default;
};

inline constexpr std::string_view BlendFusionName(BlendFusion fusion) {
  switch (fusion) {
    case BlendFusion::kScores:
      return "scores";
    case BlendFusion::kRanks:
      return "ranks";
  }
  return "";
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_BLEND_OPTIONS_HPP_
