// Memory that ends, disks that fill and folders that refuse: a clean status, no leak, no partial file.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundles.hpp"
#include "support/checkpoints.hpp"
#include "support/replaced_new.hpp"
#include "waypost/file/checkpoint.hpp"
#include "waypost/file/inspect.hpp"
#include "waypost/file/model_bundle.hpp"

namespace {

thread_local std::int64_t allocations_left = -1;  // below 0: no limit
thread_local std::int64_t live_allocations = 0;

}  // namespace

bool waypost::testing_support::MayAllocate(std::size_t) noexcept {
  if (allocations_left == 0) return false;
  if (allocations_left > 0) --allocations_left;
  ++live_allocations;
  return true;
}
void waypost::testing_support::HasFreed() noexcept {
  --live_allocations;
}

namespace waypost {
namespace {

using testing_support::BytesOf;
using testing_support::SmallBundle;

class FileFailures : public testing::Test {
 protected:
  FileFailures() : folder_(std::filesystem::temp_directory_path() / ("waypost-failures-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FileFailures() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "model.waypost"; }
  std::ptrdiff_t FileCount() const { return std::distance(std::filesystem::directory_iterator(folder_), {}); }
  static std::ptrdiff_t OpenDescriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  }
  static std::vector<char> Content(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(stream), {});
  }

  // Calls `operation` with the 1st, 2nd ... allocation and all after it failing, until it succeeds.
  template <typename Operation>
  void FailEveryAllocation(const Operation& operation) {
    const std::ptrdiff_t descriptors = OpenDescriptors();
    for (std::int64_t n = 0;; ++n) {
      ASSERT_LT(n, 5000);
      const std::int64_t live = live_allocations;
      bool ok = false;
      absl::StatusCode code = absl::StatusCode::kOk;
      {
        allocations_left = n;
        auto result = operation();
        allocations_left = -1;
        ok = result.ok();
        if constexpr (std::is_same_v<decltype(result), absl::Status>) {
          code = result.code();
        } else {
          code = result.status().code();
        }
      }
      EXPECT_EQ(live_allocations, live) << "allocation " << n;
      if (ok) {
        EXPECT_GT(n, 3);
        break;
      }
      EXPECT_EQ(code, absl::StatusCode::kResourceExhausted) << "allocation " << n;
    }
    EXPECT_EQ(OpenDescriptors(), descriptors);
  }

  std::filesystem::path folder_;
};

TEST_F(FileFailures, SavingSurvivesTheEndOfMemoryAtEveryAllocation) {
  const std::string file = path();
  ASSERT_TRUE(SaveBundle(SmallBundle({.kinds = {"popularity"}}), file).ok());
  const std::vector<char> before = Content(file);
  FailEveryAllocation([&] {
    std::int64_t left = std::exchange(allocations_left, -1);
    const ModelBundle bundle = SmallBundle();  // a new one each time: the first save builds its item index
    allocations_left = left;
    absl::Status status = SaveBundle(bundle, file);
    left = std::exchange(allocations_left, -1);
    EXPECT_EQ(FileCount(), 1);  // no temporary file
    EXPECT_TRUE(status.ok() || Content(file) == before);
    allocations_left = left;
    return status;
  });
  EXPECT_TRUE(OpenBundle(file).ok());
}

TEST_F(FileFailures, OpeningSurvivesTheEndOfMemoryAtEveryAllocation) {
  const std::string file = path();
  ASSERT_TRUE(SaveBundle(SmallBundle(), file).ok());
  const std::vector<std::byte> bytes = BytesOf(SmallBundle());
  FailEveryAllocation([&] { return OpenBundle(file); });
  FailEveryAllocation([&] { return OpenBundle(file, {.check = OpenCheck::kStructure}); });
  FailEveryAllocation([&] { return OpenBundleFromMemory(bytes); });
}

TEST_F(FileFailures, ACheckpointSurvivesTheEndOfMemoryAtEveryAllocation) {
  const IalsState state = testing_support::SmallState();
  const std::string file = path();
  ASSERT_TRUE(SaveCheckpoint(state, {{"which", "former"}}, file).ok());
  const std::vector<char> before = Content(file);
  const Settings notes = {{"which", "new"}};
  FailEveryAllocation([&] {
    absl::Status status = SaveCheckpoint(state, notes, file);
    const std::int64_t left = std::exchange(allocations_left, -1);
    EXPECT_EQ(FileCount(), 1);  // no temporary file
    EXPECT_TRUE(status.ok() || Content(file) == before);
    allocations_left = left;
    return status;
  });
  FailEveryAllocation([&] { return OpenCheckpoint(file); });
  EXPECT_EQ(OpenCheckpoint(file)->notes, notes);
}

TEST_F(FileFailures, AFullDiskEndsATrainingAndLeavesTheFormerCheckpoint) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(2, 300, 200, 0.1);
  const IalsOptions options{.dimensions = 16, .epochs = 4};
  TrainingControl control;
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit previous{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &previous), 0);
  control.checkpoint = [&](const IalsState& state) {
    const rlimit lower{.rlim_cur = state.epoch < 3 ? previous.rlim_cur : 1000, .rlim_max = previous.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &lower), 0);
    const absl::Status status = SaveCheckpoint(state, {}, path());
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &previous), 0);
    return status;
  };
  const absl::Status failed = TrainIals(matrix, options, control).status();
  std::signal(SIGXFSZ, previous_handler);
  EXPECT_THAT(std::string(failed.message()), testing::HasSubstr("cannot write '" + path() + "'"));
  EXPECT_EQ(FileCount(), 1);
  const absl::StatusOr<Checkpoint> former = OpenCheckpoint(path());
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_EQ(former->state.epoch, 2);
  control = {};
  control.resume = &former->state;
  EXPECT_TRUE(TrainIals(matrix, options, control).ok());
}

