// cli/insight_table.hpp - waypost insight churn|payment on a plain table: a label predicted from the other columns.
#ifndef WAYPOST_CLI_INSIGHT_TABLE_HPP_
#define WAYPOST_CLI_INSIGHT_TABLE_HPP_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "output_flags.hpp"

namespace waypost::cli {

struct InsightTableFlags {
  std::string file;
  std::optional<std::string> label;
  std::optional<std::string> positive;
  std::optional<std::string> id_column;
  std::string categorical;  // names between commas
  std::string excluded;
  int folds = 5;
  std::vector<std::pair<std::string, OptionHandle>> options;  // all but --table, by name
};
void AddInsightTableFlags(Verb& verb, InsightTableFlags& flags);

//   key  of a row's probability in the output: "p_leave" or "p_pay".
absl::Status RunInsightTable(const InsightTableFlags& flags, const std::string& key, double l2, int threads,
                             const OutputFlags& output, Console& console);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_INSIGHT_TABLE_HPP_
