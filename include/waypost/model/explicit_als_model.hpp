// waypost/model/explicit_als_model.hpp - a trained model of explicit ratings: predictions, fold-in, explanations.
//
// (1) A score is the predicted rating, in the unit of the strengths trained on: mean + deviation x (p_u . q_i + b_u +
//     b_i). An item's vector is (q_i, b_i, 1), a user's (deviation p_u, deviation, mean + deviation b_u), so that the
//     score is their product and the best items are found by the exact top-k index.
// (2) A user's vector is the mean of the posterior given the history (explicit_als_row.hpp). Its
//     prior's mean is that of (3), its variances are ExplicitAlsPrior's, and the noise is the user's own: found in
//     kNoiseRounds rounds from that of all users, which counts like kNoiseRatings ratings.
// (3) The prior mean of a user with n rated items is l w + n^-1/2 sum of the items' implicit vectors, with w the
//     activity weights and l the logarithm of n, standardised; without any it is 0.
#ifndef WAYPOST_MODEL_EXPLICIT_ALS_MODEL_HPP_
#define WAYPOST_MODEL_EXPLICIT_ALS_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/explicit_als_options.hpp"
#include "waypost/model/explicit_als_row.hpp"
#include "waypost/model/factor_scorer.hpp"

namespace waypost {

// What training learned beside the items, and how users are folded in.
struct ExplicitAlsPrior {
  static constexpr int kNoiseRounds = 3;
  static constexpr double kNoiseRatings = 10;
  static constexpr std::size_t kScalars = 5;

  double mean = 0;                       // of the ratings
  double deviation = 1;                  // of the ratings; > 0
  double noise = 1;                      // variance of a rating, in squared deviations; > 0
  double log_mean = 0;                   // of the logarithms of users' numbers of ratings
  double log_deviation = 1;              // of the same; > 0
  std::vector<double> variances;         // d + 1, each > 0
  std::vector<double> activity_weights;  // d + 1

  double Activity(std::size_t ratings) const {
    return ratings == 0 ? 0 : (std::log(static_cast<double>(ratings)) - log_mean) / log_deviation;
  }

  // All numbers in the order of the members, as a model file has them.
  static constexpr std::size_t NumberCount(std::size_t size) { return kScalars + 2 * size; }
  std::vector<double> Numbers() const {
    std::vector<double> numbers = {mean, deviation, noise, log_mean, log_deviation};
    numbers.insert(numbers.end(), variances.begin(), variances.end());
    numbers.insert(numbers.end(), activity_weights.begin(), activity_weights.end());
    return numbers;
  }
  // Requires  NumberCount(size) numbers for a size.
  static ExplicitAlsPrior FromNumbers(std::span<const double> numbers) {
    const std::size_t size = (numbers.size() - kScalars) / 2;
    const std::span<const double> first = numbers.subspan(kScalars, size), second = numbers.subspan(kScalars + size);
    return {.mean = numbers[0],
            .deviation = numbers[1],
            .noise = numbers[2],
            .log_mean = numbers[3],
            .log_deviation = numbers[4],
            .variances = {first.begin(), first.end()},
            .activity_weights = {second.begin(), second.end()}};
  }
};

// The tables of the items, which training and model share.
struct ExplicitAlsItems {
  const float* means = nullptr;  // rows of `mean_stride`: (q, b) first
  std::size_t mean_stride = 0;
  const float* covariances = nullptr;  // rows of `covariance_stride`: packed, d + 1
  std::size_t covariance_stride = 0;
  const float* implicit = nullptr;  // rows of `implicit_stride`: d + 1
  std::size_t implicit_stride = 0;
};

// A user's posterior, as the members of `row` and, returned, the user's own noise. `prior_mean` and `precision` receive
// what it was found from.
inline double FoldInRatings(const ExplicitAlsPrior& prior, const ExplicitAlsItems& items, const SparseRowView& history,
                            ExplicitAlsRow& row, std::vector<double>& prior_mean, std::vector<double>& precision) {
  const std::size_t size = prior.variances.size();
  const double count = static_cast<double>(history.size());
  prior_mean.assign(size, 0.0);
  precision.resize(size);
  row.Begin(size);
  for (std::size_t n = 0; n < history.size(); ++n) {
    const std::size_t item = history.columns[n];
    row.Add(items.means + item * items.mean_stride, items.covariances + item * items.covariance_stride,
            (history.value(n) - prior.mean) / prior.deviation, 1);
    const float* implicit = items.implicit + item * items.implicit_stride;
    for (std::size_t a = 0; a < size; ++a) prior_mean[a] += implicit[a];
  }
  const double share = history.empty() ? 0 : 1 / std::sqrt(count);
  const double activity = prior.Activity(history.size());
  for (std::size_t a = 0; a < size; ++a) {
    prior_mean[a] = share * prior_mean[a] + activity * prior.activity_weights[a];
    precision[a] = 1 / prior.variances[a];
  }
  double noise = prior.noise;
  for (int round = 0; round < ExplicitAlsPrior::kNoiseRounds; ++round)
    noise = (ExplicitAlsPrior::kNoiseRatings * prior.noise + row.Solve(prior_mean, precision, noise)) /
            (ExplicitAlsPrior::kNoiseRatings + count);
  row.Solve(prior_mean, precision, noise);
  return noise;
}

// Immutable: safe to use from any number of threads.
class ExplicitAlsModel final : public FactorScorer {
 public:
  // With d = options.dimensions:
  //   user_factors  users x (d + 2) as of (1), or no rows: every user is then folded in.
  //   item_index    items x (d + 2) as of (1).
  //   covariances   items x PackedSize(d + 1), of an item's vector and bias.
  //   implicit      items x (d + 1), as of (3).
  // Requires  finite values; variances, noise and deviations above 0.
  ExplicitAlsModel(const ExplicitAlsOptions& options, ExplicitAlsPrior prior, FactorMatrix user_factors,
                   TopKIndex item_index, FactorMatrix covariances, FactorMatrix implicit)
      : FactorScorer(std::move(user_factors), std::move(item_index)),
        options_(options),
        prior_(std::move(prior)),
        prior_numbers_(prior_.Numbers()),
        covariances_(std::move(covariances)),
        implicit_(std::move(implicit)) {
    assert(dimensions() == static_cast<std::size_t>(options.dimensions) + 2);
  }

