#include "waypost/event/user_table.hpp"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;

TEST(UserTable, AnswersWithWhatHeldAtTheMoment) {
  UserTableBuilder builder;
  ASSERT_TRUE(builder.Add("ann", {{"plan", "yearly", 200}}).ok());
  ASSERT_TRUE(builder.Add("bob", {}).ok());
  ASSERT_TRUE(builder.Add("ann", {{"country", "IN", std::nullopt}, {"plan", "monthly", 100}}).ok());
  ASSERT_TRUE(builder.Add("ann", {{"plan", "none", 200}}).ok());  // of equal moments the later added counts
  const UserTable users = std::move(builder).Build();
  ASSERT_EQ(users.size(), 2u);
  const std::uint32_t ann = users.Find("ann").value();
  EXPECT_EQ(users.Value(ann, "plan", 99), std::nullopt);
  EXPECT_EQ(users.Value(ann, "plan", 100), "monthly");
  EXPECT_EQ(users.Value(ann, "plan", 199), "monthly");
  EXPECT_EQ(users.Value(ann, "plan", 200), "none");
  EXPECT_EQ(users.Value(ann, "plan"), "none");
  EXPECT_EQ(users.Value(ann, "country", -1000), "IN");
  EXPECT_EQ(users.Value(users.Find("bob").value(), "plan"), std::nullopt);
  EXPECT_EQ(users.Find("eve"), std::nullopt);
}

TEST(UserTable, RefusesBadIdsAndFactsWithoutAName) {
  UserTableBuilder builder;
  EXPECT_FALSE(builder.Add("", {}).ok());
  EXPECT_FALSE(builder.Add(std::string(257, 'x'), {}).ok());
  EXPECT_FALSE(builder.Add("ann", {{"a", "1", {}}, {"", "x", {}}}).ok());
  EXPECT_EQ(std::move(builder).Build().size(), 0u);
}

TEST(UserTableReader, ReadsDatedRowsOfCsvAndJsonLines) {
  const testing_support::TemporaryFolder folder;
  const std::string csv =
      folder.Write("u.csv", "user,joined,country,plan\nann,1970-01-01,IN,\nann,1970-01-02,,yearly\n");
  const std::string json = folder.Write("u.jsonl",
                                        "{\"user\":\"ann\",\"joined\":0,\"country\":\"IN\",\"plan\":null}\n"
                                        "{\"plan\":\"yearly\",\"joined\":1,\"user\":\"ann\"}\n");
  for (const std::string& path : {csv, json}) {
    ReadReport report;
    const absl::StatusOr<UserTable> users =
        ReadUserTable(path, {.time_unit = TimeUnit::kDays, .time_column = "joined"}, &report);
    ASSERT_TRUE(users.ok()) << users.status();
    EXPECT_EQ(report.accepted, 2u);
    ASSERT_EQ(users->size(), 1u);
    EXPECT_THAT(users->facts(0), ElementsAre(UserFact{"country", "IN", 0}, UserFact{"plan", "yearly", 86'400'000'000}));
  }
}

TEST(UserTableReader, TakesIdForTheUserColumnAndNoTime) {
  const testing_support::TemporaryFolder folder;
  const absl::StatusOr<UserTable> users = ReadUserTable(folder.Write("u.csv", "id,country\nann,IN\n"), {});
  ASSERT_TRUE(users.ok()) << users.status();
  EXPECT_THAT(users->facts(0), ElementsAre(UserFact{"country", "IN", std::nullopt}));
}

TEST(UserTableReader, NamesWhatIsMissing) {
  const testing_support::TemporaryFolder folder;
  const std::string path = folder.Write("u.csv", "name,country\nann,IN\n");
  EXPECT_EQ(ReadUserTable(path, {}).status(),
            absl::InvalidArgumentError(path + ":1: column 'user' or 'id': want this column, got 'name', 'country'"));
  EXPECT_EQ(ReadUserTable(path, {.user_column = "name", .time_column = "joined"}).status(),
            absl::InvalidArgumentError(path + ":1: column 'joined': want this column, got 'name', 'country'"));
  EXPECT_FALSE(ReadUserTable(folder.Write("u.txt", "ann x\n"), {}).ok());
}

}  // namespace
}  // namespace waypost
