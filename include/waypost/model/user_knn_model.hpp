// waypost/model/user_knn_model.hpp - a trained user kNN: the interactions in both orientations, with the terms of their
// similarities.
//
// user_knn.hpp has the definition, the sources and the numerics.
#ifndef WAYPOST_MODEL_USER_KNN_MODEL_HPP_
#define WAYPOST_MODEL_USER_KNN_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/scorer.hpp"
#include "waypost/model/user_knn_neighbours.hpp"
#include "waypost/model/user_knn_options.hpp"

namespace waypost {

// The history alone represents a user, known to the training or not.
//
// Immutable: safe to use from any number of threads.
class UserKnnModel final : public Scorer {
 public:
  // Requires  a table whose arrays fit each other. A damaged file that was opened unchecked gives kDataLoss or other
  //           scores, never a read out of bounds.
  UserKnnModel(UserKnnOptions options, UserKnnTable table) : options_(options), table_(std::move(table)) {
    assert(table_.user_item.columns() == table_.items() && table_.item_user.columns() == table_.users());
    assert(table_.user_terms.size() == table_.users() && table_.item_weights.size() == table_.items());
  }

  const UserKnnOptions& options() const { return options_; }
  const UserKnnTable& table() const { return table_; }

  std::string_view kind() const override { return "user-knn"; }
  std::size_t item_count() const override { return table_.items(); }

  // Cost  finding the neighbours (user_knn_neighbours.hpp), their interactions, and the items; 8 bytes an item a
  //       thread.
  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override;

  // By the cosine of the items' users.
  // Cost  the interactions of the item's users.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override;

  // A neighbour that has the item is brought by the items it shares with the history, each by its part of the
  // similarity.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

 private:
  static constexpr std::size_t kUserBlock = 16;

  static internal::UserNeighbours& Neighbours() {
    thread_local internal::UserNeighbours neighbours;
    return neighbours;
  }

  // The thread's sums of all items, 0.
  std::span<double> Sums() const {
    thread_local std::vector<double> sums;
    sums.resize(std::max(sums.size(), item_count()));
    std::fill_n(sums.begin(), item_count(), 0.0);
    return std::span(sums).first(item_count());
  }

  // sums[i] += weight x(user, i).
  void AddRow(std::uint32_t user, double weight, std::span<double> sums) const {
    const SparseRowView items = table_.user_item.row(user);
    for (std::size_t n = 0; n < items.size(); ++n)
      if (items.columns[n] < sums.size()) sums[items.columns[n]] += weight * items.value(n);
  }

  // x(user, item), 0 for none.
  double Strength(std::uint32_t user, std::uint32_t item) const {
    const SparseRowView items = table_.user_item.row(user);
    const auto found = std::lower_bound(items.columns.begin(), items.columns.end(), item);
    if (found == items.columns.end() || *found != item) return 0;
    return items.value(static_cast<std::size_t>(found - items.columns.begin()));
  }

  // Shares `amount` among the items of the history by their terms of the similarity to `user`.
  void ShareAmount(const SparseRowView& history, std::uint32_t user, double amount, std::vector<double>& parts,
                   std::vector<double>& amounts) const {
    const internal::UserTerms terms(table_, options_);
    double sum = 0;
    for (std::size_t n = 0; n < history.size(); ++n) {
      const double strength = Strength(user, history.columns[n]);
      parts[n] = strength > 0 ? terms.Query(history.columns[n], history.value(n)) * terms.Stored(user, strength) : 0.0;
      sum += parts[n];
    }
    if (!(sum > 0)) return;
    for (std::size_t n = 0; n < history.size(); ++n) amounts[n] += amount * (parts[n] / sum);
  }

  double LengthOf(std::uint32_t item) const {
    const SparseRowView users = table_.item_user.row(item);
    if (users.values.empty()) return std::sqrt(static_cast<double>(users.size()));
    double squares = 0;
    for (float value : users.values) squares += static_cast<double>(value) * value;
    return std::sqrt(squares);
  }

  UserKnnOptions options_;
  UserKnnTable table_;
};

inline absl::Status UserKnnModel::Score(std::span<const UserView> users, std::span<float> scores,
                                        const Parallelism& parallelism) const try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
  std::vector<char> finite(users.size());
  ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t q = begin; q < end; ++q) {
      const std::span<double> sums = Sums();
      for (const UserNeighbour& neighbour : Neighbours().Find(table_, options_, users[q].history))
        AddRow(neighbour.user, neighbour.weight, sums);
      const std::span<float> row = scores.subspan(q * item_count(), item_count());
      std::transform(sums.begin(), sums.end(), row.begin(), [](double sum) { return static_cast<float>(sum); });
      finite[q] = AllFinite(row);
    }
  });
  return internal::CheckFiniteScores(*this, finite);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Score");
}

inline absl::StatusOr<std::vector<ScoredItem>> UserKnnModel::Similar(ItemIndex item, const Candidates& candidates,
                                                                     std::size_t k) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const std::span<double> sums = Sums();
  const SparseRowView users = table_.item_user.row(item.value);
  for (std::size_t n = 0; n < users.size(); ++n)
    if (users.columns[n] < table_.users()) AddRow(users.columns[n], users.value(n), sums);
  const double own = LengthOf(item.value);
  std::vector<float> scores(item_count(), -1.0f);  // -1: no evidence
  for (std::uint32_t other = 0; other < item_count(); ++other)
    if (other != item.value && sums[other] > 0)
      scores[other] = static_cast<float>(sums[other] / (own * LengthOf(other)));
  if (!AllFinite(scores)) return internal::CheckFiniteScores(*this, std::array{char{0}});
  std::vector<ScoredItem> best = waypost::TopK(scores, k, candidates);
  std::erase_if(best, [](const ScoredItem& found) { return !(found.score > 0); });
  return best;
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Similar");
}

inline absl::StatusOr<Explanation> UserKnnModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, 0, item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  std::vector<double> amounts(user.history.size(), 0.0);
  std::vector<double> parts(user.history.size());
  double score = 0;
  for (const UserNeighbour& neighbour : Neighbours().Find(table_, options_, user.history)) {
    const double strength = Strength(neighbour.user, item.value);
    if (strength == 0) continue;
    score += neighbour.weight * strength;
    ShareAmount(user.history, neighbour.user, neighbour.weight * strength, parts, amounts);
  }
  const float rounded = static_cast<float>(score);
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(rounded))}));
  return internal::ExplanationOf(rounded, user.history, std::move(amounts));
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_USER_KNN_MODEL_HPP_
