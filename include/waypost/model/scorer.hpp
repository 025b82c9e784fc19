// waypost/model/scorer.hpp - the one interface that every model has, called once per batch, never per item.
//
// A model is a value made by a pure function, `Train...(matrix, options, ...)`. It knows dense indices only: ids,
// titles and rules belong to rank. Score(u, i) is defined once per model; brute force, one query, many queries and TopK
// return the same bits.
#ifndef WAYPOST_MODEL_SCORER_HPP_
#define WAYPOST_MODEL_SCORER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/ids.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

// The largest strength of an interaction. With it a sum of strength times similarity over any history stays finite in
// float32.
inline constexpr float kMaxStrength = 1e6f;

// A user as a model sees one. Borrowed for the call.
struct UserView {
  std::optional<UserIndex> user;  // a row of the training matrix, whose stored vector is then used
  SparseRowView history;          // items ascending strictly, strengths in (0, kMaxStrength]; also given when `user` is
};

// One term of a score.
struct Contribution {
  ItemIndex item;  // of the user's history
  float amount = 0;
};

// base + the sum of the amounts = score, within 1e-5 relative to the largest of them.
struct Explanation {
  float score = 0;
  float base = 0;                           // the part that no item of the history accounts for
  std::vector<Contribution> contributions;  // amount descending, then item ascending
};

// Every member returns kOutOfRange for an index beyond the data, kInvalidArgument for a history that is not strictly
// ascending or has a strength outside (0, kMaxStrength] and for arguments of other lengths than those said below,
// kDataLoss where a score is not finite (arrays of a damaged file that was opened without its checks), and
// kResourceExhausted where memory ends.
//
// Immutable: safe to use from any number of threads.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // The name it is trained by: "ials", "item-knn", "popularity" and so on.
  virtual std::string_view kind() const = 0;

  virtual std::size_t item_count() const = 0;
  // Users with a stored vector; 0 where the history alone represents a user.
  virtual std::size_t user_count() const { return 0; }
  // Length of a user's vector; 0 where the history alone represents a user.
  virtual std::size_t dimensions() const { return 0; }

  // Writes the vector of a user with this history, the one a training that knew it would have ended with.
  //   vector    float32[dimensions()].
  virtual absl::Status FoldIn(const SparseRowView& history, std::span<float> vector) const;

  // scores[q * item_count() + i] = Score(users[q], i), finite, higher is better, comparable within one row only.
  virtual absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                             const Parallelism& parallelism) const = 0;

  // Returns, for each user, the min(k, candidates) best items, best first, in the order of top_k.hpp.
  //   candidates  one for each user.
  virtual absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                                    std::span<const Candidates> candidates,
                                                                    std::size_t k,
                                                                    const Parallelism& parallelism) const;

  // The answer of TopK for one user, in the caller's memory: writes min(best.size(), candidates) items and returns how
  // many. Models with a search of their own allocate nothing.
  virtual absl::StatusOr<std::size_t> TopKInto(const UserView& user, const Candidates& candidates,
                                               std::span<ScoredItem> best) const;

  // Returns the min(k, candidates) items most similar to `item`, best first; never `item` itself, and only items for
  // which the model has evidence of similarity.
  virtual absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                          std::size_t k) const = 0;

  // Returns which items of the history brought `item` its score.
  virtual absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const = 0;
};

inline absl::Status ValidateItem(ItemIndex item, std::size_t item_count) {
  if (item.value < item_count) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("item: want below ", item_count, ", got ", item.value));
}

// Checks what every model requires of a user.
inline absl::Status ValidateUser(const UserView& user, std::size_t user_count, std::size_t item_count) {
  if (user.user && user_count > 0 && user.user->value >= user_count)
    return absl::OutOfRangeError(absl::StrCat("UserView.user: want 0..", user_count - 1, ", got ", user.user->value));
  const SparseRowView& history = user.history;
  if (!history.values.empty() && history.values.size() != history.columns.size())
    return absl::InvalidArgumentError(
        absl::StrCat("UserView.history.values: want ", history.columns.size(), " values, got ", history.values.size()));
  for (std::size_t n = 0; n < history.size(); ++n) {
    if (history.columns[n] >= item_count)
      return absl::OutOfRangeError(
          absl::StrCat("UserView.history: want items below ", item_count, ", got ", history.columns[n]));
    if (n > 0 && history.columns[n] <= history.columns[n - 1])
      return absl::InvalidArgumentError(absl::StrCat("UserView.history: want items ascending strictly, got ",
                                                     history.columns[n], " after ", history.columns[n - 1]));
    if (!(history.value(n) > 0 && history.value(n) <= kMaxStrength))  // also true for a NaN
      return absl::InvalidArgumentError(
          absl::StrCat("UserView.history.values: want in (0, ", kMaxStrength, "], got ", history.value(n), " at ", n));
  }
  return absl::OkStatus();
}

namespace internal {

inline absl::Status ValidateUsers(std::span<const UserView> users, std::size_t user_count, std::size_t item_count) {
  for (const UserView& user : users) WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count, item_count));
  return absl::OkStatus();
}

