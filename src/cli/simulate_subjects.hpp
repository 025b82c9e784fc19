// cli/simulate_subjects.hpp - what the simulated community is about: topics, what learners want to become, and how
// courses are named, in English and Chinese.
#ifndef WAYPOST_CLI_SIMULATE_SUBJECTS_HPP_
#define WAYPOST_CLI_SIMULATE_SUBJECTS_HPP_

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waypost::cli {

inline constexpr std::size_t kTopics = 24;
inline constexpr std::size_t kConcepts = 6;  // of each topic
inline constexpr int kLevels = 5;

struct Bilingual {
  std::string_view en;
  std::string_view zh;
};

struct Topic {
  std::string_view tag;
  Bilingual name;
  std::string_view area;  // the category of its courses
  std::array<Bilingual, kConcepts> concepts;
};

struct TopicWeight {
  std::size_t topic = 0;
  double weight = 0;
};

// What a learner wants to become, and the topics that leads through.
struct Goal {
  std::string_view name;
  std::vector<TopicWeight> topics;
};

const std::array<Topic, kTopics>& Topics();
std::span<const Goal> Goals();

// "beginner" .. "expert" for 1..kLevels.
std::string_view LevelName(int level);

// The ways to name a course of a level; {T} stands for the topic and {C} for a concept of it.
std::span<const Bilingual> TitlePatterns(int level);

// The ways to ask about a topic {T} with its concepts {C} and {D}, and to answer.
std::span<const Bilingual> QuestionPatterns();
std::span<const Bilingual> AnswerPatterns();

// `pattern` with {T}, {C} and {D} replaced.
std::string FillPattern(std::string_view pattern, std::string_view topic, std::string_view concept_name,
                        std::string_view other_concept = {});

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SIMULATE_SUBJECTS_HPP_