  const ExplicitAlsOptions& options() const { return options_; }
  const ExplicitAlsPrior& prior() const { return prior_; }
  std::span<const double> prior_numbers() const { return prior_numbers_; }
  const FactorMatrix& covariances() const { return covariances_; }
  const FactorMatrix& implicit() const { return implicit_; }

  std::string_view kind() const override { return "explicit-als"; }

  // By the cosine of the latent vectors, biases aside; items whose cosine is not above 0 are no evidence.
  // Cost  items x dimensions: every item is scored.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override {
    return SimilarByLeading(dimensions() - 2, item, candidates, k);
  }

  // The user's numbers are a sum over the history, by what was rated how and by what was rated at all; the item's bias,
  // the mean and the user's activity are the base.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

  // A history without entries gives a vector that ranks by the biases alone.
  // Cost  d^2 multiply-adds an entry and 2 d^3; allocates only when the calling thread meets a larger model.
  void FoldInPadded(const SparseRowView& history, float* vector) const override;

 private:
  ExplicitAlsItems items() const {
    return {.means = item_factors().data(),
            .mean_stride = item_factors().stride(),
            .covariances = covariances_.data(),
            .covariance_stride = covariances_.stride(),
            .implicit = implicit_.data(),
            .implicit_stride = implicit_.stride()};
  }

  struct Workspace {
    ExplicitAlsRow row;
    std::vector<double> prior_mean, precision;
  };
  static Workspace& ThreadWorkspace() {
    thread_local Workspace workspace;
    return workspace;
  }

  ExplicitAlsOptions options_;
  ExplicitAlsPrior prior_;
  std::vector<double> prior_numbers_;
  FactorMatrix covariances_;
  FactorMatrix implicit_;
};

inline void ExplicitAlsModel::FoldInPadded(const SparseRowView& history, float* vector) const {
  Workspace& work = ThreadWorkspace();
  FoldInRatings(prior_, items(), history, work.row, work.prior_mean, work.precision);
  const std::size_t d = dimensions() - 2;
  std::fill_n(vector, stride(), 0.0f);
  for (std::size_t a = 0; a < d; ++a) vector[a] = static_cast<float>(prior_.deviation * work.row.mean()[a]);
  vector[d] = static_cast<float>(prior_.deviation);
  vector[d + 1] = static_cast<float>(prior_.mean + prior_.deviation * work.row.mean()[d]);
}

inline absl::StatusOr<Explanation> ExplicitAlsModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const std::size_t size = dimensions() - 1, d = size - 1;
  const float* target = item_factors().row(item.value);
  AlignedVector<float> vector(stride());
  WriteVector(user, vector.data());
  const float score = GetScoreKernels().dot(vector.data(), target, stride());
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(score))}));

  Workspace& work = ThreadWorkspace();
  const double noise = FoldInRatings(prior_, items(), user.history, work.row, work.prior_mean, work.precision);
  // The score's change by each number of the user's right side: S (q, 1) times the deviation.
  const std::span<const double> covariance = work.row.covariance();
  std::vector<double> slope(size, 0.0);
  const auto partner = [&](std::size_t a) { return a < d ? static_cast<double>(target[a]) : 1.0; };
  for (std::size_t a = 0; a < size; ++a)
    for (std::size_t b = a; b < size; ++b) {
      const double element = prior_.deviation * covariance[PackedRow(size, a) + b];
      slope[a] += element * partner(b);
      if (a != b) slope[b] += element * partner(a);
    }
  std::vector<double> amounts;
  amounts.reserve(user.history.size());
  const double share = user.history.empty() ? 0 : 1 / std::sqrt(static_cast<double>(user.history.size()));
  for (std::size_t n = 0; n < user.history.size(); ++n) {
    const std::size_t source = user.history.columns[n];
    const float* mean = item_factors().row(source);
    const float* spread = covariances_.row(source);
    const double rest = (user.history.value(n) - prior_.mean) / prior_.deviation - mean[d];
    double amount = slope[d] * rest / noise;
    for (std::size_t a = 0; a < d; ++a) amount += slope[a] * (mean[a] * rest - spread[PackedRow(size, a) + d]) / noise;
    for (std::size_t a = 0; a < size; ++a) amount += slope[a] * work.precision[a] * share * implicit_.row(source)[a];
    amounts.push_back(amount);
  }
  double base = prior_.mean + prior_.deviation * target[d];
  for (std::size_t a = 0; a < size; ++a)
    base += slope[a] * work.precision[a] * prior_.Activity(user.history.size()) * prior_.activity_weights[a];
  const bool finite = std::isfinite(base) && std::all_of(amounts.begin(), amounts.end(), [](double amount) {
                        return std::abs(amount) <= std::numeric_limits<float>::max();
                      });
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(finite)}));
  return internal::ExplanationOf(score, user.history, std::move(amounts), base);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_EXPLICIT_ALS_MODEL_HPP_
