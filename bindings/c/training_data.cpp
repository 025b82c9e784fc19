// Columns of events into interactions.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "id_column.hpp"
#include "objects.hpp"
#include "structs.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/base/utf8.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost::c {
namespace {

absl::Status ReadKinds(const waypost_events& events, KindTable& table) {
  if (events.kind_count > 0) WAYPOST_RETURN_IF_ERROR(Require(events.kind_table, "waypost_events.kind_table"));
  const char* next = reinterpret_cast<const char*>(events.kind_table);
  for (std::uint32_t n = 0; n < events.kind_count; ++n) {
    // The caller's structures are as far apart as their own size says.
    const auto* given = reinterpret_cast<const waypost_kind*>(next);
    const std::string name = absl::StrCat("waypost_events.kind_table[", n, "]");
    WAYPOST_ASSIGN_OR_RETURN(const waypost_kind kind, ReadStruct(given, waypost_kind(WAYPOST_KIND_INIT), name));
    if (given->struct_size != events.kind_table->struct_size)
      return absl::InvalidArgumentError(absl::StrCat(name, ".struct_size: want that of the first, ",
                                                     events.kind_table->struct_size, ", got ", given->struct_size));
    next += given->struct_size;
    WAYPOST_RETURN_IF_ERROR(RequireZero(kind.reserved, name));
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, ReadText(kind.name, kind.name_size, name + ".name"));
    WAYPOST_ASSIGN_OR_RETURN(const Role role, ReadEnum(kind.role, Role::kNeutral, name + ".role"));
    WAYPOST_ASSIGN_OR_RETURN(const bool pays, ReadFlag(kind.pays, name + ".pays"));
    WAYPOST_ASSIGN_OR_RETURN(const bool completes, ReadFlag(kind.completes, name + ".completes"));
    const auto number = table.Set(
        {.name = std::string(text), .weight = kind.weight, .role = role, .pays = pays, .completes = completes});
    if (!number.ok()) return internal::AddContext(name, number.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<WeightingOptions> ReadWeighting(const waypost_weighting_options* given) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_weighting_options read,
      ReadOptional(given, waypost_weighting_options(WAYPOST_WEIGHTING_OPTIONS_INIT), "waypost_weighting_options"));
  WeightingOptions options;
  WAYPOST_ASSIGN_OR_RETURN(options.transform,
                           ReadEnum(read.transform, ValueTransform::kLog1p, "waypost_weighting_options.transform"));
  WAYPOST_ASSIGN_OR_RETURN(options.duplicates,
                           ReadEnum(read.duplicates, DuplicatePolicy::kError, "waypost_weighting_options.duplicates"));
  WAYPOST_ASSIGN_OR_RETURN(const bool use_min_value,
                           ReadFlag(read.use_min_value, "waypost_weighting_options.use_min_value"));
  WAYPOST_ASSIGN_OR_RETURN(const bool use_now, ReadFlag(read.use_now, "waypost_weighting_options.use_now"));
  if (use_min_value) options.min_value = read.min_value;
  if (!use_min_value && read.min_value != 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "waypost_weighting_options.use_min_value: want 1 beside a min_value, got 0 with ", read.min_value));
  options.half_life_days = read.half_life_days;
  if (use_now) options.now_us = read.now_us;
  if (!use_now && read.now_us != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_weighting_options.use_now: want 1 beside now_us, got 0 with ", read.now_us));
  return options;
}

bool IsPresent(const std::uint8_t* validity, std::uint64_t row) {
  return validity == nullptr || ((validity[row / 8] >> (row % 8)) & 1) != 0;
}

absl::StatusOr<std::string_view> ReadId(const IdColumn& column, std::uint64_t row, std::string& scratch) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, column.Text(row, scratch));
  if (const std::size_t bad = FindInvalidUtf8(text); bad < text.size())
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(column.name()), "[", row, "]: want UTF-8, got byte ",
                     static_cast<int>(static_cast<unsigned char>(text[bad])), " at ", bad));
  return text;
}

absl::StatusOr<EventLog> ReadLog(const waypost_events& events) {
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn users, IdColumn::Read(events.users, "waypost_events.users"));
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn items, IdColumn::Read(events.items, "waypost_events.items"));
  if (users.size() != items.size())
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_events.items: want ", users.size(), " rows as in users, got ", items.size()));
  for (const auto& [validity, column, name] :
       {std::tuple(events.value_validity != nullptr, events.values != nullptr, "value"),
        std::tuple(events.time_validity != nullptr, events.times_us != nullptr, "time")})
    if (validity && !column)
      return absl::InvalidArgumentError(
          absl::StrCat("waypost_events.", name, "_validity: want the column itself beside it, got NULL"));
  KindTable kinds;
  WAYPOST_RETURN_IF_ERROR(ReadKinds(events, kinds));
  EventLogBuilder builder(std::move(kinds));
  std::string user_text;
  std::string item_text;
  for (std::uint64_t row = 0; row < users.size(); ++row) {
    Event event;
    WAYPOST_ASSIGN_OR_RETURN(event.user, ReadId(users, row, user_text));
    WAYPOST_ASSIGN_OR_RETURN(event.item, ReadId(items, row, item_text));
    if (events.kinds != nullptr) event.kind = events.kinds[row];
    if (events.values != nullptr && IsPresent(events.value_validity, row)) event.value = events.values[row];
    if (events.times_us != nullptr && IsPresent(events.time_validity, row)) event.time_us = events.times_us[row];
    if (const absl::Status status = builder.Append(event); !status.ok())
      return internal::AddContext(absl::StrCat("waypost_events row ", row), status);
  }
  return std::move(builder).Build();
}

