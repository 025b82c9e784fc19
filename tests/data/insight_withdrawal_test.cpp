// Withdrawal from courses of the Open University: who of those enrolled on day t leaves later, from what is known on
// that day, learned on the presentations of 2013 and judged on those of 2014.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "support/files.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/insight/probability_metrics.hpp"
#include "waypost/insight/table_model.hpp"

namespace waypost {
namespace {

// A text cell as it stands in a table.
std::string_view Text(const DataTable& table, std::string_view column, std::size_t row) {
  return table.Find(column).value()->text(row);
}

struct Assessment {
  std::string course;
  double due = 0;  // day; NaN: not known
};

// What a student had handed in before a day.
struct Work {
  double submitted = 0, score = 0, scored = 0, late = 0, last = 0;
};

class OpenUniversity {
 public:
  explicit OpenUniversity(const std::string& folder)
      : students_(ReadDataTable(folder + "/student.csv.gz").value()),
        registrations_(ReadDataTable(folder + "/student_registration.csv.gz").value()),
        submissions_(ReadDataTable(folder + "/student_assessment.csv.gz").value()) {
    const DataTable assessments = ReadDataTable(folder + "/assessment.csv.gz").value();
    for (std::size_t row = 0; row < assessments.rows(); ++row) {
      const std::string course = Course(assessments, row);
      const double due = assessments.Find("date").value()->number(row);
      assessments_[std::string(Text(assessments, "id_assessment", row))] = {course, due};
      due_[course].push_back(due);
    }
  }

  // The enrolments of day t as a table: what is known on that day, and whether they are withdrawn later.
  std::string TableOn(double t) const {
    std::map<std::pair<std::string, std::string>, Work> work;
    const DataColumn& student = *submissions_.Find("id_student").value();
    const DataColumn& assessment = *submissions_.Find("id_assessment").value();
    const DataColumn& submitted = *submissions_.Find("date_submitted").value();
    const DataColumn& score = *submissions_.Find("score").value();
    for (std::size_t row = 0; row < submissions_.rows(); ++row) {
      const double day = submitted.number(row);
      if (!(day < t)) continue;
      const Assessment& of = assessments_.find(assessment.text(row))->second;
      Work& done = work[{of.course, std::string(student.text(row))}];
      ++done.submitted;
      done.late += day > of.due;
      done.last = std::max(done.last, day);
      if (std::isnan(score.number(row))) continue;
      done.score += score.number(row);
      ++done.scored;
    }
    std::string csv =
        "withdrawn,presentation,module,gender,region,education,imd,age,attempts,credits,disability,registered,"
        "submitted,missed,mean_score,late,since_last\n";
    for (std::size_t row = 0; row < registrations_.rows(); ++row) {
      const double registered = registrations_.Find("date_registration").value()->number(row);
      const double left = registrations_.Find("date_unregistration").value()->number(row);
      const bool withdrawn = Text(students_, "final_result", row) == "Withdrawn";
      EXPECT_EQ(Text(students_, "id_student", row), Text(registrations_, "id_student", row));
      // Without a day of withdrawal nobody can say who was still there.
      if (!(registered <= t) || left <= t || (withdrawn && std::isnan(left))) continue;
      const std::string course = Course(registrations_, row);
      const auto found = work.find({course, std::string(Text(registrations_, "id_student", row))});
      const Work done = found == work.end() ? Work{} : found->second;
      const auto due =
          std::count_if(due_.at(course).begin(), due_.at(course).end(), [&](double day) { return day < t; });
      csv += std::string(withdrawn ? "1" : "0");
      for (const char* column : {"code_presentation", "code_module", "gender", "region", "highest_education",
                                 "imd_band", "age_band", "num_of_prev_attempts", "studied_credits", "disability"})
        csv += ",\"" + std::string(Text(students_, column, row)) + "\"";
      const auto number = [&](double value) { csv += "," + std::to_string(value); };
      number(registered + 400);  // before most courses begin: not negative, so that its logarithm counts too
      number(done.submitted);
      number(std::max(0.0, static_cast<double>(due) - done.submitted));
      csv += "," + (done.scored == 0 ? std::string() : std::to_string(done.score / done.scored));
      number(done.late);
      number(t - done.last);
      csv += "\n";
    }
    return csv;
  }

 private:
  static std::string Course(const DataTable& table, std::size_t row) {
    return std::string(Text(table, "code_module", row)) + "/" + std::string(Text(table, "code_presentation", row));
  }

  DataTable students_, registrations_, submissions_;
  std::map<std::string, Assessment, std::less<>> assessments_;
  std::map<std::string, std::vector<double>> due_;
};

TEST(Withdrawal, IsForeseenAYearAheadBetterTheLaterOneAsks) {
  WAYPOST_FIND_DATA_OR_SKIP(folder, "course-oulad");
  const OpenUniversity university(folder);
  const testing_support::TemporaryFolder files;
  double best = 0.5;
  for (const double day : {0.0, 30.0, 60.0, 90.0}) {
    const DataTable table = ReadDataTable(files.Write("day.csv", university.TableOn(day))).value();
    std::vector<std::size_t> columns, training, test;
    std::vector<bool> categorical;
    for (std::size_t c = 2; c < table.columns().size(); ++c) columns.push_back(c), categorical.push_back(false);
    for (std::size_t row = 0; row < table.rows(); ++row)
      (Text(table, "presentation", row).starts_with("2013") ? training : test).push_back(row);
    const TableEncoder encoder = TableEncoder::Learn(table, columns, categorical, training).value();
    const auto labels = [&](const std::vector<std::size_t>& rows) {
      std::vector<std::uint8_t> found;
      for (const std::size_t row : rows) found.push_back(Text(table, "withdrawn", row) == "1");
      return found;
    };
    const std::vector<double> values = encoder.Encode(table, training), unseen = encoder.Encode(table, test);
    const std::vector<std::uint8_t> known = labels(training);
    const LogisticFit fit =
        FitLogistic({.values = values, .columns = encoder.names(), .labels = known, .groups = {}}).value();
    std::vector<double> p;
    for (std::size_t n = 0; n < test.size(); ++n)
      p.push_back(fit.Probability(std::span(unseen).subspan(n * encoder.names().size(), encoder.names().size())));
    const ProbabilityMetrics metrics = EvaluateProbabilities(p, labels(test)).value();
    std::printf(
        "day %2.0f: train %zu, test %zu, withdrawn %.4f: auc %.4f pr_auc %.4f log_loss %.4f brier %.4f "
        "calibration error %.4f slope %.3f\n",
        day, training.size(), test.size(), static_cast<double>(metrics.positives) / static_cast<double>(metrics.count),
        *metrics.auc, *metrics.pr_auc, metrics.log_loss, metrics.brier, metrics.calibration_error,
        *metrics.calibration_slope);
    EXPECT_GT(*metrics.auc, best - 0.02);
    best = std::max(best, *metrics.auc);
  }
  EXPECT_GT(best, 0.65);
}

}  // namespace
}  // namespace waypost
