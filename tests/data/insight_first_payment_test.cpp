// First payments on a real course platform: who of those that have not paid by the end of their 6th day pays on days 7
// to 30, predicted from days 0 to 6 alone. Most who pay do so in the first week; anything later would leak.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/insight/features.hpp"
#include "waypost/insight/logistic.hpp"
#include "waypost/insight/probability_metrics.hpp"

namespace waypost {
namespace {

constexpr std::int64_t kMoment = 7 * kDayMicros;  // on the student's own clock, which starts on the day of registering

std::int64_t Day(std::string_view date) {
  return ParseTimestamp(date, std::nullopt).value() / kDayMicros;
}

struct Student {
  std::int64_t registered = 0;  // day
  bool paid_early = false, pays = false;
  std::string country;
};

struct Platform {
  std::map<std::string, Student, std::less<>> students;
  EventLogBuilder log;

  // Adds one event of a dated table at noon of its day.
  void Add(const std::string& path, std::string_view date_column, std::uint16_t kind, std::string_view item_column,
           std::string_view value_column) {
    const DataTable table = ReadDataTable(path).value();
    const DataColumn& user = *table.Find("student_id").value();
    const DataColumn& date = *table.Find(date_column).value();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto student = students.find(user.text(row));
      if (student == students.end()) continue;
      const std::int64_t day = Day(date.text(row)) - student->second.registered;
      if (kind == kPay) {
        student->second.paid_early = student->second.paid_early || day < 7;
        student->second.pays = student->second.pays || (day >= 7 && day <= 30);
      }
      const std::string item =
          item_column.empty() ? std::string("-") : std::string(table.Find(item_column).value()->text(row));
      std::optional<float> value;
      if (!value_column.empty()) value = static_cast<float>(table.Find(value_column).value()->number(row));
      ASSERT_TRUE(log.Append({user.text(row), item, kind, value, day * kDayMicros + kDayMicros / 2}).ok());
    }
  }
};

TEST(FirstPayment, IsForeseenFromTheFirstWeekBetterThanByRecencyAndFrequency) {
  WAYPOST_FIND_DATA_OR_SKIP(folder, "course-365datascience");
  Platform platform;
  const DataTable info = ReadDataTable(folder + "/student_info.csv.gz").value();
  const std::int64_t last_day = Day("2022-09-20");  // thirty days later the data end
  for (std::size_t row = 0; row < info.rows(); ++row) {
    const std::int64_t day = Day(info.Find("date_registered").value()->text(row));
    if (day <= last_day)
      platform.students[std::string(info.Find("student_id").value()->text(row))] = {
          day, false, false, std::string(info.Find("student_country").value()->text(row))};
  }
  for (const auto& [id, student] : platform.students)  // being registered is an act: everyone has a row
    ASSERT_TRUE(platform.log.Append({id, "-", kView, std::nullopt, 0}).ok());
  platform.Add(folder + "/student_learning.csv.gz", "date_watched", kProgress, "course_id", "minutes_watched");
  platform.Add(folder + "/student_engagement.csv.gz", "date_engaged", kStart, "", "");
  platform.Add(folder + "/student_exams.csv.gz", "date_exam_completed", kComplete, "exam_id", "exam_result");
  platform.Add(folder + "/student_hub_questions.csv.gz", "date_question_asked", kAsk, "", "");
  platform.Add(folder + "/course_ratings.csv.gz", "date_rated", kRate, "course_id", "course_rating");
  platform.Add(folder + "/student_purchases.csv.gz", "date_purchased", kPay, "", "");

  const EventLog log = std::move(platform.log).Build();
  const Activity activity(log);
  const UserFeatures features = ComputeUserFeatures(activity.Before(kMoment));
  // Trained on those whose outcome was known on the day the first of the test students reached day 7.
  const std::int64_t split = Day("2022-06-01");
  std::vector<double> train, train_base, test, test_base;
  std::vector<std::uint8_t> train_labels, test_labels;
  std::size_t payers = 0, asked = 0;
  for (std::size_t n = 0; n < features.users.size(); ++n) {
    const Student& student = platform.students.find(log.users().id(features.users[n]))->second;
    if (student.paid_early) continue;
    ++asked;
    payers += student.pays;
    const bool in_test = student.registered >= split;
    if (!in_test && student.registered + 30 >= split + 7) continue;
    const std::span<const double> row = features.row(n);
    double minutes = 0, exam = 0;
    for (const ActivityEvent& event : activity.Before(kMoment).events(features.users[n])) {
      if (event.kind == kProgress) minutes += event.value;
      if (event.kind == kComplete) exam = std::max(exam, static_cast<double>(event.value));
    }
    std::vector<double>& values = in_test ? test : train;
    for (std::size_t f = 0; f < kUserFeatureCount; ++f)
      values.push_back(UserFeatureTable()[f].unbounded ? std::log1p(row[f]) : row[f]);
    values.push_back(std::log1p(minutes));
    values.push_back(exam);
    values.push_back(student.country == "US" || student.country == "GB" || student.country == "CA" ||
                     student.country == "AU" || student.country == "DE");
    std::vector<double>& base = in_test ? test_base : train_base;
    base.push_back(std::log1p(row[kRecencyDays]));
    base.push_back(std::log1p(row[kEventCount]));
    (in_test ? test_labels : train_labels).push_back(student.pays);
  }
  EXPECT_EQ(asked, 30172u);
  EXPECT_EQ(payers, 256u);
  std::vector<std::string> names;
  for (std::size_t f = 0; f < kUserFeatureCount + 3; ++f) names.push_back("f" + std::to_string(f));
  const auto predict = [](const std::vector<double>& x, const std::vector<std::string>& columns,
                          const std::vector<std::uint8_t>& y, const std::vector<double>& rows, double l2) {
    const LogisticFit fit =
        FitLogistic({.values = x, .columns = columns, .labels = y, .groups = {}}, {.l2 = l2}).value();
    std::vector<double> p;
    for (std::size_t n = 0; n < rows.size() / columns.size(); ++n)
      p.push_back(fit.Probability(std::span(rows).subspan(n * columns.size(), columns.size())));
    return p;
  };
  const std::vector<std::string> two = {"recency", "frequency"};
  const std::vector<double> baseline = predict(train_base, two, train_labels, test_base, 1);
  const std::vector<double> model = predict(train, names, train_labels, test, 10);
  const AucDifference found = CompareAuc(model, baseline, test_labels).value();
  const ProbabilityMetrics metrics = EvaluateProbabilities(model, test_labels).value();
  std::printf(
      "train %zu, test %zu with %zu payers: auc %.4f, baseline %.4f, difference [%.4f, %.4f], p %.4f, slope %.3f\n",
      train_labels.size(), metrics.count, metrics.positives, found.a, found.b, found.interval.low, found.interval.high,
      found.p_value, *metrics.calibration_slope);
  EXPECT_GT(found.interval.low, 0);
}

}  // namespace
}  // namespace waypost
