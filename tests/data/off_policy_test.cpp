// The published figures of off-policy evaluation on the Open Bandit data: the Thompson policy, as the frequencies of
// items by position in its own log, estimated from the log of the random policy.
#include "waypost/eval/off_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/eval/tabular_policy.hpp"
#include "waypost/event/data_table.hpp"

namespace waypost {
namespace {

struct Log {
  std::vector<std::uint32_t> positions, items;
  std::vector<double> clicks, propensities;

  explicit Log(const std::string& file) {
    const DataTable table = ReadDataTable(file).value();
    const std::vector<double> position_numbers = table.Numbers("position").value();
    const std::vector<double> item_numbers = table.Numbers("item_id").value();
    for (const double position : position_numbers) positions.push_back(static_cast<std::uint32_t>(position) - 1);
    for (const double item : item_numbers) items.push_back(static_cast<std::uint32_t>(item));
    clicks = table.Numbers("click").value();
    propensities = table.Numbers("propensity_score").value();
  }
  TabularDecisions decisions() const { return {positions, items, 3, 34}; }
};

TEST(OffPolicyData, TheThompsonPolicyFromTheRandomLogHasThePublishedFigures) {
  WAYPOST_FIND_DATA_OR_SKIP(random_file, "bandit-open-men/random.csv.gz");
  WAYPOST_FIND_DATA_OR_SKIP(thompson_file, "bandit-open-men/bts.csv.gz");
  const Log random(random_file), thompson(thompson_file);
  const TabularPolicy policy = FrequencyPolicy(thompson.decisions()).value();
  std::vector<double> target;
  for (std::size_t i = 0; i < random.items.size(); ++i)
    target.push_back(policy.at(random.positions[i], random.items[i]));
  const RewardPredictions predicted = CrossFitMeans(random.decisions(), random.clicks, policy).value();
  const OffPolicyEvaluation found = EvaluateOffPolicy({.rewards = random.clicks,
                                                       .propensities = random.propensities,
                                                       .target = target,
                                                       .predicted_taken = predicted.taken,
                                                       .predicted_target = predicted.target})
                                        .value();
  EXPECT_NEAR(found.ips.value, 0.0056563, 5e-8);
  EXPECT_NEAR(found.ips.standard_error, 0.0013975, 5e-8);
  EXPECT_NEAR(found.snips.value, 0.0057399, 5e-8);
  EXPECT_NEAR(found.effective_sample, 2869.3, 0.05);
  EXPECT_FALSE(found.ips.told());  // the log cannot tell the policies apart, by any of the estimators
  EXPECT_FALSE(found.snips.told());
  EXPECT_FALSE(found.dr->told());
  EXPECT_LT(found.dr->interval.low, 0.0069);  // the mean click rate of the Thompson policy's own log
  EXPECT_GT(found.dr->interval.high, 0.0069);
}

}  // namespace
}  // namespace waypost
