// What a backend asks of a model: the best items, a fold-in, an opened file.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "data.hpp"
#include "report.hpp"

namespace waypost::peers {
namespace {

// Evenly spaced users: every library asks for the same.
std::vector<UserIndex> QueryUsers(std::size_t users, std::size_t queries) {
  std::vector<UserIndex> chosen;
  for (std::size_t n = 0; n < queries; ++n) chosen.push_back({static_cast<std::uint32_t>(n * users / queries)});
  return chosen;
}

// What brute force with the one score function answers.
std::vector<ScoredItem> BruteForce(const IalsModel& model, UserIndex user, std::size_t k) {
  std::vector<float> scores(model.item_count());
  for (std::size_t item = 0; item < scores.size(); ++item)
    scores[item] = GetScoreKernels().dot(model.user_factors().row(user.value), model.item_factors().row(item),
                                         model.item_factors().stride());
  return TopK(std::span<const float>(scores), k);
}

}  // namespace

absl::Status RunTopK(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, arguments.Text("model"));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::size_t> counts, arguments.Counts("k", "10"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t queries, arguments.Count("queries", 1000));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(const auto scorer, OpenModel(path, OpenCheck::kFull));
  const auto& model = static_cast<const IalsModel&>(*scorer);
  const std::vector<UserIndex> users = QueryUsers(model.user_count(), queries);
  for (std::size_t k : counts) {
    std::vector<double> medians;
    std::vector<double> means;
    std::vector<std::vector<ScoredItem>> answers(users.size(), std::vector<ScoredItem>(k));
    Timing passes;
    for (std::size_t n = 0; n <= repeats; ++n) {  // one pass more: the first warms the caches
      std::vector<double> seconds;
      Timing pass;
      WAYPOST_RETURN_IF_ERROR(pass.Run([&]() -> absl::Status {
        for (std::size_t q = 0; q < users.size(); ++q) {
          const double begin = WallSeconds();
          WAYPOST_ASSIGN_OR_RETURN(const std::size_t found, model.TopKInto({users[q], {}}, {}, answers[q]));
          seconds.push_back(WallSeconds() - begin);
          answers[q].resize(found);
        }
        return absl::OkStatus();
      }));
      if (n == 0) continue;
      medians.push_back(Median(seconds));
      means.push_back(pass.seconds.front() / static_cast<double>(users.size()));
      passes.cpu_seconds.push_back(pass.cpu_seconds.front() / static_cast<double>(users.size()));
    }
    constexpr std::size_t kChecked = 200;
    std::size_t identical = 0;
    const std::size_t checked = std::min(kChecked, users.size());
    for (std::size_t q = 0; q < checked; ++q) identical += answers[q] == BruteForce(model, users[q], k) ? 1 : 0;
    Report report("k=" + std::to_string(k), 1);
    report.Add("seconds", medians);
    report.Add("mean_seconds", means);
    report.Add("cpu_seconds", passes.cpu_seconds);
    report.Add("recall", static_cast<double>(identical) / static_cast<double>(checked));
    report.Print();
  }
  return absl::OkStatus();
}

absl::Status RunRecommendAll(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, arguments.Text("model"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string train, arguments.Text("train"));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::size_t> counts, arguments.Counts("k", "20"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t threads, arguments.Count("threads", 0));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(const auto model, OpenModel(path, OpenCheck::kFull));
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix matrix, ReadMatrix(train));
  const Parallelism parallelism(static_cast<int>(threads));
  for (std::size_t k : counts) {
    Timing timing;
    std::vector<std::vector<ScoredItem>> answers;
    for (std::size_t n = 0; n < repeats; ++n) {
      answers.clear();
      WAYPOST_RETURN_IF_ERROR(timing.Run([&]() -> absl::Status {
        std::vector<UserView> users(matrix.rows());
        std::vector<Candidates> candidates(matrix.rows());
        for (std::uint32_t user = 0; user < matrix.rows(); ++user) {
          users[user] = {UserIndex{user}, matrix.row(user)};
          candidates[user].excluded = matrix.row(user).columns;
        }
        WAYPOST_ASSIGN_OR_RETURN(answers, model->TopK(users, candidates, k, parallelism));
        return absl::OkStatus();
      }));
    }
    // Equal scores summed over every list: what the other library's lists are compared with.
    double sum = 0;
    for (const auto& answer : answers)
      for (const ScoredItem& item : answer) sum += item.score;
    Report report("n=" + std::to_string(k), parallelism.threads());
    report.Add(timing);
    report.Add("users", static_cast<double>(matrix.rows()));
    report.Add("score_sum", sum);
    report.Print();
  }
  return absl::OkStatus();
}

