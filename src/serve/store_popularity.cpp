#include "serve/store_popularity.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "waypost/matrix/user_history.hpp"

namespace waypost::serve {

absl::StatusOr<AlignedVector<float>> PopularityOfStore(const StoreSnapshot& snapshot, const WeightingOptions& weighting,
                                                       std::uint64_t most_events, std::size_t items) {
  const std::uint64_t end = snapshot.end_row();
  EventColumns columns;
  WAYPOST_RETURN_IF_ERROR(snapshot.ReadRows(end - std::min(end, most_events), end, Parallelism(1), columns));
  std::vector<std::uint32_t> order(columns.users.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return columns.users[a] < columns.users[b]; });
  std::vector<double> sums(items, 0);
  std::vector<UserEvent> events;
  std::vector<MetItem> met;
  std::vector<float> codes;
  for (std::size_t begin = 0, next = 0; begin < order.size(); begin = next) {
    events.clear();
    for (; next < order.size() && columns.users[order[next]] == columns.users[order[begin]]; ++next) {
      const std::size_t row = order[next];
      events.push_back({.item = columns.items[row],
                        .order = static_cast<std::uint32_t>(row),
                        .time_us = columns.times_us[row],
                        .value = columns.values[row],
                        .kind = columns.kinds[row]});
    }
    if (!CollectUserHistory(events, snapshot.kinds(), weighting, met, codes).ok()) continue;
    for (const MetItem& entry : met)
      if (entry.code > 0 && entry.item < items) sums[entry.item] += entry.code;
  }
  AlignedVector<float> scores(items);
  for (std::size_t item = 0; item < items; ++item)
    scores[item] = static_cast<float>(std::min(sums[item], double{std::numeric_limits<float>::max()}));
  return scores;
}

}  // namespace waypost::serve
