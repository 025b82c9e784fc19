#include "waypost/insight/probability_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "waypost/insight/logistic.hpp"

namespace waypost {
namespace {

constexpr double kLeast = 1e-15;  // a probability below it counts as this: one wrong 0 would make any mean infinite
constexpr std::size_t kBins = 10;

absl::Status CheckCases(std::span<const double> scores, std::span<const std::uint8_t> outcomes) {
  if (scores.empty()) return absl::InvalidArgumentError("EvaluateProbabilities: want cases, got none");
  if (scores.size() != outcomes.size())
    return absl::InvalidArgumentError(
        absl::StrCat("EvaluateProbabilities.outcomes: want ", scores.size(), ", got ", outcomes.size()));
  for (std::size_t n = 0; n < scores.size(); ++n) {
    if (!std::isfinite(scores[n]))
      return absl::InvalidArgumentError(
          absl::StrCat("EvaluateProbabilities.probabilities: want a finite value, got ", scores[n], " at ", n));
    if (outcomes[n] > 1)
      return absl::InvalidArgumentError(
          absl::StrCat("EvaluateProbabilities.outcomes: want 0 or 1, got ", static_cast<int>(outcomes[n]), " at ", n));
  }
  return absl::OkStatus();
}

std::vector<std::size_t> DescendingOrder(std::span<const double> scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t x, std::size_t y) { return scores[x] != scores[y] ? scores[x] > scores[y] : x < y; });
  return order;
}

// Of each case the share of the cases of the other outcome that it stands on the right side of, ties counting half:
// the mean over the ones, or over the zeros, is the AUC.
std::vector<double> Placements(std::span<const double> scores, std::span<const std::uint8_t> outcomes,
                               std::size_t positives) {
  const std::vector<std::size_t> order = DescendingOrder(scores);
  const double ones = static_cast<double>(positives);
  const double zeros = static_cast<double>(scores.size() - positives);
  std::vector<double> placements(scores.size());
  double ones_above = 0, zeros_above = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double ones_here = 0, zeros_here = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end)
      (outcomes[order[end]] == 1 ? ones_here : zeros_here) += 1;
    for (; begin < end; ++begin)
      placements[order[begin]] = outcomes[order[begin]] == 1 ? (zeros - zeros_above - zeros_here / 2) / zeros
                                                             : (ones_above + ones_here / 2) / ones;
    ones_above += ones_here;
    zeros_above += zeros_here;
  }
  return placements;
}

void AddRanking(std::span<const double> p, std::span<const std::uint8_t> y, ProbabilityMetrics& metrics) {
  const std::vector<double> placements = Placements(p, y, metrics.positives);
  const double positives = static_cast<double>(metrics.positives);
  double auc = 0;
  for (std::size_t n = 0; n < p.size(); ++n)
    if (y[n] == 1) auc += placements[n];
  metrics.auc = auc / positives;
  const std::vector<std::size_t> order = DescendingOrder(p);
  const double decile = static_cast<double>(p.size()) / 10;
  double seen = 0, hits = 0, area = 0, captured = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double here = 0;
    for (; end < order.size() && p[order[end]] == p[order[begin]]; ++end) here += y[order[end]];
    const double size = static_cast<double>(end - begin);
    captured += here * std::clamp((decile - seen) / size, 0.0, 1.0);
    seen += size;
    hits += here;
    area += here / positives * hits / seen;
    begin = end;
  }
  metrics.pr_auc = area;
  metrics.top_decile_capture = captured / positives;
  metrics.top_decile_lift = 10 * captured / positives;
}

void AddReliability(std::span<const double> p, std::span<const std::uint8_t> y, ProbabilityMetrics& metrics) {
  std::vector<std::size_t> order = DescendingOrder(p);
  std::reverse(order.begin(), order.end());
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const std::size_t begin = bin * p.size() / kBins, end = (bin + 1) * p.size() / kBins;
    if (begin == end) continue;
    ReliabilityBin found{end - begin, 0, 0};
    for (std::size_t n = begin; n < end; ++n) {
      found.predicted += p[order[n]];
      found.observed += y[order[n]];
    }
    metrics.calibration_error += std::abs(found.predicted - found.observed) / static_cast<double>(p.size());
    found.predicted /= static_cast<double>(found.count);
    found.observed /= static_cast<double>(found.count);
    metrics.reliability.push_back(found);
  }
}

