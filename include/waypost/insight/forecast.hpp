// waypost/insight/forecast.hpp - who will leave and who will pay in each of the coming periods, learned from what users
// did after earlier moments.
//
// Definition   Asked at a moment `at` about periods 1..H of length p: period t is [at + (t-1) p, at + t p). Forecast
//              are the users who acted in the last `inactive` before the moment.
//              A user leaves in the first period from whose beginning on they do not act for `inactive`.
//              A user pays in a period in which they have an event of a kind that pays. Of those who have paid before,
//              each period counts (repeat payments); of the others the first payment.
//              p_leave(t), p_pay(t) are seen from the moment: survival(t) = 1 - p_leave(1) - ... - p_leave(t);
//              expected_payments = p_pay(1) + ... + p_pay(H), for those who never paid the chance of a first payment;
//              expected_value = that times the mean of the user's own payments, drawn towards everyone's by the
//              weight of two.
//              Learned from the cut-offs at - F - m p H, m = 0, 1, ..., where F = max((H - 1) p + inactive, H p) is
//              what an outcome takes to be known: nothing at or after `at` is read. For each period the hazard of those
//              still there is a penalised logistic regression (insight/logistic.hpp) on the features of
//              insight/features.hpp (logarithms of those without an upper end, and the sessions missed, recency times
//              sessions per week) and on the host's facts about the user that held.
//              Backtest: the same at K earlier moments at - F - k p H, each forecast by what lay before it and compared
//              with what came, beside a regression on recency and number of acts alone.
// Sources      J. Singer, J. Willett, It's about time: using discrete-time survival analysis to study duration and the
//              timing of events, Journal of Educational Statistics 18(2), 1993.
// Deviations   Each period has coefficients of its own: what silence says differs from one to the next.
// Complexity   O(events) for each cut-off; the regressions as insight/logistic.hpp on at most max_rows rows a period.
// Determinism  Rows beyond max_rows are left out by a hash of user and cut-off; the same bytes for any number of
//              threads.
// Checked by   tests/unit/insight_forecast_test.cpp; tests/property/insight_forecast_test.cpp: no event at or after the
//              moment changes a forecast; tests/simulate/forecast_test.cpp: against the planted probabilities.
#ifndef WAYPOST_INSIGHT_FORECAST_HPP_
#define WAYPOST_INSIGHT_FORECAST_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/insight/activity.hpp"
#include "waypost/insight/logistic.hpp"
#include "waypost/insight/probability_metrics.hpp"

namespace waypost {

// Options of ForecastUsers and BacktestForecast. Aggregate: use designated initializers.
struct ForecastOptions {
  // -- what --
  std::int64_t at_us = 0;
  std::int64_t period_us = 7 * kDayMicros;     // more than 0
  int horizon = 4;                             // periods, 1..52
  std::int64_t inactive_us = 28 * kDayMicros;  // silence that means that a user has left, more than 0
  // -- quality --
  int cut_offs = 8;  // earlier moments to learn from at most, 1..100; as many as the events reach back
  LogisticOptions regression = {.l2 = 10};  // many features say much the same: more than of a table
  // -- speed --
  std::size_t max_rows = 200'000;  // users and cut-offs to learn from, 100 or more
};
absl::Status Validate(const ForecastOptions& options);

// Facts about users whose names begin so are forecasts written back: they are not learned from.
inline constexpr std::string_view kForecastFactPrefix = "waypost.";

// What moves a forecast away from the usual one, in log odds of the first period.
struct ForecastReason {
  std::string feature;
  double amount = 0;

  friend bool operator==(const ForecastReason&, const ForecastReason&) = default;
};

struct UserForecast {
  std::uint32_t user = 0;  // index in the log
  bool paid_before = false;
  std::vector<double> p_leave, survival, p_pay;  // of each period
  double expected_payments = 0;
  double expected_value = 0;
  std::vector<ForecastReason> leave_because, pay_because;  // at most 3 that raise it, the largest first

  friend bool operator==(const UserForecast&, const UserForecast&) = default;
};

struct Forecast {
  std::vector<UserForecast> users;     // by index
  std::vector<std::int64_t> cut_offs;  // learned from, the latest first
  std::size_t rows = 0;                // users and cut-offs learned from
  std::vector<std::string> columns;    // of the regressions
  std::vector<std::string> problems;
};

// Returns the forecast of everyone who acted in the last `inactive` before the moment.
//
//   facts    the host's columns about users; may be empty.
// Errors     kInvalidArgument: options.  kFailedPrecondition: no event has a time; the events before the moment do not
//            reach back far enough for one cut-off, with the days it takes.  kResourceExhausted: memory.
absl::StatusOr<Forecast> ForecastUsers(const EventLog& log, const UserTable& facts, const ForecastOptions& options,
                                       const Parallelism& parallelism = {});

// Of one horizon: what was forecast against what came, over all cut-offs of a backtest.
struct HorizonFigures {
  int period = 0;
  ProbabilityMetrics model;
  ProbabilityMetrics baseline;  // recency and frequency alone
  // A user forecast at several cut-offs counts as several, so that the interval is too narrow where those are alike.
  // Empty with fewer than two of an outcome.
  std::optional<AucDifference> advantage;
};

struct Backtest {
  std::vector<std::int64_t> cut_offs;
  std::size_t forecasts = 0;                   // users and cut-offs
  std::vector<HorizonFigures> leave;           // left within t periods
  std::vector<HorizonFigures> first_payment;   // of those who never paid: paid within t periods
  std::vector<HorizonFigures> repeat_payment;  // of those who paid before: paid in period t
  std::vector<std::string> problems;
};

// Repeats the forecast at `count` earlier moments and compares.
//
// Errors  those of ForecastUsers; kInvalidArgument: count below 1 or above 100.
absl::StatusOr<Backtest> BacktestForecast(const EventLog& log, const UserTable& facts, const ForecastOptions& options,
                                          int count, const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_FORECAST_HPP_
