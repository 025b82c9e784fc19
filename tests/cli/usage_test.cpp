// What a person meets who types something wrong, and the help that sets it right.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kVerbs = {"train",   "evaluate", "compare", "tune", "recommend",
                                         "similar", "inspect",  "verify",  "plan"};

class Usage : public CliTest {
 protected:
  void ExpectUsageError(const std::vector<std::string>& arguments, const std::string& message) const {
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
};

TEST_F(Usage, HelpGoesToStandardOutputAndListsEveryVerb) {
  const ToolResult result = Run({"--help"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.err, "");
  for (const std::string& verb : kVerbs) EXPECT_THAT(result.out, HasSubstr("\n  " + verb));
}

TEST_F(Usage, EveryVerbsHelpHasOneExampleThatNamesTheVerb) {
  for (const std::string& verb : kVerbs) {
    SCOPED_TRACE(verb);
    const ToolResult result = Run({verb, "--help"});
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_THAT(result.out, HasSubstr("Example:\n  waypost " + verb + " "));
    EXPECT_EQ(result.out.find("Example:"), result.out.rfind("Example:"));
  }
}

TEST_F(Usage, TrainsHelpListsTheOptionsOfEveryModel) {
  const std::string help = Run({"train", "--help"}).out;
  for (const char* name : {"popularity", "item-knn", "ials", "neighbours", "similarity", "dimensions", "epochs",
                           "regularization", "unobserved_weight"})
    EXPECT_THAT(help, HasSubstr(name));
}

TEST_F(Usage, TheVersionIsOneLine) {
  const ToolResult result = Run({"--version"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.out, StartsWith("waypost 0."));
}

TEST_F(Usage, NoVerbIsAUsageError) {
  const ToolResult result = Run({});
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_THAT(result.err, HasSubstr("waypost --help"));
}

TEST_F(Usage, AMistypedVerbIsNamedWithTheOneMeant) {
  ExpectUsageError({"trian"}, "unknown verb 'trian'; did you mean 'train'?");
  ExpectUsageError({"recomend"}, "did you mean 'recommend'?");
}

TEST_F(Usage, AMistypedOptionIsNamedWithTheOneMeant) {
  ExpectUsageError({"verify", "x", "--jsno"}, "unknown option --jsno; did you mean '--json'?");
}

TEST_F(Usage, AMistypedModelIsNamedWithTheOneMeant) {
  ExpectUsageError({"train", "--train", "x.csv", "--model", "ails", "--out", Path("m.waypost")},
                   "got 'ails'; did you mean 'ials'?");
  ExpectUsageError({"train", "--train", "x.csv", "--model", "transformer", "--out", Path("m.waypost")},
                   "want one of popularity, item-knn, ials, ease, ");
}

TEST_F(Usage, AModelOptionThatIsUnknownOrHasNoEffectIsRefusedBeforeAnyFileIsRead) {
  const std::vector<std::string> train = {"train", "--train", "absent.csv", "--out", Path("m.waypost")};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = train;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  ExpectUsageError(with({"--model", "ials", "--set", "dimension=8"}), "did you mean 'dimensions'?");
  ExpectUsageError(with({"--model", "ials", "--set", "dimensions=0"}), "dimensions");
  ExpectUsageError(with({"--model", "ials", "--set", "dimensions=many"}), "many");
  ExpectUsageError(with({"--model", "ials", "--set", "dimensions"}), "want NAME=VALUE");
  ExpectUsageError(with({"--model", "popularity", "--set", "dimensions=8"}), "dimensions");
  ExpectUsageError(with({"--model", "item-knn", "--set", "similarity=cosine", "--set", "user_exponent=0.5"}),
                   "user_exponent");
}

TEST_F(Usage, AnOptionThatAVerbDoesNotUseIsNotOffered) {
  ExpectUsageError({"inspect", "x", "--threads", "2"}, "unknown option --threads");
  ExpectUsageError({"similar", "--model", "x", "--item", "i", "--seed", "2"}, "unknown option --seed");
}

TEST_F(Usage, RequiredOptionsAreNamed) {
  ExpectUsageError({"train", "--model", "ials", "--out", Path("m.waypost")}, "--train");
  ExpectUsageError({"recommend", "--user", "u"}, "--model");
  ExpectUsageError({"inspect"}, "FILE");
}

TEST_F(Usage, ValuesOutOfRangeAreNamed) {
  ExpectUsageError({"recommend", "--model", "x", "--all", "--seen", "maybe"}, "want drop|keep|only, got 'maybe'");
  ExpectUsageError({"recommend", "--model", "x", "--all", "--threads", "-1"}, "-1");
  ExpectUsageError({"recommend", "--model", "x", "--all", "-n", "ten"}, "want a number of 0..1000000000, got 'ten'");
  ExpectUsageError({"recommend", "--model", "x", "--model", "y", "--all"}, "--model: want it once, got it 2 times");
  ExpectUsageError({"plan", "--users", "10", "--items", "5", "--entries", "51", "--model", "ials"}, "--entries");
  ExpectUsageError({"recommend", "--model", "x", "--all", "--json", "--format", "csv"}, "--format");
  ExpectUsageError({"recommend", "--model", "x", "--all", "--user", "u"}, "--all");
  ExpectUsageError({"recommend", "--model", "x"}, "--user");
  ExpectUsageError({"train", "--train", "x", "--model", "ials", "--out", "y", "--kind", "pay"}, "--kind");
  ExpectUsageError({"train", "--train", "x", "--model", "ials", "--out", "y", "--kind", "pay=2:good"}, "--kind");
}

TEST_F(Usage, AFullDiskUnderStandardOutputFails) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "not run: this system has no /dev/full";
  const int status = std::system(WAYPOST_TOOL
                                 " plan --users 10 --items 10 --entries 20 --model popularity "
                                 "> /dev/full 2> /dev/null");
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(Usage, PlanNeedsNoFiles) {
  const nlohmann::json plan = RunJson({"plan", "--users", "1000000", "--items", "50000", "--entries", "40000000",
                                       "--model", "ials", "item-knn", "--set", "ials.dimensions=256"});
  ASSERT_EQ(plan["plans"].size(), 2u);
  EXPECT_EQ(plan["plans"][0]["model"], "ials");
  // Two factor tables of float32 at least.
  EXPECT_GE(plan["plans"][0]["bytes_model"].get<double>(), 1'050'000 * 256 * 4.0);
  for (const auto& entry : plan["plans"])
    EXPECT_GE(entry["bytes_peak"].get<double>(), entry["bytes_model"].get<double>());
}

}  // namespace
}  // namespace waypost::testing_support
