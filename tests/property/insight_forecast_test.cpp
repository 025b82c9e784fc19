// Forecasts know nothing of what happens at or after their moment.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/insight/forecast.hpp"

namespace waypost {
namespace {

struct Row {
  std::string user, item;
  std::uint16_t kind = 0;
  std::optional<float> value;
  std::int64_t time_us = 0;
};

Row RandomRow(Random& random, std::int64_t from, std::int64_t to) {
  Row row;
  row.user = "u" + std::to_string(random.Below(40));
  row.item = "c" + std::to_string(random.Below(15));
  row.kind = static_cast<std::uint16_t>(random.Below(15));
  if (random.Bernoulli(0.7)) row.value = static_cast<float>(5 * random.Uniform());
  row.time_us = from + static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(to - from)));
  return row;
}

Forecast Ask(const std::vector<Row>& rows, const UserTable& facts, std::int64_t moment) {
  EventLogBuilder builder;
  for (const Row& row : rows) EXPECT_TRUE(builder.Append({row.user, row.item, row.kind, row.value, row.time_us}).ok());
  return ForecastUsers(std::move(builder).Build(), facts,
                       {.at_us = moment, .horizon = 2, .inactive_us = 10 * kDayMicros})
      .value();
}

TEST(Forecast, NoEventOrFactAtOrAfterTheMomentChangesIt) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::int64_t moment = 120 * kDayMicros;
    std::vector<Row> rows;
    for (int n = 0; n < 900; ++n) rows.push_back(RandomRow(random, 0, moment));
    UserTableBuilder facts;
    ASSERT_TRUE(facts.Add("u1", {{"plan", "annual", 3 * kDayMicros}}).ok());
    const Forecast expected = Ask(rows, std::move(facts).Build(), moment);
    ASSERT_FALSE(expected.users.empty());
    for (int n = 0; n < 300; ++n) rows.push_back(RandomRow(random, moment, moment + 60 * kDayMicros));
    rows.push_back({"u0", "c0", kPay, 1000.0f, moment});
    UserTableBuilder later;
    ASSERT_TRUE(later.Add("u1", {{"plan", "annual", 3 * kDayMicros}, {"plan", "none", moment}}).ok());
    ASSERT_TRUE(later.Add("u2", {{"left", "yes", moment + 1}, {"waypost.p_leave", "0.9", 1}}).ok());
    const Forecast found = Ask(rows, std::move(later).Build(), moment);
    EXPECT_EQ(found.users, expected.users);
    EXPECT_EQ(found.columns, expected.columns);
    EXPECT_EQ(found.cut_offs, expected.cut_offs);
  }
}

}  // namespace
}  // namespace waypost
