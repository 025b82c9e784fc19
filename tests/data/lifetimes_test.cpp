// Lifetimes of a survival classic, against values computed by another library.
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/insight/lifetimes.hpp"

namespace waypost {
namespace {

TEST(Lifetimes, LungHasTheReferenceCurveAndWeibull) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "survival-classics/lung.csv.gz");
  const DataTable table = ReadDataTable(path).value();
  const std::vector<double> times = table.Numbers("time").value(), dead = table.Numbers("status").value();
  std::vector<Lifetime> lifetimes;
  for (std::size_t row = 0; row < times.size(); ++row) lifetimes.push_back({times[row], dead[row] == 1});
  const std::vector<SurvivalStep> steps = KaplanMeier(lifetimes).value();
  EXPECT_EQ(MedianOf(steps), 310);
  const auto at = [&](double time) {
    double estimate = 1;
    for (const SurvivalStep& step : steps)
      if (step.time <= time) estimate = step.estimate;
    return estimate;
  };
  EXPECT_NEAR(at(100), 0.863969, 5e-7);
  EXPECT_NEAR(at(200), 0.680273, 5e-7);
  EXPECT_NEAR(at(310), 0.495024, 5e-7);
  EXPECT_NEAR(at(365), 0.409242, 5e-7);
  EXPECT_NEAR(at(500), 0.293269, 5e-7);
  const LifetimeFit weibull = FitLifetimes(lifetimes, LifetimeModel::kWeibull).value();
  EXPECT_EQ(weibull.status, FitStatus::kConverged);
  EXPECT_NEAR(weibull.parameters[0].estimate, 417.75865, 5e-5);
  EXPECT_NEAR(weibull.parameters[1].estimate, 1.316840, 5e-7);
  EXPECT_NEAR(weibull.log_likelihood, -1153.851188, 5e-7);
}

}  // namespace
}  // namespace waypost
