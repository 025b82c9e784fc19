// Day-N retention of a real course platform, against shares computed by its description.
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/insight/cohorts.hpp"

namespace waypost {
namespace {

TEST(Cohorts, ACoursePlatformHasItsPublishedRetention) {
  WAYPOST_FIND_DATA_OR_SKIP(folder, "course-365datascience");
  const DataTable students = ReadDataTable(folder + "/student_info.csv.gz").value();
  const DataTable engagement = ReadDataTable(folder + "/student_engagement.csv.gz").value();
  const auto days = [](const DataTable& table, const char* name) {
    std::optional<std::int64_t> first;
    std::vector<std::int64_t> found;
    const std::vector<double> times = table.Times(name, &first).value();
    for (const double time : times)
      found.push_back(static_cast<std::int64_t>(std::floor(static_cast<double>(*first) / 86'400e6 + time)));
    return found;
  };
  std::vector<std::optional<std::int64_t>> starts;
  std::unordered_map<std::string, std::uint32_t> number;
  const std::vector<std::int64_t> registered = days(students, "date_registered");
  const DataColumn& ids = *students.Find("student_id").value();
  for (std::size_t row = 0; row < students.rows(); ++row) {
    number.emplace(ids.text(row), static_cast<std::uint32_t>(row));
    starts.emplace_back(registered[row]);
  }
  std::vector<ActiveDay> activity;
  const std::vector<std::int64_t> engaged = days(engagement, "date_engaged");
  const DataColumn& learners = *engagement.Find("student_id").value();
  std::int64_t last = 0;
  for (std::size_t row = 0; row < engagement.rows(); ++row) {
    activity.push_back({number.at(std::string(learners.text(row))), engaged[row]});
    last = std::max(last, engaged[row]);
  }
  EXPECT_EQ(last, 19'285);  // 2022-10-20, the day that is not over
  const CohortTable table = RetainCohorts(starts, activity, {.until = last}).value();
  const std::vector<double> shares = {10.356, 4.357, 3.181, 2.230, 1.235};
  for (std::size_t n = 0; n < shares.size(); ++n) {
    const RetentionCell& cell = table.all.cells[n];
    EXPECT_NEAR(100.0 * static_cast<double>(cell.retained) / static_cast<double>(cell.eligible), shares[n], 5e-4)
        << cell.day;
  }
}

}  // namespace
}  // namespace waypost
