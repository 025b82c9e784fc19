// Trainings: whole ones, single epochs, item-knn.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "commands.hpp"
#include "data.hpp"
#include "report.hpp"

namespace waypost::peers {
namespace {

struct Job {
  InteractionMatrix matrix;
  ModelOptions options;
  Parallelism parallelism;
  std::size_t repeats = 1;
};

absl::StatusOr<Job> ReadJob(Arguments& arguments, const std::string& kind) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string train, arguments.Text("train"));
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions options, arguments.Options(kind));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t threads, arguments.Count("threads", 0));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix matrix, ReadMatrix(train));
  return Job{InteractionMatrix(std::move(matrix)), options, Parallelism(static_cast<int>(threads)), repeats};
}

std::string CaseName(const ModelOptions& options) {
  const auto* ials = std::get_if<IalsOptions>(&options);
  return ials != nullptr ? "d=" + std::to_string(ials->dimensions) : std::string(ModelKind(options));
}

absl::Status AddQuality(const Job& job, const Scorer& scorer, const std::string& test, Report& report) {
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix held_out, ReadMatrix(test));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet set, MakeTestSet(job.matrix.user_item(), held_out));
  WAYPOST_ASSIGN_OR_RETURN(const Quality quality, Measure(scorer, set, job.parallelism));
  report.Add("quality", quality.means);
  return absl::OkStatus();
}

// Quality after the given epochs beside the seconds of training so far, which leave the measuring out.
absl::Status AddTrajectory(const Job& job, const std::vector<std::size_t>& epochs, const std::string& test,
                           Report& report) {
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix held_out, ReadMatrix(test));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet set, MakeTestSet(job.matrix.user_item(), held_out));
  std::vector<double> ndcg;
  std::vector<double> cpu_seconds;
  std::size_t epoch = 0;
  double trained = 0;
  double since = ProcessorSeconds();
  const TrainingControl control{.on_epoch = {}, .validation = [&](const Scorer& scorer) -> absl::StatusOr<double> {
                                  if (std::find(epochs.begin(), epochs.end(), ++epoch) == epochs.end()) return 0;
                                  trained += ProcessorSeconds() - since;
                                  WAYPOST_ASSIGN_OR_RETURN(const Quality quality,
                                                           Measure(scorer, set, job.parallelism));
                                  ndcg.push_back(quality.means.at("ndcg@20"));
                                  cpu_seconds.push_back(trained);
                                  since = ProcessorSeconds();
                                  return ndcg.back();
                                }};
  WAYPOST_RETURN_IF_ERROR(TrainModel(job.matrix, job.options, control, job.parallelism).status());
  report.Add("epoch_ndcg", ndcg);
  report.Add("epoch_cpu_seconds", cpu_seconds);
  return absl::OkStatus();
}

// Trains `repeats` times, each with the one before freed; returns the last.
absl::StatusOr<TrainedModel> TrainRepeatedly(const Job& job, Timing& timing) {
  TrainedModel trained;
  for (std::size_t n = 0; n < job.repeats; ++n) {
    trained = {};
    WAYPOST_RETURN_IF_ERROR(timing.Run([&]() -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(trained, TrainModel(job.matrix, job.options, {}, job.parallelism));
      return absl::OkStatus();
    }));
  }
  return trained;
}

}  // namespace

