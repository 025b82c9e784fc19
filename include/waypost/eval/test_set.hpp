// waypost/eval/test_set.hpp - who is tested on what: the test events seen through the training's dictionaries.
//
// Definition   A test item of a user is an item of a pair that is positive in the test events (matrix/weighting.hpp
//              decides) and that the user's training history does not hold, neither taken, seen nor rejected: such
//              an item is no candidate, so the pair is left out and counted in `already_met`.
//              A test item that training does not know stays with the user as unknown: a miss of every model.
//              A user of the training is ranked by the stored row; one with a fold-in history by that history; any
//              other by an empty history.
// Complexity   that of BuildInteractions for the test and fold-in events.
// Checked by   tests/unit/eval_test_set_test.cpp.
#ifndef WAYPOST_EVAL_TEST_SET_HPP_
#define WAYPOST_EVAL_TEST_SET_HPP_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/ids.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// What was trained on: dictionaries of the training log and its interactions.
struct TrainingData {
  IdDictionary users;
  IdDictionary items;
  Interactions interactions;
};

// Users with at least one test item, in the order of the test events.
//
// Immutable: safe to use from any number of threads.
class TestSet {
 public:
  TestSet() = default;

  // Users to evaluate.
  std::size_t users() const { return test_items_.size(); }
  // Users of training, fold-in and test events that have no test item; they enter no metric.
  std::size_t users_without_test() const { return users_without_test_; }
  // Distinct items of test pairs that training does not know.
  std::size_t unknown_items() const { return unknown_items_; }
  // Positive test pairs left out because the user's training history holds the item.
  std::size_t already_met() const { return already_met_; }
  const TrainingData& training() const { return training_; }

  // Requires  user < users(), here and below.  Lifetime  views live as long as the test set.
  std::string_view user_id(std::size_t user) const { return test_users_.id(test_user_[user]); }
  UserView view(std::size_t user) const {
    if (known_[user]) return {known_[user], training_.interactions.positives.user_item().row(known_[user]->value)};
    return {std::nullopt, fold_in_positives_.row(user)};
  }
  // Items that are no candidates for the user: all of the history, ascending.
  std::span<const std::uint32_t> history(std::size_t user) const {
    return known_[user] ? training_.interactions.history.row(known_[user]->value).columns
                        : fold_in_history_.row(user).columns;
  }
  // The user's test items that training knows, ascending.
  std::span<const std::uint32_t> relevant(std::size_t user) const { return relevant_.row(user).columns; }
  // Why test items have no ratings; OK where they have some: the weighting takes values as strengths, without decay.
  const absl::Status& ratings_status() const { return ratings_status_; }
  // The ratings of relevant(user), NaN where the weighted test events give none above 0.
  // Requires  ratings_status() is OK.
  std::span<const float> ratings(std::size_t user) const { return relevant_.row(user).values; }
  // All of the user's test items, unknown ones included; at least 1.
  std::size_t test_items(std::size_t user) const { return test_items_[user]; }

 private:
  friend absl::StatusOr<TestSet> BuildTestSet(TrainingData, const EventLog&, const EventLog&, const WeightingOptions&);

  TrainingData training_;
  IdDictionary test_users_;
  std::vector<std::uint32_t> test_user_;  // of each user: the index in test_users_
  std::vector<std::optional<UserIndex>> known_;
  SparseMatrix relevant_;  // values: ratings, or 1
  absl::Status ratings_status_ = absl::OkStatus();
  SparseMatrix fold_in_history_;  // a row for each user; empty for those of the training
  SparseMatrix fold_in_positives_;
  std::vector<std::uint32_t> test_items_;
  std::size_t users_without_test_ = 0;
  std::size_t unknown_items_ = 0;
  std::size_t already_met_ = 0;
};

namespace internal {

// Rows of (column, value) cells, given in any order within a row.
class RowCollector {
 public:
  void Add(std::uint32_t column, float value) { cells_.emplace_back(column, value); }
  void EndRow() {
    std::sort(cells_.begin(), cells_.end());
    for (const auto& [column, value] : cells_) {
      columns_.push_back(column);
      values_.push_back(value);
    }
    cells_.clear();
    offsets_.push_back(columns_.size());
  }
  SparseMatrix Build(std::size_t column_count) && {
    return SparseMatrix(column_count, SharedArray<std::uint64_t>(std::move(offsets_)),
                        SharedArray<std::uint32_t>(std::move(columns_)), SharedArray<float>(std::move(values_)));
  }

 private:
  std::vector<std::pair<std::uint32_t, float>> cells_;
  AlignedVector<std::uint64_t> offsets_ = {0};
  AlignedVector<std::uint32_t> columns_;
  AlignedVector<float> values_;
};

inline std::vector<std::optional<std::uint32_t>> FindAll(const IdDictionary& ids, const IdDictionary& in) {
  std::vector<std::optional<std::uint32_t>> found(ids.size());
  for (std::uint32_t n = 0; n < ids.size(); ++n) found[n] = in.Find(ids.id(n));
  return found;
}

// What errors of predicted ratings are taken from.
inline absl::StatusOr<Interactions> RatingsOf(const EventLog& test, const WeightingOptions& weighting) {
  if (weighting.transform != ValueTransform::kLinear)
    return absl::InvalidArgumentError("ratings: want values as strengths (--value-transform linear), got another");
  if (weighting.half_life_days > 0)
    return absl::InvalidArgumentError("ratings: want no decay (--half-life), which changes them, got some");
  return BuildInteractions(test, weighting);
}

}  // namespace internal

