#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;
using testing_support::CliTest;
using testing_support::ToolResult;

class Text : public CliTest {
 protected:
  std::string Courses() const {
    return Write(
        "courses.jsonl",
        R"({"id":"cpp","title":"C++ for beginners","tags":["c++","systems"],"body":"Templates and the heap."})"
        "\n"
        R"({"id":"py","title":"Sorting in Python","tags":["python"],"body":"Lists are sorted; the heap too."})"
        "\n"
        "{\"id\":\"zh\",\"title\":\"\u6570\u636e\u5e93\u5165\u95e8\",\"tags\":[],\"body\":\"SQL\u57fa\u7840\"}\n"
        R"({"id":"blank","title":"","tags":[],"body":""})"
        "\n");
  }
  std::vector<std::string> Found(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "search");
    std::vector<std::string> ids;
    const nlohmann::json json = RunJson(arguments);
    for (const auto& result : json["results"]) ids.push_back(result["id"]);
    EXPECT_EQ(json["answered"], !ids.empty());
    return ids;
  }
};

using Ids = std::vector<std::string>;

TEST_F(Text, SearchFindsDocumentsAndSaysWhy) {
  const nlohmann::json json = RunJson({"search", "sort lists", "--documents", Courses()});
  ASSERT_EQ(json["results"].size(), 1u);
  const auto& result = json["results"][0];
  EXPECT_EQ(result["id"], "py");
  EXPECT_EQ(result["title"], "Sorting in Python");
  EXPECT_EQ(result["snippet"], "Lists are sorted; the heap too.");
  double sum = 0;
  for (const auto& term : result["because"]) sum += term["amount"].get<double>();
  EXPECT_NEAR(sum, result["score"].get<double>(), 1e-5);
  EXPECT_EQ(result["because"].size(), 2u);
  EXPECT_EQ(json["options"]["fields"]["title"], 4);
}

TEST_F(Text, SearchKnowsCodeAndChinese) {
  const std::string courses = Courses();
  EXPECT_EQ(Found({"C++", "--documents", courses}), Ids({"cpp"}));
  EXPECT_EQ(Found({"\u6570\u636e\u5e93", "--documents", courses}), Ids({"zh"}));
  EXPECT_EQ(Found({"sql", "--documents", courses}), Ids({"zh"}));
}

TEST_F(Text, SearchShowsTheLongestTextWhereOnlyTheTitleMatches) {
  const nlohmann::json json = RunJson({"search", "beginners", "--documents", Courses()});
  ASSERT_EQ(json["results"].size(), 1u);
  EXPECT_EQ(json["results"][0]["snippet"], "Templates and the heap.");
}

TEST_F(Text, SearchAnswersHostileQueries) {
  const std::string courses = Courses();
  std::string many;
  for (int n = 0; n < 10'000; ++n) many += "word" + std::to_string(n) + " ";
  for (const std::string& query : {std::string(" "), std::string("\U0001F600"), std::string("zebra"), many,
                                   std::string("\xff\xfe\xc3("), std::string("?!")})
    EXPECT_EQ(Found({query, "--documents", courses}), Ids()) << query.substr(0, 20);
  EXPECT_EQ(Found({many + "python", "--documents", courses}), Ids({"py"}));
  EXPECT_EQ(Found({"python \xff", "--documents", courses}), Ids({"py"}));
  EXPECT_EQ(Found({"heap", "--documents", courses, "-n", "1"}).size(), 1u);
}

TEST_F(Text, SearchTakesFieldsSettingsAndStopWords) {
  const std::string courses = Courses();
  EXPECT_EQ(Found({"heap", "--documents", courses, "--fields", "title"}), Ids());
  EXPECT_EQ(Found({"sort", "--documents", courses, "--set", "stemmer=none"}), Ids());
  EXPECT_EQ(Found({"the", "--documents", courses, "--stop-words", "The,in"}), Ids());
  EXPECT_EQ(Found({"the", "--documents", courses, "--stop-words", "@" + Write("stop.txt", "in\r\nthe\r\n")}), Ids());
  const ToolResult table =
      Run({"search", "heap", "--documents", courses, "--format", "csv", "--fields", "body=2,title"});
  EXPECT_EQ(table.exit_status, 0);
  EXPECT_THAT(table.out, HasSubstr("id,title,score,because,snippet\n"));
}

TEST_F(Text, WrongOptionsAreUsageErrors) {
  const std::string courses = Courses();
  const auto error = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"search", "heap", "--documents", courses});
    const ToolResult result = Run(more);
    EXPECT_EQ(result.exit_status, 2) << result.err;
    return result.err;
  };
  EXPECT_THAT(error({"--set", "k2=1"}), HasSubstr("want one of k1, b, k3, delta"));
  EXPECT_THAT(error({"--set", "b=2"}), HasSubstr("b: want 0..1, got 2"));
  EXPECT_THAT(error({"--set", "k1=x"}), HasSubstr("want a number, got 'x'"));
  EXPECT_THAT(error({"--set", "stemmer=klingon"}), HasSubstr("want one of none, "));
  EXPECT_THAT(error({"--fields", "title=0"}), HasSubstr("want weights above 0"));
  const ToolResult missing = Run({"search", "heap", "--documents", courses, "--fields", "summary"});
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_THAT(missing.err, HasSubstr("want a column of texts 'summary'"));
  EXPECT_EQ(Run({"search", "heap", "--documents", Path("none.csv")}).exit_status, 1);
}

TEST_F(Text, EvaluateLeavesTheQuerysOwnDocumentOut) {
  const std::string documents = Write("d.csv", "id,title\n1,red apple\n2,red apples\n3,green apple\n4,blue plum\n");
  const std::string relevant = Write("r.csv", "query,document\n1,2\n4,3\n4,unknown\n9,1\n");
  const nlohmann::json json = RunJson({"evaluate", "--documents", documents, "--queries", documents, "--relevant",
                                       relevant, "--metrics", "recall@1,mrr@10"});
  EXPECT_EQ(json["metrics"]["recall@1"], 0.5);  // query 1 finds 2 first, query 4 nothing
  EXPECT_EQ(json["metrics"]["mrr@10"], 0.5);
  EXPECT_EQ(json["queries"], 2);
  EXPECT_EQ(json["unknown_documents"], 1);
  EXPECT_EQ(json["unknown_queries"], 1);
  EXPECT_EQ(json["options"]["k1"], 3);
}

TEST_F(Text, EvaluateWantsItsThreeFilesAndNoModel) {
  const std::string documents = Write("d.csv", "id,title\n1,x\n");
  const ToolResult two = Run({"evaluate", "--documents", documents, "--queries", documents});
  EXPECT_EQ(two.exit_status, 2);
  EXPECT_THAT(two.err, HasSubstr("want --documents, --queries and --relevant together"));
  EXPECT_THAT(Run({"evaluate", "--documents", documents, "--model", "ials"}).err, HasSubstr("want none beside"));
  const ToolResult none = Run({"evaluate", "--train", documents});
  EXPECT_EQ(none.exit_status, 2);
  EXPECT_THAT(none.err, HasSubstr("--model is required"));
}

}  // namespace
}  // namespace waypost