// The last title given for an item counts.
absl::StatusOr<ItemTitles> ReadTitles(const waypost_events& events, const IdDictionary& items) {
  if (events.title_items == nullptr && events.titles == nullptr) return ItemTitles();
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn ids, IdColumn::Read(events.title_items, "waypost_events.title_items"));
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn texts, IdColumn::Read(events.titles, "waypost_events.titles"));
  if (ids.size() != texts.size())
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_events.titles: want ", ids.size(), " rows as in title_items, got ", texts.size()));
  if (texts.form() == IdForm::kNumbers)
    return absl::InvalidArgumentError("waypost_events.titles: want a form with offsets, got numbers");
  std::vector<std::string> titles(items.size());
  std::uint64_t unknown = 0;
  std::string scratch;
  for (std::uint64_t row = 0; row < ids.size(); ++row) {
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view id, ReadId(ids, row, scratch));
    const auto item = items.Find(id);
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view title, ReadId(texts, row, scratch));
    if (item) {
      titles[*item] = title;
    } else {
      ++unknown;
    }
  }
  if (unknown > 0)
    Log(WAYPOST_LOG_WARNING, "waypost_interactions_create",
        absl::StrCat(unknown, " of ", ids.size(), " titles belong to items without an event"));
  return ItemTitles::Of(titles);
}

Settings DescribeWeighting(const WeightingOptions& options) {
  constexpr const char* kTransforms[] = {"none", "linear", "log1p"};
  constexpr const char* kDuplicates[] = {"max", "sum", "last", "error"};
  // As the tool describes them, so that equal trainings give equal files.
  Settings settings = {{"duplicates", kDuplicates[static_cast<int>(options.duplicates)]},
                       {"value_transform", kTransforms[static_cast<int>(options.transform)]}};
  if (options.min_value) settings.emplace_back("min_value", internal::NumberText(*options.min_value));
  if (options.half_life_days > 0) {
    settings.emplace_back("half_life_days", internal::NumberText(options.half_life_days));
    settings.emplace_back("now_us", internal::NumberText(*options.now_us));
  }
  return settings;
}

absl::Status CreateInteractions(const waypost_events* given, const waypost_weighting_options* given_options,
                                waypost_interactions** interactions) {
  WAYPOST_ASSIGN_OR_RETURN(const waypost_events events,
                           ReadStruct(given, waypost_events(WAYPOST_EVENTS_INIT), "waypost_events"));
  WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions options, ReadWeighting(given_options));
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_ASSIGN_OR_RETURN(const EventLog log, ReadLog(events));
  auto result = std::make_unique<waypost_interactions>();
  result->users = log.users();
  result->items = log.items();
  WAYPOST_ASSIGN_OR_RETURN(result->titles, ReadTitles(events, log.items()));
  WAYPOST_ASSIGN_OR_RETURN(result->interactions, BuildInteractions(log, options));
  result->facts = {.events = log.size(),
                   .users = log.users().size(),
                   .items = log.items().size(),
                   .pairs = result->interactions.positives.entries(),
                   .settings = DescribeWeighting(options)};
  *interactions = result.release();
  return absl::OkStatus();
}

}  // namespace
}  // namespace waypost::c

waypost_error* waypost_interactions_create(const waypost_events* events, const waypost_weighting_options* options,
                                           waypost_interactions** interactions) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(interactions, "interactions"));
    *interactions = nullptr;
    return waypost::c::CreateInteractions(events, options, interactions);
  });
}

void waypost_interactions_free(waypost_interactions* interactions) {
  delete interactions;
}

waypost_error* waypost_interactions_get_info(const waypost_interactions* interactions,
                                             waypost_interactions_info* info) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::ValidateStructSize(info, sizeof(*info), alignof(waypost_interactions_info),
                                                           "waypost_interactions_info"));
    waypost_interactions_info filled = WAYPOST_INTERACTIONS_INFO_INIT;
    waypost::c::WriteStruct(info, filled);
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(interactions, "interactions"));
    filled.events = interactions->facts.events;
    filled.users = interactions->users.size();
    filled.items = interactions->items.size();
    filled.pairs = interactions->interactions.history.entries();
    filled.positives = interactions->interactions.positives.entries();
    waypost::c::WriteStruct(info, filled);
    return absl::OkStatus();
  });
}
