// waypost/model/user_knn_neighbours.hpp - the users most similar to a history, in the memory of a thread.
//
// (1) Between calls the sum and the count of every user are 0.
// (2) The arrays of a damaged file that was opened unchecked may hold anything: every index is bounded where it is
//     used, and only similarities that are positive finite numbers are compared.
#ifndef WAYPOST_MODEL_USER_KNN_NEIGHBOURS_HPP_
#define WAYPOST_MODEL_USER_KNN_NEIGHBOURS_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/shared_array.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/user_knn_options.hpp"

namespace waypost {

// The interactions that neighbours are found among, and what their similarities are made of.
//
// Immutable: safe to use from any number of threads.
struct UserKnnTable {
  SparseMatrix user_item;
  SparseMatrix item_user;  // its transpose
  SharedArray<float>
      user_terms;  // cosine, tfidf: 1 / the length of the user's terms, 0 without interactions; bm25: K_v
  SharedArray<float> item_weights;  // cosine: 1; tfidf: the squared idf; bm25: the idf

  std::size_t users() const { return user_item.rows(); }
  std::size_t items() const { return item_user.rows(); }
};

struct UserNeighbour {
  std::uint32_t user = 0;
  double similarity = 0;
  double weight = 0;  // the similarity to the power of the options, within a factor that all neighbours share
};

namespace internal {

// The terms of a similarity by the formulas of user_knn.hpp.
//
// Immutable: safe to use from any number of threads.
class UserTerms {
 public:
  // Lifetime  borrows both.
  UserTerms(const UserKnnTable& table, const UserKnnOptions& options)
      : table_(table),
        similarity_(options.similarity),
        k1_(options.bm25_k1.value_or(kDefaultUserBm25K1)),
        constant_(!table.user_item.weighted()) {}

  // What an item of the history multiplies the terms of its users by.
  double Query(std::uint32_t item, double strength) const {
    return table_.item_weights[item] * (similarity_ == UserSimilarity::kTfIdf ? std::sqrt(strength) : strength);
  }
  // The term of an interaction, but for Factor.
  double Stored(std::uint32_t user, double strength) const {
    if (constant_) return 1;
    if (similarity_ == UserSimilarity::kCosine) return strength;
    if (similarity_ == UserSimilarity::kTfIdf) return std::sqrt(strength);
    return strength * (k1_ + 1) / (strength + table_.user_terms[user]);
  }
  // What all terms of a user have in common.
  double Factor(std::uint32_t user) const {
    if (similarity_ != UserSimilarity::kBm25) return table_.user_terms[user];
    return constant_ ? (k1_ + 1) / (1 + static_cast<double>(table_.user_terms[user])) : 1.0;
  }
  // 1 / the length of the history's terms; 1 with bm25, which has no use for it.
  double HistoryFactor(const SparseRowView& history) const {
    if (similarity_ == UserSimilarity::kBm25) return 1;
    double squares = 0;
    for (std::size_t n = 0; n < history.size(); ++n) {
      const double x = history.value(n);
      squares += table_.item_weights[history.columns[n]] * (similarity_ == UserSimilarity::kTfIdf ? x : x * x);
    }
    return squares > 0 ? 1 / std::sqrt(squares) : 0.0;
  }

  bool constant() const { return constant_; }

 private:
  const UserKnnTable& table_;
  UserSimilarity similarity_;
  double k1_;
  bool constant_;  // whether every stored strength is 1
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class UserNeighbours {
 public:
  // Returns the neighbours of a history, ascending by user, until the next call: the `neighbours` most similar of the
  // users that have an item which the history has not; ties keep the lower index.
  //   history  valid for the table's items.
  // Cost       the interactions of the history's items, and as many steps to choose; 12 bytes a user a thread.
  std::span<const UserNeighbour> Find(const UserKnnTable& table, const UserKnnOptions& options,
                                      const SparseRowView& history) {
    const UserTerms terms(table, options);
    const std::size_t met = Sum(table, terms, history);
    const double own = terms.HistoryFactor(history);
    Reserve(met);
    for (std::size_t n = 0; n < met; ++n) {
      const std::uint32_t user = met_[n];
      const double similarity = own * terms.Factor(user) * std::exchange(sums_[user], 0.0);
      const std::uint32_t shared = std::exchange(counts_[user], 0u);
      if (shared >= table.user_item.row_size(user)) continue;  // has nothing new
      if (similarity > 0 && similarity <= std::numeric_limits<double>::max())
        found_.push_back({.user = user, .similarity = similarity});
    }
    KeepNearest(static_cast<std::size_t>(options.neighbours));
    Weigh(options.exponent);
    return found_;
  }

 private:
  // Returns how many users were met; their sums and counts stay until they are taken.
  std::size_t Sum(const UserKnnTable& table, const UserTerms& terms, const SparseRowView& history) {
    if (sums_.size() < table.users()) {
      met_.resize(table.users());
      counts_.resize(table.users(), 0);
      sums_.resize(table.users(), 0.0);
    }
    std::size_t met = 0;
    for (std::size_t n = 0; n < history.size(); ++n) {
      const std::uint32_t item = history.columns[n];
      const SparseRowView users = table.item_user.row(item);
      const double query = terms.Query(item, history.value(n));
      for (std::size_t m = 0; m < users.size(); ++m) {
        const std::uint32_t user = users.columns[m];
        if (user >= table.users()) continue;
        if (counts_[user]++ == 0) met_[met++] = user;
        sums_[user] += terms.constant() ? query : query * terms.Stored(user, users.value(m));
      }
    }
    return met;
  }

  void Reserve(std::size_t met) {
    found_.clear();
    try {
      found_.reserve(met);
    } catch (const std::bad_alloc&) {
      for (std::size_t n = 0; n < met; ++n) {
        sums_[met_[n]] = 0;
        counts_[met_[n]] = 0;
      }
      throw;
    }
  }

  void KeepNearest(std::size_t count) {
    const auto nearer = [](const UserNeighbour& a, const UserNeighbour& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.user < b.user;
    };
    if (count > 0 && count < found_.size()) {
      std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(count), found_.end(), nearer);
      found_.resize(count);
    }
    std::sort(found_.begin(), found_.end(),
              [](const UserNeighbour& a, const UserNeighbour& b) { return a.user < b.user; });
  }

  // Powers of the share of the nearest one: a power of the similarity itself could leave float32.
  void Weigh(double exponent) {
    double nearest = 0;
    for (const UserNeighbour& neighbour : found_) nearest = std::max(nearest, neighbour.similarity);
    for (UserNeighbour& neighbour : found_)
      neighbour.weight =
          exponent == 1 ? neighbour.similarity : nearest * std::pow(neighbour.similarity / nearest, exponent);
  }

  std::vector<double> sums_;           // of users
  std::vector<std::uint32_t> counts_;  // of users: items shared with the history
  std::vector<std::uint32_t> met_;
  std::vector<UserNeighbour> found_;
};

}  // namespace internal

}  // namespace waypost

#endif  // WAYPOST_MODEL_USER_KNN_NEIGHBOURS_HPP_
