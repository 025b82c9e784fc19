// waypost insight growth: a series of counts goes in, a curve with its intervals and a verdict on K comes out.
#include <cmath>
#include <string>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

class InsightGrowth : public CliTest {
 protected:
  // Rat42 of NIST: pasture yield over growing time.
  std::string Pasture() const {
    return Write(
        "pasture.csv",
        "time,value\n9,8.93\n14,10.80\n21,18.59\n28,22.33\n42,39.35\n57,56.11\n63,61.73\n70,64.62\n79,67.08\n");
  }
};

TEST_F(InsightGrowth, ACertifiedSetComesOutInTheArticlesLetters) {
  const nlohmann::json json = RunJson({"insight", "growth", "--table", Pasture()});
  const nlohmann::json& fit = json["fits"][0];
  EXPECT_EQ(fit["model"], "logistic");
  EXPECT_EQ(fit["status"], "converged");
  EXPECT_NEAR(fit["parameters"]["K"]["estimate"].get<double>(), 72.462237576, 5e-9);
  EXPECT_NEAR(fit["parameters"]["r"]["estimate"].get<double>(), 0.067359200066, 5e-12);
  EXPECT_NEAR(fit["parameters"]["N0"]["estimate"].get<double>(), 4.926276, 5e-7);
  EXPECT_NEAR(fit["parameters"]["K"]["se"].get<double>(), 1.7340283401, 1e-9);
  EXPECT_LT(fit["parameters"]["K"]["low"].get<double>(), 70);
  EXPECT_GT(fit["parameters"]["K"]["high"].get<double>(), 75);
  EXPECT_NEAR(fit["rss"].get<double>(), 8.0565229338, 1e-9);
  EXPECT_EQ(json["fits"][1]["model"], "richards");
  EXPECT_TRUE(json["best"] == "logistic" || json["best"] == "richards");
}

TEST_F(InsightGrowth, BeforeTheInflectionKIsNotIdentified) {
  std::string csv = "date,members\n";
  for (int day = 1; day <= 14; ++day)
    csv += "2024-03-" + std::string(day < 10 ? "0" : "") + std::to_string(day) + "," +
           std::to_string(std::lround(10 * std::exp(0.2 * day))) + "\n";
  const std::string file = Write("young.csv", csv);
  const nlohmann::json json =
      RunJson({"insight", "growth", "--table", file, "--time-col", "date", "--value-col", "members"});
  EXPECT_EQ(json["fits"][0]["status"], "K not identified");
  EXPECT_THAT(json["fits"][0]["verdict"].get<std::string>(), HasSubstr("K not identified"));
}

TEST_F(InsightGrowth, DrawsAPictureAndWritesTables) {
  const std::string plot = Path("growth.svg");
  const ToolResult result = Run({"insight", "growth", "--table", Pasture(), "--plot", plot});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("72.4622"));
  EXPECT_THAT(result.err, HasSubstr("K is between "));
  const std::string svg = ReadFile(plot);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const ToolResult csv = Run({"insight", "growth", "--table", Pasture(), "--format", "csv"});
  EXPECT_THAT(csv.out, HasSubstr("model,parameter,estimate,se,low,high,rss,aic,status\nlogistic,K,72.46223757"));
}

TEST_F(InsightGrowth, ErrorsNameFileAndLine) {
  const auto error = [&](const std::string& csv) {
    const ToolResult result = Run({"insight", "growth", "--table", Write("a.csv", csv)});
    EXPECT_EQ(result.exit_status, 1);
    return result.err;
  };
  EXPECT_THAT(error("time,value\n1,2\n2,x\n"), HasSubstr("a.csv:3: column 'value': want a finite number, got 'x'"));
  EXPECT_THAT(error("time,value\n1,2\n1,3\n"), HasSubstr("a.csv:3: column 'time': want every time once"));
  EXPECT_THAT(error("time,value\n1,2\n2,-3\n"), HasSubstr("a.csv:3: column 'value': want a count >= 0, got -3"));
  EXPECT_THAT(error("time,value\n1,2\n2,\n"), HasSubstr("want at least 4 rows with a time and a value, got 1"));
  EXPECT_THAT(error("time,n\n1,2\n"), HasSubstr("column 'value': want this column, got 'time', 'n'"));
  EXPECT_THAT(error("time,value\n1,0\n2,0\n3,0\n4,0\n"), HasSubstr("want a positive count"));
}

TEST_F(InsightGrowth, AnUnknownSubjectIsAUsageErrorAndTheGroupListsItsSubjects) {
  const ToolResult unknown = Run({"insight", "grwoth"});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_EQ(unknown.err, "waypost: unknown subject 'grwoth'; did you mean 'growth'?; see waypost insight --help\n");
  EXPECT_EQ(Run({"insight"}).exit_status, 2);
  EXPECT_EQ(Run({"insight", "growth"}).exit_status, 2);  // without --table
  const ToolResult help = Run({"insight", "--help"});
  EXPECT_EQ(help.exit_status, 0);
  EXPECT_THAT(help.out, HasSubstr("\n  growth"));
  EXPECT_THAT(Run({"insight", "growth", "--help"}).out, HasSubstr("Example:\n  waypost insight growth "));
  EXPECT_THAT(Run({"insight", "growth", "--table", "x", "--tabel", "x"}).err,
              HasSubstr("waypost insight growth: unknown option --tabel; did you mean '--table'?"));
}

}  // namespace
}  // namespace waypost::testing_support
