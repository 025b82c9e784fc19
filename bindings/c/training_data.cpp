// Columns of events into interactions.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "id_column.hpp"
#include "inputs.hpp"
#include "objects.hpp"
#include "structs.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/base/utf8.hpp"
#include "waypost/event/arrow.hpp"
#include "waypost/event/event_block.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost::c {
namespace {

absl::Status ReadKinds(const waypost_kind* kinds, std::uint32_t count, const char* owner, KindTable& table) {
  if (count > 0) WAYPOST_RETURN_IF_ERROR(Require(kinds, absl::StrCat(owner, ".kind_table")));
  const char* next = reinterpret_cast<const char*>(kinds);
  for (std::uint32_t n = 0; n < count; ++n) {
    // The caller's structures are as far apart as their own size says.
    const auto* given = reinterpret_cast<const waypost_kind*>(next);
    const std::string name = absl::StrCat(owner, ".kind_table[", n, "]");
    WAYPOST_ASSIGN_OR_RETURN(const waypost_kind kind, ReadStruct(given, waypost_kind(WAYPOST_KIND_INIT), name));
    if (given->struct_size != kinds->struct_size)
      return absl::InvalidArgumentError(absl::StrCat(name, ".struct_size: want that of the first, ", kinds->struct_size,
                                                     ", got ", given->struct_size));
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

}  // namespace

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

namespace {

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

// As above, for a text that must live as long as the block.
absl::StatusOr<std::string_view> ReadId(const IdColumn& column, std::uint64_t row, std::string& scratch,
                                        internal::EventBlock& block) {
  if (column.form() == IdForm::kNumbers) return block.KeepNumber(column.Number(row));
  return ReadId(column, row, scratch);
}

}  // namespace

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
  WAYPOST_RETURN_IF_ERROR(ReadKinds(events.kind_table, events.kind_count, "waypost_events", kinds));
  EventLogBuilder builder(std::move(kinds));
  constexpr std::size_t kBlockRows = 8192;  // fixed: part of the determinism contract
  WAYPOST_RETURN_IF_ERROR(
      internal::AppendInBlocks(users.size(), kBlockRows, Parallelism(), builder,
                               [&](std::size_t begin, std::size_t end, internal::EventBlock& block) -> absl::Status {
                                 block.ReserveNumbers(2 * (end - begin));
                                 std::string scratch;
                                 for (std::uint64_t row = begin; row < end; ++row) {
                                   Event event;
                                   WAYPOST_ASSIGN_OR_RETURN(event.user, ReadId(users, row, scratch, block));
                                   WAYPOST_ASSIGN_OR_RETURN(event.item, ReadId(items, row, scratch, block));
                                   if (events.kinds != nullptr) event.kind = events.kinds[row];
                                   if (events.values != nullptr && IsPresent(events.value_validity, row))
                                     event.value = events.values[row];
                                   if (events.times_us != nullptr && IsPresent(events.time_validity, row))
                                     event.time_us = events.times_us[row];
                                   if (const absl::Status status = builder.Validate(event); !status.ok())
                                     return internal::AddContext(absl::StrCat("waypost_events row ", row), status);
                                   block.Append(event);
                                 }
                                 return absl::OkStatus();
                               }));
  return std::move(builder).Build();
}

namespace {

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

// Hands out what `log` holds.
absl::Status FinishInteractions(const EventLog& log, ItemTitles titles, const WeightingOptions& options,
                                const Parallelism& parallelism, waypost_interactions** interactions) {
  auto result = std::make_unique<waypost_interactions>();
  result->users = log.users();
  result->items = log.items();
  result->titles = std::move(titles);
  WAYPOST_ASSIGN_OR_RETURN(result->interactions, BuildInteractions(log, options, parallelism));
  result->facts = {.events = log.size(),
                   .users = log.users().size(),
                   .items = log.items().size(),
                   .pairs = result->interactions.positives.entries(),
                   .settings = DescribeWeighting(options)};
  *interactions = result.release();
  return absl::OkStatus();
}

absl::Status CreateInteractions(const waypost_events* given, const waypost_weighting_options* given_options,
                                waypost_interactions** interactions) {
  WAYPOST_ASSIGN_OR_RETURN(const waypost_events events,
                           ReadStruct(given, waypost_events(WAYPOST_EVENTS_INIT), "waypost_events"));
  WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions options, ReadWeighting(given_options));
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_ASSIGN_OR_RETURN(const EventLog log, ReadLog(events));
  WAYPOST_ASSIGN_OR_RETURN(ItemTitles titles, ReadTitles(events, log.items()));
  return FinishInteractions(log, std::move(titles), options, Parallelism(), interactions);
}

struct ArrowOptions {
  ReadOptions read;
  WeightingOptions weighting;
  KindTable kinds;
};

absl::StatusOr<ArrowOptions> ReadArrowOptions(const waypost_arrow_options* given,
                                              const waypost_weighting_options* weighting) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_arrow_options read,
      ReadOptional(given, waypost_arrow_options(WAYPOST_ARROW_OPTIONS_INIT), "waypost_arrow_options"));
  ArrowOptions options;
  WAYPOST_ASSIGN_OR_RETURN(options.weighting, ReadWeighting(weighting));
  WAYPOST_RETURN_IF_ERROR(Validate(options.weighting));
  WAYPOST_RETURN_IF_ERROR(RequireZero(read.reserved, "waypost_arrow_options"));
  WAYPOST_RETURN_IF_ERROR(ReadKinds(read.kind_table, read.kind_count, "waypost_arrow_options", options.kinds));
  WAYPOST_ASSIGN_OR_RETURN(const bool skip, ReadFlag(read.skip_bad_rows, "waypost_arrow_options.skip_bad_rows"));
  options.read.on_error = skip ? OnError::kSkip : OnError::kStop;
  WAYPOST_ASSIGN_OR_RETURN(options.read.parallelism,
                           ReadThreads(read.max_threads, "waypost_arrow_options.max_threads"));
  if (read.time_unit > WAYPOST_TIME_UNIT_DAYS)
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_arrow_options.time_unit: want 0..", WAYPOST_TIME_UNIT_DAYS, ", got ", read.time_unit));
  constexpr TimeUnit kUnits[] = {TimeUnit::kSeconds, TimeUnit::kMilliseconds, TimeUnit::kMicroseconds, TimeUnit::kDays};
  if (read.time_unit != WAYPOST_TIME_UNIT_NONE) options.read.time_unit = kUnits[read.time_unit - 1];
  if (read.user_column != nullptr) options.read.user_column = read.user_column;
  if (read.item_column != nullptr) options.read.item_column = read.item_column;
  if (read.kind_column != nullptr) options.read.kind_column = read.kind_column;
  if (read.value_column != nullptr) options.read.value_column = read.value_column;
  if (read.time_column != nullptr) options.read.time_column = read.time_column;
  return options;
}

