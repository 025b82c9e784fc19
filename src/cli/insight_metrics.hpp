// cli/insight_metrics.hpp - how the figures of predicted probabilities are named and written.
#ifndef WAYPOST_CLI_INSIGHT_METRICS_HPP_
#define WAYPOST_CLI_INSIGHT_METRICS_HPP_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "json_writer.hpp"
#include "waypost/insight/probability_metrics.hpp"

namespace waypost::cli {

struct MetricValue {
  std::string name;
  std::optional<double> value;  // empty: not defined
};

// The mean of each figure over those of `parts` that define it.
inline std::vector<MetricValue> MeanMetrics(const std::vector<ProbabilityMetrics>& parts) {
  std::vector<MetricValue> means;
  const auto add = [&](const std::string& name, const auto& read) {
    double sum = 0;
    std::size_t count = 0;
    for (const ProbabilityMetrics& part : parts) {
      const std::optional<double> value = read(part);
      if (!value) continue;
      sum += *value;
      ++count;
    }
    means.push_back({name, count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count))});
  };
  using M = ProbabilityMetrics;
  add("auc", [](const M& m) { return m.auc; });
  add("pr_auc", [](const M& m) { return m.pr_auc; });
  add("log_loss", [](const M& m) { return std::optional(m.log_loss); });
  add("brier", [](const M& m) { return std::optional(m.brier); });
  add("calibration_error", [](const M& m) { return std::optional(m.calibration_error); });
  add("calibration_slope", [](const M& m) { return m.calibration_slope; });
  add("top_decile_lift", [](const M& m) { return m.top_decile_lift; });
  add("top_decile_capture", [](const M& m) { return m.top_decile_capture; });
  return means;
}

inline void WriteMetrics(JsonWriter& json, const std::vector<MetricValue>& metrics) {
  json.BeginObject();
  for (const MetricValue& metric : metrics) json.Member(metric.name, metric.value);
  json.EndObject();
}

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_INSIGHT_METRICS_HPP_
