// The readers on the real files: every row is read, and the counts are those of the data sets' descriptions.
#include "waypost/event/reader.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/data.hpp"

namespace waypost {
namespace {

EventLog ReadAll(const std::string& path, const ReadOptions& options, std::uint64_t rows) {
  EventLogBuilder builder;
  const absl::StatusOr<ReadReport> report = ReadEvents(path, options, builder);
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report.ok() ? report->accepted : 0, rows);
  return std::move(builder).Build();
}

TEST(RealData, GowallaHas810128TrainAnd217242TestEvents) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const EventLog log = ReadAll(train, {}, 810'128);
  EXPECT_EQ(log.users().size(), 29'858u);
  EXPECT_EQ(log.items().size(), 40'981u);
  ReadAll(test, {}, 217'242);
}

TEST(RealData, MooccubexHas1182745Enrolments) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "course-mooccubex-enrolments/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "course-mooccubex-enrolments/test.txt.gz");
  const EventLog log = ReadAll(train, {}, 1'182'745);
  EXPECT_EQ(log.users().size(), 97'722u);
  ReadAll(test, {}, 97'722);
}

TEST(RealData, TheCoursePlatformsTablesAreReadWhole) {
  WAYPOST_FIND_DATA_OR_SKIP(folder, "course-365datascience");
  const EventLog learning = ReadAll(folder + "/student_learning.csv.gz",
                                    {.user_column = "student_id",
                                     .item_column = "course_id",
                                     .value_column = "minutes_watched",
                                     .time_column = "date_watched"},
                                    64'535);
  EXPECT_EQ(learning.users().size(), 18'167u);
  EXPECT_EQ(learning.items().size(), 50u);
  EXPECT_EQ(learning.time_us(0), 1'640'995'200'000'000);  // 2022-01-01
  ReadAll(folder + "/course_ratings.csv.gz",
          {.user_column = "student_id",
           .item_column = "course_id",
           .value_column = "course_rating",
           .time_column = "date_rated"},
          2'500);
  ReadAll(folder + "/student_purchases.csv.gz",
          {.user_column = "student_id",
           .item_column = "purchase_type",
           .time_column = "date_purchased",
           .default_kind = "pay"},
          3'041);
  ReadAll(folder + "/student_engagement.csv.gz",
          {.user_column = "student_id", .item_column = "engagement_id", .time_column = "date_engaged"}, 65'371);
  ReadAll(folder + "/student_exams.csv.gz",
          {.user_column = "student_id",
           .item_column = "exam_id",
           .value_column = "exam_result",
           .time_column = "date_exam_completed"},
          34'030);
  ReadAll(folder + "/student_quizzes.csv.gz", {.user_column = "student_id", .item_column = "quiz_id"}, 147'029);
  ReadAll(folder + "/student_hub_questions.csv.gz",
          {.user_column = "student_id",
           .item_column = "hub_question_id",
           .time_column = "date_question_asked",
           .default_kind = "ask"},
          827);
  const absl::StatusOr<UserTable> users =
      ReadUserTable(folder + "/student_info.csv.gz", {.user_column = "student_id", .time_column = "date_registered"});
  ASSERT_TRUE(users.ok()) << users.status();
  EXPECT_EQ(users->size(), 35'230u);
  const absl::StatusOr<Catalogue> courses = ReadCatalogue(folder + "/course_info.csv.gz", {.item_column = "course_id"});
  ASSERT_TRUE(courses.ok()) << courses.status();
  EXPECT_EQ(courses->size(), 46u);
}

TEST(RealData, ChineseEnrolmentsKeepTheirIds) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "course-mooccube-zh/user_course_sample.csv.gz");
  const EventLog log = ReadAll(path, {.item_column = "course"}, 68'276);
  EXPECT_EQ(log.users().size(), 55'902u);
  EXPECT_EQ(log.items().size(), 670u);
}

TEST(RealData, ACatalogueWithRepeatedItemsIsReadWithoutThem) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "catalogue-udemy/udemy_courses.csv.gz");
  ReadReport report;
  const absl::StatusOr<Catalogue> courses =
      ReadCatalogue(path, {.on_error = OnError::kSkip, .item_column = "course_id"}, &report);
  ASSERT_TRUE(courses.ok()) << courses.status();
  EXPECT_EQ(courses->size(), 3'672u);
  EXPECT_EQ(report.skipped, 6u);
  EXPECT_FALSE(ReadCatalogue(path, {.item_column = "course_id"}).ok());
}

}  // namespace
}  // namespace waypost
