// Small random worlds for tests: seeded, so that a failure can be repeated.
#ifndef WAYPOST_TESTS_SUPPORT_WORLDS_HPP_
#define WAYPOST_TESTS_SUPPORT_WORLDS_HPP_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::testing_support {

// Each cell is stored with probability `density`; values are multiples of 1/8 in 1/8..4 when `weighted`, else absent.
inline SparseMatrix RandomSparse(std::uint64_t seed, std::size_t rows, std::size_t columns, double density,
                                 bool weighted = false) {
  Random random(seed);
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> cells;
  AlignedVector<float> values;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::uint32_t column = 0; column < columns; ++column) {
      if (!random.Bernoulli(density)) continue;
      cells.push_back(column);
      if (weighted) values.push_back(static_cast<float>(1 + random.Below(32)) / 8);
    }
    offsets.push_back(cells.size());
  }
  return SparseMatrix(columns, SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(cells)), SharedArray<float>(std::move(values)));
}

// Users x items without structure. Some users and items may be empty when the density is low.
inline InteractionMatrix RandomMatrix(std::uint64_t seed, std::size_t users, std::size_t items, double density,
                                      bool weighted = false) {
  return InteractionMatrix(RandomSparse(seed, users, items, density, weighted));
}

// Planted truth: `groups` groups of users and of items (group = index mod groups); a user takes an item of the own
// group with probability `inside`, another with probability `outside`.
inline InteractionMatrix PlantedMatrix(std::uint64_t seed, std::size_t users, std::size_t items, std::size_t groups,
                                       double inside, double outside) {
  Random random(seed);
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> cells;
  for (std::size_t user = 0; user < users; ++user) {
    for (std::uint32_t item = 0; item < items; ++item)
      if (random.Bernoulli(user % groups == item % groups ? inside : outside)) cells.push_back(item);
    offsets.push_back(cells.size());
  }
  return InteractionMatrix(SparseMatrix(items, SharedArray<std::uint64_t>(std::move(offsets)),
                                        SharedArray<std::uint32_t>(std::move(cells)), {}));
}

// Scores with only `distinct` different values, so that there are many ties.
inline std::vector<float> RandomScores(std::uint64_t seed, std::size_t size, std::uint64_t distinct) {
  Random random(seed);
  std::vector<float> scores(size);
  for (float& score : scores) score = static_cast<float>(random.Below(distinct)) / 4 - 1;
  return scores;
}

// One event written in a test.
struct Row {
  std::string user;
  std::string item;
  std::string kind = "view";
  std::optional<float> value = {};
  std::optional<std::int64_t> time_us = {};
};

inline EventLog LogOf(const std::vector<Row>& rows, const KindTable& kinds = {}) {
  EventLogBuilder builder(kinds);
  for (const Row& row : rows) {
    const std::optional<std::uint16_t> kind = kinds.Find(row.kind);
    EXPECT_TRUE(kind.has_value()) << row.kind;
    const absl::Status status = builder.Append(
        {.user = row.user, .item = row.item, .kind = kind.value_or(0), .value = row.value, .time_us = row.time_us});
    EXPECT_TRUE(status.ok()) << status;
  }
  return std::move(builder).Build();
}

struct LogShape {
  std::size_t rows = 200;
  std::size_t users = 12;
  std::size_t items = 15;
  bool kinds = false;   // views, likes, dislikes and impressions instead of views alone
  bool values = false;  // 1..5, one in eight absent
  bool times = false;   // days with repeats, one in eight absent
  bool all_times = false;
};

// Repeated pairs are frequent.
inline EventLog RandomLog(std::uint64_t seed, const LogShape& shape = {}) {
  Random random(seed);
  std::vector<Row> rows;
  for (std::size_t n = 0; n < shape.rows; ++n) {
    Row row{.user = "u" + std::to_string(random.Below(shape.users)),
            .item = "i" + std::to_string(random.Below(shape.items))};
    if (shape.kinds)
      row.kind = std::vector<std::string>{"view", "view", "like", "dislike", "impression"}[random.Below(5)];
    if (shape.values && random.Below(8) != 0) row.value = static_cast<float>(1 + random.Below(5));
    if (shape.all_times || (shape.times && random.Below(8) != 0))
      row.time_us = static_cast<std::int64_t>(random.Below(60)) * 86'400'000'000;
    rows.push_back(std::move(row));
  }
  return LogOf(rows);
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_WORLDS_HPP_
