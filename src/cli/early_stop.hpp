// cli/early_stop.hpp - how many epochs to train, found on a part of the events that is held out for it.
#ifndef WAYPOST_CLI_EARLY_STOP_HPP_
#define WAYPOST_CLI_EARLY_STOP_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "continuation.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::cli {

struct EarlyStopFlags {
  std::string metric;  // empty: no early stop
  std::optional<double> share;
};
void AddEarlyStopFlags(Verb& verb, EarlyStopFlags& flags);

// Errors  usage: a metric that is none or means nothing here; a model without epochs; patience without --early-stop.
absl::Status CheckEarlyStop(const EarlyStopFlags& flags, const ModelOptions& options);

struct EarlyStop {
  ModelOptions options;        // to train on everything with
  std::vector<double> values;  // the metric after each epoch; empty where it was not asked for
};

// Trains without a random share of each user's items, measures the metric on them after each epoch, and returns the
// options with the number of epochs that did best. Where `continuation` goes on with a training after that search, they
// come from there.
absl::StatusOr<EarlyStop> FindEpochs(const EarlyStopFlags& flags, const EventLog& log,
                                     const WeightingOptions& weighting, const ModelOptions& options, std::uint64_t seed,
                                     const Parallelism& parallelism, Continuation& continuation, Console& console);

// The search in words: what Continuation::Open compares. "" without one.
std::string DescribeSearch(const EarlyStopFlags& flags, std::uint64_t seed);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_EARLY_STOP_HPP_
