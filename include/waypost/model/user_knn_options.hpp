// waypost/model/user_knn_options.hpp - the options of TrainUserKnn.
#ifndef WAYPOST_MODEL_USER_KNN_OPTIONS_HPP_
#define WAYPOST_MODEL_USER_KNN_OPTIONS_HPP_

#include <optional>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

// Which measure of two users' shared items is used; user_knn.hpp gives the formulas.
enum class UserSimilarity { kCosine, kTfIdf, kBm25 };

inline constexpr float kMaxUserKnnExponent = 10;
inline constexpr float kDefaultUserBm25K1 = 1.2f;
inline constexpr float kDefaultUserBm25B = 0.75f;

// Options of TrainUserKnn. Aggregate: use designated initializers. An option that the chosen similarity does not use
// must stay empty. The defaults were chosen on held-out parts of gowalla and of course enrolments: docs/results.md.
struct UserKnnOptions {
  // -- quality --
  UserSimilarity similarity = UserSimilarity::kBm25;
  // Most similar users whose items are recommended; 0 takes all. 50..1000 is usual; costs query time alone.
  int neighbours = 200;
  // Power of the similarity as a neighbour's weight: above 1 the nearest ones weigh more. 0.5..4 is usual.
  float exponent = 2.0f;
  // kBm25 only. How fast repeated or stronger interactions saturate. 0.5..100.
  std::optional<float> bm25_k1{};
  // kBm25 only. How much a user of many items counts less as a neighbour, 0..1.
  std::optional<float> bm25_b{};

  friend bool operator==(const UserKnnOptions&, const UserKnnOptions&) = default;
};

inline constexpr std::string_view UserSimilarityName(UserSimilarity similarity) {
  switch (similarity) {
    case UserSimilarity::kCosine:
      return "cosine";
    case UserSimilarity::kTfIdf:
      return "tfidf";
    case UserSimilarity::kBm25:
      return "bm25";
  }
  return "";
}

// Errors  kInvalidArgument: a value out of range, or set although the similarity does not use it.
inline absl::Status Validate(const UserKnnOptions& options) {
  if (UserSimilarityName(options.similarity).empty())
    return absl::InvalidArgumentError(absl::StrCat("UserKnnOptions.similarity: want cosine, tfidf or bm25, got ",
                                                   static_cast<int>(options.similarity)));
  if (options.neighbours < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("UserKnnOptions.neighbours: want 0 (all) or more, got ", options.neighbours));
  if (!(options.exponent >= 0 && options.exponent <= kMaxUserKnnExponent))  // also a NaN
    return absl::InvalidArgumentError(
        absl::StrCat("UserKnnOptions.exponent: want 0..", kMaxUserKnnExponent, ", got ", options.exponent));
  const auto check = [&](std::string_view name, const std::optional<float>& value, float high) {
    if (!value) return absl::OkStatus();
    if (options.similarity != UserSimilarity::kBm25)
      return absl::InvalidArgumentError(
          absl::StrCat("UserKnnOptions.", internal::ToAbsl(name), ": want it unset with similarity ",
                       internal::ToAbsl(UserSimilarityName(options.similarity)), ", got ", *value));
    if (*value >= 0 && *value <= high) return absl::OkStatus();  // false for a NaN
    return absl::InvalidArgumentError(
        absl::StrCat("UserKnnOptions.", internal::ToAbsl(name), ": want 0..", high, ", got ", *value));
  };
  WAYPOST_RETURN_IF_ERROR(check("bm25_k1", options.bm25_k1, 1000));
  return check("bm25_b", options.bm25_b, 1);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_USER_KNN_OPTIONS_HPP_
