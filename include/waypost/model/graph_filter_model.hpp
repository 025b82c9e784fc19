// waypost/model/graph_filter_model.hpp - a trained graph filter: the interactions and the low-pass vectors of the
// items.
//
// graph_filter.hpp has the definition, the sources and the numerics.
#ifndef WAYPOST_MODEL_GRAPH_FILTER_MODEL_HPP_
#define WAYPOST_MODEL_GRAPH_FILTER_MODEL_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/model/graph_filter_options.hpp"
#include "waypost/model/interaction_graph.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

using GraphFilterOptions = std::variant<GfCfOptions, BspmOptions>;

// The history alone represents a user, known to the training or not: scores are linear in it.
//
// Immutable: safe to use from any number of threads.
class GraphFilterModel final : public Scorer {
 public:
  // `low_pass`  items x dimensions: row i is sqrt(s_i) times item i's elements of the right singular vectors of N.
  // A damaged file that was opened unchecked gives kDataLoss or other scores, never a read out of bounds.
  GraphFilterModel(GraphFilterOptions options, InteractionGraph graph, FactorMatrix low_pass)
      : options_(options), graph_(std::move(graph)), low_pass_(std::move(low_pass)) {
    assert(low_pass_.rows() == graph_.items() && graph_.item_scale.size() == graph_.items());
    assert(graph_.user_item.columns() == graph_.items() && graph_.user_scale.size() == graph_.users());
  }

  const GraphFilterOptions& options() const { return options_; }
  const InteractionGraph& graph() const { return graph_; }
  const FactorMatrix& low_pass() const { return low_pass_; }

  std::string_view kind() const override { return sharpening() == nullptr ? "gf-cf" : "bspm"; }
  std::size_t item_count() const override { return graph_.items(); }

  // Cost  gf-cf: the walk of the history (interaction_graph.hpp) and items x dimensions products. bspm: besides, 8
  //       (rk4) or 2 (euler) passes over all interactions a step for each 16 users, and 64 (4 items + users) bytes a
  //       thread.
  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override;

  // By the score for a history of `item` alone; what is not above the rounding of the best is no evidence.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override;

  // Item j of the history brings strength(j) times the score of `item` for a history of j alone; what the rounding of
  // the score leaves is shared in proportion.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

 private:
  static constexpr std::size_t kUserBlock = kLanes;

  const BspmOptions* sharpening() const { return std::get_if<BspmOptions>(&options_); }
  float low_pass_weight() const {
    return std::visit([](const auto& options) { return options.low_pass_weight; }, options_);
  }
  bool merges_late() const { return sharpening() != nullptr && sharpening()->merge == FilterMerge::kLate; }

  static internal::HistoryWalk& Walk() {
    thread_local internal::HistoryWalk walk;
    return walk;
  }

  // The low-pass coordinates of a history.
  //   vector  float32[stride], 64-byte aligned.
  void WriteVector(const SparseRowView& history, float* vector) const {
    std::vector<double> sums(low_pass_.stride(), 0.0);
    for (std::size_t n = 0; n < history.size(); ++n) {
      const std::uint32_t item = history.columns[n];
      const double scale = graph_.item_scale[item];
      const double weight = history.value(n) * scale * scale;
      const float* row = low_pass_.row(item);
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += weight * row[k];
    }
    std::transform(sums.begin(), sums.end(), vector, [](double sum) { return static_cast<float>(sum); });
  }

  // scores[q * items + i]: the low-pass filter alone, for at most kUserBlock users.
  void ScoreLowPass(std::span<const UserView> users, std::span<float> scores) const {
    const std::size_t stride = low_pass_.stride();
    AlignedVector<float> vectors(users.size() * stride);
    for (std::size_t q = 0; q < users.size(); ++q) WriteVector(users[q].history, vectors.data() + q * stride);
    constexpr std::size_t kItemBlock = 256;  // item vectors that stay in the cache for all users of the block
    for (std::size_t item = 0; item < item_count(); item += kItemBlock)
      GetScoreKernels().dot_block(vectors.data(), users.size(), low_pass_.row(item),
                                  std::min(kItemBlock, item_count() - item), stride, scores.data() + item,
                                  item_count());
  }

  void Sharpen(internal::GraphLanes& lanes) const {
    const BspmOptions& options = *sharpening();
    lanes.Sharpen(options.sharpening_time, options.sharpening_steps,
                  options.sharpening_solver == SharpeningSolver::kRk4 ? 4 : 1);
  }

