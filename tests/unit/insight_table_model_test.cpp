#include "waypost/insight/table_model.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_support::TemporaryFolder;

DataTable Read(const std::string& csv) {
  const TemporaryFolder folder;
  return ReadDataTable(folder.Write("t.csv", csv)).value();
}

std::vector<std::size_t> Range(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> rows;
  for (; begin < end; ++begin) rows.push_back(begin);
  return rows;
}

TEST(TableEncoder, MakesNumbersByTheRulesAndTheTrainingRowsAlone) {
  const DataTable table = Read(
      "minutes,delta,paid,city\n"
      "1,-1,0,Bonn\n"
      ",2,1,Bonn\n"
      "3,0,0,\n"
      "8,5,1,\xe5\x8c\x97\xe4\xba\xac\n"
      "100,7,1,Rome\n");
  const std::vector<std::size_t> columns = {0, 1, 2, 3};
  const TableEncoder encoder = TableEncoder::Learn(table, columns, {false, false, false, false}, Range(0, 4)).value();
  // delta has a negative, paid two values: no logarithm. Bonn is the most frequent city.
  EXPECT_THAT(encoder.names(), ElementsAre("minutes", "minutes missing", "log1p(minutes)", "delta", "paid",
                                           "city=", "city=\xe5\x8c\x97\xe4\xba\xac"));
  EXPECT_THAT(encoder.Encode(table, Range(1, 2)), ElementsAre(4, 1, std::log1p(4.0), 2, 1, 0, 0));
  EXPECT_THAT(encoder.Encode(table, Range(2, 3)), ElementsAre(3, 0, std::log1p(3.0), 0, 0, 1, 0));
  EXPECT_THAT(encoder.Encode(table, Range(4, 5)), ElementsAre(100, 0, std::log1p(100.0), 7, 1, 0, 0));  // Rome is new
  const TableEncoder names = TableEncoder::Learn(table, columns, {false, true, true, false}, Range(0, 4)).value();
  EXPECT_THAT(names.names(), ElementsAre("minutes", "minutes missing", "log1p(minutes)", "delta=0", "delta=2",
                                         "delta=5", "paid=1", "city=", "city=\xe5\x8c\x97\xe4\xba\xac"));
}

// Labels drawn from a known regression on a number and a text.
std::string PlantedCsv(std::size_t rows, const std::string& no, const std::string& yes) {
  Random random(3);
  std::string csv = "id,x,plan,copy,flat,left\n";
  for (std::size_t row = 0; row < rows; ++row) {
    const double x = random.Normal();
    const bool annual = random.Bernoulli(0.4);
    const bool left = random.Bernoulli(1 / (1 + std::exp(0.5 - 1.5 * x + 1.0 * annual)));
    const std::string text = std::to_string(x);
    csv += "u" + std::to_string(row) + "," + text + "," + (annual ? "annual" : "monthly") + "," + text + ",7," +
           (left ? yes : no) + "\r\n";
  }
  return csv;
}

TEST(CrossValidate, FindsThePlantedRegressionAndJudgesItOnOtherRows) {
  const DataTable table = Read(PlantedCsv(4000, "No", "Yes"));
  const TableModel model = CrossValidate(table, {.label = "left", .excluded = {"copy", "flat"}}).value();
  EXPECT_EQ(model.positive, "Yes");
  ASSERT_EQ(model.coefficients.size(), 2u);
  EXPECT_EQ(model.coefficients[1].name, "plan=annual");
  EXPECT_NEAR(model.coefficients[0].value, 1.5, 4 * model.coefficients[0].standard_error);
  EXPECT_NEAR(model.coefficients[1].value, -1.0, 4 * model.coefficients[1].standard_error);
  EXPECT_NEAR(model.intercept, -0.5, 0.2);
  ASSERT_EQ(model.folds.size(), 5u);
  for (const ProbabilityMetrics& fold : model.folds) {
    EXPECT_EQ(fold.count, 800u);
    EXPECT_GT(*fold.auc, 0.78);
    EXPECT_NEAR(*fold.calibration_slope, 1, 0.35);
  }
  EXPECT_THAT(model.problems, ElementsAre("column 'id' has another text in every row: left out as an identifier"));
}

