// waypost/insight/hazard.hpp - when something happens for the first time: person-period hazards.
//
// Definition   A subject is watched through periods 1, 2, ...: until the event happens in one, or until watching ends.
//              The hazard h_t(x) is the probability that it happens in period t if it has not before:
//              logit h_t(x) = a_b(t) + x' b, one intercept for each bin b of periods and covariates x that may
//              differ by period. Each period watched is a row of a logistic regression. Survival S(t) is the product
//              of 1 - h_s over s = 1..t. The life table is the case without covariates: h_t = d_t / n_t, with n_t
//              watched in period t and d_t events in it; its survival is the estimate of Kaplan and Meier [2], its
//              standard error Greenwood's [3].
// Sources      [1] J. Singer, J. Willett, It's about time: using discrete-time survival analysis to study duration and
//                  the timing of events, Journal of Educational Statistics 18(2), 1993.
//              [2] E. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, JASA 53, 1958.
//              [3] M. Greenwood, The natural duration of cancer, 1926.
// Complexity   as insight/logistic.hpp, in the number of rows; bins cost next to nothing.
// Numerics     a bin without an event, or of events alone, has the hazard 0 or 1 exactly.
// Determinism  as insight/logistic.hpp.
// Checked by   tests/unit/insight_hazard_test.cpp: the life table and Kaplan and Meier by the regression to 1e-12, the
//              published survival of Gehan's 6-MP arm, planted hazards.
#ifndef WAYPOST_INSIGHT_HAZARD_HPP_
#define WAYPOST_INSIGHT_HAZARD_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/insight/logistic.hpp"

namespace waypost {

// How long one subject was watched.
struct PersonLifetime {
  std::uint32_t periods = 0;  // watched periods, 1 or more
  bool event = false;         // it happened in the last of them; otherwise watching ended

  friend bool operator==(const PersonLifetime&, const PersonLifetime&) = default;
};

struct LifeTableRow {
  std::uint32_t period = 0;
  std::size_t at_risk = 0;
  std::size_t events = 0;
  double hazard = 0;
  double survival = 1;        // to the end of the period
  double standard_error = 0;  // of the survival
};

// Returns a row for each period 1..the longest.
// Errors  kInvalidArgument: no lifetime, one of no period or of more than kMaxPeriods.
absl::StatusOr<std::vector<LifeTableRow>> MakeLifeTable(std::span<const PersonLifetime> lifetimes);

inline constexpr std::uint32_t kMaxPeriods = 100'000;

// Rows of subjects and periods, gathered one by one.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class PersonPeriods {
 public:
  //   columns    names of the covariates.
  //   bin_ends   last period of each bin, ascending: {1, 2, 4} has the bins 1, 2 and 3..4. Periods beyond the last end
  //              belong to the last bin.
  // Requires   bin_ends is not empty, ascends and starts at 1 or more.
  PersonPeriods(std::vector<std::string> columns, std::vector<std::uint32_t> bin_ends);

  // Adds one period of one subject.
  // Requires  period >= 1; covariates has a value for each column.
  void Add(std::uint32_t period, std::span<const double> covariates, bool event);

  // Adds every period of a subject whose covariates stay the same.
  void Add(const PersonLifetime& lifetime, std::span<const double> covariates) {
    for (std::uint32_t period = 1; period <= lifetime.periods; ++period)
      Add(period, covariates, lifetime.event && period == lifetime.periods);
  }

  void Reserve(std::size_t rows);
  std::size_t rows() const { return labels_.size(); }
  std::size_t Bin(std::uint32_t period) const;
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<std::uint32_t>& bin_ends() const { return bin_ends_; }
  LogisticDataView view() const { return {values_, columns_, labels_, groups_, bin_ends_.size()}; }

 private:
  std::vector<std::string> columns_;
  std::vector<std::uint32_t> bin_ends_;
  std::vector<double> values_;
  std::vector<std::uint8_t> labels_;
  std::vector<std::uint32_t> groups_;
};

// Immutable: safe to use from any number of threads.
struct HazardModel {
  std::vector<std::string> columns;
  std::vector<std::uint32_t> bin_ends;
  LogisticFit fit;  // its group b is bin b
  std::vector<std::string> problems;

  // The hazard in a period. Beyond the last bin's end that of the last bin.
  // Requires  period >= 1; covariates has a value for each column.
  double Hazard(std::uint32_t period, std::span<const double> covariates) const;

  // S(1), ..., S(periods) of covariates that stay the same.
  std::vector<double> Survival(std::uint32_t periods, std::span<const double> covariates) const;
};

// Returns the model.
// Errors  those of FitLogistic; kFailedPrecondition also where a bin has no row, with its periods.
absl::StatusOr<HazardModel> FitHazard(const PersonPeriods& rows, const LogisticOptions& options = {},
                                      const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_HAZARD_HPP_
