// cli/store_insight_input.hpp - what the subjects of waypost insight read from a store, and how they write times.
#ifndef WAYPOST_CLI_STORE_INSIGHT_INPUT_HPP_
#define WAYPOST_CLI_STORE_INSIGHT_INPUT_HPP_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "command_line.hpp"
#include "inputs.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/store/store.hpp"

namespace waypost::cli {

struct StoreInput {
  std::unique_ptr<Store> store;
  EventLog log;
  UserTable facts;
  std::int64_t at_us = 0;
};

// Reads everything; the moment is `at`, or one microsecond after the newest event.
inline absl::StatusOr<StoreInput> ReadStoreInput(const std::string& folder, const std::optional<std::string>& at,
                                                 StoreAccess access, int threads, Console& console) {
  StoreInput input;
  const Parallelism parallelism(threads);
  WAYPOST_ASSIGN_OR_RETURN(input.store, Store::Open(folder, {.access = access, .parallelism = parallelism}));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, input.store->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(input.log, snapshot.ReadLog(parallelism));
  WAYPOST_ASSIGN_OR_RETURN(input.facts, snapshot.ReadUserTable());
  console.Note("read " + Count(input.log.size(), "event") + " from " + folder);
  if (at) {
    const absl::StatusOr<std::int64_t> time = ParseTimestamp(*at, std::nullopt);
    if (!time.ok()) return UsageError("--at: " + std::string(time.status().message()));
    input.at_us = *time;
    return input;
  }
  if (!input.log.has_times()) return absl::FailedPreconditionError("--at: want events with a time, got none");
  std::int64_t newest = kNoTime;
  for (std::size_t row = 0; row < input.log.size(); ++row) newest = std::max(newest, input.log.time_us(row));
  input.at_us = newest + (newest < std::numeric_limits<std::int64_t>::max());
  return input;
}

// "2024-12-31T00:00:00Z", with microseconds where there are any.
inline std::string TimeText(std::int64_t time_us) {
  const std::chrono::sys_time<std::chrono::microseconds> moment{std::chrono::microseconds(time_us)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  std::string text = absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(date.year()),
                                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (const auto micros = clock.subseconds().count(); micros > 0) text += absl::StrFormat(".%06d", micros);
  return text + "Z";
}

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_STORE_INSIGHT_INPUT_HPP_