absl::Status RunFoldIn(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, arguments.Text("model"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string train, arguments.Text("train"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t length, arguments.Count("items", 50));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(const auto model, OpenModel(path, OpenCheck::kFull));
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix matrix, ReadMatrix(train));
  constexpr std::size_t kHistories = 1000;
  std::vector<SparseRowView> histories;
  for (std::size_t user = 0; user < matrix.rows() && histories.size() < kHistories; ++user)
    if (matrix.row_size(user) >= length) histories.push_back({matrix.row(user).columns.first(length), {}});
  std::vector<float> vector(model->dimensions());
  std::vector<double> medians;
  std::vector<double> cpu;
  for (std::size_t n = 0; n <= repeats; ++n) {  // the first pass warms the caches
    std::vector<double> seconds;
    Timing pass;
    const absl::Status status = pass.Run([&] {
      for (const SparseRowView& history : histories) {
        const double begin = WallSeconds();
        WAYPOST_RETURN_IF_ERROR(model->FoldIn(history, vector));
        seconds.push_back(WallSeconds() - begin);
      }
      return absl::OkStatus();
    });
    WAYPOST_RETURN_IF_ERROR(status);
    if (n == 0) continue;
    medians.push_back(Median(seconds));
    cpu.push_back(pass.cpu_seconds.front() / static_cast<double>(histories.size()));
  }
  Report report("items=" + std::to_string(length), 1);
  report.Add("seconds", medians);
  report.Add("cpu_seconds", cpu);
  report.Add("histories", static_cast<double>(histories.size()));
  report.Print();
  return absl::OkStatus();
}

absl::Status RunOpen(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, arguments.Text("model"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  const std::string check = arguments.TextOr("check", "structure");
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Timing opening;
  std::vector<double> first_answers;
  std::uint64_t touched = 0;
  for (std::size_t n = 0; n < repeats; ++n) {
    const std::uint64_t before = ResidentBytes();
    std::shared_ptr<const Scorer> model;
    WAYPOST_RETURN_IF_ERROR(opening.Run([&]() -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(model, OpenModel(path, check == "full" ? OpenCheck::kFull : OpenCheck::kStructure));
      return absl::OkStatus();
    }));
    const UserView user{UserIndex{0}, {}};
    const std::vector<Candidates> all(1);
    const double begin = WallSeconds();
    WAYPOST_RETURN_IF_ERROR(model->TopK({&user, 1}, all, 10, Parallelism(1)).status());
    first_answers.push_back(WallSeconds() - begin);
    if (n == 0) touched = ResidentBytes() - before;
  }
  Report report(check, 1);
  report.Add(opening);
  report.Add("first_answer_seconds", first_answers);
  report.Add("touched_bytes", static_cast<double>(touched));
  report.Print();
  return absl::OkStatus();
}

absl::Status RunMakeModel(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string users, arguments.Text("users"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string items, arguments.Text("items"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t dimensions, arguments.Count("dimensions"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string out, arguments.Text("out"));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(const auto model, ReadFactorModel(users, items, dimensions));
  return SaveModel(model, model->user_count(), out);
}

}  // namespace waypost::peers
