// Whom to follow, on the links of a photo community with a fifth of each member's held out: better than the most
// followed and than counting common neighbours, the classical rule of link prediction.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "support/read_log.hpp"
#include "waypost/eval/comparison.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/matrix/split.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

// Score(u, v) = sum over the people w linked to both, in either direction, of 1, or of 1 / log(links of w) after Adamic
// and Adar, "Friends and neighbors on the Web" (2003).
//
// Immutable: safe to use from any number of threads.
class CommonNeighbours : public Scorer {
 public:
  //   links  rows are users, columns items; both have ids of people.
  CommonNeighbours(const TrainingData& data, bool adamic_adar) : item_count_(data.items.size()) {
    const SparseMatrix& links = data.interactions.positives.user_item();
    const auto person = [&](std::string_view id) {
      return number_.try_emplace(std::string(id), static_cast<std::uint32_t>(number_.size())).first->second;
    };
    for (std::uint32_t user = 0; user < data.users.size(); ++user)
      person_of_user_.push_back(person(data.users.id(user)));
    for (std::uint32_t item = 0; item < item_count_; ++item) person_of_item_.push_back(person(data.items.id(item)));
    linked_.resize(number_.size());
    for (std::uint32_t user = 0; user < links.rows(); ++user)
      for (const std::uint32_t item : links.row(user).columns) {
        linked_[person_of_user_[user]].push_back(person_of_item_[item]);
        linked_[person_of_item_[item]].push_back(person_of_user_[user]);
      }
    for (std::vector<std::uint32_t>& list : linked_) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
    for (const std::vector<std::uint32_t>& list : linked_)
      weight_.push_back(adamic_adar ? static_cast<float>(1 / std::log(std::max(2.0, static_cast<double>(list.size()))))
                                    : 1.0f);
  }

  std::string_view kind() const override { return "common-neighbours"; }
  std::size_t item_count() const override { return item_count_; }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores, const Parallelism&) const override {
    std::vector<float> of_person(linked_.size());
    for (std::size_t q = 0; q < users.size(); ++q) {
      std::fill(of_person.begin(), of_person.end(), 0.0f);
      for (const std::uint32_t w : linked_[person_of_user_[users[q].user->value]])
        for (const std::uint32_t v : linked_[w]) of_person[v] += weight_[w];
      for (std::size_t item = 0; item < item_count_; ++item)
        scores[q * item_count_ + item] = of_person[person_of_item_[item]];
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex, const Candidates&, std::size_t) const override {
    return std::vector<ScoredItem>{};
  }
  absl::StatusOr<Explanation> Explain(const UserView&, ItemIndex) const override { return Explanation{}; }

 private:
  std::size_t item_count_;
  std::unordered_map<std::string, std::uint32_t> number_;
  std::vector<std::uint32_t> person_of_user_, person_of_item_;
  std::vector<std::vector<std::uint32_t>> linked_;  // people of each person, ascending
  std::vector<float> weight_;
};

TEST(People, AreRecommendedBetterThanByPopularityAndCommonNeighbours) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "community-flickr-social/links.tsv.gz");
  const EventLog links = testing_support::ReadLog(path, {.item_column = "followed_user"});
  const EventSplit split = SplitRandom(links, {.test_share = 0.2, .seed = 1}).value();
  const EventLog train = links.Select(split.train);
  const TestSet test =
      BuildTestSet({train.users(), train.items(), BuildInteractions(train).value()}, links.Select(split.test)).value();
  const InteractionMatrix& positives = test.training().interactions.positives;
  const MetricList metrics = ParseMetrics("recall@20").value();
  std::vector<Evaluation> evaluations;
  const auto add = [&](const Scorer& scorer) {
    evaluations.push_back(Evaluate(scorer, test, metrics, {.intervals = false}).value());
    std::printf("%-20s recall@20 %.4f\n", std::string(scorer.kind()).c_str(), evaluations.back().metrics[0].mean);
  };
  add(TrainPopularity(positives));
  add(CommonNeighbours(test.training(), false));
  add(CommonNeighbours(test.training(), true));
  add(*TrainModel(positives, IalsOptions{}).value().scorer);

  std::vector<const Evaluation*> pointers;
  for (const Evaluation& evaluation : evaluations) pointers.push_back(&evaluation);
  const MetricComparison comparison = CompareEvaluations(pointers).value().front();
  ASSERT_EQ(comparison.best, 3u);
  for (std::size_t other = 0; other < 3; ++other) EXPECT_LT(comparison.lags[other]->p_adjusted, 0.01) << other;
}

}  // namespace
}  // namespace waypost
