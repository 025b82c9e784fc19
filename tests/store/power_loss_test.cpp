// A store on a disk that loses its power, is full, fails or writes short. Cut points: $WAYPOST_POWER_CUTS (60).
#include <cerrno>
#include <cstdlib>
#include <span>

#include <gtest/gtest.h>

#include "disk_calls.hpp"
#include "disk_image.hpp"
#include "support/files.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::AfterPowerLoss;
using testing_support::Disk;
using testing_support::DiskCall;
using testing_support::DiskFault;
using testing_support::DiskOperation;
using testing_support::TemporaryFolder;
using testing_support::WriteImage;

constexpr StoreOptions kWriter{.access = StoreAccess::kWrite, .seal_events = 600};

std::string UserOf(std::uint64_t n) {
  return "user " + std::to_string(n % 97);
}

// Appends events n .. n + count - 1, whose times are their numbers.
absl::Status AppendSome(Store& store, std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> users, items;
  std::vector<Event> events;
  for (std::uint64_t n = first; n < first + count; ++n) {
    users.push_back(UserOf(n));
    items.push_back("item " + std::to_string(n % 31));
  }
  for (std::uint64_t n = 0; n < count; ++n)
    events.push_back({.user = users[n], .item = items[n], .time_us = static_cast<std::int64_t>(first + n)});
  return store.Append(events, {.source = "test", .first_sequence = first}).status();
}

// The store holds events 0 .. n - 1 for some n of at least `acknowledged` and at most `sent`, and nothing else.
void ExpectBeginning(const std::string& folder, std::uint64_t acknowledged, std::uint64_t sent) {
  const absl::StatusOr<StoreReport> report = VerifyStore(folder);
  if (absl::IsNotFound(report.status()) && acknowledged == 0) return;  // not even a file was there
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->problems, std::vector<std::string>());
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder, kWriter);
  ASSERT_TRUE(store.ok()) << store.status();
  const StoreSnapshot snapshot = (*store)->Snapshot().value();
  const std::uint64_t count = snapshot.event_count();
  ASSERT_GE(count, acknowledged) << "an acknowledged event is lost";
  ASSERT_LE(count, sent);
  ASSERT_EQ(*snapshot.NextSequence("test"), count);
  const EventLog log = snapshot.ReadLog().value();
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_EQ(log.time_us(n), static_cast<std::int64_t>(n));
    ASSERT_EQ(log.user_id(n), UserOf(n));
  }
  ASSERT_TRUE(AppendSome(**store, count, 3).ok()) << "it cannot go on";
}

// Appends to a new store in `folder` and says how many events were acknowledged when, with compactions between where
// `compacts`; returns what the disk was told.
std::vector<DiskOperation> RecordCalls(const std::string& folder, Durability durability, bool compacts,
                                       std::uint64_t& sent) {
  std::filesystem::create_directories(folder);
  Disk::Get().Watch(folder);
  {
    StoreOptions options = kWriter;
    options.durability = durability;
    const auto store = Store::Open(folder, options);
    EXPECT_TRUE(store.ok()) << store.status();
    for (int round = 0; round < 60; ++round) {
      const std::uint64_t count = round % 7 == 0 ? 300 : static_cast<std::uint64_t>(1 + round % 5);
      EXPECT_TRUE(AppendSome(**store, sent, count).ok());
      sent += count;
      Disk::Get().Note(std::to_string(sent));
      if (!compacts) continue;
      if (round == 25 || round == 45) {
        EXPECT_TRUE((*store)->Compact().ok());
      }
      if (round == 50) {
        EXPECT_TRUE((*store)->Seal().ok());
      }
    }
  }
  return Disk::Get().Stop();
}

TEST(PowerLoss, WhatWasAcknowledgedIsThereWhereverThePowerFails) {
  const char* const wanted = std::getenv("WAYPOST_POWER_CUTS");
  const int cuts = wanted == nullptr ? 60 : std::atoi(wanted);
  const TemporaryFolder folder;
  std::uint64_t sent = 0;
  const std::vector<DiskOperation> operations =
      RecordCalls(folder.path() + "/store", Durability::kSync, /*compacts=*/true, sent);
  Random random(20);
  for (int n = 0; n < cuts; ++n) {
    const auto cut = static_cast<std::size_t>(random.Below(operations.size() + 1));
    SCOPED_TRACE(cut);
    std::uint64_t acknowledged = 0;
    for (std::size_t at = 0; at < cut; ++at)
      if (operations[at].call == DiskCall::kNote) acknowledged = std::stoull(operations[at].bytes);
    const std::string image = folder.path() + "/image" + std::to_string(n);
    WriteImage(AfterPowerLoss(std::span(operations).first(cut), random), image);
    ExpectBeginning(image, acknowledged, sent);
    std::filesystem::remove_all(image);
    if (HasFatalFailure()) return;
  }
}

