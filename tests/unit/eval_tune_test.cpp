#include "waypost/eval/tune.hpp"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

using ::testing::HasSubstr;

const std::vector<SearchOption> kSpace = {{"size", ResourceRange(64, 1024), "64"},
                                          {"strength", LogRange(0.001, 1), "auto"},
                                          {"exponent", LinearRange(0, 2), "1"}};

double Number(const std::vector<TuneSetting>& settings, const std::string& name) {
  for (const auto& [known, value] : settings)
    if (known == name && value != "auto") return std::stod(value);
  return 1;  // auto: far from the best
}

// A model whose measure is best at strength 0.03 and exponent 0.4, and grows with its size; a trial takes size / 64
// seconds of a clock that nothing else moves.
class Planted {
 public:
  TuneCallbacks Callbacks() {
    return {.train = [this](const TrialRequest& request) -> absl::StatusOr<TrialOutcome> {
              ++calls_[request.candidate];
              const double size = Number(request.settings, "size");
              if (size / 64 > request.seconds_left) {
                now_ += request.seconds_left;
                return absl::CancelledError("out of time");
              }
              now_ += size / 64;
              if (cancel_at_ > 0 && ++trained_ >= cancel_at_) return absl::CancelledError("enough");
              const double strength = std::log10(Number(request.settings, "strength") / 0.03);
              const double exponent = Number(request.settings, "exponent") - 0.4;
              return TrialOutcome{.value = 0.1 * std::log2(size) - strength * strength - exponent * exponent,
                                  .settings = request.settings};
            },
            .seconds = [this] { return now_; },
            .on_trial =
                [this](const Trial& trial) {
                  seen_.push_back(trial);
                  return absl::OkStatus();
                }};
  }

  double now_ = 0;
  int cancel_at_ = 0;
  int trained_ = 0;
  std::vector<Trial> seen_;
  std::map<std::size_t, int> calls_;
};

bool Same(const Trial& a, const Trial& b) {
  return a.candidate == b.candidate && a.rung == b.rung && a.settings == b.settings && a.value == b.value;
}

TEST(Tune, FindsAPlantedOptimumAndBeginsWithTheOptionsAsTheyCome) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Planted planted;
    const auto found = Tune(kSpace, {.seconds = 150, .seed = seed}, planted.Callbacks());
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->trials.front().settings,
              (std::vector<TuneSetting>{{"strength", "auto"}, {"exponent", "1"}, {"size", "64"}}));
    const Trial& best = found->trials[found->best];
    EXPECT_EQ(Number(best.settings, "size"), 1024);
    EXPECT_NEAR(std::log10(Number(best.settings, "strength") / 0.03), 0, 0.4);
    EXPECT_NEAR(Number(best.settings, "exponent"), 0.4, 0.4);
    for (const Trial& trial : found->trials) EXPECT_LE(*trial.value, *best.value);  // all measured on the same users
  }
}

TEST(Tune, FewOfManyGoOnToTheDearerRungs) {
  Planted planted;
  const auto found = Tune(kSpace, {.trials = 84}, planted.Callbacks());
  ASSERT_TRUE(found.ok());
  std::map<std::size_t, int> rungs;
  for (const Trial& trial : found->trials) ++rungs[trial.rung];
  // 64, 16 and 4, and those that were among the best when they went on and later no more.
  EXPECT_NEAR(rungs[0], 64, 6);
  EXPECT_NEAR(rungs[1], 16, 6);
  EXPECT_NEAR(rungs[2], 4, 2);
}

TEST(Tune, KeepsTheBudget) {
  for (const double seconds : {0.5, 1.0, 3.0, 10.0, 60.0, 200.0}) {
    SCOPED_TRACE(seconds);
    Planted planted;
    const auto found = Tune(kSpace, {.seconds = seconds}, planted.Callbacks());
    EXPECT_LE(planted.now_, seconds);
    EXPECT_EQ(found.ok(), seconds >= 1);  // the first trial takes one
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kDeadlineExceeded);
    }
  }
}

// In 60 seconds too few finish a rung for one to reach the dearest (16 seconds) by its rank: the best one goes on late.
TEST(Tune, TheBestGoesOnLateInTheBudget) {
  Planted planted;
  const auto found = Tune(kSpace, {.seconds = 60}, planted.Callbacks());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(Number(found->trials[found->best].settings, "size"), 1024);
}

TEST(Tune, ASearchThatGoesOnMakesTheTrialsOfOneThatNeverStopped) {
  Planted whole;
  const auto expected = Tune(kSpace, {.trials = 40}, whole.Callbacks());
  for (const std::size_t stop : {1, 5, 17, 39, 40}) {
    Planted first, second;
    const auto begun = Tune(kSpace, {.trials = stop}, first.Callbacks());
    const auto found = Tune(kSpace, {.trials = 40}, second.Callbacks(), begun->trials);
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->trials.size(), expected->trials.size());
    EXPECT_EQ(second.seen_.size(), 40 - stop);
    for (std::size_t n = 0; n < 40; ++n) EXPECT_TRUE(Same(found->trials[n], expected->trials[n])) << n;
    EXPECT_EQ(found->best, expected->best);
  }
}