absl::Status RunTrain(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const Job job, ReadJob(arguments, "ials"));
  const std::string test = arguments.TextOr("test");
  const std::string factors = arguments.TextOr("factors");
  const std::string model = arguments.TextOr("model");
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::size_t> trajectory, arguments.Counts("trajectory", ""));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Report report(CaseName(job.options), job.parallelism.threads());
  if (!trajectory.empty()) {
    WAYPOST_RETURN_IF_ERROR(AddTrajectory(job, trajectory, test, report));
    report.Print();
    return absl::OkStatus();
  }
  Timing timing;
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained, TrainRepeatedly(job, timing));
  report.Add(timing);
  report.Add("training_peak_rss_bytes", static_cast<double>(PeakResidentBytes()));
  if (!test.empty()) WAYPOST_RETURN_IF_ERROR(AddQuality(job, *trained.scorer, test, report));
  const auto& ials = static_cast<const IalsModel&>(*trained.scorer);
  if (!factors.empty()) {
    WAYPOST_RETURN_IF_ERROR(WriteFactors(ials.user_factors(), factors + ".users.f32"));
    WAYPOST_RETURN_IF_ERROR(WriteFactors(ials.item_factors(), factors + ".items.f32"));
  }
  if (!model.empty()) WAYPOST_RETURN_IF_ERROR(SaveModel(trained.scorer, job.matrix.users(), model));
  report.Print();
  return absl::OkStatus();
}

// BPR and WARP by --kind: seconds of a whole training over its epochs, the start and the last fold-ins included.
absl::Status RunPairs(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string kind, arguments.Text("kind"));
  WAYPOST_ASSIGN_OR_RETURN(const Job job, ReadJob(arguments, kind));
  const std::string factors = arguments.TextOr("factors");
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Timing timing;
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained, TrainRepeatedly(job, timing));
  for (std::vector<double>* seconds : {&timing.seconds, &timing.cpu_seconds})
    for (double& value : *seconds) value /= trained.epochs;
  Report report(kind, job.parallelism.threads());
  report.Add(timing);
  report.Add("entries", static_cast<double>(job.matrix.entries()));
  report.Add("training_peak_rss_bytes", static_cast<double>(PeakResidentBytes()));
  const auto& model = static_cast<const FactorScorer&>(*trained.scorer);
  if (!factors.empty()) {
    WAYPOST_RETURN_IF_ERROR(WriteFactors(model.user_factors(), factors + ".users.f32"));
    WAYPOST_RETURN_IF_ERROR(WriteFactors(model.item_factors(), factors + ".items.f32"));
  }
  report.Print();
  return absl::OkStatus();
}

// The first epoch also pays for what is done once, so it does not count: --set epochs=N gives N - 1 figures a repeat.
absl::Status RunEpoch(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const Job job, ReadJob(arguments, "ials"));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Timing timing;
  for (std::size_t n = 0; n < job.repeats; ++n) {
    double wall = 0;
    double cpu = 0;
    const TrainingControl control{.on_epoch =
                                      [&](const TrainingProgress& progress) {
                                        if (progress.epoch > 1) {
                                          timing.seconds.push_back(WallSeconds() - wall);
                                          timing.cpu_seconds.push_back(ProcessorSeconds() - cpu);
                                        }
                                        wall = WallSeconds();
                                        cpu = ProcessorSeconds();
                                        return true;
                                      },
                                  .validation = {}};
    WAYPOST_RETURN_IF_ERROR(TrainModel(job.matrix, job.options, control, job.parallelism).status());
  }
  Report report(CaseName(job.options), job.parallelism.threads());
  report.Add(timing);
  report.Add("entries", static_cast<double>(job.matrix.entries()));
  report.Print();
  return absl::OkStatus();
}

absl::Status RunItemKnn(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const Job job, ReadJob(arguments, "item-knn"));
  const std::string test = arguments.TextOr("test");
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Timing timing;
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained, TrainRepeatedly(job, timing));
  const auto& options = std::get<ItemKnnOptions>(job.options);
  const std::string neighbours = options.neighbours > 0 ? std::to_string(options.neighbours) : "all";
  Report report(std::string(KnnSimilarityName(options.similarity)) + " " + neighbours, job.parallelism.threads());
  report.Add(timing);
  report.Add("entries", static_cast<double>(static_cast<const SparseItemModel&>(*trained.scorer).weights().entries()));
  if (!test.empty()) WAYPOST_RETURN_IF_ERROR(AddQuality(job, *trained.scorer, test, report));
  report.Print();
  return absl::OkStatus();
}

}  // namespace waypost::peers
