// A model that is a table of scores written down by the test, for tests of what stands on models.
#ifndef WAYPOST_TESTS_SUPPORT_TABLE_SCORER_HPP_
#define WAYPOST_TESTS_SUPPORT_TABLE_SCORER_HPP_

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/scorer.hpp"

namespace waypost::testing_support {

// Row u scores user u of the training; the last row scores everybody else.
class TableScorer : public Scorer {
 public:
  explicit TableScorer(std::vector<std::vector<float>> rows) : rows_(std::move(rows)) {}

  std::string_view kind() const override { return "table"; }
  std::size_t item_count() const override { return rows_.back().size(); }
  std::size_t user_count() const override { return rows_.size() - 1; }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores, const Parallelism&) const override {
    for (std::size_t q = 0; q < users.size(); ++q) {
      WAYPOST_RETURN_IF_ERROR(ValidateUser(users[q], user_count(), item_count()));
      const std::vector<float>& row = users[q].user ? rows_[users[q].user->value] : rows_.back();
      std::copy(row.begin(), row.end(), scores.begin() + static_cast<std::ptrdiff_t>(q * item_count()));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex, const Candidates&, std::size_t) const override {
    return std::vector<ScoredItem>{};
  }
  absl::StatusOr<Explanation> Explain(const UserView&, ItemIndex) const override { return Explanation{}; }

 private:
  std::vector<std::vector<float>> rows_;
};

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_TABLE_SCORER_HPP_
