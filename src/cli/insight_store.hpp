// cli/insight_store.hpp - waypost insight churn|payment on a store: forecasts by period and their backtest.
#ifndef WAYPOST_CLI_INSIGHT_STORE_HPP_
#define WAYPOST_CLI_INSIGHT_STORE_HPP_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "output_flags.hpp"

namespace waypost::cli {

struct InsightStoreFlags {
  std::string store;
  std::optional<std::string> at;
  std::string period = "7d";
  int horizon = 4;
  std::string inactive = "28d";
  std::optional<int> backtest;
  bool write_back = false;
  std::vector<std::pair<std::string, OptionHandle>> options;  // all but --store, by name
};
void AddInsightStoreFlags(Verb& verb, InsightStoreFlags& flags);

enum class ForecastSubject { kChurn, kPayment };

absl::Status RunInsightStore(const InsightStoreFlags& flags, ForecastSubject subject, double l2, int threads,
                             const OutputFlags& output, Console& console);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_INSIGHT_STORE_HPP_
