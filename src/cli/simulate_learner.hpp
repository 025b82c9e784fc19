// cli/simulate_learner.hpp - one learner's way through the simulated community, from arrival to departure.
#ifndef WAYPOST_CLI_SIMULATE_LEARNER_HPP_
#define WAYPOST_CLI_SIMULATE_LEARNER_HPP_

#include <cstdint>
#include <vector>

#include "simulate_community.hpp"
#include "waypost/base/random.hpp"

namespace waypost::cli {

struct AskedQuestion {
  std::int64_t time_s = 0;
  std::uint32_t user = 0;
  std::uint32_t course = 0;
};

struct LearnerLife {
  std::vector<SimulatedEvent> events;  // in order of time
  std::vector<AskedQuestion> asked;
};

// The part of the affinity that never changes: topics, style, appeal, language.
double Taste(const PlantedParameters& parameters, const Learner& learner, const Course& course);

// What the affinity loses because the course is too easy or too hard.
double LevelGap(const PlantedParameters& parameters, const Course& course, double ability);

// Lives the learner's life and writes `learner.departed_s` and `learner.ability_end`. Of `community` it reads courses,
// period and parameters only.
LearnerLife Live(const Community& community, std::uint32_t user, Random& random, Learner& learner);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SIMULATE_LEARNER_HPP_