// Builds the test set of a training.
//
//   fold_in    what is known, at query time, of users that training does not know (EventSplit::fold_in).
//   weighting  of the training; it weighs fold-in histories. For test items only `min_value` matters, and how values
//              become strengths for their ratings.
// Errors     kInvalidArgument: dictionaries and matrix of different sizes; a fold-in user whom training knows; what
//            BuildInteractions refuses.  kResourceExhausted: memory.
inline absl::StatusOr<TestSet> BuildTestSet(TrainingData training, const EventLog& test, const EventLog& fold_in = {},
                                            const WeightingOptions& weighting = {}) try {
  const SparseMatrix& history = training.interactions.history;
  if (history.rows() != training.users.size() || history.columns() != training.items.size())
    return absl::InvalidArgumentError(absl::StrCat("BuildTestSet.training: want a history of ", training.users.size(),
                                                   " x ", training.items.size(), ", got ", history.rows(), " x ",
                                                   history.columns()));
  WAYPOST_ASSIGN_OR_RETURN(const Interactions tested, BuildInteractions(test, {.min_value = weighting.min_value}));
  absl::StatusOr<Interactions> rated = internal::RatingsOf(test, weighting);
  WAYPOST_ASSIGN_OR_RETURN(const Interactions folded, BuildInteractions(fold_in, weighting));
  for (std::uint32_t user = 0; user < fold_in.users().size(); ++user)
    if (training.users.Find(fold_in.users().id(user)))
      return absl::InvalidArgumentError(
          absl::StrCat("BuildTestSet.fold_in: want users whom training does not know, got '",
                       internal::ToAbsl(fold_in.users().id(user)), "'"));
  const auto item_of_test = internal::FindAll(test.items(), training.items);
  const auto item_of_fold_in = internal::FindAll(fold_in.items(), training.items);

  const auto rating_of = [&](std::uint32_t user, std::uint32_t item) {
    const SparseRowView row = rated->positives.user_item().row(user);
    const auto at = std::lower_bound(row.columns.begin(), row.columns.end(), item);
    const bool given = at != row.columns.end() && *at == item;
    return given ? row.value(static_cast<std::size_t>(at - row.columns.begin()))
                 : std::numeric_limits<float>::quiet_NaN();
  };

  TestSet set;
  set.ratings_status_ = rated.status();
  std::size_t known_users = training.users.size() + fold_in.users().size();  // the two do not overlap
  std::vector<bool> unknown(test.items().size(), false);
  internal::RowCollector relevant;
  internal::RowCollector fold_in_history;
  const SparseMatrix& positives = tested.positives.user_item();
  for (std::uint32_t user = 0; user < positives.rows(); ++user) {
    const std::optional<std::uint32_t> known = training.users.Find(test.users().id(user));
    const std::optional<std::uint32_t> folded_in = fold_in.users().Find(test.users().id(user));
    if (!known && !folded_in) ++known_users;
    std::vector<std::uint32_t> met;  // in indices of the training, ascending
    if (known) {
      const auto columns = history.row(*known).columns;
      met.assign(columns.begin(), columns.end());
    } else if (folded_in) {
      for (std::uint32_t item : folded.history.row(*folded_in).columns)
        if (item_of_fold_in[item]) met.push_back(*item_of_fold_in[item]);
      std::sort(met.begin(), met.end());
    }
    std::vector<std::pair<std::uint32_t, float>> found;  // items of the training and their ratings
    std::uint32_t count = 0;
    for (std::uint32_t item : positives.row(user).columns) {
      if (item_of_test[item] && std::binary_search(met.begin(), met.end(), *item_of_test[item])) {
        ++set.already_met_;
        continue;
      }
      ++count;
      if (item_of_test[item]) {
        found.emplace_back(*item_of_test[item], rated.ok() ? rating_of(user, item) : 1.0f);
      } else {
        unknown[item] = true;
      }
    }
    if (count == 0) continue;
    set.test_user_.push_back(user);
    set.test_items_.push_back(count);
    set.known_.push_back(known ? std::optional(UserIndex{*known}) : std::nullopt);
    for (const auto& [item, rating] : found) relevant.Add(item, rating);
    relevant.EndRow();
    if (!known && folded_in) {
      const SparseRowView row = folded.history.row(*folded_in);
      for (std::size_t n = 0; n < row.size(); ++n)
        if (item_of_fold_in[row.columns[n]]) fold_in_history.Add(*item_of_fold_in[row.columns[n]], row.value(n));
    }
    fold_in_history.EndRow();
  }
  set.relevant_ = std::move(relevant).Build(training.items.size());
  set.fold_in_history_ = std::move(fold_in_history).Build(training.items.size());
  set.fold_in_positives_ = PositivesOf(set.fold_in_history_);
  set.unknown_items_ = static_cast<std::size_t>(std::count(unknown.begin(), unknown.end(), true));
  set.users_without_test_ = known_users - set.test_user_.size();
  set.test_users_ = test.users();
  set.training_ = std::move(training);
  return set;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildTestSet: want memory for ", test.size() + fold_in.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_TEST_SET_HPP_