void AddCalibration(std::span<const double> p, std::span<const std::uint8_t> y, ProbabilityMetrics& metrics) {
  std::vector<double> logits(p.size());
  for (std::size_t n = 0; n < p.size(); ++n) {
    const double clipped = std::clamp(p[n], kLeast, 1 - kLeast);
    logits[n] = std::log(clipped / (1 - clipped));
  }
  const std::vector<std::string> columns = {"logit"};
  const absl::StatusOr<LogisticFit> fit =
      FitLogistic({.values = logits, .columns = columns, .labels = y, .groups = {}}, {.l2 = 0}, Parallelism(1));
  if (!fit.ok() || !fit->converged) return;
  metrics.calibration_slope = fit->coefficients[0];
  metrics.calibration_intercept = fit->intercepts[0];
}

}  // namespace

absl::StatusOr<ProbabilityMetrics> EvaluateProbabilities(std::span<const double> probabilities,
                                                         std::span<const std::uint8_t> outcomes) {
  WAYPOST_RETURN_IF_ERROR(CheckCases(probabilities, outcomes));
  ProbabilityMetrics metrics;
  metrics.count = probabilities.size();
  for (std::size_t n = 0; n < probabilities.size(); ++n) {
    const double p = probabilities[n];
    if (p < 0 || p > 1)
      return absl::InvalidArgumentError(
          absl::StrCat("EvaluateProbabilities.probabilities: want 0..1, got ", p, " at ", n));
    metrics.positives += outcomes[n];
    metrics.brier += (p - outcomes[n]) * (p - outcomes[n]);
    metrics.log_loss -= std::log(std::max(kLeast, outcomes[n] == 1 ? p : 1 - p));
  }
  metrics.brier /= static_cast<double>(metrics.count);
  metrics.log_loss /= static_cast<double>(metrics.count);
  AddReliability(probabilities, outcomes, metrics);
  if (metrics.positives == 0 || metrics.positives == metrics.count) return metrics;
  AddRanking(probabilities, outcomes, metrics);
  AddCalibration(probabilities, outcomes, metrics);
  return metrics;
}

absl::StatusOr<AucDifference> CompareAuc(std::span<const double> a, std::span<const double> b,
                                         std::span<const std::uint8_t> outcomes) {
  WAYPOST_RETURN_IF_ERROR(CheckCases(a, outcomes));
  WAYPOST_RETURN_IF_ERROR(CheckCases(b, outcomes));
  const std::size_t positives = std::accumulate(outcomes.begin(), outcomes.end(), std::size_t{0});
  if (positives < 2 || outcomes.size() - positives < 2)
    return absl::FailedPreconditionError(absl::StrCat("CompareAuc.outcomes: want at least two of 0 and two of 1, got ",
                                                      outcomes.size() - positives, " and ", positives));
  const std::vector<double> placed[2] = {Placements(a, outcomes, positives), Placements(b, outcomes, positives)};
  // The variance of the difference is that of the mean of the ones' differences plus that of the zeros'.
  double variance = 0;
  AucDifference result;
  for (std::uint8_t outcome = 0; outcome < 2; ++outcome) {
    std::vector<double> of_a, differences;
    for (std::size_t n = 0; n < outcomes.size(); ++n) {
      if (outcomes[n] != outcome) continue;
      of_a.push_back(placed[0][n]);
      differences.push_back(placed[0][n] - placed[1][n]);
    }
    result.a = Mean(of_a);
    result.difference = Mean(differences);
    const double deviation = StandardDeviation(differences);
    variance += deviation * deviation / static_cast<double>(differences.size());
  }
  result.b = result.a - result.difference;
  result.standard_error = std::sqrt(variance);
  constexpr double kNormal95 = 1.959963984540054;  // the 97.5 % quantile
  result.interval = {result.difference - kNormal95 * result.standard_error,
                     result.difference + kNormal95 * result.standard_error};
  result.p_value = result.standard_error == 0
                       ? (result.difference == 0 ? 1 : 0)
                       : std::erfc(std::abs(result.difference) / result.standard_error / std::sqrt(2.0));
  return result;
}

}  // namespace waypost
