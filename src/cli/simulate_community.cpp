#include "simulate_community.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "simulate_learner.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/kinds.hpp"

namespace waypost::cli {
namespace {

constexpr std::int64_t kBegin = 1672531200;  // 2023-01-01T00:00:00Z
constexpr std::int64_t kDay = 86400;

// Streams of random numbers, one for each kind of thing that is drawn.
enum Stream : std::uint64_t {
  kCourseStream = 1,
  kQuestionStream = 2,
  kPersonStream = 1u << 20,
  kLifeStream = 1u << 30
};

constexpr std::string_view kFirstNames[] = {"Maya", "Wei", "Omar", "Sofia", "Jonas", "Priya", "Elena", "Yuki"};
constexpr std::string_view kLastNames[] = {"Chen", "Okafor", "Novak", "Silva", "Tanaka", "Haas", "Rossi", "Park"};

std::string NumberedId(std::string_view prefix, std::size_t number, std::size_t count) {
  const int width = static_cast<int>(absl::StrCat(count).size());
  return absl::StrFormat("%s%0*d", std::string(prefix), width, number);
}

// Makes a title no other course has; returns the concept it is about.
std::size_t PickTitle(Random& random, const Topic& topic, int level, std::set<std::string>& used, std::string& en,
                      std::string& zh) {
  const std::span<const Bilingual> patterns = TitlePatterns(level);
  for (int attempt = 0;; ++attempt) {
    const Bilingual pattern = patterns[random.Below(patterns.size())];
    const std::size_t about = random.Below(kConcepts);
    const Bilingual& concept_name = topic.concepts[about];
    en = FillPattern(pattern.en, topic.name.en, concept_name.en);
    zh = FillPattern(pattern.zh, topic.name.zh, concept_name.zh);
    if (attempt >= 12) {  // the patterns of this topic and level are used up: number the series
      absl::StrAppend(&en, ", Part ", attempt - 10);
      absl::StrAppend(&zh, "\uff08", attempt - 10, "\uff09");
    }
    if (used.insert(en).second) return about;
  }
}

Language PickLanguage(Random& random, double english, double chinese) {
  const double u = random.Uniform();
  return u < english ? Language::kEnglish : u < english + chinese ? Language::kChinese : Language::kBoth;
}

std::vector<Course> MakeCourses(const SimulateOptions& options) {
  Random random(options.seed, kCourseStream);
  const std::array<Topic, kTopics>& topics = Topics();
  std::array<double, kTopics> size;  // how much is taught about each topic
  for (double& weight : size) weight = std::exp(0.4 * random.Normal());
  constexpr double kLevelShares[kLevels] = {0.24, 0.28, 0.25, 0.15, 0.08};

  std::vector<Course> courses(static_cast<std::size_t>(options.courses));
  std::set<std::string> used;
  for (std::size_t c = 0; c < courses.size(); ++c) {
    Course& course = courses[c];
    course.id = NumberedId("c", c + 1, courses.size());
    course.topic = c < kTopics ? c : random.Weighted(size);  // every topic is taught
    course.level = c < kTopics ? 1 : 1 + static_cast<int>(random.Weighted(kLevelShares));
    if (course.level >= 2 && random.Bernoulli(0.35)) {
      const std::size_t other = random.Below(kTopics);
      if (other != course.topic && topics[other].area == topics[course.topic].area) course.second_topic = other;
    }
    const Topic& topic = topics[course.topic];
    std::string zh;
    const std::size_t first = PickTitle(random, topic, course.level, used, course.title, zh);
    const Bilingual& concept_name = topic.concepts[first];
    absl::StrAppend(&course.title, " / ", zh);
    const Bilingual& other = topic.concepts[(first + 1 + random.Below(kConcepts - 1)) % kConcepts];
    course.text_en = absl::StrCat("A course on ", std::string(topic.name.en), " for the ",
                                  std::string(LevelName(course.level)), " level: ", std::string(concept_name.en),
                                  ", with exercises that lead to ", std::string(other.en), ".");
    course.text_zh =
        absl::StrCat(std::string(topic.name.zh), "\u8bfe\u7a0b\uff1a\u8bb2\u89e3", std::string(concept_name.zh),
                     "\uff0c\u5e76\u901a\u8fc7\u7ec3\u4e60\u5b66\u4e60", std::string(other.zh), "\u3002");
    course.tags = {std::string(topic.tag), std::string(concept_name.en)};
    if (course.second_topic) course.tags.emplace_back(topics[*course.second_topic].tag);
    course.language = PickLanguage(random, 0.5, 0.3);
    // A topic has few authors, and the first of them most of its courses.
    const std::size_t author = (course.topic * 7 + std::min(random.Below(5), random.Below(5))) % 64;
    course.author = absl::StrCat(std::string(kFirstNames[author % 8]), " ", std::string(kLastNames[author / 8]));
    if (!random.Bernoulli(0.4)) course.price = static_cast<float>(9 + 10 * (course.level - 1 + random.Below(5)));
    course.published_s =
        kBegin + (random.Bernoulli(0.65) ? -static_cast<std::int64_t>(random.Below(365)) * kDay
                                         : static_cast<std::int64_t>(0.8 * options.days * random.Uniform()) * kDay);
    course.appeal = 0.8 * random.Normal();
    for (double& style : course.style) style = random.Normal() / std::sqrt(static_cast<double>(kStyles));
  }
  for (Course& course : courses) {
    if (course.level == 1) continue;
    std::vector<std::size_t> lower;
    for (std::size_t p = 0; p < courses.size(); ++p)
      if (courses[p].topic == course.topic && courses[p].level < course.level && courses[p].level >= course.level - 2 &&
          courses[p].published_s <= course.published_s)
        lower.push_back(p);
    random.Shuffle(std::span(lower));
    const std::size_t wanted = random.Bernoulli(0.3) ? 0 : 1 + random.Below(2);
    if (lower.size() > wanted) lower.resize(wanted);
    std::sort(lower.begin(), lower.end());
    course.prerequisites = std::move(lower);
  }
  return courses;
}

// Day on which the number of learners reaches `count`, by the planted growth; the founders come on the first day.
double ArrivalDay(const PlantedParameters& p, double count) {
  if (count <= p.growth_initial) return count / p.growth_initial;
  const double a = p.growth_capacity / p.growth_initial - 1;
  return std::log(a / (p.growth_capacity / count - 1)) / p.growth_rate_per_day;
}

Learner MakeLearner(const Community& community, std::size_t user) {
  Random random(community.options.seed, kPersonStream + user);
  Learner learner;
  learner.id = NumberedId("u", user + 1, static_cast<std::size_t>(community.options.users));
  const std::span<const Goal> goals = Goals();
  learner.goal = random.Below(goals.size());
  learner.language = PickLanguage(random, 0.5, 0.33);
  for (const TopicWeight& topic : goals[learner.goal].topics)
    learner.interests[topic.topic] = topic.weight * std::exp(0.6 * random.Normal());
  for (int extra = 0; extra < 2; ++extra) learner.interests[random.Below(kTopics)] += 1.2 * random.Exponential();
  double total = 0;
  for (double interest : learner.interests) total += interest;
  const double experience = 0.7 * random.Uniform();
  for (std::size_t t = 0; t < kTopics; ++t) {
    learner.interests[t] /= total;
    learner.ability_start[t] = experience * (learner.interests[t] > 0.05 ? 0.6 + 0.4 * random.Uniform() : 0.3);
  }
  for (double& style : learner.style) style = random.Normal();
  learner.sessions_per_week = std::min(6.0, 0.55 + 0.75 * random.Exponential());
  learner.hours_per_week = static_cast<int>(std::lround(1 + 2.5 * learner.sessions_per_week + random.Uniform()));
  learner.willingness = random.Normal();
  const double day = ArrivalDay(community.parameters, static_cast<double>(user) + random.Uniform());
  learner.arrived_s = std::min(community.begin_s + static_cast<std::int64_t>(day * kDay), community.end_s - 1);
  return learner;
}

std::string InLanguage(const Bilingual& text, bool chinese) {
  return std::string(chinese ? text.zh : text.en);
}

// Who answers a question: the most able of a few who happen to be there.
std::vector<std::uint32_t> PickAnswerers(Random& random, const Community& community, const AskedQuestion& asked) {
  const std::size_t topic = community.courses[asked.course].topic;
  std::set<std::pair<double, std::uint32_t>> able;
  for (int attempt = 0; attempt < 40; ++attempt) {
    const auto user = static_cast<std::uint32_t>(random.Below(community.learners.size()));
    const Learner& learner = community.learners[user];
    if (user == asked.user || learner.arrived_s > asked.time_s) continue;
    if (learner.departed_s && *learner.departed_s < asked.time_s + 7 * kDay) continue;
    able.emplace(-learner.ability_start[topic], user);
  }
  const std::size_t wanted = std::min<std::size_t>({random.Poisson(1.2), 3, able.size()});
  std::vector<std::uint32_t> answerers;
  for (auto it = able.begin(); answerers.size() < wanted; ++it) answerers.push_back(it->second);
  return answerers;
}

void AnswerQuestions(Community& community, std::span<const AskedQuestion> asked) {
  Random random(community.options.seed, kQuestionStream);
  for (const AskedQuestion& ask : asked) {
    const Course& course = community.courses[ask.course];
    const Topic& topic = Topics()[course.topic];
    const bool chinese = community.learners[ask.user].language == Language::kChinese;
    const std::size_t first = random.Below(kConcepts);
    const Bilingual& c = topic.concepts[first];
    const Bilingual& d = topic.concepts[(first + 1 + random.Below(kConcepts - 1)) % kConcepts];
    const Bilingual& pattern = QuestionPatterns()[random.Below(QuestionPatterns().size())];
    const std::string topic_name = InLanguage(topic.name, chinese);
    Question question;
    question.id = NumberedId("q", community.questions.size() + 1, asked.size());
    question.title =
        FillPattern(InLanguage(pattern, chinese), topic_name, InLanguage(c, chinese), InLanguage(d, chinese));
    question.body = chinese
                        ? absl::StrCat("\u6211\u5728\u5b66\u4e60\u300a", course.title, "\u300b\u3002", question.title)
                        : absl::StrCat("I am taking \"", course.title, "\". ", question.title);
    question.tags = {std::string(topic.tag), std::string(c.en)};
    for (std::uint32_t answerer : PickAnswerers(random, community, ask)) {
      const auto delay = static_cast<std::int64_t>(kDay * std::min(6.0, 0.7 * random.Exponential()));
      if (ask.time_s + delay >= community.end_s) continue;
      const Bilingual& text = AnswerPatterns()[random.Below(AnswerPatterns().size())];
      question.answers.push_back(
          {.id = absl::StrCat(question.id, "-a", question.answers.size() + 1),
           .text = FillPattern(InLanguage(text, chinese), topic_name, InLanguage(c, chinese), InLanguage(d, chinese)),
           .accepted = question.answers.empty() && random.Bernoulli(0.7)});
      community.events.push_back({ask.time_s + delay, answerer, ask.course, kAnswer, std::nullopt});
    }
    community.questions.push_back(std::move(question));
  }
}

}  // namespace

absl::Status Validate(const SimulateOptions& options) {
  for (const auto& [name, value, low, high] :
       {std::tuple("users", options.users, 1, 1'000'000), std::tuple("courses", options.courses, 24, 5'000),
        std::tuple("days", options.days, 28, 3'650)})
    if (value < low || value > high)
      return absl::InvalidArgumentError(
          absl::StrCat("SimulateOptions.", name, ": want ", low, "..", high, ", got ", value));
  return absl::OkStatus();
}

absl::StatusOr<Community> Simulate(const SimulateOptions& options, const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  Community community;
  community.options = options;
  PlantedParameters& parameters = community.parameters;
  // The number of users is reached on the last day, at 80 % of the capacity.
  parameters.growth_capacity = 1.25 * options.users;
  parameters.growth_initial = 0.02 * options.users;
  parameters.growth_rate_per_day =
      std::log((parameters.growth_capacity / parameters.growth_initial - 1) / (1.25 - 1)) / options.days;
  community.begin_s = kBegin;
  community.end_s = kBegin + options.days * kDay;
  community.courses = MakeCourses(options);

  const auto users = static_cast<std::size_t>(options.users);
  community.learners.resize(users);
  std::vector<LearnerLife> lives(users);
  ForEachBlock(parallelism, users, 64, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t user = begin; user < end; ++user) {
      community.learners[user] = MakeLearner(community, user);
      Random random(options.seed, kLifeStream + user);
      lives[user] = Live(community, static_cast<std::uint32_t>(user), random, community.learners[user]);
    }
  });

  std::vector<AskedQuestion> asked;
  for (LearnerLife& life : lives) {
    community.events.insert(community.events.end(), life.events.begin(), life.events.end());
    asked.insert(asked.end(), life.asked.begin(), life.asked.end());
    life = {};
  }
  const auto by_time = [](const auto& a, const auto& b) {
    return std::tie(a.time_s, a.user) < std::tie(b.time_s, b.user);
  };
  std::stable_sort(asked.begin(), asked.end(), by_time);
  AnswerQuestions(community, asked);
  std::stable_sort(community.events.begin(), community.events.end(), by_time);
  return community;
}

std::vector<double> PlantedAffinity(const Community& community, std::size_t user) {
  const Learner& learner = community.learners[user];
  std::vector<double> affinity(community.courses.size());
  for (std::size_t c = 0; c < affinity.size(); ++c) {
    const std::size_t topic = community.courses[c].topic;
    const double ability = (learner.ability_start[topic] + learner.ability_end[topic]) / 2;
    affinity[c] = Taste(community.parameters, learner, community.courses[c]) -
                  LevelGap(community.parameters, community.courses[c], ability);
  }
  return affinity;
}

}  // namespace waypost::cli
