#include "waypost/store/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "file/guard.hpp"
#include "store/snapshot_state.hpp"

namespace waypost {
namespace {

using file::Guard;
using store::Bytes;
using store::Entry;
using store::IdMirror;
using store::Reading;
using store::Table;

// Leaves out the events of forgotten users.
void DropForgotten(const store::Forgotten& forgotten, store::Rows& rows) {
  if (forgotten.empty()) return;
  std::size_t kept = 0;
  for (std::size_t n = 0; n < rows.size(); ++n)
    if (!store::Contains(forgotten, rows.users[n])) rows.Move(n, kept++);
  rows.Resize(kept);
}

absl::StatusOr<std::vector<std::string>> AllIds(const IdMirror& mirror, std::uint64_t count) {
  std::vector<std::string> ids(count);
  mirror.ForEach(count, [&](std::uint32_t index, std::string_view id) { ids[index] = id; });
  return ids;
}

absl::StatusOr<std::string> OneId(const IdMirror& mirror, std::uint64_t count, std::uint32_t index) {
  if (index >= count) return absl::OutOfRangeError(absl::StrCat("index: want less than ", count, ", got ", index));
  return mirror.Id(index);
}

// A dictionary of the ids that are left, and where each index went; kEmptySlot: nowhere.
struct Dense {
  IdDictionaryBuilder ids;
  std::vector<std::uint32_t> indices;  // empty: every index is what it was
};

absl::StatusOr<Dense> DenseIds(const IdMirror& mirror, std::uint64_t count) {
  Dense dense;
  if (mirror.CopyTo(count, dense.ids)) return dense;
  dense.indices.assign(count, kEmptySlot);
  absl::Status status;
  bool same = true;
  mirror.ForEach(count, [&](std::uint32_t index, std::string_view id) {
    const absl::StatusOr<std::uint32_t> added = dense.ids.Add(id);
    if (added.ok()) {
      dense.indices[index] = *added;
      same = same && *added == index;
    } else {
      status = added.status();
    }
  });
  WAYPOST_RETURN_IF_ERROR(status);
  if (same && dense.ids.size() == count) dense.indices.clear();
  return dense;
}

// The rows whose user has an index. The others are of users who were forgotten after the snapshot was taken.
EventColumns OfKnownUsers(const EventColumns& columns) {
  EventColumns kept;
  for (std::size_t row = 0; row < columns.users.size(); ++row) {
    if (columns.users[row] == kEmptySlot) continue;
    kept.users.push_back(columns.users[row]);
    kept.items.push_back(columns.items[row]);
    kept.kinds.push_back(columns.kinds[row]);
    kept.values.push_back(columns.values[row]);
    kept.times_us.push_back(columns.times_us[row]);
  }
  return kept;
}

}  // namespace

std::uint64_t StoreSnapshot::version() const {
  return state_->state().commits;
}
std::uint64_t StoreSnapshot::catalogue_version() const {
  return state_->state().catalogue_version;
}
std::uint64_t StoreSnapshot::user_table_version() const {
  return state_->state().user_table_version;
}
std::uint64_t StoreSnapshot::kinds_version() const {
  return state_->state().kinds_version;
}
std::uint64_t StoreSnapshot::event_count() const {
  return state_->state().events - state_->state().forgotten_events;
}
std::uint64_t StoreSnapshot::end_row() const {
  return state_->state().end_row;
}
std::uint32_t StoreSnapshot::user_count() const {
  return static_cast<std::uint32_t>(state_->state().users);
}
std::uint32_t StoreSnapshot::item_count() const {
  return static_cast<std::uint32_t>(state_->state().items);
}
std::uint64_t StoreSnapshot::forgotten_count() const {
  return state_->state().forgotten_users;
}
std::uint64_t StoreSnapshot::end_impression() const {
  return state_->state().end_impression;
}
const KindTable& StoreSnapshot::kinds() const {
  return *state_->layout().kinds;
}

bool StoreSnapshot::IsForgotten(UserIndex user) const {
  return store::Contains(*state_->layout().forgotten, user.value);
}

absl::StatusOr<std::optional<UserIndex>> StoreSnapshot::FindUser(std::string_view id) const {
  return Guard("FindUser", [&]() -> absl::StatusOr<std::optional<UserIndex>> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowUsers());
    const std::uint32_t index = state_->folder().users().Find(id);
    return index < user_count() ? std::optional(UserIndex{index}) : std::nullopt;
  });
}

absl::StatusOr<std::optional<ItemIndex>> StoreSnapshot::FindItem(std::string_view id) const {
  return Guard("FindItem", [&]() -> absl::StatusOr<std::optional<ItemIndex>> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowItems());
    const std::uint32_t index = state_->folder().items().Find(id);
    return index < item_count() ? std::optional(ItemIndex{index}) : std::nullopt;
  });
}

absl::StatusOr<std::vector<std::string>> StoreSnapshot::UserIds() const {
  return Guard("UserIds", [&]() -> absl::StatusOr<std::vector<std::string>> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowUsers());
    return AllIds(state_->folder().users(), user_count());
  });
}

