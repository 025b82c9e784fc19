// Trainings that are cancelled, kept, gone on with and begun from other vectors.
#include "waypost/model/ials_state.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/checkpoints.hpp"
#include "support/worlds.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::CopyOf;
using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

// Keeps the state after each epoch that the control asks for.
TrainingControl Keeping(std::map<int, IalsState>& states, TrainingControl control = {}) {
  control.checkpoint = [&states](const IalsState& state) {
    EXPECT_TRUE(Validate(state).ok()) << Validate(state);
    states[state.epoch] = CopyOf(state);
    return absl::OkStatus();
  };
  return control;
}

// A measure with its best value at epoch 3 of any training.
TrainingControl Measured(int epoch = 0) {
  TrainingControl control;
  control.validation = [epoch](const Scorer&) mutable -> absl::StatusOr<double> { return -std::abs(++epoch - 3); };
  return control;
}

void ExpectSame(const IalsTraining& a, const IalsTraining& b) {
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.epochs, b.epochs);
  EXPECT_EQ(a.validation, b.validation);
  EXPECT_TRUE(std::ranges::equal(a.model.item_factors().values(), b.model.item_factors().values()));
  EXPECT_TRUE(std::ranges::equal(a.model.user_factors().values(), b.model.user_factors().values()));
  EXPECT_TRUE(std::ranges::equal(a.model.gramian_eigenvalues(), b.model.gramian_eigenvalues()));
}

TEST(IalsCancel, EndsATrainingAtEveryPointWhereItAsks) {
  const InteractionMatrix matrix = RandomMatrix(5, 150, 120, 0.1);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg}) {
    for (int threads : {1, 2}) {
      int asked = 0;
      TrainingControl control{.on_epoch = {}, .validation = {}, .cancelled = [&] { return ++asked, false; }};
      const IalsOptions options{.dimensions = 8, .epochs = 2, .solver = solver};
      ASSERT_TRUE(TrainIals(matrix, options, control, Parallelism(threads)).ok());
      EXPECT_TRUE(threads == 2 || asked > 20) << asked;  // once every 64 rows at least
      const int whole = threads == 1 ? asked : 12;
      for (int last = 1; last <= whole; ++last) {
        asked = 0;
        const std::thread::id caller = std::this_thread::get_id();
        control.cancelled = [&] {
          EXPECT_EQ(std::this_thread::get_id(), caller);
          return ++asked >= last;
        };
        const auto training = TrainIals(matrix, options, control, Parallelism(threads));
        if (threads == 2 && training.ok()) break;  // the other thread did more this time: fewer questions
        ASSERT_EQ(training.status().code(), absl::StatusCode::kCancelled) << last;
        EXPECT_EQ(asked, last);  // an answer is asked for no second time
      }
    }
  }
}

TEST(IalsCancel, TheStateOfEarlierEpochsStaysUsable) {
  const InteractionMatrix matrix = RandomMatrix(6, 80, 60, 0.1);
  const IalsOptions options{.dimensions = 8, .epochs = 6};
  std::map<int, IalsState> states;
  TrainingControl control = Keeping(states);
  control.cancelled = [&] { return states.size() == 3; };
  EXPECT_EQ(TrainIals(matrix, options, control).status().code(), absl::StatusCode::kCancelled);
  ASSERT_EQ(states.size(), 3u);
  TrainingControl resumed;
  resumed.resume = &states[3];
  auto whole = TrainIals(matrix, options);
  auto parts = TrainIals(matrix, options, resumed);
  ASSERT_TRUE(whole.ok() && parts.ok()) << parts.status();
  ExpectSame(*parts, *whole);
}

TEST(IalsState, ATrainingThatGoesOnFromAnyEpochEndsWithTheSameBits) {
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg}) {
    for (bool measured : {false, true}) {
      for (bool weighted : {false, true}) {
        const InteractionMatrix matrix = RandomMatrix(7, 90, 70, 0.1, weighted);
        const IalsOptions options{.dimensions = 12, .epochs = 6, .patience = measured ? 2 : 0, .solver = solver};
        std::map<int, IalsState> states;
        const TrainingControl control = Keeping(states, measured ? Measured() : TrainingControl());
        auto whole = TrainIals(matrix, options, control, Parallelism(1));
        ASSERT_TRUE(whole.ok()) << whole.status();
        EXPECT_EQ(whole->epochs, measured ? 3 : 6);
        EXPECT_EQ(states.size(), measured ? 5u : 6u);
        for (const auto& [epoch, state] : states) {
          SCOPED_TRACE(epoch);
          for (int threads : {1, 2, 7}) {
            TrainingControl resumed = measured ? Measured(epoch) : TrainingControl();
            resumed.resume = &state;
            auto rest = TrainIals(matrix, options, resumed, Parallelism(threads));
            ASSERT_TRUE(rest.ok()) << rest.status();
            ExpectSame(*rest, *whole);
          }
        }
      }
    }
  }
}

