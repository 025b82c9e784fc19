// Growth curves on certified sets in the letters of the logistic equation, and on a real community.
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/insight/growth.hpp"

namespace waypost {
namespace {

struct Points {
  std::vector<double> times;
  std::vector<double> counts;
};

// The data of a certified set, which begin at line 61.
Points ReadCertified(const std::string& path) {
  Points points;
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line);
    double y = 0, x = 0;
    if (number <= 60 || !(words >> y >> x)) continue;
    points.counts.push_back(y);
    points.times.push_back(x);
  }
  return points;
}

TEST(Growth, Rat42IsTheCertifiedLogisticCurve) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "nist-strd/Rat42.dat");
  const Points points = ReadCertified(path);
  const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kLogistic).value();
  EXPECT_EQ(fit.status, FitStatus::kConverged);
  EXPECT_TRUE(fit.capacity_identified);
  // Certified b1, b3 and b1 / (1 + exp(b2)); ten digits.
  EXPECT_NEAR(fit.parameter("K").estimate, 72.462237576, 5e-9);
  EXPECT_NEAR(fit.parameter("r").estimate, 0.067359200066, 5e-12);
  EXPECT_NEAR(fit.parameter("N0").estimate, 72.462237576 / (1 + std::exp(2.6180768402)), 1e-9);
  EXPECT_NEAR(fit.parameter("N0").estimate, 4.926276, 5e-7);
  EXPECT_NEAR(fit.parameter("K").standard_error, 1.7340283401, 1e-9);
  EXPECT_NEAR(fit.parameter("r").standard_error, 3.4465663377e-3, 1e-12);
  EXPECT_NEAR(fit.midpoint, 38.8674, 5e-5);
  EXPECT_NEAR(fit.rss, 8.0565229338, 1e-9);
  EXPECT_EQ(fit.variance_ratio, 1);  // nine residuals without a pattern
}

TEST(Growth, Rat43IsTheCertifiedCurveOfRichards) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "nist-strd/Rat43.dat");
  const Points points = ReadCertified(path);
  const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kRichards).value();
  EXPECT_EQ(fit.status, FitStatus::kConverged);
  EXPECT_NEAR(fit.parameter("K").estimate, 6.9964151270e2, 5e-8);
  EXPECT_NEAR(fit.parameter("r").estimate, 7.5962938329e-1, 5e-11);
  EXPECT_NEAR(fit.parameter("shape").estimate, 1.2792483859, 5e-10);
  EXPECT_NEAR(fit.parameter("N0").estimate, 6.9964151270e2 / std::pow(1 + std::exp(5.2771253025), 1 / 1.2792483859),
              1e-8);
  EXPECT_NEAR(fit.rss, 8.7864049080e3, 1e-6);
  EXPECT_LT(FitGrowth(points.times, points.counts, GrowthModel::kLogistic)->rss, 1e5);
}

TEST(Growth, ARealCommunityHasTheReferenceFitAndIntervalsThatAdmitSerialCorrelation) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "qa-cs-stackexchange/growth_daily.tsv.gz");
  const DataTable table = ReadDataTable(path).value();
  const std::vector<double> times = table.Times("date").value();
  const GrowthFit fit =
      FitGrowth(times, table.Numbers("cumulative_active_users").value(), GrowthModel::kLogistic).value();
  EXPECT_EQ(fit.status, FitStatus::kConverged);
  EXPECT_NEAR(fit.parameter("K").estimate, 10721, 0.5);
  EXPECT_NEAR(fit.parameter("r").estimate, 0.0039272, 5e-8);
  EXPECT_NEAR(fit.parameter("N0").estimate, 787.1, 0.05);
  EXPECT_NEAR(fit.midpoint, 645.6, 0.05);
  EXPECT_NEAR(fit.rss, 2.522e7, 5e3);
  EXPECT_NEAR(fit.parameter("K").standard_error, 218, 0.5);
  EXPECT_GT(fit.autocorrelation, 0.9);
  // The end of the period lies in it, twice the naive half width does not reach its ends.
  ASSERT_TRUE(fit.parameter("K").low.has_value());
  EXPECT_LT(*fit.parameter("K").low, 10721 - 4 * 218);
  EXPECT_GT(fit.parameter("K").high.value_or(1e9), 10721 + 4 * 218);
}

}  // namespace
}  // namespace waypost
