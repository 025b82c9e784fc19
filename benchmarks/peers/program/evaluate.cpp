// Evaluation: Waypost's own speed, and the one evaluator that measures everybody's models.
#include <memory>
#include <string>
#include <utility>

#include "commands.hpp"
#include "data.hpp"
#include "report.hpp"

namespace waypost::peers {
namespace {

absl::StatusOr<std::shared_ptr<const Scorer>> ReadScorer(Arguments& arguments) {
  const std::string model = arguments.TextOr("model");
  if (!model.empty()) return OpenModel(model, OpenCheck::kFull);
  const std::string similarity = arguments.TextOr("similarity");
  if (!similarity.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix neighbours, ReadMatrix(similarity));
    return std::make_shared<const SparseItemModel>("item-knn", std::move(neighbours));
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::string users, arguments.Text("users"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string items, arguments.Text("items"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t dimensions, arguments.Count("dimensions"));
  return ReadFactorModel(users, items, dimensions);
}

}  // namespace

absl::Status RunEvaluate(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string train, arguments.Text("train"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string test, arguments.Text("test"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t threads, arguments.Count("threads", 0));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_ASSIGN_OR_RETURN(const auto scorer, ReadScorer(arguments));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix matrix, ReadMatrix(train));
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix held_out, ReadMatrix(test));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet set, MakeTestSet(std::move(matrix), held_out));
  const Parallelism parallelism(static_cast<int>(threads));
  Timing timing;
  Quality quality;
  for (std::size_t n = 0; n < repeats; ++n) {
    WAYPOST_RETURN_IF_ERROR(timing.Run([&]() -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(quality, Measure(*scorer, set, parallelism));
      return absl::OkStatus();
    }));
  }
  Report report("all users", parallelism.threads());
  report.Add(timing);
  report.Add("users", static_cast<double>(set.users()));
  report.Add("quality", quality.means);
  report.Add("sample_quality", quality.sample);
  report.Print();
  return absl::OkStatus();
}

}  // namespace waypost::peers
