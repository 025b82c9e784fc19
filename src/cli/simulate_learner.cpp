#include "simulate_learner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "waypost/event/kinds.hpp"

namespace waypost::cli {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kWeek = 7 * kDay;
constexpr int kMemoryWeeks = 4;  // how far back idleness and disappointments count

// When people learn: little at night, most after work.
constexpr double kHourShares[24] = {2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 6, 7, 8, 8, 8, 8, 10, 13, 15, 14, 10, 5};

double Logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

double LevelPosition(int level) {
  return static_cast<double>(level - 1) / (kLevels - 1);
}

struct Underway {
  std::uint32_t course = 0;
  double progress = 0;
  double satisfaction = 0;  // on the scale of ratings, 1..5
};

class Life {
 public:
  Life(const Community& community, std::uint32_t user, Random& random, Learner& learner)
      : community_(community),
        parameters_(community.parameters),
        user_(user),
        random_(random),
        learner_(learner),
        taste_(community.courses.size()),
        weights_(community.courses.size()),
        met_(community.courses.size()),
        completed_(community.courses.size()) {
    learner.ability_end = learner.ability_start;
    for (std::size_t c = 0; c < taste_.size(); ++c) taste_[c] = Taste(parameters_, learner, community.courses[c]);
  }

  LearnerLife Run() {
    for (std::int64_t week = learner_.arrived_s; week < community_.end_s; week += kWeek) {
      if (week > learner_.arrived_s && random_.Bernoulli(Hazard(week))) {
        learner_.departed_s = std::max(week, now_);
        break;
      }
      PublishUntil(week);
      std::vector<std::int64_t> sessions;
      if (week == learner_.arrived_s) sessions.push_back(week);
      for (std::uint32_t n = random_.Poisson(learner_.sessions_per_week); n > 0; --n) sessions.push_back(Moment(week));
      std::sort(sessions.begin(), sessions.end());
      const std::size_t before = life_.events.size();
      for (std::int64_t session : sessions)
        if (session >= learner_.arrived_s && session < community_.end_s) Session(session);
      idle_.push_back(life_.events.size() == before);
    }
    // An event lies minutes after its session began; it may not lie after the end.
    std::erase_if(life_.events, [&](const SimulatedEvent& event) { return event.time_s >= community_.end_s; });
    std::erase_if(life_.asked, [&](const AskedQuestion& asked) { return asked.time_s >= community_.end_s; });
    return std::move(life_);
  }

 private:
  const Course& course(std::size_t c) const { return community_.courses[c]; }

  double CompletedCourses() const { return std::min(5, completed_count_); }

  double Hazard(std::int64_t now) const {
    int idle = 0;
    for (std::size_t n = 0; n < std::min<std::size_t>(kMemoryWeeks, idle_.size()); ++n)
      idle += idle_[idle_.size() - 1 - n];
    const auto disappointments = std::count_if(disappointed_.begin(), disappointed_.end(),
                                               [&](std::int64_t time) { return time >= now - kMemoryWeeks * kWeek; });
    return Logistic(parameters_.hazard_intercept + parameters_.hazard_idle_weeks * idle +
                    parameters_.hazard_paid * paid_ +
                    parameters_.hazard_disappointments * static_cast<double>(disappointments) +
                    parameters_.hazard_completed * CompletedCourses());
  }

  std::int64_t Moment(std::int64_t week) {
    const std::int64_t day = (week - week % kDay) + static_cast<std::int64_t>(random_.Below(7)) * kDay;
    return day + static_cast<std::int64_t>(random_.Weighted(kHourShares)) * kHour +
           static_cast<std::int64_t>(random_.Below(kHour));
  }

  void PublishUntil(std::int64_t now) {
    for (std::size_t c = 0; c < weights_.size(); ++c)
      if (course(c).published_s > published_until_ && course(c).published_s <= now) Refresh(c, now);
    published_until_ = now;
  }

  void Refresh(std::size_t c, std::int64_t now) {
    if (met_[c] || course(c).published_s > now) {
      weights_[c] = 0;
      return;
    }
    const double ability = learner_.ability_end[course(c).topic];
    double affinity = taste_[c] - LevelGap(parameters_, course(c), ability);
    for (std::size_t p : course(c).prerequisites) {
      if (!completed_[p] && ability < LevelPosition(course(p).level)) {
        affinity -= parameters_.prerequisite_penalty;
        break;
      }
    }
    weights_[c] = std::exp(affinity);
  }

  void Add(std::uint32_t c, BuiltInKind kind, std::optional<float> value = std::nullopt) {
    life_.events.push_back({now_, user_, c, static_cast<std::uint16_t>(kind), value});
    now_ += 30 + static_cast<std::int64_t>(random_.Below(600));
  }

