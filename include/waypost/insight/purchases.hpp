// waypost/insight/purchases.hpp - repeat purchases of customers who never say that they leave: BG/NBD for how often
// and how long, Gamma-Gamma for how much.
//
// Definition   A customer of age T (since the first purchase) has made x repeat purchases, the last at recency t_x.
//              BG/NBD [1]: purchases come at a rate that is gamma(r, alpha) over customers; after each the customer
//              leaves with a probability that is beta(a, b) over customers. L = G(r + x) alpha^r / G(r) *
//              (B(a, b + x) / B(a, b) (alpha + T)^-(r + x) + [x > 0] B(a + 1, b + x - 1) / B(a, b)
//              (alpha + t_x)^-(r + x)).
//              Gamma-Gamma [2]: the mean m of x repeat purchases is gamma(p x, v x), v gamma(q, gamma) over
//              customers; independent of x. P(alive), E(spend): [1] (of its note), [2].
// Sources      [1] P. Fader, B. Hardie, K. Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2),
//              2005.
//              [2] P. Fader, B. Hardie, The Gamma-Gamma Model of Monetary Value, 2013.
// Complexity   tens of passes over the customers, each some logarithms.
// Numerics     long double; powers and gammas as logarithms, so long histories do not overflow.
// Determinism  one thread, no random numbers.
// Checked by   tests/unit/insight_purchases_test.cpp, tests/data/purchases_test.cpp (CDNOW).
#ifndef WAYPOST_INSIGHT_PURCHASES_HPP_
#define WAYPOST_INSIGHT_PURCHASES_HPP_

#include <span>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/insight/least_squares.hpp"
#include "waypost/insight/lifetimes.hpp"

namespace waypost {

struct PurchaseHistory {
  double repeats = 0;     // x, whole
  double recency = 0;     // t_x, 0 where x is 0
  double age = 0;         // T >= t_x
  double mean_spend = 0;  // m of the repeat purchases; of Gamma-Gamma alone
};

struct PurchaseFit {
  FitStatus status = FitStatus::kNotConverged;
  std::vector<FittedParameter> parameters;
  double log_likelihood = 0;
  double aic = 0;
  std::size_t customers = 0;  // that the fit stands on
};

// Fits r, alpha, a, b. Without any repeat purchase they are not identified.
// Errors  kInvalidArgument: no customer, a history that cannot be, a confidence outside (0, 1).
absl::StatusOr<PurchaseFit> FitBgNbd(std::span<const PurchaseHistory> customers, double confidence = 0.95);

// Fits p, q, v to the customers with repeat purchases of a positive mean.
// Errors  those of FitBgNbd; kInvalidArgument: a mean that is negative or not finite.
absl::StatusOr<PurchaseFit> FitGammaGamma(std::span<const PurchaseHistory> customers, double confidence = 0.95);

// The probability that a customer is still there: 1 for one who never came again, who has had no occasion to leave.
double AliveProbability(const PurchaseFit& bg_nbd, const PurchaseHistory& customer);

// The mean spend expected of a customer's purchases; NaN where the model has none (q <= 1 and no repeats).
double ExpectedSpend(const PurchaseFit& gamma_gamma, const PurchaseHistory& customer);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_PURCHASES_HPP_
