// Features know nothing of what happens at or after their moment.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/insight/features.hpp"

namespace waypost {
namespace {

struct Row {
  std::string user, item;
  std::uint16_t kind = 0;
  std::optional<float> value;
  std::int64_t time_us = 0;
};

UserFeatures Features(const std::vector<Row>& rows, std::int64_t moment) {
  EventLogBuilder builder;
  for (const Row& row : rows) EXPECT_TRUE(builder.Append({row.user, row.item, row.kind, row.value, row.time_us}).ok());
  const EventLog log = std::move(builder).Build();
  return ComputeUserFeatures(Activity(log).Before(moment));
}

Row RandomRow(Random& random, std::int64_t from, std::int64_t to) {
  Row row;
  row.user = "u" + std::to_string(random.Below(20));
  row.item = "c" + std::to_string(random.Below(15));
  row.kind = static_cast<std::uint16_t>(random.Below(15));
  if (random.Bernoulli(0.7)) row.value = static_cast<float>(5 * random.Uniform());
  row.time_us = from + static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(to - from)));
  return row;
}

TEST(UserFeatures, NoEventAtOrAfterTheMomentChangesARow) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::int64_t moment = 100 * kDayMicros;
    std::vector<Row> before;  // first in the log, so that users keep their indices
    for (int n = 0; n < 150; ++n) before.push_back(RandomRow(random, 0, moment));
    const UserFeatures expected = Features(before, moment);
    std::vector<Row> all = before;
    for (int n = 0; n < 80; ++n) all.push_back(RandomRow(random, moment, moment + 40 * kDayMicros));
    all.push_back({"u0", "c0", kRate, 1000.0f, moment});  // at the moment itself, and far off the scale
    all.push_back({"newcomer", "c0", kPay, 1000.0f, moment});
    const UserFeatures found = Features(all, moment);
    EXPECT_EQ(found.users, expected.users);
    EXPECT_EQ(found.values, expected.values);
    // And the test can fail: an event just before the moment changes something.
    all.push_back({before[0].user, "c0", kView, std::nullopt, moment - 1});
    EXPECT_NE(Features(all, moment).values, expected.values);
  }
}

}  // namespace
}  // namespace waypost