absl::StatusOr<std::vector<std::string>> StoreSnapshot::ItemIds() const {
  return Guard("ItemIds", [&]() -> absl::StatusOr<std::vector<std::string>> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowItems());
    return AllIds(state_->folder().items(), item_count());
  });
}

absl::StatusOr<std::string> StoreSnapshot::UserId(UserIndex user) const {
  return Guard("UserId", [&]() -> absl::StatusOr<std::string> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowUsers());
    return OneId(state_->folder().users(), user_count(), user.value);
  });
}

absl::StatusOr<std::string> StoreSnapshot::ItemId(ItemIndex item) const {
  return Guard("ItemId", [&]() -> absl::StatusOr<std::string> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowItems());
    return OneId(state_->folder().items(), item_count(), item.value);
  });
}

absl::Status StoreSnapshot::History(UserIndex user, std::vector<StoredEvent>& events) const {
  return Guard("History", [&]() -> absl::Status {
    if (user.value < user_count() && !IsForgotten(user)) state_->layout().History(user.value, events);
    return absl::OkStatus();
  });
}

absl::Status StoreSnapshot::ReadRows(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism,
                                     EventColumns& columns, std::vector<std::uint64_t>* rows) const {
  return Guard("ReadRows", [&]() -> absl::Status {
    const store::Layout& layout = state_->layout();
    if (layout.forgotten->empty() && rows == nullptr) return layout.Read(first, last, parallelism, columns);
    store::Rows read;
    WAYPOST_RETURN_IF_ERROR(layout.Read(first, last, parallelism, read));
    DropForgotten(*layout.forgotten, read);
    for (std::size_t n = 0; n < read.size(); ++n) {
      columns.users.push_back(read.users[n]);
      columns.items.push_back(read.items[n]);
      columns.kinds.push_back(read.kinds[n]);
      columns.values.push_back(read.values[n]);
      columns.times_us.push_back(read.times_us[n]);
    }
    if (rows != nullptr) rows->insert(rows->end(), read.rows.begin(), read.rows.end());
    return absl::OkStatus();
  });
}

absl::StatusOr<EventLog> StoreSnapshot::ReadLog(const Parallelism& parallelism) const {
  return Guard("ReadLog", [&]() -> absl::StatusOr<EventLog> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowUsers());
    WAYPOST_RETURN_IF_ERROR(state_->FollowItems());
    EventColumns columns;
    WAYPOST_RETURN_IF_ERROR(ReadRows(0, end_row(), parallelism, columns));
    WAYPOST_ASSIGN_OR_RETURN(Dense users, DenseIds(state_->folder().users(), user_count()));
    WAYPOST_ASSIGN_OR_RETURN(Dense items, DenseIds(state_->folder().items(), item_count()));
    const auto damaged = [] {
      return absl::DataLossError("events: want users and items of the dictionaries, got others");
    };
    bool sound = true;
    const std::uint32_t kinds_count = static_cast<std::uint32_t>(kinds().size());
    for (std::size_t row = 0; row < columns.users.size(); ++row)
      sound = sound && columns.users[row] < user_count() && columns.items[row] < item_count() &&
              columns.kinds[row] < kinds_count;
    if (!sound) return damaged();
    if (!users.indices.empty()) {
      bool all = true;
      for (std::size_t row = 0; row < columns.users.size(); ++row) {
        std::uint32_t& user = columns.users.data()[row];
        user = users.indices[user];
        all = all && user != kEmptySlot;
      }
      if (!all) columns = OfKnownUsers(columns);
    }
    return EventLog(std::move(users.ids).Build(), std::move(items.ids).Build(), kinds(), std::move(columns));
  });
}

absl::StatusOr<Catalogue> StoreSnapshot::ReadCatalogue() const {
  return Guard("ReadCatalogue", [&] {
    return state_->Read([&](const Reading& reading) -> absl::StatusOr<Catalogue> {
      CatalogueBuilder builder;
      const absl::Status read = reading.ForEach(Table::kCatalogue, [&](const Entry& entry) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(CatalogueItem item, store::DecodeCatalogueItem(entry.value));
        const absl::Status added = builder.Add(std::move(item));
        return added.ok() ? added : absl::DataLossError(absl::StrCat("table catalogue: ", added.message()));
      });
      WAYPOST_RETURN_IF_ERROR(read);
      return std::move(builder).Build();
    });
  });
}

absl::StatusOr<UserTable> StoreSnapshot::ReadUserTable() const {
  return Guard("ReadUserTable", [&] {
    return state_->Read([&](const Reading& reading) -> absl::StatusOr<UserTable> {
      UserTableBuilder builder;
      const absl::Status read = reading.ForEach(Table::kFacts, [&](const Entry& entry) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(std::vector<UserFact> facts, store::DecodeFacts(entry.value));
        const absl::Status added = builder.Add(entry.text(), std::move(facts));
        return added.ok() ? added : absl::DataLossError(absl::StrCat("table facts: ", added.message()));
      });
      WAYPOST_RETURN_IF_ERROR(read);
      return std::move(builder).Build();
    });
  });
}

