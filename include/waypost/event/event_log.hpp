// waypost/event/event_log.hpp - what users did, as columns in memory: the one input of matrices, splits and models.
//
// (1) All columns have the same length; row r is the r-th accepted event.
// (2) users[r] and items[r] are indices into the two dictionaries; kinds[r] into the kind table.
// (3) A missing value is NaN and a missing time is kNoTime; both are neutral: they change no weight.
// (4) Kinds, values and times are stored only when they differ between events: a log of users and items alone has 8
//     bytes an event beside its ids, which are held once.
#ifndef WAYPOST_EVENT_EVENT_LOG_HPP_
#define WAYPOST_EVENT_EVENT_LOG_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/column.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/event/kinds.hpp"

namespace waypost {

inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

// One event as the host says it. Borrowed for the call.
struct Event {
  std::string_view user;                               // UTF-8, 1..256 bytes
  std::string_view item;                               // UTF-8, 1..256 bytes
  std::uint16_t kind = kView;                          // index into the kind table
  std::optional<float> value = std::nullopt;           // finite: a rating, minutes, money
  std::optional<std::int64_t> time_us = std::nullopt;  // microseconds since 1970-01-01 UTC; may be negative
};

struct EventColumns {
  Column<std::uint32_t> users;
  Column<std::uint32_t> items;
  CompactColumn<std::uint16_t> kinds;
  CompactColumn<float> values;           // NaN: none
  CompactColumn<std::int64_t> times_us;  // kNoTime: none
};

// Immutable: safe to use from any number of threads.
class EventLog {
 public:
  EventLog() = default;
  EventLog(IdDictionary users, IdDictionary items, KindTable kinds, EventColumns columns)
      : users_(std::move(users)), items_(std::move(items)), kinds_(std::move(kinds)), columns_(std::move(columns)) {}

  std::size_t size() const { return columns_.users.size(); }
  const IdDictionary& users() const { return users_; }
  const IdDictionary& items() const { return items_; }
  const KindTable& kinds() const { return kinds_; }
  const EventColumns& columns() const { return columns_; }

  // The facts of one event.
  // Requires  row < size().
  const Kind& kind(std::size_t row) const { return kinds_.at(columns_.kinds[row]); }
  std::string_view user_id(std::size_t row) const { return users_.id(columns_.users[row]); }
  std::string_view item_id(std::size_t row) const { return items_.id(columns_.items[row]); }
  float value(std::size_t row) const { return columns_.values[row]; }
  std::int64_t time_us(std::size_t row) const { return columns_.times_us[row]; }

  // Whether any event has a value, a time.
  bool has_values() const { return !columns_.values.constant() || (size() > 0 && !std::isnan(value(0))); }
  bool has_times() const { return !columns_.times_us.constant() || (size() > 0 && time_us(0) != kNoTime); }

  // A log of the given rows, in that order, with dictionaries of its own: an id that occurs in no given row is unknown
  // to it, so nothing of the other rows can reach a model trained on it.
  // Requires  every row < size().
  EventLog Select(std::span<const std::size_t> rows) const;

 private:
  IdDictionary users_;
  IdDictionary items_;
  KindTable kinds_;
  EventColumns columns_;
};

namespace internal {
class EventBlock;
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class EventLogBuilder {
 public:
  explicit EventLogBuilder(KindTable kinds = {}) : kinds_(std::move(kinds)) {}

  std::size_t size() const { return columns_.users.size(); }
  const KindTable& kinds() const { return kinds_; }

  // Errors  kInvalidArgument: id length, unknown kind, value not finite, time equal to kNoTime.
  absl::Status Validate(const Event& event) const;

  // Appends one event, or nothing if it is not valid.
  // Errors  those of Validate.  kResourceExhausted: too many ids.
  absl::Status Append(const Event& event);

  EventLog Build() && {
    return EventLog(std::move(users_).Build(), std::move(items_).Build(), std::move(kinds_), std::move(columns_));
  }

 private:
  friend class internal::EventBlock;

  KindTable kinds_;
  IdDictionaryBuilder users_;
  IdDictionaryBuilder items_;
  EventColumns columns_;
};

inline absl::Status EventLogBuilder::Validate(const Event& event) const {
  for (const auto& [field, id] : {std::pair("user", event.user), std::pair("item", event.item)})
    if (id.empty() || id.size() > kMaxIdBytes)
      return absl::InvalidArgumentError(absl::StrCat(field, ": want 1..", kMaxIdBytes, " bytes, got ", id.size()));
  if (event.kind >= kinds_.size())
    return absl::InvalidArgumentError(absl::StrCat("kind: want 0..", kinds_.size() - 1, ", got ", event.kind));
  if (event.value && !std::isfinite(*event.value))
    return absl::InvalidArgumentError(absl::StrCat("value: want a finite number, got ", *event.value));
  if (event.time_us == kNoTime)
    return absl::InvalidArgumentError(absl::StrCat("time: want more than ", kNoTime, ", got it"));
  return absl::OkStatus();
}

inline absl::Status EventLogBuilder::Append(const Event& event) {
  WAYPOST_RETURN_IF_ERROR(Validate(event));  // before an id is added: a refused event leaves no trace
  WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t user, users_.Add(event.user));
  WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t item, items_.Add(event.item));
  columns_.users.push_back(user);
  columns_.items.push_back(item);
  columns_.kinds.push_back(event.kind);
  columns_.values.push_back(event.value.value_or(std::numeric_limits<float>::quiet_NaN()));
  columns_.times_us.push_back(event.time_us.value_or(kNoTime));
  return absl::OkStatus();
}

inline EventLog EventLog::Select(std::span<const std::size_t> rows) const {
  IdDictionaryBuilder users;
  IdDictionaryBuilder items;
  EventColumns columns;
  std::vector<std::uint32_t> new_user(users_.size(), kEmptySlot);  // each id is looked up once, not once a row
  std::vector<std::uint32_t> new_item(items_.size(), kEmptySlot);
  for (std::size_t row : rows) {
    std::uint32_t& user = new_user[columns_.users[row]];
    std::uint32_t& item = new_item[columns_.items[row]];
    if (user == kEmptySlot) user = users.Add(users_.id(columns_.users[row])).value();
    if (item == kEmptySlot) item = items.Add(items_.id(columns_.items[row])).value();
    columns.users.push_back(user);
    columns.items.push_back(item);
    columns.kinds.push_back(columns_.kinds[row]);
    columns.values.push_back(columns_.values[row]);
    columns.times_us.push_back(columns_.times_us[row]);
  }
  return EventLog(std::move(users).Build(), std::move(items).Build(), kinds_, std::move(columns));
}

}  // namespace waypost

#endif  // WAYPOST_EVENT_EVENT_LOG_HPP_
