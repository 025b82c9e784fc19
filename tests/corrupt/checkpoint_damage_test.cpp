// Damaged checkpoints: a clear error or a state whose parts fit together, whatever the bytes.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundle_surgery.hpp"
#include "support/checkpoints.hpp"
#include "support/damage.hpp"
#include "waypost/base/random.hpp"
#include "waypost/file/checkpoint.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::BundleSurgery;
using testing_support::ExpectNamed;

std::vector<std::byte> Sound() {
  return *SaveCheckpointToMemory(testing_support::SmallState(), {{"phase", "search"}});
}

// Opens the bytes; what opens must be saved again and be fit to go on from.
absl::Status OpenAndUse(std::span<const std::byte> bytes) {
  const auto opened = OpenCheckpointFromMemory(bytes);
  if (!opened.ok()) return opened.status();
  EXPECT_TRUE(SaveCheckpointToMemory(opened->state, opened->notes).ok());
  TrainingControl control;
  control.resume = &opened->state;
  control.validation = [](const Scorer&) { return 0.1; };
  control.cancelled = [] { return true; };
  (void)TrainIals(testing_support::RandomMatrix(1, 30, 20, 0.2), opened->state.options, control, Parallelism(1));
  return absl::OkStatus();
}

TEST(DamagedCheckpoint, EveryTruncationIsFound) {
  const std::vector<std::byte> bytes = Sound();
  for (std::size_t size = 0; size < bytes.size(); ++size) ExpectNamed(OpenAndUse(std::span(bytes).first(size)));
}

TEST(DamagedCheckpoint, EveryChangedByteIsFound) {
  const std::vector<std::byte> sound = Sound();
  Random random(1);
  for (std::size_t at = 0; at < sound.size(); ++at) {
    SCOPED_TRACE(at);
    std::vector<std::byte> bytes = sound;
    bytes[at] ^= static_cast<std::byte>(1 + random.Below(255));
    ExpectNamed(OpenAndUse(bytes));
  }
}

TEST(DamagedCheckpoint, RandomChangesWithRightChecksumsAreRefusedOrHarmless) {
  const std::vector<std::byte> sound = Sound();
  Random random(2);
  int opened = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    SCOPED_TRACE(trial);
    BundleSurgery surgery(sound);
    surgery.ChangeAtRandom(random);
    const absl::Status status = OpenAndUse(surgery.bytes());
    if (status.ok()) {
      ++opened;
    } else {
      ExpectNamed(status);
    }
  }
  EXPECT_GT(opened, 1000);  // changed numbers that are still numbers
}

// The training itself would meet an overflow: the sums of squares of these are beyond float32.
TEST(DamagedCheckpoint, NumbersThatNoTrainingCanGoOnFromAreNamed) {
  const auto changed = [](std::size_t section, const auto value) {
    BundleSurgery surgery(Sound());
    std::memcpy(surgery.bytes().data() + surgery.Get64(surgery.EntryAt(section) + 8), &value, sizeof(value));
    surgery.RepairChecksums();
    const absl::Status status = OpenAndUse(surgery.bytes());
    ExpectNamed(status);
    return std::string(status.message());
  };
  EXPECT_THAT(changed(1, 1e30f), HasSubstr("section ials user factors"));
  EXPECT_THAT(changed(2, -1e30f), HasSubstr("section ials item factors"));
  EXPECT_THAT(changed(3, 1e300), HasSubstr("section ials eigenvalues"));
  EXPECT_THAT(changed(3, -1.0), HasSubstr("want 0..1e+36, got -1"));

  IalsState state = testing_support::SmallState();
  state.items = FactorMatrix(20, 6, SharedArray<float>(AlignedVector<float>(20 * 16, 1e20f)));
  EXPECT_EQ(SaveCheckpointToMemory(state, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DamagedCheckpoint, MetadataOfAnotherKindOrWithoutItsNumbersIsNamed) {
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::vector<std::byte> bytes = Sound();
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    for (std::size_t n = 0; n < to.size(); ++n) bytes[at + n] = static_cast<std::byte>(to[n]);
    BundleSurgery surgery(bytes);
    surgery.RepairChecksums();
    const absl::Status status = OpenAndUse(surgery.bytes());
    ExpectNamed(status);
    return std::string(status.message());
  };
  EXPECT_THAT(changed("epoch\x01", "epocx"), HasSubstr("want the parameters epoch, kept and content"));
  EXPECT_THAT(changed("dimensions", "dimensionx"), HasSubstr("section metadata"));
}

}  // namespace
}  // namespace waypost
