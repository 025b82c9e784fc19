// Forecasts against what was planted: the probability to leave that someone would state who knows the simulation's
// parameters and each learner's rhythm, but, like the forecast, not the future.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "simulate_community.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/insight/forecast.hpp"

namespace waypost {
namespace {

using cli::Community;
using cli::Learner;
using cli::SimulatedEvent;

constexpr double kDayS = 86400;
constexpr int kHorizon = 4;
constexpr int kSilence = 28;  // days
constexpr int kReplicates = 150;

double Logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// What the platform sees of a learner, and what it does not: the planted parameters and the sessions per week.
class Oracle {
 public:
  Oracle(const Community& community, const std::vector<std::vector<SimulatedEvent>>& events, std::int64_t at_s)
      : community_(community), events_(events), at_s_(at_s) {}

  // The probability to leave in each period, given all events before the moment.
  std::array<double, kHorizon> Leave(std::size_t user) const {
    State state = Read(user);
    const double here = StillHere(state);
    std::array<double, kHorizon> leave{};
    Random random(99, user);
    for (int replicate = 0; replicate < kReplicates; ++replicate)
      if (const int period = LeavesIn(state, random); period < kHorizon) leave[period] += here / kReplicates;
    leave[0] += 1 - here;
    return leave;
  }

 private:
  struct State {
    double arrived = 0, last = 0;  // days after the moment: negative
    std::set<int> active_weeks;    // of the learner's own weeks, from 0
    std::vector<double> disappointed;
    double base = 0;  // of the hazard
    double rate = 0;  // sessions per day that leave a trace
  };

  State Read(std::size_t user) const {
    const Learner& learner = community_.learners[user];
    const cli::PlantedParameters& p = community_.parameters;
    State state;
    state.arrived = static_cast<double>(learner.arrived_s - at_s_) / kDayS;
    int completed = 0, underway = 0;
    bool paid = false;
    for (const SimulatedEvent& event : events_[user]) {
      if (event.time_s >= at_s_) break;
      const double time = static_cast<double>(event.time_s - at_s_) / kDayS;
      state.last = time;
      if (event.kind == kAnswer) continue;  // does not count as being there
      state.active_weeks.insert(static_cast<int>(std::floor((time - state.arrived) / 7)));
      completed += event.kind == kComplete;
      underway += (event.kind == kStart) - (event.kind == kComplete) - (event.kind == kDislike);
      paid = paid || event.kind == kPay;
      if (event.kind == kDislike || (event.kind == kRate && *event.value < 3)) state.disappointed.push_back(time);
    }
    state.base = p.hazard_intercept + p.hazard_paid * paid + p.hazard_completed * std::min(5, completed);
    // A session that neither goes on with a course nor looks for one leaves no trace.
    const double traceless = underway <= 0 ? 0.25 : underway <= 2 ? 0.35 * 0.25 : 0.35;
    state.rate = learner.sessions_per_week * (1 - traceless) / 7;
    return state;
  }

  // Of the boundary before the learner's week `week`.
  double Hazard(const State& state, int week, const std::set<int>& active) const {
    int idle = 0;
    for (int back = 1; back <= 4 && week - back >= 0; ++back) idle += !active.contains(week - back);
    const double boundary = state.arrived + 7.0 * week;
    const auto disappointments = std::count_if(state.disappointed.begin(), state.disappointed.end(),
                                               [&](double time) { return time >= boundary - 28; });
    return Logistic(state.base + community_.parameters.hazard_idle_weeks * idle +
                    community_.parameters.hazard_disappointments * static_cast<double>(disappointments));
  }

  // Bayes' rule over the boundaries since the last act: left at one of them, or silent by chance.
  double StillHere(const State& state) const {
    double here = 1, left = 0;
    const int last_week = static_cast<int>(std::floor((state.last - state.arrived) / 7));
    for (int week = last_week + 1; state.arrived + 7.0 * week <= 0; ++week) {
      const double h = Hazard(state, week, state.active_weeks);
      left += here * h * std::exp(-state.rate * (state.arrived + 7.0 * week - state.last));
      here *= 1 - h;
    }
    here *= std::exp(state.rate * state.last);
    return here / (here + left);
  }

  // Lives on from the moment, once.
  int LeavesIn(const State& state, Random& random) const {
    constexpr double kEnd = 7 * (kHorizon - 1) + kSilence;
    std::set<int> active = state.active_weeks;
    std::vector<double> acts;
    int week = static_cast<int>(std::floor(-state.arrived / 7));
    for (double begin = 0; begin < kEnd;) {
      const double end = std::min(kEnd, state.arrived + 7.0 * (week + 1));
      for (double time = begin + random.Exponential() / state.rate; time < end;
           time += random.Exponential() / state.rate) {
        acts.push_back(time);
        active.insert(week);
      }
      begin = end;
      ++week;
      if (random.Bernoulli(Hazard(state, week, active))) break;
    }
    for (int period = 0; period < kHorizon; ++period) {
      const auto next = std::lower_bound(acts.begin(), acts.end(), 7.0 * period);
      if (next == acts.end() || *next >= 7.0 * period + kSilence) return period;
    }
    return kHorizon;
  }