// Releases what the library took over and could not use.
template <typename T>
void ReleaseArrow(T* given) {
  if (given != nullptr && given->release != nullptr) given->release(given);
}

// `append(options, log)` takes the structures over; `release()` is called where it is not reached.
template <typename Append, typename Release>
absl::Status CreateFromArrow(const waypost_arrow_options* given, const waypost_weighting_options* weighting,
                             const Append& append, const Release& release, waypost_interactions** interactions) {
  absl::StatusOr<ArrowOptions> options = ReadArrowOptions(given, weighting);
  if (!options.ok()) {
    release();
    return options.status();
  }
  EventLogBuilder builder(std::move(options->kinds));
  WAYPOST_ASSIGN_OR_RETURN(const ReadReport report, append(options->read, builder));
  for (const std::string& message : report.messages)
    Log(WAYPOST_LOG_WARNING, "waypost_interactions_create_from_arrow", "skipped: " + message);
  const EventLog log = std::move(builder).Build();
  return FinishInteractions(log, ItemTitles(), options->weighting, options->read.parallelism, interactions);
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

waypost_error* waypost_interactions_create_from_arrow(struct ArrowSchema* schema, struct ArrowArray* batch,
                                                      const waypost_arrow_options* options,
                                                      const waypost_weighting_options* weighting,
                                                      waypost_interactions** interactions) {
  const auto release = [&] {
    waypost::c::ReleaseArrow(schema);
    waypost::c::ReleaseArrow(batch);
  };
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    if (const absl::Status status = waypost::c::Require(interactions, "interactions"); !status.ok()) {
      release();
      return status;
    }
    *interactions = nullptr;
    const auto append = [&](const waypost::ReadOptions& read, waypost::EventLogBuilder& log) {
      return waypost::AppendArrow(schema, batch, read, log);
    };
    return waypost::c::CreateFromArrow(options, weighting, append, release, interactions);
  });
}

waypost_error* waypost_interactions_create_from_arrow_stream(struct ArrowArrayStream* stream,
                                                             const waypost_arrow_options* options,
                                                             const waypost_weighting_options* weighting,
                                                             waypost_interactions** interactions) {
  const auto release = [&] { waypost::c::ReleaseArrow(stream); };
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    if (const absl::Status status = waypost::c::Require(interactions, "interactions"); !status.ok()) {
      release();
      return status;
    }
    *interactions = nullptr;
    const auto append = [&](const waypost::ReadOptions& read, waypost::EventLogBuilder& log) {
      return waypost::AppendArrowStream(stream, read, log);
    };
    return waypost::c::CreateFromArrow(options, weighting, append, release, interactions);
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