  // Scores of at most kUserBlock users.
  void ScoreBlock(std::span<const UserView> users, std::span<float> scores, const Parallelism& parallelism) const {
    ScoreLowPass(users, scores);
    const double weight = low_pass_weight();
    if (sharpening() == nullptr) {
      for (std::size_t q = 0; q < users.size(); ++q) {
        const std::span<const double> linear = Walk().Run(graph_, users[q].history);
        float* row = scores.data() + q * item_count();
        for (std::size_t i = 0; i < item_count(); ++i) row[i] = static_cast<float>(linear[i] + weight * row[i]);
      }
      return;
    }
    internal::GraphLanes lanes(graph_, parallelism);
    const double early = merges_late() ? 0.0 : weight;
    const double late = merges_late() ? weight : 0.0;
    for (std::size_t q = 0; q < users.size(); ++q) {
      const std::span<const double> linear = Walk().Run(graph_, users[q].history);
      const float* row = scores.data() + q * item_count();
      for (std::size_t i = 0; i < item_count(); ++i)
        lanes.lanes()[i * kLanes + q] = static_cast<float>(linear[i] + early * row[i]);
    }
    Sharpen(lanes);
    for (std::size_t q = 0; q < users.size(); ++q) {
      float* row = scores.data() + q * item_count();
      for (std::size_t i = 0; i < item_count(); ++i)
        row[i] = static_cast<float>(lanes.lanes()[i * kLanes + q] + late * row[i]);
    }
  }

  // What each item of the history brings `item`.
  std::vector<double> Contributions(const SparseRowView& history, ItemIndex item) const;

  GraphFilterOptions options_;
  InteractionGraph graph_;
  FactorMatrix low_pass_;
};

inline absl::Status GraphFilterModel::Score(std::span<const UserView> users, std::span<float> scores,
                                            const Parallelism& parallelism) const try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
  std::vector<char> finite(users.size());
  const Parallelism inside = users.size() > kUserBlock ? Parallelism(1) : parallelism;
  ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    const std::span<float> block = scores.subspan(begin * item_count(), (end - begin) * item_count());
    ScoreBlock(users.subspan(begin, end - begin), block, inside);
    for (std::size_t q = begin; q < end; ++q) finite[q] = AllFinite(scores.subspan(q * item_count(), item_count()));
  });
  return internal::CheckFiniteScores(*this, finite);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Score");
}

inline absl::StatusOr<std::vector<ScoredItem>> GraphFilterModel::Similar(ItemIndex item, const Candidates& candidates,
                                                                         std::size_t k) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const UserView user{.user = {}, .history = {std::span(&item.value, 1), {}}};
  std::vector<float> scores(item_count());
  WAYPOST_RETURN_IF_ERROR(Score(std::span(&user, 1), scores, Parallelism(1)));
  constexpr float kRounding = 1e-6f;
  const float least = kRounding * *std::max_element(scores.begin(), scores.end());
  TopKHeap heap(std::min(k, scores.size()));
  ForEachRun(candidates, 0, static_cast<std::uint32_t>(scores.size()), [&](std::uint32_t begin, std::uint32_t end) {
    for (std::uint32_t other = begin; other < end; ++other) {
      if (other == item.value || !(scores[other] > std::max(least, 0.0f))) continue;
      if (candidates.allowed != nullptr && !candidates.allowed->Test(other)) continue;
      heap.Push(scores[other], ItemIndex{other});
    }
  });
  return heap.Take();
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Similar");
}

// With S the sharpening, L the low-pass filter and e the unit vector of `item`, the score is history (P + w L) S e, or
// history (P S + w L) e when merged late. P and S are symmetric, so S e is found first.
inline std::vector<double> GraphFilterModel::Contributions(const SparseRowView& history, ItemIndex item) const {
  std::vector<double> linear(history.size());
  std::vector<double> coordinates(low_pass_.stride(), 0.0);  // of the low-pass filter's right side
  const auto add_item = [&](std::size_t i, double factor) {
    const float* row = low_pass_.row(i);
    for (std::size_t k = 0; k < coordinates.size(); ++k) coordinates[k] += factor * row[k];
  };
  if (sharpening() == nullptr) {
    const std::span<const double> walk = Walk().Run(graph_, {std::span(&item.value, 1), {}});
    for (std::size_t n = 0; n < history.size(); ++n) linear[n] = walk[history.columns[n]];
    add_item(item.value, 1);
  } else {
    const Parallelism alone(1);
    internal::GraphLanes lanes(graph_, alone);
    lanes.lanes()[item.value * kLanes] = 1;
    Sharpen(lanes);
    if (merges_late()) {
      add_item(item.value, 1);
    } else {
      for (std::size_t i = 0; i < item_count(); ++i)
        if (const float factor = lanes.lanes()[i * kLanes]; factor != 0) add_item(i, factor);
    }
    const std::span<const float> product = lanes.Product();
    for (std::size_t n = 0; n < history.size(); ++n) linear[n] = product[history.columns[n] * kLanes];
  }
  for (std::size_t n = 0; n < history.size(); ++n) {
    const std::uint32_t source = history.columns[n];
    const double scale = graph_.item_scale[source];
    const float* row = low_pass_.row(source);
    double low_pass = 0;
    for (std::size_t k = 0; k < coordinates.size(); ++k) low_pass += coordinates[k] * row[k];
    linear[n] = history.value(n) * (linear[n] + low_pass_weight() * scale * scale * low_pass);
  }
  return linear;
}

inline absl::StatusOr<Explanation> GraphFilterModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, 0, item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  std::vector<float> scores(item_count());
  WAYPOST_RETURN_IF_ERROR(Score(std::span(&user, 1), scores, Parallelism(1)));
  return internal::ExplanationOf(scores[item.value], user.history, Contributions(user.history, item));
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_GRAPH_FILTER_MODEL_HPP_