absl::StatusOr<std::vector<ModelRecord>> StoreSnapshot::ReadModels() const {
  return Guard("ReadModels", [&] {
    return state_->Read([&](const Reading& reading) -> absl::StatusOr<std::vector<ModelRecord>> {
      std::vector<ModelRecord> models;
      const absl::Status read = reading.ForEach(Table::kModels, [&](const Entry& entry) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(ModelRecord model, store::DecodeModel(entry.value));
        models.push_back(std::move(model));
        return absl::OkStatus();
      });
      WAYPOST_RETURN_IF_ERROR(read);
      return models;
    });
  });
}

absl::StatusOr<std::vector<Impression>> StoreSnapshot::ReadImpressions(std::uint64_t first, std::uint64_t last) const {
  return Guard("ReadImpressions", [&]() -> absl::StatusOr<std::vector<Impression>> {
    WAYPOST_RETURN_IF_ERROR(state_->FollowUsers());
    WAYPOST_RETURN_IF_ERROR(state_->FollowItems());
    std::vector<Impression> impressions;
    const auto take = [&](const Entry& entry) -> absl::StatusOr<bool> {
      if (entry.number() >= last) return false;
      WAYPOST_ASSIGN_OR_RETURN(const store::StoredImpressions stored, store::DecodeImpressions(entry.value));
      for (std::size_t n = 0; n < stored.rows.size(); ++n) {
        const store::ImpressionRow& row = stored.rows[n];
        const bool gone = row.user == kEmptySlot || IsForgotten(UserIndex{row.user});
        if (stored.first + n < first || stored.first + n >= last || gone) continue;
        std::string user = state_->folder().users().Id(row.user);
        if (user.empty()) continue;  // forgotten after the snapshot was taken
        impressions.push_back({.request = row.request,
                               .user = std::move(user),
                               .item = state_->folder().items().Id(row.item),
                               .kind = row.kind,
                               .rank = row.rank,
                               .propensity = row.propensity,
                               .model = row.model,
                               .time_us = row.time_us == kNoTime ? std::nullopt : std::optional(row.time_us)});
      }
      return true;
    };
    const absl::Status read = state_->Read([&](const Reading& reading) -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> begin, reading.AtMost(Table::kImpressions, first));
      return reading.ForEach(Table::kImpressions, begin ? begin->number() : 0, take);
    });
    WAYPOST_RETURN_IF_ERROR(read);
    return impressions;
  });
}

absl::StatusOr<std::uint64_t> StoreSnapshot::NextSequence(std::string_view source) const {
  return Guard("NextSequence", [&] {
    return state_->Read([&](const Reading& reading) -> absl::StatusOr<std::uint64_t> {
      if (source.empty() || source.size() > kMaxIdBytes) return 0;
      WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, reading.Get(Table::kSources, source));
      if (!value) return 0;
      WAYPOST_ASSIGN_OR_RETURN(const store::Source known, store::DecodeSource(*value));
      return known.next_sequence;
    });
  });
}

absl::StatusOr<Retention> StoreSnapshot::ReadRetention() const {
  return Guard("ReadRetention",
               [&] { return state_->Read([](const Reading& reading) { return store::ReadRetention(reading); }); });
}

absl::StatusOr<StoreStats> StoreSnapshot::Stats() const {
  return Guard("Stats", [&] {
    return state_->Read([&](const Reading& reading) -> absl::StatusOr<StoreStats> {
      const store::State& state = state_->state();
      StoreStats stats;
      stats.events = event_count();
      stats.sealed_events = state.sealed_events;
      stats.segments = state_->layout().segments.size();
      stats.chunks = state_->layout().chunks.size();
      stats.users = static_cast<std::uint32_t>(state.users - state.forgotten_users);
      stats.items = static_cast<std::uint32_t>(state.items);
      stats.forgotten_users = state.forgotten_users;
      stats.impressions = state.end_impression;
      WAYPOST_ASSIGN_OR_RETURN(stats.catalogue_items, reading.Count(Table::kCatalogue));
      WAYPOST_ASSIGN_OR_RETURN(stats.users_with_facts, reading.Count(Table::kFacts));
      WAYPOST_ASSIGN_OR_RETURN(stats.sources, reading.Count(Table::kSources));
      WAYPOST_ASSIGN_OR_RETURN(stats.models, reading.Count(Table::kModels));
      stats.file_bytes = state_->environment().used_bytes();
      WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t chunk_bytes, reading.PageBytes(Table::kChunks));
      WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t segment_bytes, reading.PageBytes(Table::kSegments));
      stats.event_bytes = chunk_bytes + segment_bytes;
      WAYPOST_ASSIGN_OR_RETURN(stats.retention, store::ReadRetention(reading));
      stats.reader_slots_used = state_->environment().readers_used();
      return stats;
    });
  });
}

}  // namespace waypost