// Checks the arguments of Scorer::Score.
inline absl::Status ValidateScoreArguments(const Scorer& scorer, std::span<const UserView> users,
                                           std::span<const float> scores) {
  if (scores.size() != users.size() * scorer.item_count())
    return absl::InvalidArgumentError(
        absl::StrCat("Score.scores: want ", users.size() * scorer.item_count(), " elements, got ", scores.size()));
  return ValidateUsers(users, scorer.user_count(), scorer.item_count());
}

// Checks the arguments of Scorer::TopK.
inline absl::Status ValidateTopKArguments(const Scorer& scorer, std::span<const UserView> users,
                                          std::span<const Candidates> candidates) {
  if (candidates.size() != users.size())
    return absl::InvalidArgumentError(
        absl::StrCat("TopK.candidates: want ", users.size(), ", got ", candidates.size()));
  return ValidateUsers(users, scorer.user_count(), scorer.item_count());
}

// `finite[q]`: whether every score of user q is.
inline absl::Status CheckFiniteScores(const Scorer& scorer, std::span<const char> finite) {
  const auto bad = std::find(finite.begin(), finite.end(), 0);
  if (bad == finite.end()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("model ", ToAbsl(scorer.kind()),
                                          ": want finite scores, got another for user ", bad - finite.begin()));
}

// Puts the terms of an explanation in their order.
inline void SortContributions(std::vector<Contribution>& contributions) {
  std::sort(contributions.begin(), contributions.end(), [](const Contribution& a, const Contribution& b) {
    return a.amount != b.amount ? a.amount > b.amount : a.item < b.item;
  });
}

// An explanation of `score` by what each item of the history brings beside `base`, computed more exactly than the
// score: what rounding leaves between them is shared in proportion. More than that is no rounding, but a history that
// the score was not made from: it is the base.
inline Explanation ExplanationOf(float score, const SparseRowView& history, std::vector<double> amounts,
                                 double base = 0) {
  Explanation result{.score = score, .base = static_cast<float>(base), .contributions = {}};
  double sum = 0;
  double magnitude = 0;
  for (double amount : amounts) {
    sum += amount;
    magnitude += std::abs(amount);
  }
  constexpr double kRounding = 1e-3;  // relative to the amounts
  const double rest = static_cast<double>(score) - base - sum;
  if (std::abs(rest) <= kRounding * magnitude) {
    for (double& amount : amounts) amount += magnitude > 0 ? rest * (std::abs(amount) / magnitude) : 0.0;
  } else {
    result.base = static_cast<float>(base + rest);
  }
  result.contributions.reserve(amounts.size());
  for (std::size_t n = 0; n < amounts.size(); ++n)
    result.contributions.push_back({ItemIndex{history.columns[n]}, static_cast<float>(amounts[n])});
  SortContributions(result.contributions);
  return result;
}

inline absl::Status ScorerMemoryError(std::string_view member) {
  return absl::ResourceExhaustedError(absl::StrCat(ToAbsl(member), ": out of memory"));
}

}  // namespace internal

inline absl::Status Scorer::FoldIn(const SparseRowView& history, std::span<float> vector) const {
  if (!vector.empty())
    return absl::InvalidArgumentError(absl::StrCat("FoldIn.vector: want 0 elements, got ", vector.size()));
  return ValidateUser({.user = {}, .history = history}, user_count(), item_count());
}

inline absl::StatusOr<std::vector<std::vector<ScoredItem>>> Scorer::TopK(std::span<const UserView> users,
                                                                         std::span<const Candidates> candidates,
                                                                         std::size_t k,
                                                                         const Parallelism& parallelism) const try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateTopKArguments(*this, users, candidates));
  constexpr std::size_t kUserBlock = 64;  // bounds the memory: 64 rows of scores at a time
  std::vector<std::vector<ScoredItem>> results(users.size());
  std::vector<char> finite(users.size(), 1);  // what is not has no place in an order
  std::vector<float> scores(std::min(users.size(), kUserBlock) * item_count());
  for (std::size_t first = 0; first < users.size(); first += kUserBlock) {
    const std::size_t count = std::min(users.size() - first, kUserBlock);
    WAYPOST_RETURN_IF_ERROR(
        Score(users.subspan(first, count), std::span(scores).first(count * item_count()), parallelism));
    ForEachBlock(parallelism, count, 1, [&](std::size_t q, std::size_t, std::size_t) {
      const std::span<const float> row = std::span<const float>(scores).subspan(q * item_count(), item_count());
      finite[first + q] = AllFinite(row);
      if (finite[first + q]) results[first + q] = waypost::TopK(row, k, candidates[first + q]);
    });
  }
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, finite));
  return results;
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("TopK");
}

inline absl::StatusOr<std::size_t> Scorer::TopKInto(const UserView& user, const Candidates& candidates,
                                                    std::span<ScoredItem> best) const {
  WAYPOST_ASSIGN_OR_RETURN(const auto lists,
                           TopK(std::span(&user, 1), std::span(&candidates, 1), best.size(), Parallelism(1)));
  std::copy(lists.front().begin(), lists.front().end(), best.begin());
  return lists.front().size();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SCORER_HPP_
