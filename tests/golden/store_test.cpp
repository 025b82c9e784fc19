// The golden store opens, is sound, gives what it gave when it was written, and goes on; a newer one is refused.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/store_text.hpp"
#include "support/files.hpp"
#include "waypost/base/checksum.hpp"
#include "waypost/store/verify.hpp"
#include "waypost/version.hpp"

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

constexpr char kNewest[] = "store-1.1";

// A copy: a reader makes a lock file beside the data.
std::string CopyTo(const TemporaryFolder& folder, const std::string& name = kNewest) {
  const std::string copy = folder.path() + "/" + name;
  std::filesystem::copy(Golden() / name, copy);
  return copy;
}

TEST(GoldenStore, GivesWhatItGaveWhenItWasWritten) {
  for (const std::string name : {"store-1.0", kNewest}) {
    SCOPED_TRACE(name);
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
    EXPECT_EQ((*store)->Snapshot()->ReadRetention().value(), name == kNewest ? windows : Retention());
  }
}

TEST(GoldenStore, OfAnOlderFormatTakesRetentionWindows) {
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

TEST(GoldenStore, GoesOnWhereItStopped) {
  const TemporaryFolder folder;
  const std::string copy = CopyTo(folder);
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

TEST(GoldenStore, OfANewerFormatIsRefusedByBothVersions) {
  const TemporaryFolder folder;
  const std::string data = CopyTo(folder) + "/data-000001.mdb";
  std::string bytes = Read(data);
  const std::size_t magic = bytes.find("WYOPT\x9C\r\n");
  ASSERT_NE(magic, std::string::npos);
  constexpr std::size_t kFormatBytes = 32;  // magic, two versions, two sets of features
  bytes[magic + 8] = 2;
  const auto body = std::as_bytes(std::span(bytes).subspan(magic, kFormatBytes));
  const std::uint64_t sum = Checksum(body, /*seed=*/0);
  std::memcpy(bytes.data() + magic - sizeof(sum), &sum, sizeof(sum));
  std::ofstream(data, std::ios::binary) << bytes;
  const absl::Status status = Store::Open(folder.path() + "/" + kNewest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(status.message(), HasSubstr("want format 1.1, got 2.1"));
}

TEST(GoldenStore, TheVersionMapNamesTheFormatThatThisReleaseWrites) {
  const TemporaryFolder folder;
  { ASSERT_TRUE(Store::Open(folder.path(), kWriter).ok()); }
  const std::string bytes = Read(folder.path() + "/data-000001.mdb");
  const std::size_t magic = bytes.find("WYOPT\x9C\r\n");
  ASSERT_NE(magic, std::string::npos);
  const std::string format = std::to_string(bytes[magic + 8]) + "." + std::to_string(bytes[magic + 12]);
  const std::string map = Read(Golden() / "version_map.json");
  const std::size_t release = map.find("\"" WAYPOST_VERSION_STRING "\": {");
  ASSERT_NE(release, std::string::npos);
  EXPECT_THAT(map.substr(release, map.find('}', release) - release), HasSubstr("\"store\": \"" + format + "\""));
}

}  // namespace
}  // namespace waypost