TEST(Tune, TheSeedDecidesTheTrials) {
  Planted a, b, c;
  const auto one = Tune(kSpace, {.trials = 12, .seed = 1}, a.Callbacks());
  const auto same = Tune(kSpace, {.trials = 12, .seed = 1}, b.Callbacks());
  const auto other = Tune(kSpace, {.trials = 12, .seed = 2}, c.Callbacks());
  for (std::size_t n = 0; n < 12; ++n) EXPECT_TRUE(Same(one->trials[n], same->trials[n]));
  EXPECT_FALSE(Same(one->trials[1], other->trials[1]));
}

TEST(Tune, WithoutAResourceRungsAreSharesOfTheUsersAndTheHighestDecides) {
  const std::vector<SearchOption> space = {{"exponent", LinearRange(0, 2), "1"}};
  std::map<std::size_t, double> shares;
  const TuneCallbacks callbacks{.train = [&](const TrialRequest& request) -> absl::StatusOr<TrialOutcome> {
                                  shares[request.rung] = request.share;
                                  const double off = Number(request.settings, "exponent") - 0.4;
                                  return TrialOutcome{.value = 1 - off * off - request.share,
                                                      .settings = request.settings};  // falls with users
                                },
                                .seconds = [] { return 0.0; },
                                .on_trial = {}};
  const auto found = Tune(space, {.trials = 60, .validation_users = 8192}, callbacks);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(shares, (std::map<std::size_t, double>{{0, 1.0 / 16}, {1, 0.25}, {2, 1}}));
  EXPECT_EQ(found->trials[found->best].rung, 2u);
  EXPECT_NEAR(Number(found->trials[found->best].settings, "exponent"), 0.4, 0.15);
  shares.clear();
  EXPECT_TRUE(Tune(space, {.trials = 10, .validation_users = 900}, callbacks).ok());
  EXPECT_EQ(shares, (std::map<std::size_t, double>{{0, 1}}));  // too few to take shares of
}

TEST(Tune, AFailedTrialIsKeptAndTheSearchGoesOn) {
  int calls = 0;
  const TuneCallbacks callbacks{.train = [&](const TrialRequest& request) -> absl::StatusOr<TrialOutcome> {
                                  ++calls;
                                  if (calls == 1) return absl::ResourceExhaustedError("too large");
                                  return TrialOutcome{.value = calls == 2 ? std::nan("") : 0.5,
                                                      .settings = request.settings};
                                },
                                .seconds = [] { return 0.0; },
                                .on_trial = {}};
  const auto found = Tune(kSpace, {.trials = 3}, callbacks);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->trials[0].error, "too large");
  EXPECT_THAT(found->trials[1].error, HasSubstr("finite"));
  EXPECT_EQ(found->best, 2u);
}

TEST(Tune, WhereEveryTrialFailsTheFirstReasonIsTold) {
  int calls = 0;
  const TuneCallbacks callbacks{.train = [&](const TrialRequest&) -> absl::StatusOr<TrialOutcome> {
                                  ++calls;
                                  return absl::InvalidArgumentError("no data");
                                },
                                .seconds = [] { return 0.0; },
                                .on_trial = {}};
  const auto found = Tune(kSpace, {.trials = 1000}, callbacks);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("no data"));
  EXPECT_LT(calls, 20);
}

TEST(Tune, AnEndFromOutsideKeepsWhatWasFound) {
  Planted planted;
  planted.cancel_at_ = 6;
  const auto found = Tune(kSpace, {.trials = 50}, planted.Callbacks());
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->cancelled);
  EXPECT_EQ(found->trials.size(), 5u);
  Planted at_once;
  at_once.cancel_at_ = 1;
  EXPECT_EQ(Tune(kSpace, {.trials = 50}, at_once.Callbacks()).status().code(), absl::StatusCode::kCancelled);
}

TEST(Tune, ASpaceOfFewValuesEndsWhenTheyAreTried) {
  const std::vector<SearchOption> space = {{"count", WholeLogRange(1, 3), "1"}};
  int calls = 0;
  const TuneCallbacks callbacks{.train = [&](const TrialRequest& request) -> absl::StatusOr<TrialOutcome> {
                                  ++calls;
                                  return TrialOutcome{.value = Number(request.settings, "count"),
                                                      .settings = request.settings};
                                },
                                .seconds = [] { return 0.0; },
                                .on_trial = {}};
  const auto found = Tune(space, {.trials = 1000}, callbacks);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(found->trials[found->best].settings, (std::vector<TuneSetting>{{"count", "3"}}));
}

TEST(Tune, RefusesASpaceOrABudgetThatIsNone) {
  Planted planted;
  const auto code = [&](const std::vector<SearchOption>& space, const TuneOptions& options) {
    return Tune(space, options, planted.Callbacks()).status().code();
  };
  EXPECT_EQ(code({}, {.trials = 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{"a", {}, "1"}}, {.trials = 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({kSpace[0], kSpace[0]}, {.trials = 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kSpace, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kSpace, {.seconds = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kSpace, {.seconds = std::nan("")}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kSpace, {.trials = 1, .reduction = 1}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
