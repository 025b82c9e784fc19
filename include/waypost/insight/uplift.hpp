// waypost/insight/uplift.hpp - whom an intervention moves: the effect on each user, learned from an experiment.
//
// Definition   User i has columns x_i, was treated (a_i = 1) with probability e_i, or not, and had the outcome y_i. The
//              uplift is t(x) = E[y | x, treated] - E[y | x, not treated].
//              T    m_1 and m_0, ridge regressions of y on x among the treated and the others; t = m_1 - m_0 [1]
//              DR   a ridge regression on x of the scores
//                   s_i = m_1(x_i) - m_0(x_i) + (a_i - e_i) / (e_i (1 - e_i)) (y_i - m_a(x_i)),
//                   whose mean given x is t(x) whatever m_1 and m_0 are, where e is right [2]
//              Every figure of a user comes from regressions without the user's fold; in DR those of the scores leave
//              out a second fold, that of the user scored.
//              Average effect: the mean of s_i. Qini: users in the order of their uplift, highest first, r_i in (0, 1)
//              the place (ties share the mean place); G(f) = mean of s_i [r_i <= f] is what treating the first share f
//              gains a user. Qini = area between G and the line to G(1) = mean of s_i (1/2 - r_i): 0 for an order that
//              knows nothing, as that of [3] is, which it estimates with less variance.
// Sources      [1] S. Kunzel, J. Sekhon, P. Bickel, B. Yu, Metalearners, PNAS 116(10), 2019. [2] E. Kennedy, Towards
//              Optimal Doubly Robust Estimation of Heterogeneous Causal Effects, 2020. [3] N. Radcliffe, Using Control
//              Groups to Target on Predicted Lift, Direct Marketing Analytics Journal 1, 2007.
// Deviations   The learners are linear: where the effect is not linear in the columns, they find its linear part. The
//              standard error of Qini takes the places as given.
// Complexity   O(folds^2 n p^2) of n users and p columns.
// Numerics     float64; columns are centred and scaled by the rows of each regression. A constant column counts as 0.
// Determinism  The fold of a user depends on the seed and its number; one thread.
// Checked by   tests/unit/insight_uplift_test.cpp: planted effects, coverage of the average effect, Qini against the
//              area under the naive curve, no effect where there is none.
#ifndef WAYPOST_INSIGHT_UPLIFT_HPP_
#define WAYPOST_INSIGHT_UPLIFT_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

// An experiment. Borrowed for the call.
struct UpliftDataView {
  std::span<const double> values;         // users x columns, row-major, finite
  std::size_t columns = 0;                // 0..kMaxUpliftColumns
  std::span<const std::uint8_t> treated;  // 0 or 1, one a user
  std::span<const double> outcomes;       // y, finite, one a user
  std::span<const double> propensities;   // e, 0 < e < 1, one a user
};

inline constexpr std::size_t kMaxUpliftColumns = 1000;

enum class UpliftLearner { kT, kDr };

// Options of LearnUplift. Aggregate: use designated initializers.
struct UpliftOptions {
  // -- quality --
  UpliftLearner learner = UpliftLearner::kDr;
  // Strength of the ridge penalty, in users: 0 none, 1..100 usual.
  double l2 = 10;
  int folds = 5;  // 3..20
  // -- reproducibility --
  std::uint64_t seed = 42;
};
absl::Status Validate(const UpliftOptions& options);

struct UpliftFit {
  std::vector<double> uplift;  // of each user, by regressions without the user's fold
  std::vector<double> scores;  // s: of which uplift is the mean; noisy
  double average = 0;          // effect of treating everybody
  double average_error = 0;    // its standard error
  double qini = 0;
  double qini_error = 0;
  // By all users: uplift of a new one = intercept + coefficients' x.
  double intercept = 0;
  std::vector<double> coefficients;

  // Requires  row.size() == coefficients.size().
  double Uplift(std::span<const double> row) const {
    double effect = intercept;
    for (std::size_t j = 0; j < row.size(); ++j) effect += coefficients[j] * row[j];
    return effect;
  }
};

// Returns the uplift of each user.
//
// Errors  kInvalidArgument: options, shapes, a value outside its range, with its place.  kFailedPrecondition: fewer
//         than two treated or untreated users outside some two folds.  kResourceExhausted: memory.
absl::StatusOr<UpliftFit> LearnUplift(const UpliftDataView& data, const UpliftOptions& options = {});

// The Qini coefficient of an order, with its standard error.
struct Qini {
  double value = 0;
  double error = 0;
};

// Returns the Qini coefficient of treating users in the order of `uplift`, highest first.
// Requires  lists of equal length, finite, at least 1.
Qini QiniOf(std::span<const double> uplift, std::span<const double> scores);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_UPLIFT_HPP_
