// The golden store of every version opens, is sound, gives what it gave when it was written, and goes on; a newer one
// is refused.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/store_text.hpp"
#include "support/files.hpp"
#include "waypost/base/checksum.hpp"
#include "waypost/store/verify.hpp"
#include "waypost/version.hpp"

#include "store/commit.hpp"
#include "store/environment.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

constexpr StoreOptions kWriter{.access = StoreAccess::kWrite};

std::filesystem::path Golden() {
  return WAYPOST_GOLDEN_DIR;
}

std::string Read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

constexpr char kNewest[] = "store-1.2";

class GoldenStore : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Versions, GoldenStore, testing::Values("store-1.0", "store-1.1", kNewest));

// What begins the entry that names the format.
constexpr std::string_view kMagic = "WYOPT\x9C\r\n";

// A copy: a reader makes a lock file beside the data.
std::string CopyTo(const TemporaryFolder& folder, const std::string& name) {
  std::string copy = folder.path() + "/" + name;
  std::filesystem::copy(Golden() / name, copy);
  return copy;
}

// What a reader of a data file must understand.
std::uint64_t FeaturesOf(const std::string& data) {
  const auto environment = store::Environment::Open(
      data, {.map_bytes = 1 << 24, .max_map_bytes = 1 << 24, .max_readers = 8, .read_only = true});
  EXPECT_TRUE(environment.ok()) << environment.status();
  MDB_txn* const transaction = (*environment)->BeginReading().value();
  const absl::StatusOr<std::uint64_t> features =
      store::CheckFormat(store::Reading(transaction, (*environment)->tables()));
  (*environment)->Release(transaction);
  EXPECT_TRUE(features.ok()) << features.status();
  return *features;
}

TEST_P(GoldenStore, GivesWhatItGaveWhenItWasWritten) {
  const std::string name = GetParam();
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, name);
  const absl::StatusOr<StoreReport> report = VerifyStore(copy);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->problems, testing::IsEmpty());
  const auto store = Store::Open(copy);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(golden::TextOf((*store)->Snapshot().value()), Read(Golden() / (name + ".txt")));
  const EventLog log = (*store)->Snapshot()->ReadLog().value();
  EXPECT_EQ(log.size(), 30u);
  EXPECT_EQ(log.user_id(1), "\xE9\x9B\xA8");
  const Retention windows{.keep_us = 35'000'000, .kinds = {{"like", std::nullopt}, {"view", 1}}};
  EXPECT_EQ((*store)->Snapshot()->ReadRetention().value(), name == "store-1.0" ? Retention() : windows);
}

TEST(GoldenStoreVersion, OfAnOlderFormatTakesRetentionWindows) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, "store-1.0");
  const auto store = Store::Open(copy, kWriter);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->Compact().ok());
  ASSERT_TRUE((*store)->SetRetention({.keep_us = 1'000'000}).ok());
  ASSERT_TRUE((*store)->Compact({.now_us = 40'000'000}).ok());
  EXPECT_EQ((*store)->Snapshot()->ReadRetention()->keep_us, 1'000'000);
  const EventLog log = (*store)->Snapshot()->ReadLog().value();
  for (std::size_t n = 0; n < log.size(); ++n)
    EXPECT_TRUE(log.time_us(n) == kNoTime || log.time_us(n) >= 39'000'000) << log.time_us(n);
  EXPECT_THAT(VerifyStore(copy)->problems, testing::IsEmpty());
}

TEST_P(GoldenStore, GoesOnWhereItStopped) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, GetParam());
  const auto store = Store::Open(copy, kWriter);
  ASSERT_TRUE(store.ok()) << store.status();
  const std::vector<Event> events = {{.user = "ann", .item = "course 0"}, {.user = "bob", .item = "course 3"}};
  const auto again = (*store)->Append(events, {.source = "app", .first_sequence = 139});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->repeated, 1u);
  EXPECT_EQ(again->first_row, 40u);
  EXPECT_EQ((*store)->Snapshot()->FindUser("bob").value(), UserIndex{5}) << "a forgotten user has the old index again";
  ASSERT_TRUE((*store)->Compact({.now_us = 0}).ok());
  EXPECT_EQ((*store)->Snapshot()->event_count(), 31u);
  EXPECT_THAT(VerifyStore(copy)->problems, testing::IsEmpty());
}