TEST(CrossValidate, ALabelKnownToOneRowAloneCannotReachItsOwnPrediction) {
  std::string csv = PlantedCsv(400, "0", "1");
  const TableModel before = CrossValidate(Read(csv), {.label = "left", .excluded = {"id"}}).value();
  char& last = csv[csv.size() - 3];  // the label of row 399, fold 4
  last = last == '1' ? '0' : '1';
  const TableModel after = CrossValidate(Read(csv), {.label = "left", .excluded = {"id"}}).value();
  for (std::size_t row = 0; row < 400; ++row)
    EXPECT_EQ(before.probabilities[row] == after.probabilities[row], row % 5 == 4) << row;
}

TEST(CrossValidate, ReportsConstantAndCollinearColumnsAndWithoutAPenaltyRefusesThem) {
  const DataTable table = Read(PlantedCsv(300, "false", "true"));
  const TableModel model = CrossValidate(table, {.label = "left", .excluded = {"id"}}).value();
  EXPECT_THAT(model.problems, ElementsAre("constant column: column 'flat' is constant: 7",
                                          "collinear column: column 'copy' goes with 'x'"));
  TableModelOptions options = {.label = "left", .excluded = {"id"}, .regression = {.l2 = 0}};
  EXPECT_THAT(std::string(CrossValidate(table, options).status().message()),
              HasSubstr("fold 0: FitLogistic: constant column: column 'flat' is constant: 7"));
  options.excluded.push_back("flat");
  EXPECT_THAT(std::string(CrossValidate(table, options).status().message()),
              HasSubstr("collinear column: column 'copy' goes with 'x'"));
}

TEST(CrossValidate, NamesWhatIsWrongWithTheLabelAndTheRoles) {
  const auto message = [](const std::string& csv, const TableModelOptions& options) {
    return std::string(CrossValidate(Read(csv), options).status().message());
  };
  const std::string csv = "x,y\n1,a\n2,b\n3,a\n4,b\n";
  EXPECT_THAT(message(csv, {.label = "z", .folds = 2}), HasSubstr("'z'"));
  EXPECT_THAT(message(csv, {.label = "y", .folds = 2}),
              HasSubstr("want 0/1, no/yes or false/true, or the positive value named, got 'a'"));
  EXPECT_THAT(message(csv, {.label = "y", .positive = "c", .folds = 2}), HasSubstr("'c' in some row, got none"));
  EXPECT_TRUE(
      CrossValidate(Read("x,y\n1,a\n2,b\n3,b\n4,a\n5,a\n6,b\n7,c\n8,b\n"), {.label = "y", .positive = "b", .folds = 2})
          .ok());
  EXPECT_THAT(message("x,y\n1,0\n2,\n", {.label = "y", .folds = 2}), HasSubstr("t.csv:3: column 'y': want a label"));
  EXPECT_THAT(message("x,y\n1,0\n2,1\n3,2\n", {.label = "y", .folds = 2}), HasSubstr("t.csv:4:"));
  EXPECT_THAT(message("x,y\n1,0\n2,0\n", {.label = "y", .folds = 2}), HasSubstr("got '0' in every row"));
  EXPECT_THAT(message("x,y\n1,a\n2,a\n", {.label = "y", .positive = "a", .folds = 2}),
              HasSubstr("got 'a' in every row"));
  EXPECT_THAT(message("x,y\n1,0\n2,1\n", {.label = "y", .folds = 9}), HasSubstr("folds: want 2..2, the rows, got 9"));
  EXPECT_THAT(message("x,y\n1,0\n2,1\n", {.label = "y", .excluded = {"x"}, .folds = 2}),
              HasSubstr("want a column beside the label"));
  EXPECT_THAT(message(csv, {.label = "y", .positive = "a", .excluded = {"y"}, .folds = 2}), HasSubstr("left out"));
  EXPECT_THAT(message("x,y\n1,0\n2,1\n3,0\n4,1\n", {.label = "y", .folds = 2}),
              HasSubstr("fold 0: FitLogistic.labels: want both 0 and 1; every label is 1"));
}

}  // namespace
}  // namespace waypost