  const Community& community_;
  const std::vector<std::vector<SimulatedEvent>>& events_;
  std::int64_t at_s_;
};

struct World {
  Community community;
  EventLog log;
  UserTable facts;
  std::vector<std::vector<SimulatedEvent>> events;  // of each learner
};

const World& TheWorld() {
  static const World world = [] {
    World made;
    made.community = cli::Simulate({.users = 10000, .seed = 12}).value();
    made.events.resize(made.community.learners.size());
    EventLogBuilder log;
    for (const SimulatedEvent& event : made.community.events) {
      made.events[event.user].push_back(event);
      EXPECT_TRUE(log.Append({made.community.learners[event.user].id, made.community.courses[event.course].id,
                              event.kind, event.value, event.time_s * 1'000'000})
                      .ok());
    }
    UserTableBuilder facts;
    for (const Learner& learner : made.community.learners)
      EXPECT_TRUE(facts
                      .Add(learner.id,
                           {{"hours_per_week", std::to_string(learner.hours_per_week), learner.arrived_s * 1'000'000}})
                      .ok());
    made.log = std::move(log).Build();
    made.facts = std::move(facts).Build();
    return made;
  }();
  return world;
}

double MeanDistance(const UserTable& facts) {
  const World& world = TheWorld();
  const std::int64_t at_s = world.community.end_s;
  const Forecast forecast = ForecastUsers(world.log, facts, {.at_us = at_s * 1'000'000, .horizon = kHorizon}).value();
  const Oracle oracle(world.community, world.events, at_s);
  std::array<double, kHorizon> distance{};
  double users = 0;
  for (const UserForecast& user : forecast.users) {
    const std::string_view id = world.log.users().id(user.user);
    const std::size_t learner = std::stoul(std::string(id.substr(1))) - 1;
    if (world.community.learners[learner].id != id) ADD_FAILURE() << id;
    const std::array<double, kHorizon> truth = oracle.Leave(learner);
    for (int t = 0; t < kHorizon; ++t) distance[t] += std::abs(user.p_leave[static_cast<std::size_t>(t)] - truth[t]);
    ++users;
  }
  double mean = 0;
  for (const double sum : distance) mean += sum / users / kHorizon;
  std::printf("%.0f learners: mean |P - truth| %.4f; by period %.4f %.4f %.4f %.4f\n", users, mean, distance[0] / users,
              distance[1] / users, distance[2] / users, distance[3] / users);
  return mean;
}

TEST(ForecastOfTheSimulatedCommunity, IsNearThePlantedProbabilities) {
  EXPECT_LE(MeanDistance(TheWorld().facts), 0.03);
  EXPECT_LE(MeanDistance(UserTable()), 0.03);  // also without the host's facts
}

TEST(ForecastOfTheSimulatedCommunity, IsCalibratedAndAboveRecencyAndFrequency) {
  const World& world = TheWorld();
  const ForecastOptions options = {.at_us = world.community.end_s * 1'000'000, .horizon = kHorizon};
  const Backtest backtest = BacktestForecast(world.log, world.facts, options, 4).value();
  ASSERT_EQ(backtest.cut_offs.size(), 4u);
  const auto show = [](const char* what, const HorizonFigures& f) {
    std::printf("%s %d: auc %.4f, baseline %.4f, brier %.4f and %.4f, slope %.3f\n", what, f.period, *f.model.auc,
                *f.baseline.auc, f.model.brier, f.baseline.brier, *f.model.calibration_slope);
  };
  for (const HorizonFigures& figures : backtest.leave) {
    show("left by", figures);
    EXPECT_GE(*figures.model.calibration_slope, 0.9);
    EXPECT_LE(*figures.model.calibration_slope, 1.1);
    EXPECT_GT(figures.advantage->interval.low, 0);
    EXPECT_LT(figures.model.brier, figures.baseline.brier);
  }
  for (const HorizonFigures& figures : backtest.repeat_payment) {
    show("repeat payment in", figures);
    EXPECT_GE(*figures.model.calibration_slope, 0.9);
    EXPECT_LE(*figures.model.calibration_slope, 1.1);
    EXPECT_GT(figures.advantage->interval.low, 0);
  }
  // Some 200 first payments a horizon leave a slope a standard error of 0.1: their mean is judged.
  double slope = 0;
  for (const HorizonFigures& figures : backtest.first_payment) {
    show("first payment by", figures);
    slope += *figures.model.calibration_slope / kHorizon;
    EXPECT_GT(figures.advantage->interval.low, 0);
  }
  EXPECT_GE(slope, 0.9);
  EXPECT_LE(slope, 1.1);
}

}  // namespace
}  // namespace waypost