TEST_P(GoldenStore, TakesChunksInPlanesBesideItsOwnAndSaysSo) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, GetParam());
  EventLog before;
  {
    const auto store = Store::Open(copy, kWriter);
    ASSERT_TRUE(store.ok()) << store.status();
    before = (*store)->Snapshot()->ReadLog().value();
    std::vector<Event> events;  // more than an open chunk takes in
    for (std::int64_t n = 0; n < 2000; ++n)
      events.push_back({.user = "ann", .item = "course 0", .value = static_cast<float>(n), .time_us = 1000 * n});
    ASSERT_TRUE((*store)->Append(events).ok());
  }
  EXPECT_THAT(VerifyStore(copy)->problems, testing::IsEmpty());
  const auto store = Store::Open(copy);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Snapshot()->Stats()->chunks, 2u);
  const EventLog after = (*store)->Snapshot()->ReadLog().value();
  ASSERT_EQ(after.size(), before.size() + 2000);
  for (std::size_t n = 0; n < before.size(); ++n) {
    EXPECT_EQ(after.user_id(n), before.user_id(n));
    EXPECT_EQ(after.time_us(n), before.time_us(n));
  }
  for (std::int64_t n = 0; n < 2000; ++n)
    EXPECT_EQ(after.time_us(before.size() + static_cast<std::size_t>(n)), 1000 * n);
}

TEST_P(GoldenStore, AsksForAReaderOfChunksInPlanesOnceItMayHaveThem) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, GetParam());
  const bool newest = std::string(GetParam()) == kNewest;
  const std::vector<Event> events = {{.user = "ann", .item = "course 0"}};
  const auto change = [&](const auto& how) {
    const auto store = Store::Open(copy, kWriter);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status status = how(**store);
    EXPECT_TRUE(status.ok()) << status;
  };
  const std::string data = copy + "/data-000001.mdb";
  EXPECT_EQ(FeaturesOf(data), newest ? store::kChunksInPlanes : 0u);
  change([&](Store& store) { return store.SetRetention({}); });
  EXPECT_EQ(FeaturesOf(data), newest ? store::kChunksInPlanes : 0u) << "no chunk in planes has come";
  change([&](Store& store) { return store.Append(events).status(); });
  EXPECT_EQ(FeaturesOf(data), store::kChunksInPlanes);
  change([&](Store& store) { return store.SetRetention({.keep_us = 1'000'000}); });
  EXPECT_EQ(FeaturesOf(data), store::kChunksInPlanes);
  change([&](Store& store) { return store.Compact({.now_us = 40'000'000}).status(); });
  EXPECT_EQ(FeaturesOf(copy + "/data-000002.mdb"), store::kChunksInPlanes);
  change([&](Store& store) { return store.Append(events).status(); });
  EXPECT_EQ(FeaturesOf(copy + "/data-000002.mdb"), store::kChunksInPlanes);
}

TEST_P(GoldenStore, OfANewerFormatIsRefusedByBothVersions) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder, GetParam());
  const std::string data = copy + "/data-000001.mdb";
  std::string bytes = Read(data);
  const std::size_t magic = bytes.find(kMagic);
  ASSERT_NE(magic, std::string::npos);
  constexpr std::size_t kFormatBytes = 32;  // magic, two versions, two sets of features
  bytes[magic + 8] = 2;
  const auto body = std::as_bytes(std::span(bytes).subspan(magic, kFormatBytes));
  const std::uint64_t sum = Checksum(body, /*seed=*/0);
  std::memcpy(bytes.data() + magic - sizeof(sum), &sum, sizeof(sum));
  std::ofstream(data, std::ios::binary) << bytes;
  const absl::Status status = Store::Open(copy).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(status.message(), HasSubstr("want format 1.2, got 2."));
}

TEST(GoldenStoreVersion, TheVersionMapNamesTheFormatThatThisReleaseWrites) {
  const TemporaryFolder folder;
  { ASSERT_TRUE(Store::Open(folder.path(), kWriter).ok()); }
  const std::string bytes = Read(folder.path() + "/data-000001.mdb");
  const std::size_t magic = bytes.find(kMagic);
  ASSERT_NE(magic, std::string::npos);
  const std::string format = std::to_string(bytes[magic + 8]) + "." + std::to_string(bytes[magic + 12]);
  const std::string map = Read(Golden() / "version_map.json");
  const std::size_t release = map.find("\"" WAYPOST_VERSION_STRING "\": {");
  ASSERT_NE(release, std::string::npos);
  EXPECT_THAT(map.substr(release, map.find('}', release) - release), HasSubstr("\"store\": \"" + format + "\""));
}

}  // namespace
}  // namespace waypost
