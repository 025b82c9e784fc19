#include "waypost/event/event_block.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost::internal {
namespace {

using testing_support::Row;

// Ids of a pool that new ones keep entering, with or without each of the optional facts.
std::vector<Row> RandomRows(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<Row> rows(count);
  for (std::size_t n = 0; n < count; ++n) {
    rows[n] = {.user = "user" + std::to_string(random.Below(2 + n / 2)), .item = std::to_string(random.Below(50))};
    if (seed % 2 == 1 && n > count / 3) rows[n].kind = random.Bernoulli(0.5) ? "like" : "pay";
    if (seed % 3 == 1) rows[n].value = 1;
    if (seed % 3 == 2 && n > count / 2) rows[n].value = static_cast<float>(random.Below(3));
    if (seed % 5 == 1 && random.Bernoulli(0.9)) rows[n].time_us = static_cast<std::int64_t>(random.Below(100));
  }
  return rows;
}

EventLog InBlocks(const std::vector<Row>& rows, std::size_t block_rows, int threads) {
  EventLogBuilder log;
  const KindTable kinds;
  const absl::Status status = AppendInBlocks(
      rows.size(), block_rows, Parallelism(threads), log, [&](std::size_t begin, std::size_t end, EventBlock& block) {
        for (std::size_t n = begin; n < end; ++n)
          block.Append({rows[n].user, rows[n].item, *kinds.Find(rows[n].kind), rows[n].value, rows[n].time_us});
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return std::move(log).Build();
}

TEST(EventBlock, AgreesWithEventsAppendedOneByOne) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<Row> rows = RandomRows(seed, 1 + seed * 23);
    const EventLog expected = testing_support::LogOf(rows);
    for (const std::size_t block_rows : {1, 7, 100, 5000})
      for (const int threads : {1, 2, 7}) {
        SCOPED_TRACE(testing::Message() << seed << " " << block_rows << " " << threads);
        const EventLog log = InBlocks(rows, block_rows, threads);
        for (const auto& [a, b] :
             {std::pair(&log.users(), &expected.users()), std::pair(&log.items(), &expected.items())}) {
          EXPECT_TRUE(std::equal(a->bytes().begin(), a->bytes().end(), b->bytes().begin(), b->bytes().end()));
          EXPECT_TRUE(std::equal(a->offsets().begin(), a->offsets().end(), b->offsets().begin(), b->offsets().end()));
          EXPECT_TRUE(std::equal(a->slots().begin(), a->slots().end(), b->slots().begin(), b->slots().end()));
        }
        EXPECT_EQ(log.columns().users, expected.columns().users);
        EXPECT_EQ(log.columns().items, expected.columns().items);
        EXPECT_EQ(log.columns().kinds, expected.columns().kinds);
        EXPECT_EQ(log.columns().values, expected.columns().values);
        EXPECT_EQ(log.columns().times_us, expected.columns().times_us);
        EXPECT_EQ(log.columns().kinds.constant(), expected.columns().kinds.constant());
        EXPECT_EQ(log.columns().values.constant(), expected.columns().values.constant());
        EXPECT_EQ(log.columns().times_us.constant(), expected.columns().times_us.constant());
      }
  }
}

TEST(EventBlock, ReportsTheErrorOfTheFirstEventsThatFail) {
  EventLogBuilder log;
  const absl::Status status =
      AppendInBlocks(1000, 10, Parallelism(2), log, [](std::size_t begin, std::size_t, EventBlock&) {
        return begin < 500 ? absl::OkStatus() : absl::InvalidArgumentError(std::to_string(begin));
      });
  EXPECT_EQ(status, absl::InvalidArgumentError("500"));
}

}  // namespace
}  // namespace waypost::internal