TEST(IalsState, IsGivenAfterEveryNthEpochAndTheLast) {
  const InteractionMatrix matrix = RandomMatrix(8, 40, 30, 0.2);
  std::map<int, IalsState> states;
  TrainingControl control = Keeping(states);
  control.checkpoint_every = 3;
  ASSERT_TRUE(TrainIals(matrix, {.dimensions = 4, .epochs = 8}, control).ok());
  std::vector<int> epochs;
  for (const auto& [epoch, state] : states) epochs.push_back(epoch);
  EXPECT_EQ(epochs, (std::vector<int>{3, 6, 8}));
}

TEST(IalsState, MoreEpochsGoOnWhereFewerEnded) {
  const InteractionMatrix matrix = RandomMatrix(9, 60, 50, 0.1);
  std::map<int, IalsState> states;
  ASSERT_TRUE(TrainIals(matrix, {.dimensions = 8, .epochs = 3}, Keeping(states)).ok());
  TrainingControl resumed;
  resumed.resume = &states[3];
  auto longer = TrainIals(matrix, {.dimensions = 8, .epochs = 5}, resumed);
  auto whole = TrainIals(matrix, {.dimensions = 8, .epochs = 5});
  ASSERT_TRUE(longer.ok() && whole.ok()) << longer.status();
  ExpectSame(*longer, *whole);
}

TEST(IalsState, RefusesOtherDataAndOtherOptionsByName) {
  const InteractionMatrix matrix = RandomMatrix(10, 60, 50, 0.1);
  const IalsOptions options{.dimensions = 8, .epochs = 4, .solver = IalsSolver::kCg};
  std::map<int, IalsState> states;
  ASSERT_TRUE(TrainIals(matrix, options, Keeping(states)).ok());
  TrainingControl resumed;
  resumed.resume = &states[2];
  const auto refusal = [&](const InteractionMatrix& data, const IalsOptions& other, const TrainingControl& control) {
    const absl::StatusOr<TrainedModel> trained = TrainModel(data, other, control);
    EXPECT_EQ(trained.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(TrainIals(data, other, control).status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(trained.status().message());
  };
  IalsOptions other = options;
  other.seed = 7;
  EXPECT_THAT(refusal(matrix, other, resumed), HasSubstr("want the options of the state, seed 42, got seed 7"));
  other = options;
  other.cg_steps = 5;
  EXPECT_THAT(refusal(matrix, other, resumed), HasSubstr("cg_steps 3, got cg_steps 5"));
  other = options;
  other.epochs = 1;
  EXPECT_THAT(refusal(matrix, other, resumed), HasSubstr("epochs: want at least 2"));
  EXPECT_THAT(refusal(RandomMatrix(11, 60, 50, 0.1),
                      {.dimensions = 8,
                       .epochs = 4,
                       .unobserved_weight = states[2].options.unobserved_weight,
                       .solver = IalsSolver::kCg},
                      resumed),
              HasSubstr("want the matrix that the state was made from, of 60 users, 50 items"));
  TrainingControl measured = Measured();
  measured.resume = &states[2];
  EXPECT_THAT(refusal(matrix, options, measured), HasSubstr("validation: want none"));
  IalsState broken = CopyOf(states[2]);
  broken.users = {};
  resumed.resume = &broken;
  EXPECT_THAT(refusal(matrix, options, resumed), HasSubstr("IalsState.users: want 60 rows with solver cg"));
  broken = CopyOf(states[2]);
  broken.loss.push_back(1);
  EXPECT_THAT(refusal(matrix, options, resumed), HasSubstr("IalsState.loss: want 2 values, got 3"));
  broken = CopyOf(states[2]);
  broken.kept = 1;
  EXPECT_THAT(refusal(matrix, options, resumed), HasSubstr("IalsState.kept: want 0..0, got 1"));
  broken = CopyOf(states[2]);
  broken.items = CopyOf(broken.users);
  EXPECT_THAT(refusal(matrix, options, resumed), HasSubstr("IalsState.items: want 50 x 8, got 60 x 8"));
  broken = CopyOf(states[2]);
  broken.eigenvalues = {};
  EXPECT_THAT(refusal(matrix, options, resumed), HasSubstr("IalsState.eigenvalues: want 8, got 0"));
  TrainingControl never;
  never.checkpoint_every = 0;
  EXPECT_THAT(refusal(matrix, options, never), HasSubstr("checkpoint_every: want at least 1, got 0"));
}

TEST(IalsState, VectorsWhoseProductsOverflowAreTheCallersError) {
  const InteractionMatrix matrix = RandomMatrix(5, 30, 20, 0.2);
  const IalsOptions options{.dimensions = 8, .epochs = 2, .solver = IalsSolver::kCg};
  std::map<int, IalsState> states;
  ASSERT_TRUE(TrainIals(matrix, options, Keeping(states)).ok());
  IalsState& state = states[1];
  state.users = FactorMatrix(30, 8, SharedArray<float>(AlignedVector<float>(state.users.values().size(), 1e30f)));
  TrainingControl control;
  control.resume = &state;
  const absl::Status status = TrainIals(matrix, options, control).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Gramian is finite in float32, got an overflow"));
}

TEST(IalsState, AnErrorOfItsTakerEndsTheTraining) {
  TrainingControl control;
  control.checkpoint = [](const IalsState&) { return absl::UnavailableError("no place"); };
  const auto training = TrainIals(RandomMatrix(12, 40, 30, 0.2), {.dimensions = 4, .epochs = 3}, control);
  EXPECT_EQ(training.status(), absl::UnavailableError("no place"));
}

TEST(IalsFirstItems, FromATrainedModelContinueItsDescent) {
  const InteractionMatrix matrix = PlantedMatrix(13, 200, 80, 4, 0.3, 0.02);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg}) {
    const IalsOptions options{.dimensions = 8, .epochs = 10, .solver = solver};
    auto older = TrainIals(matrix, options);
    ASSERT_TRUE(older.ok());
    TrainingControl warm;
    warm.first_items = older->model.item_factors();
    auto one = TrainIals(matrix, {.dimensions = 8, .epochs = 1, .solver = solver}, warm);
    ASSERT_TRUE(one.ok()) << one.status();
    EXPECT_LE(one->loss[0], older->loss.back() * (1 + 1e-5));
    EXPECT_LT(one->loss[0], older->loss.front());
  }
}

