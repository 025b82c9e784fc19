#include "waypost/file/checkpoint.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundles.hpp"
#include "support/checkpoints.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::CopyOf;
using testing_support::SmallState;

void ExpectSame(const IalsState& a, const IalsState& b) {
  EXPECT_EQ(a.options, b.options);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.kept, b.kept);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.validation, b.validation);
  EXPECT_TRUE(std::ranges::equal(a.items.values(), b.items.values()));
  EXPECT_TRUE(std::ranges::equal(a.users.values(), b.users.values()));
  EXPECT_TRUE(std::ranges::equal(a.kept_items.values(), b.kept_items.values()));
  EXPECT_TRUE(std::ranges::equal(a.eigenvalues, b.eigenvalues));
  EXPECT_TRUE(std::ranges::equal(a.kept_eigenvalues, b.kept_eigenvalues));
}

std::string RefusalOf(const IalsState& state, const Settings& notes = {}) {
  const auto bytes = SaveCheckpointToMemory(state, notes);
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument) << bytes.status();
  return std::string(bytes.status().message());
}

class CheckpointFile : public testing::Test {
 protected:
  CheckpointFile()
      : folder_(std::filesystem::temp_directory_path() / ("waypost-checkpoint-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~CheckpointFile() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ / "c.checkpoint"; }

  std::filesystem::path folder_;
};

TEST(Checkpoint, HoldsTheWholeStateAndTheNotes) {
  const IalsState state = SmallState();
  const Settings notes = {{"phase", "search"}, {"phase", "again"}, {"", ""}};
  const auto bytes = SaveCheckpointToMemory(state, notes);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto opened = OpenCheckpointFromMemory(*bytes);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->notes, notes);
  ExpectSame(opened->state, state);
  EXPECT_EQ(*SaveCheckpointToMemory(opened->state, notes), *bytes);  // equal states give equal bytes
}

TEST(Checkpoint, LeavesOutWhatAnExactTrainingWithoutAMeasureDoesNotNeed) {
  IalsState state = SmallState();
  state.options.solver = IalsSolver::kExact;
  state.options.cg_steps = {};
  const std::size_t whole = SaveCheckpointToMemory(state, {})->size();
  state.users = {};
  state.kept = 0;
  state.validation = {};
  state.kept_items = {};
  state.kept_eigenvalues = {};
  const auto bytes = SaveCheckpointToMemory(state, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_LT(bytes->size(), whole / 2);
  const auto opened = OpenCheckpointFromMemory(*bytes);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ExpectSame(opened->state, state);
}

TEST_F(CheckpointFile, GoesOnWithTheSameBitsAsATrainingThatNeverStopped) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(3, 80, 60, 0.1, true);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg}) {
    const IalsOptions options{.dimensions = 10, .epochs = 5, .solver = solver};
    TrainingControl control;
    control.checkpoint = [&](const IalsState& state) {
      return state.epoch <= 2 ? SaveCheckpoint(state, {}, path()) : absl::OkStatus();
    };
    const auto whole = TrainIals(matrix, options, control);
    const auto opened = OpenCheckpoint(path());
    ASSERT_TRUE(whole.ok() && opened.ok()) << opened.status();
    EXPECT_EQ(opened->state.epoch, 2);
    // The file that is gone on with is replaced meanwhile.
    TrainingControl resumed;
    resumed.resume = &opened->state;
    resumed.checkpoint = [&](const IalsState& state) { return SaveCheckpoint(state, {}, path()); };
    const auto rest = TrainIals(matrix, options, resumed);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->loss, whole->loss);
    EXPECT_TRUE(std::ranges::equal(rest->model.item_factors().values(), whole->model.item_factors().values()));
    EXPECT_TRUE(std::ranges::equal(rest->model.user_factors().values(), whole->model.user_factors().values()));
    EXPECT_EQ(OpenCheckpoint(path())->state.epoch, 5);
  }
}

TEST_F(CheckpointFile, NamesTheFileInItsErrors) {
  EXPECT_EQ(OpenCheckpoint(path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SaveCheckpoint(SmallState(), {}, (folder_ / "none" / "c").string()).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(SaveBundle(testing_support::SmallBundle(), path()).ok());
  const absl::Status model = OpenCheckpoint(path()).status();
  EXPECT_EQ(model.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(model.message()), testing::AllOf(HasSubstr(path()), HasSubstr("a Waypost checkpoint")));
  ASSERT_TRUE(SaveCheckpoint(SmallState(), {}, path()).ok());
  EXPECT_EQ(OpenBundle(path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Checkpoint, RefusesStatesThatBreakARuleOfTheFormat) {
  IalsState state = SmallState();
  state.loss[1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(RefusalOf(state), HasSubstr("IalsState.loss[1]"));
  state = SmallState();
  state.epoch = 3;
  EXPECT_THAT(RefusalOf(state), HasSubstr("IalsState.loss: want 3 values, got 4"));
  state = SmallState();
  state.kept_items = {};
  EXPECT_THAT(RefusalOf(state), HasSubstr("IalsState.kept_items: want 20 x 6"));
  state = SmallState();
  AlignedVector<float> items(state.items.values().begin(), state.items.values().end());
  items[15] = 1;  // padding of the first row
  state.items = FactorMatrix(20, 6, SharedArray<float>(std::move(items)));
  EXPECT_THAT(RefusalOf(state), HasSubstr("IalsState.items[15]"));
  EXPECT_THAT(RefusalOf(SmallState(), {{"a", std::string(2000, 'x')}}), HasSubstr("want at most 1024 bytes"));
}

}  // namespace
}  // namespace waypost
