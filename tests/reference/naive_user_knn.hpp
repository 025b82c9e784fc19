// User kNN copied from its definition, dense and in float64.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_USER_KNN_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_USER_KNN_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "reference/naive_item_knn.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/user_knn_options.hpp"

namespace waypost::reference {

// What the definition calls x, n_i, s_v and so on.
class NaiveUserKnn {
 public:
  NaiveUserKnn(const InteractionMatrix& matrix, const UserKnnOptions& options)
      : options_(options), x_(Dense(matrix.user_item())), users_of_(matrix.items()), sums_(matrix.users()) {
    for (std::size_t v = 0; v < x_.size(); ++v) {
      for (std::size_t i = 0; i < users_of_.size(); ++i) {
        users_of_[i] += x_[v][i] > 0;
        sums_[v] += x_[v][i];
      }
      total_ += sums_[v];
      met_ += sums_[v] > 0;
    }
  }

  double Similarity(const std::vector<double>& u, std::size_t v) const {
    if (options_.similarity == UserSimilarity::kBm25) {
      const double k1 = options_.bm25_k1.value_or(kDefaultUserBm25K1), b = options_.bm25_b.value_or(kDefaultUserBm25B);
      const double length = k1 * (1 - b + b * sums_[v] / (total_ / met_));
      double sum = 0;
      for (std::size_t i = 0; i < u.size(); ++i) {
        const double idf = std::log(1 + (Users() - users_of_[i] + 0.5) / (users_of_[i] + 0.5));
        if (x_[v][i] > 0) sum += idf * u[i] * (k1 + 1) * x_[v][i] / (x_[v][i] + length);
      }
      return sum;
    }
    double dot = 0, uu = 0, vv = 0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      dot += Term(u[i], i) * Term(x_[v][i], i);
      uu += Term(u[i], i) * Term(u[i], i);
      vv += Term(x_[v][i], i) * Term(x_[v][i], i);
    }
    return dot > 0 ? dot / std::sqrt(uu * vv) : 0.0;
  }

  // The neighbours with their similarities, the nearest first.
  std::vector<std::pair<double, std::size_t>> Neighbours(const std::vector<double>& u) const {
    std::vector<std::pair<double, std::size_t>> found;
    for (std::size_t v = 0; v < x_.size(); ++v) {
      bool has_new = false;
      for (std::size_t i = 0; i < u.size(); ++i) has_new |= x_[v][i] > 0 && u[i] == 0;
      const double similarity = Similarity(u, v);
      if (has_new && similarity > 0) found.emplace_back(similarity, v);
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    if (options_.neighbours > 0) found.resize(std::min(found.size(), static_cast<std::size_t>(options_.neighbours)));
    return found;
  }

  std::vector<double> Scores(const std::vector<double>& u) const {
    std::vector<double> scores(u.size(), 0.0);
    for (const auto& [similarity, v] : Neighbours(u))
      for (std::size_t i = 0; i < u.size(); ++i) scores[i] += std::pow(similarity, options_.exponent) * x_[v][i];
    return scores;
  }

 private:
  double Users() const { return static_cast<double>(x_.size()); }
  double Term(double x, std::size_t i) const {
    if (options_.similarity == UserSimilarity::kCosine) return x;
    return std::sqrt(x) * std::log((1 + Users()) / (1 + users_of_[i]));
  }

  UserKnnOptions options_;
  DenseMatrix x_;
  std::vector<double> users_of_;
  std::vector<double> sums_;
  double total_ = 0;
  double met_ = 0;
};

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_USER_KNN_HPP_
