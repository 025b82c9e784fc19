// cli/simulate_community.hpp - a learning community with planted truth: who the learners are, what draws them to a
// course, when they leave and why, and the events that follow from it.
//
// Definition   Learner u has interests (weights over topics), a style, abilities by topic; course c has topics, a
//              level, a style and an appeal. u takes up the course c with probability in proportion to exp(affinity(u,
//              c)) over the courses on offer that u has not met:
//                affinity = topic_weight log(0.02 + match) + style_weight <style_u, style_c> + appeal_c
//                           - level_weight (level_c - ability_u - 0.1)^2 - language_penalty [language not spoken]
//                           - prerequisite_penalty [a prerequisite neither completed nor outgrown]
//              Arrivals follow logistic growth; each week a learner leaves, and at each priced course pays, with a
//              logistic probability of observable facts.
// Determinism  A pure function of the options. Learner u draws from Random(seed, stream of u) alone, and what learners
//              do to each other (answers) is drawn afterwards in the order of time: the same for any number of threads.
// Checked by   tests/simulate/simulate_test.cpp: same bytes, sums, the planted growth, hazard and affinity are found.
#ifndef WAYPOST_CLI_SIMULATE_COMMUNITY_HPP_
#define WAYPOST_CLI_SIMULATE_COMMUNITY_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulate_subjects.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"

namespace waypost::cli {

struct SimulateOptions {
  // Learners who arrive within the period, 1..1,000,000; time and memory grow linearly (about 40 events each).
  int users = 1000;
  // Courses on offer at the end, 24..5,000.
  int courses = 400;
  // Length of the period, 28..3,650.
  int days = 730;
  std::uint64_t seed = 42;
};
absl::Status Validate(const SimulateOptions& options);

inline constexpr std::size_t kStyles = 4;  // ways to teach that no column shows: what behaviour knows beyond content

enum class Language : std::uint8_t { kEnglish, kChinese, kBoth };

struct Course {
  std::string id;
  std::string title;  // "English / Chinese"
  std::string text_en;
  std::string text_zh;
  std::size_t topic = 0;
  std::optional<std::size_t> second_topic;
  int level = 1;  // 1 beginner .. 5 expert
  Language language = Language::kEnglish;
  std::string author;
  std::vector<std::string> tags;
  float price = 0;
  std::vector<std::size_t> prerequisites;  // courses of a lower level: no loops
  std::int64_t published_s = 0;            // seconds since 1970-01-01 UTC, as all times here
  // -- planted, in no file but truth.json --
  double appeal = 0;
  std::array<double, kStyles> style{};
};

struct Learner {
  std::string id;
  std::size_t goal = 0;
  Language language = Language::kEnglish;
  int hours_per_week = 0;
  std::int64_t arrived_s = 0;
  std::optional<std::int64_t> departed_s;  // nullopt: still there at the end
  // -- planted, in no file but truth.json --
  std::array<double, kTopics> interests{};  // sum 1
  std::array<double, kStyles> style{};
  std::array<double, kTopics> ability_start{};  // 0..1
  std::array<double, kTopics> ability_end{};
  double sessions_per_week = 0;
  double willingness = 0;  // to pay
};

struct SimulatedEvent {
  std::int64_t time_s = 0;
  std::uint32_t user = 0;
  std::uint32_t course = 0;
  std::uint16_t kind = 0;  // BuiltInKind
  std::optional<float> value;
};

struct Answer {
  std::string id;
  std::string text;
  bool accepted = false;
};

struct Question {
  std::string id;
  std::string title;
  std::string body;
  std::vector<std::string> tags;
  std::vector<Answer> answers;
};

// The numbers behind the community. The hazard and the payment are logistic: p = 1 / (1 + exp(-(sum of terms))).
struct PlantedParameters {
  // Learners who have arrived by day t: capacity / (1 + (capacity / initial - 1) exp(-rate t)).
  double growth_capacity = 0;
  double growth_rate_per_day = 0;
  double growth_initial = 0;
  double topic_weight = 1.4;
  double style_weight = 0.6;
  double level_weight = 8;
  double language_penalty = 2;
  double prerequisite_penalty = 2;
  // Probability to leave in a week.
  double hazard_intercept = -3.6;
  double hazard_idle_weeks = 0.35;      // for each of the last 4 weeks without a session
  double hazard_paid = -0.9;            // has paid before
  double hazard_disappointments = 0.8;  // for each dislike or rating below 3 in the last 4 weeks
  double hazard_completed = -0.15;      // for each course completed, 5 at most
  // Probability to pay for a priced course that the learner wants to start.
  double payment_intercept = -0.6;
  double payment_willingness = 1.0;  // for the learner's own number, standard normal
  double payment_price = -0.01;      // for each unit of price
  double payment_completed = 0.3;    // for each course completed, 5 at most
};

struct Community {
  SimulateOptions options;
  PlantedParameters parameters;
  std::int64_t begin_s = 0;
  std::int64_t end_s = 0;
  std::vector<Course> courses;
  std::vector<Learner> learners;       // in order of arrival
  std::vector<SimulatedEvent> events;  // in order of time, then user
  std::vector<Question> questions;     // in order of time
};

absl::StatusOr<Community> Simulate(const SimulateOptions& options, const Parallelism& parallelism = {});

// How strongly the learner is drawn to each course, prerequisites aside: the planted truth that recommendations are
// measured against. Ability is the middle of its start and its end.
//
// Requires  user < community.learners.size().
std::vector<double> PlantedAffinity(const Community& community, std::size_t user);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SIMULATE_COMMUNITY_HPP_