TEST(IalsFirstItems, ARowOfZerosBeginsAtRandom) {
  const InteractionMatrix matrix = RandomMatrix(14, 60, 50, 0.1);
  const IalsOptions options{.dimensions = 8, .epochs = 3, .solver = IalsSolver::kExact};
  TrainingControl warm;
  warm.first_items = FactorMatrix(50, 8, SharedArray<float>(AlignedVector<float>(50 * 16, 0.0f)));
  auto zeros = TrainIals(matrix, options, warm);
  IalsOptions random_start = options;
  random_start.init_sd = kDefaultIalsInitSd;
  auto random = TrainIals(matrix, random_start);
  ASSERT_TRUE(zeros.ok() && random.ok());
  ExpectSame(*zeros, *random);
}

TEST(IalsFirstItems, OfOtherShapesOrNotFiniteAreRefused) {
  const InteractionMatrix matrix = RandomMatrix(15, 60, 50, 0.1);
  const auto refusal = [&](std::size_t rows, std::size_t dimensions, float value) {
    TrainingControl warm;
    warm.first_items = FactorMatrix(
        rows, dimensions, SharedArray<float>(AlignedVector<float>(rows * PaddedDimensions(dimensions), value)));
    const auto training = TrainIals(matrix, {.dimensions = 8, .epochs = 1}, warm);
    EXPECT_EQ(training.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(training.status().message());
  };
  EXPECT_THAT(refusal(50, 32, 0), HasSubstr("first_items: want 50 x 8, got 50 x 32"));
  EXPECT_THAT(refusal(49, 8, 0), HasSubstr("first_items: want 50 x 8, got 49 x 8"));
  EXPECT_THAT(refusal(50, 8, std::numeric_limits<float>::infinity()), HasSubstr("want numbers of at most 1e+15"));
  EXPECT_THAT(refusal(50, 8, std::numeric_limits<float>::quiet_NaN()), HasSubstr("in size, got nan"));
  EXPECT_THAT(refusal(50, 8, -1e30f), HasSubstr("in size, got -1e+30"));
  std::map<int, IalsState> states;
  ASSERT_TRUE(TrainIals(matrix, {.dimensions = 8, .epochs = 1}, Keeping(states)).ok());
  TrainingControl both;
  both.resume = &states[1];
  both.first_items = states[1].items;
  EXPECT_THAT(std::string(TrainIals(matrix, {.dimensions = 8, .epochs = 1}, both).status().message()),
              HasSubstr("first_items: want none beside a state to resume"));
}

}  // namespace
}  // namespace waypost
