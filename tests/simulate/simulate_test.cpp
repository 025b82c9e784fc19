#include "simulate_community.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "simulate_files.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost::cli {
namespace {

constexpr std::int64_t kWeek = 7 * 86400;

Community Make(int users, std::uint64_t seed, int threads = 0) {
  SimulateOptions options;
  options.users = users;
  options.seed = seed;
  return *Simulate(options, Parallelism(threads));
}

TEST(Simulate, WritesTheSameBytesForAnyNumberOfThreads) {
  const Community one = Make(700, 5, 1);
  for (int threads : {2, 7}) {
    const Community many = Make(700, 5, threads);
    EXPECT_EQ(EventsCsv(one), EventsCsv(many));
    EXPECT_EQ(CatalogueJsonLines(one), CatalogueJsonLines(many));
    EXPECT_EQ(UsersCsv(one), UsersCsv(many));
    EXPECT_EQ(QuestionsJsonLines(one), QuestionsJsonLines(many));
    EXPECT_EQ(TruthJson(one, Parallelism(1)), TruthJson(many, Parallelism(threads)));
  }
}

TEST(Simulate, WritesAnotherCommunityForAnotherSeed) {
  EXPECT_NE(EventsCsv(Make(50, 1)), EventsCsv(Make(50, 2)));
}

TEST(Simulate, MakesTheSmallestCommunity) {
  SimulateOptions options;
  options.users = 1;
  options.courses = 24;
  options.days = 28;
  const auto community = Simulate(options);
  ASSERT_TRUE(community.ok());
  EXPECT_FALSE(community->events.empty());
}

TEST(Simulate, RefusesSizesOutOfRange) {
  for (const auto& [users, courses, days] :
       {std::array{0, 400, 730}, {1'000'001, 400, 730}, {10, 23, 730}, {10, 24, 27}}) {
    SimulateOptions options;
    options.users = users;
    options.courses = courses;
    options.days = days;
    EXPECT_EQ(Simulate(options).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Simulate, LeadsPrerequisitesDownwardAndNamesEveryCourseOnce) {
  const Community community = Make(1, 3);
  std::set<std::string> titles;
  std::size_t prerequisites = 0;
  for (const Course& course : community.courses) {
    EXPECT_TRUE(titles.insert(course.title).second) << course.title;
    for (std::size_t p : course.prerequisites) {
      ++prerequisites;
      EXPECT_LT(community.courses[p].level, course.level);  // hence no loops
      EXPECT_LE(community.courses[p].published_s, course.published_s);
    }
  }
  EXPECT_GT(prerequisites, 100u);
}

TEST(Simulate, KeepsEveryEventBetweenArrivalAndDeparture) {
  const Community community = Make(1000, 4);
  for (std::size_t n = 0; n < community.events.size(); ++n) {
    const SimulatedEvent& event = community.events[n];
    const Learner& learner = community.learners[event.user];
    ASSERT_GE(event.time_s, learner.arrived_s);
    ASSERT_LT(event.time_s, community.end_s);
    if (learner.departed_s) {
      ASSERT_LE(event.time_s, *learner.departed_s);
    }
    if (n > 0) {
      ASSERT_LE(community.events[n - 1].time_s, event.time_s);
    }
  }
}

TEST(Simulate, LetsLearnersArriveByThePlantedGrowth) {
  const Community community = Make(2000, 6);
  const PlantedParameters& p = community.parameters;
  for (int day = 30; day < community.options.days; day += 100) {
    const double expected =
        p.growth_capacity / (1 + (p.growth_capacity / p.growth_initial - 1) * std::exp(-p.growth_rate_per_day * day));
    const auto arrived = std::count_if(
        community.learners.begin(), community.learners.end(),
        [&](const Learner& learner) { return learner.arrived_s <= community.begin_s + day * std::int64_t{86400}; });
    EXPECT_NEAR(static_cast<double>(arrived), expected, 1.01);  // one learner arrives in each unit of the curve
  }
}

// The weeks of every learner as a statistician sees them: what happened before the week, and whether the learner left.
struct PersonWeek {
  Eigen::Matrix<double, 5, 1> facts;
  double left = 0;
};

std::vector<PersonWeek> PersonWeeks(const Community& community) {
  std::vector<std::vector<SimulatedEvent>> events(community.learners.size());
  for (const SimulatedEvent& event : community.events)
    if (event.kind != kAnswer) events[event.user].push_back(event);  // answers come on top of a learner's own plans
  std::vector<PersonWeek> weeks;
  for (std::size_t user = 0; user < events.size(); ++user) {
    const Learner& learner = community.learners[user];
    for (std::int64_t week = learner.arrived_s + kWeek; week < community.end_s; week += kWeek) {
      double paid = 0;
      double disappointed = 0;
      double completed = 0;
      std::set<std::int64_t> active;
      for (const SimulatedEvent& event : events[user]) {
        if (event.time_s >= week) break;
        paid = paid > 0 || event.kind == kPay;
        completed += event.kind == kComplete;
        if (event.time_s < week - 4 * kWeek) continue;
        active.insert((event.time_s - learner.arrived_s) / kWeek);
        disappointed += event.kind == kDislike || (event.kind == kRate && *event.value < 3);
      }
      const double possible = static_cast<double>(std::min<std::int64_t>(4, (week - learner.arrived_s) / kWeek));
      const bool left = learner.departed_s && *learner.departed_s < week + kWeek && *learner.departed_s >= week;
      weeks.push_back({{1, possible - static_cast<double>(active.size()), paid, disappointed, std::min(5.0, completed)},
                       left ? 1.0 : 0.0});
      if (left) break;
    }
  }
  return weeks;
}

TEST(Simulate, PlantsAHazardThatALogisticFitFindsAgain) {
  const Community community = Make(4000, 7);
  const std::vector<PersonWeek> weeks = PersonWeeks(community);
  using Vector = Eigen::Matrix<double, 5, 1>;
  Vector fitted = Vector::Zero();
  Eigen::Matrix<double, 5, 5> information;
  for (int step = 0; step < 25; ++step) {  // Newton's method on the log-likelihood
    Vector gradient = Vector::Zero();
    information.setZero();
    for (const PersonWeek& week : weeks) {
      const double p = 1 / (1 + std::exp(-fitted.dot(week.facts)));
      gradient += (week.left - p) * week.facts;
      information += p * (1 - p) * week.facts * week.facts.transpose();
    }
    fitted += information.ldlt().solve(gradient);
  }
  const PlantedParameters& p = community.parameters;
  const Vector planted{p.hazard_intercept, p.hazard_idle_weeks, p.hazard_paid, p.hazard_disappointments,
                       p.hazard_completed};
  const Vector errors = information.inverse().diagonal().cwiseSqrt();
  for (int n = 0; n < 5; ++n) {
    // 4 standard errors: 1 in 15,000 by chance; a session that runs over midnight of a week's end may count in the next
    EXPECT_NEAR(fitted[n], planted[n], 4 * errors[n]) << n;
    EXPECT_GT(std::abs(planted[n]), 4 * errors[n]) << n;  // and the community is large enough to tell
  }
}

// One course of each learner who met at least five is hidden; the learners' other courses are the training data.
struct LeftOut {
  InteractionMatrix train;
  std::vector<std::pair<std::size_t, std::uint32_t>> hidden;
};

LeftOut LeaveOneOut(const Community& community) {
  std::vector<std::set<std::uint32_t>> met(community.learners.size());
  for (const SimulatedEvent& event : community.events)
    if (event.kind != kAnswer && event.kind != kDislike) met[event.user].insert(event.course);
  Random random(99);
  LeftOut result;
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (std::size_t user = 0; user < met.size(); ++user) {
    if (met[user].size() >= 5) {
      const auto hidden = std::next(met[user].begin(), static_cast<std::ptrdiff_t>(random.Below(met[user].size())));
      result.hidden.emplace_back(user, *hidden);
      met[user].erase(hidden);
    }
    columns.insert(columns.end(), met[user].begin(), met[user].end());
    offsets.push_back(columns.size());
  }
  result.train =
      InteractionMatrix(SparseMatrix(community.courses.size(), SharedArray<std::uint64_t>(std::move(offsets)),
                                     SharedArray<std::uint32_t>(std::move(columns)), {}));
  return result;
}

// The share of hidden courses among the ten best of those the learner has not met.
template <typename Scores>
double HitRateOf(const LeftOut& data, const Scores& scores_of) {
  std::size_t hits = 0;
  for (const auto& [user, hidden] : data.hidden) {
    const std::vector<float> scores = scores_of(user);
    const SparseRowView history = data.train.user_item().row(user);
    for (const ScoredItem& item : TopK(scores, 10, {.allowed = nullptr, .excluded = history.columns}))
      hits += item.item.value == hidden;
  }
  return static_cast<double>(hits) / static_cast<double>(data.hidden.size());
}

double HitRate(const LeftOut& data, const Scorer& scorer) {
  return HitRateOf(data, [&](std::size_t user) {
    std::vector<float> scores(scorer.item_count());
    const UserView view{.user = UserIndex{static_cast<std::uint32_t>(user)},
                        .history = data.train.user_item().row(user)};
    EXPECT_TRUE(scorer.Score(std::span(&view, 1), scores, Parallelism(1)).ok());
    return scores;
  });
}

double HitRateOfModel(const LeftOut& data, const ModelOptions& options) {
  const auto model = TrainModel(data.train, options);
  EXPECT_TRUE(model.ok()) << model.status();
  return HitRate(data, *model->scorer);
}

TEST(Simulate, PlantsATruthThatModelsApproachAndPopularityDoesNot) {
  const Community community = Make(1500, 8);
  const LeftOut data = LeaveOneOut(community);
  const double popularity = HitRate(data, TrainPopularity(data.train));
  const double knn = HitRateOfModel(data, ItemKnnOptions{});
  IalsOptions ials_options;
  ials_options.dimensions = 32;
  ials_options.unobserved_weight = 0.3f;
  ials_options.regularization = 0.02f;
  const double ials = HitRateOfModel(data, ials_options);
  const double truth = HitRateOf(data, [&](std::size_t user) {
    const std::vector<double> affinity = PlantedAffinity(community, user);
    return std::vector<float>(affinity.begin(), affinity.end());
  });
  RecordProperty("popularity", std::to_string(popularity));
  RecordProperty("knn", std::to_string(knn));
  RecordProperty("ials", std::to_string(ials));
  RecordProperty("truth", std::to_string(truth));
  // About 1,200 learners are tested: the standard error of each rate is below 0.015.
  EXPECT_GT(knn, 1.5 * popularity);
  EXPECT_GT(ials, 1.5 * popularity);
  EXPECT_GT(truth, knn + 0.05);
  EXPECT_GT(truth, ials + 0.05);
}

}  // namespace
}  // namespace waypost::cli