// The same disk does lose what was not flushed: the test above can fail.
TEST(PowerLoss, TakesWhatOnlySurvivesTheProcess) {
  const TemporaryFolder folder;
  std::uint64_t sent = 0;
  const std::vector<DiskOperation> operations =
      RecordCalls(folder.path() + "/store", Durability::kFast, /*compacts=*/false, sent);
  Random random(21);
  int lost = 0;
  for (int n = 0; n < 10; ++n) {
    const std::string image = folder.path() + "/image" + std::to_string(n);
    WriteImage(AfterPowerLoss(operations, random), image);
    const absl::StatusOr<StoreReport> report = VerifyStore(image);
    if (!report.ok() || !report->problems.empty() || report->events < sent) ++lost;
  }
  EXPECT_GT(lost, 5);
}

// Each call that writes or flushes fails in turn, once or from then on.
TEST(FailingDisk, IsAStatusAndLosesNothingThatWasAcknowledged) {
  for (const DiskFault& kind :
       {DiskFault{.error = ENOSPC}, DiskFault{.error = EIO}, DiskFault{.error = 0},
        DiskFault{.error = ENOSPC, .lasting = true}, DiskFault{.error = EIO, .lasting = true}}) {
    std::uint64_t failures = 0;
    const std::vector<std::uint64_t> calls = kind.lasting ? std::vector<std::uint64_t>{1, 3, 4}
                                                          : std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 8, 13, 22, 30};
    for (const std::uint64_t at : calls) {
      SCOPED_TRACE(testing::Message() << "call " << at << " error " << kind.error << " lasting " << kind.lasting);
      const TemporaryFolder folder;
      const std::string place = folder.path() + "/store";
      std::filesystem::create_directories(place);
      std::uint64_t acknowledged = 0, sent = 0;
      Disk::Get().Watch(place);
      {
        const auto store = Store::Open(place, kWriter);
        ASSERT_TRUE(store.ok()) << store.status();
        for (; sent < 40; sent = acknowledged = sent + 10) ASSERT_TRUE(AppendSome(**store, sent, 10).ok());
        DiskFault fault = kind;
        fault.at = at;
        Disk::Get().Fail(fault);
        for (int round = 0; round < 4; ++round) {
          const absl::Status status = AppendSome(**store, acknowledged, 10);
          sent = std::max(sent, acknowledged + 10);
          if (status.ok())
            acknowledged += 10;
          else
            ++failures;
          EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status) || absl::IsUnavailable(status)) << status;
        }
        const absl::Status compacted = (*store)->Compact().status();
        EXPECT_TRUE(compacted.ok() || absl::IsResourceExhausted(compacted) || absl::IsUnavailable(compacted))
            << compacted;
        const auto snapshot = (*store)->Snapshot();
        if (snapshot.ok()) {
          EXPECT_GE(snapshot->event_count(), acknowledged);
        }
        Disk::Get().Fail({});
      }
      Disk::Get().Stop();
      ExpectBeginning(place, acknowledged, sent);
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(failures, 0u) << "no call failed";
  }
}

// The flush behind the new name of the data file is the last thing that can fail: then the old one is put back, and
// where even that fails both stay and nothing more is taken.
TEST(FailingDisk, LeavesADataFileThatCurrentNames) {
  for (const bool lasting : {false, true}) {
    SCOPED_TRACE(lasting);
    const TemporaryFolder folder;
    const std::string place = folder.path() + "/store";
    std::filesystem::create_directories(place);
    Disk::Get().Watch(place);
    {
      const auto store = Store::Open(place, kWriter);
      ASSERT_TRUE(store.ok()) << store.status();
      ASSERT_TRUE(AppendSome(**store, 0, 30).ok());
      Disk::Get().Fail({});
      ASSERT_TRUE((*store)->Compact().ok());
      Disk::Get().Fail({.at = Disk::Get().calls(), .error = EIO, .lasting = lasting});
      const absl::Status compacted = (*store)->Compact().status();
      EXPECT_TRUE(absl::IsUnavailable(compacted)) << compacted;
      Disk::Get().Fail({});
      const absl::Status appended = AppendSome(**store, 30, 10);
      if (lasting) {
        EXPECT_NE(compacted.message().find("wants to be opened again"), std::string::npos) << compacted;
        EXPECT_TRUE(absl::IsUnavailable(appended)) << appended;
        EXPECT_TRUE(absl::IsUnavailable((*store)->Compact().status()));
      } else {
        EXPECT_TRUE(appended.ok()) << appended;
      }
      EXPECT_EQ((*store)->Snapshot()->event_count(), lasting ? 30u : 40u);
    }
    Disk::Get().Stop();
    ExpectBeginning(place, lasting ? 30 : 40, 40);
  }
}

}  // namespace
}  // namespace waypost
