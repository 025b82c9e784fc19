// waypost/model/item_knn_options.hpp - the options of TrainItemKnn.
#ifndef WAYPOST_MODEL_ITEM_KNN_OPTIONS_HPP_
#define WAYPOST_MODEL_ITEM_KNN_OPTIONS_HPP_

#include <optional>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

// Which measure of two items' shared users is used; item_knn.hpp gives the formulas.
enum class KnnSimilarity { kCosine, kTfIdf, kBm25, kDegree };

inline constexpr float kDefaultUserExponent = 0.8f;
inline constexpr float kDefaultSourceExponent = 0.7f;
inline constexpr float kDefaultTargetExponent = 0.3f;
inline constexpr float kDefaultBm25K1 = 1.2f;
inline constexpr float kDefaultBm25B = 0.75f;

// Options of TrainItemKnn. Aggregate: use designated initializers. An option that the chosen similarity does not use
// must stay empty.
struct ItemKnnOptions {
  // -- quality --
  KnnSimilarity similarity = KnnSimilarity::kDegree;
  // Most similar items kept for each item; 0 keeps all. 20..2000 is usual; memory and query time grow with it.
  int neighbours = 0;
  // Keeps the most similar items that together hold this share of an item's similarity; 1 keeps all.
  float neighbour_mass = 1.0f;
  // kDegree only. How much a long history counts less as evidence. 0.5..1.2 is usual.
  std::optional<float> user_exponent{};
  // kDegree only. How much a popular item of the history counts less. 0.3..0.9 is usual; tune with the next.
  std::optional<float> source_exponent{};
  // kDegree only. How much a popular item is recommended less. 0.1..0.6 is usual.
  std::optional<float> target_exponent{};
  // kBm25 only. How fast repeated or stronger interactions saturate. 0.5..100.
  std::optional<float> bm25_k1{};
  // kBm25 only. How much a popular item's interactions count less, 0..1.
  std::optional<float> bm25_b{};

  friend bool operator==(const ItemKnnOptions&, const ItemKnnOptions&) = default;
};

inline constexpr std::string_view KnnSimilarityName(KnnSimilarity similarity) {
  switch (similarity) {
    case KnnSimilarity::kCosine:
      return "cosine";
    case KnnSimilarity::kTfIdf:
      return "tfidf";
    case KnnSimilarity::kBm25:
      return "bm25";
    case KnnSimilarity::kDegree:
      return "degree";
  }
  return "";
}

namespace internal {

inline absl::Status ValidateKnnOption(std::string_view name, const std::optional<float>& value, bool used, float low,
                                      float high, const ItemKnnOptions& options) {
  if (!value) return absl::OkStatus();
  if (!used)
    return absl::InvalidArgumentError(absl::StrCat("ItemKnnOptions.", ToAbsl(name), ": want it unset with similarity ",
                                                   ToAbsl(KnnSimilarityName(options.similarity)), ", got ", *value));
  if (*value >= low && *value <= high) return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(
      absl::StrCat("ItemKnnOptions.", ToAbsl(name), ": want ", low, "..", high, ", got ", *value));
}

}  // namespace internal

// Errors  kInvalidArgument: a value out of range, or set although the similarity does not use it.
inline absl::Status Validate(const ItemKnnOptions& options) {
  if (KnnSimilarityName(options.similarity).empty())
    return absl::InvalidArgumentError(absl::StrCat(
        "ItemKnnOptions.similarity: want cosine, tfidf, bm25 or degree, got ", static_cast<int>(options.similarity)));
  if (options.neighbours < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("ItemKnnOptions.neighbours: want 0 (all) or more, got ", options.neighbours));
  if (!(options.neighbour_mass > 0 && options.neighbour_mass <= 1))
    return absl::InvalidArgumentError(
        absl::StrCat("ItemKnnOptions.neighbour_mass: want in (0, 1], got ", options.neighbour_mass));
  const bool degree = options.similarity == KnnSimilarity::kDegree;
  const bool bm25 = options.similarity == KnnSimilarity::kBm25;
  using internal::ValidateKnnOption;
  WAYPOST_RETURN_IF_ERROR(ValidateKnnOption("user_exponent", options.user_exponent, degree, 0, 2, options));
  WAYPOST_RETURN_IF_ERROR(ValidateKnnOption("source_exponent", options.source_exponent, degree, 0, 2, options));
  WAYPOST_RETURN_IF_ERROR(ValidateKnnOption("target_exponent", options.target_exponent, degree, 0, 2, options));
  WAYPOST_RETURN_IF_ERROR(ValidateKnnOption("bm25_k1", options.bm25_k1, bm25, 0, 1000, options));
  return ValidateKnnOption("bm25_b", options.bm25_b, bm25, 0, 1, options);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_ITEM_KNN_OPTIONS_HPP_
