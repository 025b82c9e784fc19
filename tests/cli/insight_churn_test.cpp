// waypost insight churn and payment.
#include <cmath>
#include <string>

#include <gmock/gmock.h>

#include "tool.hpp"
#include "waypost/base/random.hpp"

namespace waypost::testing_support {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class InsightChurn : public CliTest {};

std::string Customers(int rows) {
  Random random(1);
  std::string csv = "id,months,plan,flat,left\n";
  for (int row = 0; row < rows; ++row) {
    const double months = std::floor(40 * random.Uniform());
    const bool annual = random.Bernoulli(0.5);
    const bool left = random.Bernoulli(1 / (1 + std::exp(-1 + 0.08 * months + annual)));
    csv += "u" + std::to_string(row) + "," + std::to_string(months) + "," + (annual ? "annual" : "monthly") + ",1," +
           (left ? "Yes" : "No") + "\n";
  }
  return csv;
}

TEST_F(InsightChurn, JudgesATableInFoldsAndListsWhoIsAtRiskFirst) {
  const std::string table = Write("customers.csv", Customers(1000));
  const json run = RunJson({"insight", "churn", "--table", table, "--label", "left", "--id-col", "id"});
  EXPECT_EQ(run["rows"], 1000);
  EXPECT_EQ(run["positive"], "Yes");
  EXPECT_GT(run["metrics"]["auc"].get<double>(), 0.65);
  for (const char* name : {"auc", "pr_auc", "log_loss", "brier", "calibration_error"})
    EXPECT_TRUE(run["metrics"][name].is_number()) << name;
  EXPECT_EQ(run["folds"].size(), 5u);
  ASSERT_EQ(run["users"].size(), 1000u);
  for (std::size_t n = 1; n < 1000; ++n)
    EXPECT_GE(run["users"][n - 1]["p_leave"][0].get<double>(), run["users"][n]["p_leave"][0].get<double>());
  ASSERT_EQ(run["problems"].size(), 1u);
  EXPECT_THAT(run["problems"][0].get<std::string>(), HasSubstr("column 'flat' is constant"));
  const json payment = RunJson({"insight", "payment", "--table", table, "--label", "left", "--id-col", "id",
                                "--positive", "No", "--threads", "1"});
  EXPECT_NEAR(payment["users"][0]["p_pay"][0].get<double>(), 1 - run["users"][999]["p_leave"][0].get<double>(), 1e-9);
}

TEST_F(InsightChurn, WithoutAPenaltyAConstantColumnIsAnErrorThatNamesIt) {
  const std::string table = Write("customers.csv", Customers(200));
  const ToolResult refused =
      Run({"insight", "churn", "--table", table, "--label", "left", "--exclude-col", "id", "--l2", "0"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("constant column: column 'flat' is constant"));
  EXPECT_EQ(Run({"insight", "churn", "--table", table, "--label", "left", "--exclude-col", "id,flat", "--l2", "0"})
                .exit_status,
            0);
}

TEST_F(InsightChurn, SaysWhatIsMissingOrWrong) {
  EXPECT_EQ(Run({"insight", "churn"}).exit_status, 2);
  const std::string table = Write("customers.csv", Customers(50));
  const ToolResult no_label = Run({"insight", "churn", "--table", table});
  EXPECT_EQ(no_label.exit_status, 2);
  EXPECT_THAT(no_label.err, HasSubstr("--label"));
  const ToolResult unknown = Run({"insight", "churn", "--table", table, "--label", "gone"});
  EXPECT_EQ(unknown.exit_status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("gone"));
}

TEST_F(InsightChurn, FiguresAsATableAreThoseOfTheObject) {
  const std::string table = Write("customers.csv", Customers(500));
  const ToolResult shown =
      Run({"insight", "churn", "--table", table, "--label", "left", "--exclude-col", "id", "--format", "csv"});
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("metric,mean,least,most\nauc,0."));
  EXPECT_THAT(shown.err, HasSubstr("column 'flat' is constant"));
}

}  // namespace
}  // namespace waypost::testing_support