TEST_F(FileFailures, InspectingSurvivesTheEndOfMemoryAtEveryAllocation) {
  const std::string file = path();
  ASSERT_TRUE(SaveBundle(SmallBundle(), file).ok());
  FailEveryAllocation([&] { return InspectBundle(file); });
  FailEveryAllocation([&] { return VerifyBundle(file); });
}

TEST_F(FileFailures, AFullDiskIsReportedAndLeavesTheOldFile) {
  ASSERT_TRUE(SaveBundle(SmallBundle({.kinds = {"popularity"}}), path()).ok());
  const std::vector<char> before = Content(path());
  const ModelBundle bundle = SmallBundle({.users = 300, .items = 100});
  const std::size_t size = BytesOf(bundle).size();
  // A limit on the size of a file fails a write as a full disk does: in the middle, with a part written.
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit previous{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &previous), 0);
  for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{64}, size / 2, size - 1}) {
    const rlimit lower{.rlim_cur = limit, .rlim_max = previous.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &lower), 0);
    const absl::Status status = SaveBundle(bundle, path());
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &previous), 0);
    EXPECT_FALSE(status.ok()) << limit;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("cannot write '" + path() + "'"));
    EXPECT_EQ(FileCount(), 1);
    EXPECT_EQ(Content(path()), before);
  }
  std::signal(SIGXFSZ, previous_handler);
  EXPECT_TRUE(SaveBundle(bundle, path()).ok());
}

TEST_F(FileFailures, AFolderThatRefusesFilesIsNamed) {
  const ModelBundle bundle = SmallBundle({.kinds = {"popularity"}});
  const absl::Status in_proc = SaveBundle(bundle, "/proc/model.waypost");
  EXPECT_FALSE(in_proc.ok());
  EXPECT_THAT(std::string(in_proc.message()), testing::HasSubstr("/proc/model.waypost"));
  if (geteuid() == 0) return;  // no folder is read-only to the superuser
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  EXPECT_EQ(SaveBundle(bundle, path()).code(), absl::StatusCode::kPermissionDenied);
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  EXPECT_EQ(FileCount(), 0);
}

TEST_F(FileFailures, AFolderInPlaceOfTheFileIsLeftAlone) {
  std::filesystem::create_directories(path() + "/inside");
  EXPECT_FALSE(SaveBundle(SmallBundle({.kinds = {"popularity"}}), path()).ok());
  EXPECT_EQ(FileCount(), 1);
  EXPECT_TRUE(std::filesystem::exists(path() + "/inside"));
}

}  // namespace
}  // namespace waypost