  void Session(std::int64_t begin) {
    now_ = std::max(begin, now_);
    if (!underway_.empty() && random_.Bernoulli(0.65)) Continue(random_.Below(underway_.size()));
    if (underway_.size() < 3 && (life_.events.empty() || random_.Bernoulli(0.75)))  // nobody arrives and does nothing
      for (std::uint32_t n = 1 + random_.Poisson(0.5); n > 0; --n) Browse();
  }

  void Browse() {
    if (std::all_of(weights_.begin(), weights_.end(), [](double weight) { return weight <= 0; })) return;
    const auto c = static_cast<std::uint32_t>(random_.Weighted(weights_));
    met_[c] = true;
    weights_[c] = 0;
    Add(c, kView);
    const double gap = LevelPosition(course(c).level) - learner_.ability_end[course(c).topic] - 0.1;
    double style = 0;
    for (std::size_t s = 0; s < kStyles; ++s) style += learner_.style[s] * course(c).style[s];
    const double satisfaction =
        std::clamp(3.7 + 0.5 * course(c).appeal + 0.5 * style - 3 * gap * gap + 0.7 * random_.Normal(), 1.0, 5.0);
    if (!random_.Bernoulli(Logistic(satisfaction - 3.5))) return;
    if (course(c).price > 0) {
      if (!random_.Bernoulli(Logistic(
              parameters_.payment_intercept + parameters_.payment_willingness * learner_.willingness +
              parameters_.payment_price * course(c).price + parameters_.payment_completed * CompletedCourses())))
        return;
      Add(c, kPay, course(c).price);
      paid_ = true;
    }
    Add(c, kStart);
    if (satisfaction > 4.2 && random_.Bernoulli(0.15)) Add(c, kFollow);
    underway_.push_back({c, 0, satisfaction});
  }

  void Continue(std::size_t position) {
    Underway& work = underway_[position];
    const std::uint32_t c = work.course;
    work.progress += 0.2 + 0.4 * random_.Uniform();
    if (work.satisfaction < 2.8 && random_.Bernoulli(0.6)) {
      disappointed_.push_back(now_);
      Add(c, kDislike);
      underway_.erase(underway_.begin() + static_cast<std::ptrdiff_t>(position));
      return;
    }
    if (random_.Bernoulli(0.06)) {
      life_.asked.push_back({now_, user_, c});
      Add(c, kAsk);
    }
    if (work.progress < 1) {
      Add(c, kProgress, static_cast<float>(std::round(100 * work.progress) / 100));
      return;
    }
    Add(c, kComplete, 1.0f);
    if (random_.Bernoulli(0.45)) {
      const double rating = std::round(work.satisfaction);
      if (rating < 3) disappointed_.push_back(now_);
      Add(c, kRate, static_cast<float>(rating));
    }
    if (work.satisfaction > 4 && random_.Bernoulli(0.5)) Add(c, kLike);
    underway_.erase(underway_.begin() + static_cast<std::ptrdiff_t>(position));
    Learn(c);
  }

  void Learn(std::uint32_t c) {
    completed_[c] = true;
    ++completed_count_;
    double& ability = learner_.ability_end[course(c).topic];
    ability += 0.25 * (1 - ability);
    if (course(c).second_topic) {
      double& second = learner_.ability_end[*course(c).second_topic];
      second += 0.1 * (1 - second);
    }
    for (std::size_t other = 0; other < weights_.size(); ++other)
      if (weights_[other] > 0) Refresh(other, published_until_);
  }

  const Community& community_;
  const PlantedParameters& parameters_;
  std::uint32_t user_;
  Random& random_;
  Learner& learner_;
  std::vector<double> taste_;
  std::vector<double> weights_;  // chances of being taken up next
  std::vector<bool> met_;
  std::vector<bool> completed_;
  int completed_count_ = 0;
  std::vector<Underway> underway_;
  std::vector<bool> idle_;  // by week since arrival: nothing happened in it
  std::vector<std::int64_t> disappointed_;
  bool paid_ = false;
  std::int64_t published_until_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
  LearnerLife life_;
};

}  // namespace

double Taste(const PlantedParameters& parameters, const Learner& learner, const Course& course) {
  const double main = learner.interests[course.topic];
  const double match = course.second_topic ? 0.75 * main + 0.25 * learner.interests[*course.second_topic] : main;
  double style = 0;
  for (std::size_t s = 0; s < kStyles; ++s) style += learner.style[s] * course.style[s];
  const bool spoken =
      learner.language == Language::kBoth || course.language == Language::kBoth || learner.language == course.language;
  return parameters.topic_weight * std::log(0.02 + match) + parameters.style_weight * style + course.appeal -
         (spoken ? 0 : parameters.language_penalty);
}

double LevelGap(const PlantedParameters& parameters, const Course& course, double ability) {
  const double gap = LevelPosition(course.level) - ability - 0.1;
  return parameters.level_weight * gap * gap;
}

LearnerLife Live(const Community& community, std::uint32_t user, Random& random, Learner& learner) {
  return Life(community, user, random, learner).Run();
}

}  // namespace waypost::cli
