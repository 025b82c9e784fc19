// Repeat purchases of CDNOW's customers, the data of the published figures.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/insight/purchases.hpp"

namespace waypost {
namespace {

double DayOf(const std::string& digits) {
  const std::string date = digits.substr(0, 4) + "-" + digits.substr(4, 2) + "-" + digits.substr(6);
  return static_cast<double>(ParseTimestamp(date, std::nullopt).value()) / 86'400e6;
}

// Purchases of one day merged, up to 1997-09-30, in weeks.
std::vector<PurchaseHistory> Histories(const DataTable& table, bool rounded) {
  const DataColumn& customers = *table.Find("customer_id").value();
  const DataColumn& dates = *table.Find("date").value();
  const std::vector<double> dollars = table.Numbers("dollars").value();
  const double end = DayOf("19970930");
  std::map<std::string, std::map<double, double>> days;
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (const double day = DayOf(std::string(dates.text(row))); day <= end)
      days[std::string(customers.text(row))][day] += dollars[row];
  const auto weeks = [&](double count) { return rounded ? std::round(100 * count / 7) / 100 : count / 7; };
  std::vector<PurchaseHistory> histories;
  for (const auto& [customer, spends] : days) {
    const double first = spends.begin()->first;
    PurchaseHistory history{.repeats = static_cast<double>(spends.size() - 1),
                            .recency = weeks(spends.rbegin()->first - first),
                            .age = weeks(end - first)};
    for (const auto& [day, spend] : spends)
      if (day > first) history.mean_spend += spend / history.repeats;
    histories.push_back(history);
  }
  return histories;
}

TEST(Purchases, CdnowHasThePublishedFits) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "retention-cdnow/cdnow_sample_transactions.tsv.gz");
  const DataTable table = ReadDataTable(path).value();
  const std::vector<PurchaseHistory> customers = Histories(table, /*rounded=*/true);
  ASSERT_EQ(customers.size(), 2357u);
  const PurchaseFit fit = FitBgNbd(customers).value();
  EXPECT_EQ(fit.status, FitStatus::kConverged);
  EXPECT_NEAR(fit.parameters[0].estimate, 0.242593, 1e-6);
  EXPECT_NEAR(fit.parameters[1].estimate, 4.413532, 1e-6);
  EXPECT_NEAR(fit.parameters[2].estimate, 0.792886, 1e-6);
  EXPECT_NEAR(fit.parameters[3].estimate, 2.425753, 1e-6);
  EXPECT_NEAR(fit.log_likelihood, -9582.4256, 1e-4);
  EXPECT_NEAR(FitBgNbd(Histories(table, /*rounded=*/false))->log_likelihood, -9582.4292, 1e-4);

  const PurchaseFit spend = FitGammaGamma(customers).value();
  EXPECT_EQ(spend.customers, 946u);
  EXPECT_EQ(spend.status, FitStatus::kConverged);
  EXPECT_NEAR(spend.parameters[0].estimate, 6.2496, 5e-5);
  EXPECT_NEAR(spend.parameters[1].estimate, 3.7442, 5e-5);
  EXPECT_NEAR(spend.parameters[2].estimate, 15.4435, 5e-5);
  EXPECT_NEAR(spend.log_likelihood, -4055.918, 1e-3);
}

}  // namespace
}  // namespace waypost
