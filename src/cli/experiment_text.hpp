// cli/experiment_text.hpp - what two arms of an experiment tell, as text and as JSON.
#ifndef WAYPOST_CLI_EXPERIMENT_TEXT_HPP_
#define WAYPOST_CLI_EXPERIMENT_TEXT_HPP_

#include <cmath>
#include <optional>
#include <string>

#include "json_writer.hpp"
#include "table.hpp"
#include "waypost/eval/ab_test.hpp"

namespace waypost::cli {

inline const char* ExperimentVerdict(const ExperimentReadOut& found) {
  if (std::isinf(found.interval.low)) return "too early";
  return !found.told() ? "not told apart" : found.difference > 0 ? "higher" : "lower";
}

inline std::string ExperimentInterval(const Interval& interval, int digits) {
  if (std::isinf(interval.low)) return "";
  return "[" + Fixed(interval.low, digits) + ", " + Fixed(interval.high, digits) + "]";
}

// Writes an object; the interval is null before anything is told.
inline void WriteExperiment(JsonWriter& json, const ExperimentReadOut& found) {
  json.BeginObject();
  json.Member("difference", found.difference);
  json.Key("interval");
  WriteInterval(json, std::isinf(found.interval.low) ? std::nullopt : std::optional(found.interval));
  json.Member("p_value", found.p_value);
  json.Member("standard_error", found.standard_error);
  json.Member("verdict", ExperimentVerdict(found));
  json.EndObject();
}

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_EXPERIMENT_TEXT_HPP_
