// insight uplift: what it finds in an experiment, and what it refuses.
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"
#include "waypost/base/random.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

// Learners of two plans, of whom a reminder moves only those of the free plan.
class UpliftVerb : public CliTest {
 protected:
  std::string Experiment() const {
    Random random(1);
    std::string table = "id,plan,visits,reminded,paid\n";
    for (int n = 0; n < 3000; ++n) {
      const bool free = random.Bernoulli(0.5), reminded = random.Bernoulli(0.5);
      const double rate = 0.1 + (free && reminded ? 0.3 : 0);
      table += "u" + std::to_string(n) + "," + (free ? "free" : "pro") + "," + std::to_string(random.Below(20)) + "," +
               (reminded ? "1" : "0") + "," + (random.Bernoulli(rate) ? "1" : "0") + "\n";
    }
    return Write("e.csv", table);
  }
  std::vector<std::string> Command(const std::string& table, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command = {"insight",  "uplift",        "--table", table,      "--treatment-col",
                                        "reminded", "--outcome-col", "paid",    "--id-col", "id"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
};

TEST_F(UpliftVerb, FindsWhomTheReminderMoves) {
  const std::string table = Experiment();
  for (const char* learner : {"dr", "t"}) {
    const Json json = RunJson(Command(table, {"--learner", learner, "--out", Path("u.csv")}));
    EXPECT_EQ(json["users"], 3000);
    EXPECT_NEAR(json["average"]["value"].get<double>(), 0.15, 0.05);
    EXPECT_GT(json["qini"]["interval"][0].get<double>(), 0.01);
    ASSERT_EQ(json["parts"].size(), 10u);
    EXPECT_NEAR(json["parts"][0]["predicted"].get<double>(), 0.3, 0.08);
    EXPECT_NEAR(json["parts"][9]["predicted"].get<double>(), 0, 0.08);
    EXPECT_NEAR(json["parts"][9]["gain"].get<double>(), json["average"]["value"].get<double>(), 1e-12);
    std::istringstream lines(ReadFile(Path("u.csv")));
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "user,uplift");
    std::getline(lines, line);
    EXPECT_TRUE(line.starts_with("u0,")) << line;
  }
  const ToolResult shown = Run(Command(table));
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.err, HasSubstr("average effect 0.1"));
  EXPECT_THAT(Run(Command(table, {"--exclude-col", "plan"})).err, HasSubstr("not told from chance"));
}

TEST_F(UpliftVerb, NamesFileAndLineOfWhatItRefuses) {
  const auto refusal = [&](const std::string& text, const std::vector<std::string>& more = {}) {
    const ToolResult result = Run(Command(Write("e.csv", text), more));
    EXPECT_NE(result.exit_status, 0);
    return result.err;
  };
  EXPECT_THAT(refusal("id,reminded,paid\na,1,0\nb,2,0\n"), HasSubstr("e.csv:3: column 'reminded': want 0 or 1"));
  EXPECT_THAT(refusal("id,reminded,paid\na,1,0\nb,1,0\n"), HasSubstr("want users of both arms"));
  EXPECT_THAT(refusal("id,reminded,paid\na,1,0\nb,0,\n"), HasSubstr("e.csv:3: column 'paid'"));
  EXPECT_THAT(refusal("id,reminded,paid\na,1,0\nb,0,1\n"), HasSubstr("want 2 users of each arm"));
  EXPECT_THAT(refusal("id,reminded,paid,p\na,1,0,0.5\nb,0,1,1\n", {"--propensity-col", "p"}),
              HasSubstr("e.csv:3: column 'p'"));
  EXPECT_THAT(refusal("id,reminded,paid\na,1,0\nb,0,1\n", {"--categorical", "paid"}), HasSubstr("--categorical"));
}

}  // namespace
}  // namespace waypost::testing_support
