// waypost/eval/rating_errors.hpp - how far predicted ratings are from those of the test events.
//
// Definition   Over the test pairs whose user and item training knows and that have a rating above 0, of all users
//              together: rmse the root of the mean squared difference, mae the mean absolute one. A prediction is the
//              model's score, brought into the range of the training's ratings.
// Determinism  sums in the order of users and items.
// Checked by   tests/unit/eval_rating_errors_test.cpp by hand.
#ifndef WAYPOST_EVAL_RATING_ERRORS_HPP_
#define WAYPOST_EVAL_RATING_ERRORS_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "waypost/eval/metrics.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

// The smallest and the largest rating of a training.
struct RatingRange {
  float least = 0;
  float most = 0;

  static RatingRange Of(const InteractionMatrix& ratings) {
    const std::span<const float> values = ratings.user_item().values().span();
    if (values.empty()) return {1, 1};
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return {*least, *most};
  }
};

// Sums over ratings.
struct RatingErrors {
  double squares = 0;
  double absolutes = 0;
  double count = 0;

  //   ratings  of `items`, beside them; NaN: none.
  //   scores   of every item.
  static RatingErrors Of(std::span<const std::uint32_t> items, std::span<const float> ratings,
                         std::span<const float> scores, RatingRange range) {
    RatingErrors errors;
    for (std::size_t n = 0; n < items.size(); ++n) {
      if (std::isnan(ratings[n])) continue;
      const double off = std::clamp<double>(scores[items[n]], range.least, range.most) - ratings[n];
      errors.squares += off * off;
      errors.absolutes += std::abs(off);
      ++errors.count;
    }
    return errors;
  }

  void Add(const RatingErrors& other) {
    squares += other.squares;
    absolutes += other.absolutes;
    count += other.count;
  }

  // Requires  kind is rmse or mae; count > 0.
  double Figure(MetricKind kind) const {
    return kind == MetricKind::kRmse ? std::sqrt(squares / count) : absolutes / count;
  }
};

}  // namespace waypost

#endif  // WAYPOST_EVAL_RATING_ERRORS_HPP_
