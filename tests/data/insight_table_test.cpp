// Churn and payment on the two plain tables: the mean over 5 folds of a plain penalised logistic regression.
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/insight/table_model.hpp"

namespace waypost {
namespace {

struct Figures {
  double auc = 0;
  double log_loss = 0;
};

Figures MeanOverFolds(const std::string& path, const TableModelOptions& options) {
  const TableModel model = CrossValidate(ReadDataTable(path).value(), options).value();
  Figures mean;
  for (const ProbabilityMetrics& fold : model.folds) {
    mean.auc += *fold.auc / static_cast<double>(model.folds.size());
    mean.log_loss += fold.log_loss / static_cast<double>(model.folds.size());
  }
  std::printf("auc %.5f log loss %.5f\n", mean.auc, mean.log_loss);
  return mean;
}

TEST(InsightTable, ChurnOfTelephoneCustomersIsRankedAndCalibrated) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "churn-telco/telco_customer_churn.csv.gz");
  const Figures mean = MeanOverFolds(path, {.label = "Churn", .excluded = {"customerID"}});
  EXPECT_GE(mean.auc, 0.8495);
  EXPECT_LE(mean.log_loss, 0.411);
}

TEST(InsightTable, PurchasesOfShoppersAreRankedWithAndWithoutTheColumnThatKnowsThem) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "payment-online-shoppers/online_shoppers_intention.csv.gz");
  const std::vector<std::string> names = {"OperatingSystems", "Browser", "Region", "TrafficType"};
  EXPECT_GE(MeanOverFolds(path, {.label = "Revenue", .categorical = names}).auc, 0.9165);
  EXPECT_GE(MeanOverFolds(path, {.label = "Revenue", .excluded = {"PageValues"}, .categorical = names}).auc, 0.755);
}

}  // namespace
}  // namespace waypost
