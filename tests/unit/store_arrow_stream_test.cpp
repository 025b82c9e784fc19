// The events of a store as Arrow columns: read back by the library's own reader, and as the interface lays them out.
#include "waypost/store/arrow_stream.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/transfer.hpp"

namespace waypost {
namespace {

using testing_support::TemporaryFolder;

class StoreArrowStream : public testing::Test {
 protected:
  StoreArrowStream() : store_(Store::Open(folder_.path() + "/store", {.access = StoreAccess::kWrite}).value()) {}

  // `count` events of some users, every other one without value, every third without time.
  void Append(std::size_t count) {
    std::vector<std::string> users;
    for (std::size_t n = 0; n < 43; ++n) users.push_back("user " + std::to_string(n));
    std::vector<Event> events(count);
    for (std::size_t n = 0; n < count; ++n) {
      events[n] = {.user = users[n % 43], .item = users[n % 7], .kind = n % 5 == 0 ? kLike : kView};
      if (n % 2 == 0) events[n].value = static_cast<float>(n);
      if (n % 3 != 0) events[n].time_us = static_cast<std::int64_t>(n) - 1000;
    }
    ASSERT_TRUE(store_->Append(events).ok());
  }

  ArrowArrayStream Export() {
    ArrowArrayStream stream;
    EXPECT_TRUE(ExportArrowStream(store_->Snapshot().value(), &stream).ok());
    return stream;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreArrowStream, GivesTheEventsBackOverManyBatchesWithoutForgottenUsers) {
  Append(150'000);
  ASSERT_TRUE(store_->Forget("user 3").ok());
  ArrowArrayStream stream = Export();
  EventLogBuilder builder;
  const absl::StatusOr<ReadReport> read = AppendArrowStream(&stream, {}, builder);
  ASSERT_TRUE(read.ok()) << read.status();
  const EventLog got = std::move(builder).Build();
  const EventLog want = store_->Snapshot()->ReadLog().value();
  ASSERT_EQ(got.size(), want.size());
  ASSERT_LT(got.size(), 150'000u);
  for (std::size_t row = 0; row < want.size(); ++row) {
    ASSERT_EQ(got.user_id(row), want.user_id(row));
    ASSERT_EQ(got.item_id(row), want.item_id(row));
  }
  EXPECT_EQ(got.columns().kinds, want.columns().kinds);
  EXPECT_EQ(got.columns().values, want.columns().values);
  EXPECT_EQ(got.columns().times_us, want.columns().times_us);
}

TEST_F(StoreArrowStream, BatchesAndTheirMovedColumnsOutliveTheStreamAndTheStore) {
  Append(10);
  ArrowArrayStream stream = Export();
  ArrowSchema schema;
  ASSERT_EQ(stream.get_schema(&stream, &schema), 0);
  EXPECT_STREQ(schema.format, "+s");
  ASSERT_EQ(schema.n_children, 5);
  EXPECT_STREQ(schema.children[4]->format, "tsu:UTC");
  ArrowArray batch;
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  store_.reset();
  ArrowArray end;
  ASSERT_EQ(stream.get_next(&stream, &end), 0);
  EXPECT_EQ(end.release, nullptr);
  EXPECT_EQ(stream.get_last_error(&stream), nullptr);
  stream.release(&stream);

  ArrowArray values = *batch.children[3];  // moved out
  batch.children[3]->release = nullptr;
  batch.release(&batch);
  EXPECT_EQ(batch.release, nullptr);
  ASSERT_EQ(values.length, 10);
  EXPECT_EQ(values.null_count, 5);
  std::uint8_t validity = 0;
  std::memcpy(&validity, values.buffers[0], 1);
  EXPECT_EQ(validity, 0x55);
  float third = 0;
  std::memcpy(&third, static_cast<const float*>(values.buffers[1]) + 2, sizeof(third));
  EXPECT_EQ(third, 2.0f);
  values.release(&values);
  schema.release(&schema);
}

// The dictionaries in memory are shared and forget at once.
TEST_F(StoreArrowStream, WhatReadsASnapshotPassesOverUsersForgottenSince) {
  Append(1000);
  const StoreSnapshot before = store_->Snapshot().value();
  ASSERT_TRUE(store_->Forget("user 3").ok());
  ASSERT_FALSE(store_->Snapshot()->FindUser("user 3")->has_value());
  const std::size_t left = store_->Snapshot()->event_count();
  ASSERT_LT(left, 1000u);
  const absl::StatusOr<EventLog> log = before.ReadLog();
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->size(), left);
  EXPECT_FALSE(log->users().Find("user 3").has_value());
  for (const bool arrow : {true, false}) {
    EventLogBuilder builder;
    if (arrow) {
      ArrowArrayStream stream;
      ASSERT_TRUE(ExportArrowStream(before, &stream).ok());
      ASSERT_TRUE(AppendArrowStream(&stream, {}, builder).ok());
    } else {
      const std::string file = folder_.path() + "/events.csv";
      ASSERT_TRUE(ExportEvents(before, file).ok());
      const absl::StatusOr<ReadReport> read = ReadEvents(file, {}, builder);
      ASSERT_TRUE(read.ok()) << read.status();
    }
    const EventLog got = std::move(builder).Build();
    ASSERT_EQ(got.size(), left);
    for (std::size_t row = 0; row < left; ++row) {
      ASSERT_EQ(got.user_id(row), log->user_id(row));
      ASSERT_EQ(got.item_id(row), log->item_id(row));
    }
  }
}

TEST_F(StoreArrowStream, AnEmptyStoreIsAStreamWithoutBatches) {
  ArrowArrayStream stream = Export();
  ArrowArray batch;
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  EXPECT_EQ(batch.release, nullptr);
  stream.release(&stream);
}

}  // namespace
}  // namespace waypost
