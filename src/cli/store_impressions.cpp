#include "store_impressions.hpp"

#include <string>

namespace waypost::cli {

absl::StatusOr<StoredImpressions> ReadStoredImpressions(const StoreSnapshot& snapshot, const EventLog& log) {
  constexpr std::uint64_t kReadTogether = 65'536;
  StoredImpressions stored;
  IdDictionaryBuilder users, items;  // of those who have no event: numbers above the log's
  const auto number = [](const IdDictionary& known, IdDictionaryBuilder& others,
                         const std::string& id) -> absl::StatusOr<std::uint32_t> {
    if (const auto found = known.Find(id)) return *found;
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t other, others.Add(id));
    return static_cast<std::uint32_t>(known.size()) + other;
  };
  for (std::uint64_t first = 0; first < snapshot.end_impression(); first += kReadTogether) {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<Impression> impressions,
                             snapshot.ReadImpressions(first, first + kReadTogether));
    for (const Impression& impression : impressions) {
      if (impression.kind != kImpression) {
        ++stored.interventions;
        continue;
      }
      ShownItem item{
          .model = impression.model, .rank = impression.rank, .time_us = impression.time_us.value_or(kNoTime)};
      WAYPOST_ASSIGN_OR_RETURN(item.user, number(log.users(), users, impression.user));
      WAYPOST_ASSIGN_OR_RETURN(item.item, number(log.items(), items, impression.item));
      stored.shown.push_back(item);
    }
  }
  return stored;
}

}  // namespace waypost::cli
