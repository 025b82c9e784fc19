// Compaction and backup: new data files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "store/segment.hpp"
#include "store/session.hpp"
#include "store/snapshot_state.hpp"

namespace waypost {
namespace store {
namespace {

constexpr std::size_t kIdsInPart = std::size_t{1} << 16;
constexpr std::size_t kSegmentRows = kMaxSegmentRows / 2;  // several segments are read on several threads

constexpr std::uint64_t kCatchUpRows = std::uint64_t{1} << 16;  // what writers wait for takes a few milliseconds
constexpr int kMostCatchUps = 4;                                // else writers are as fast as the copy

// From when on what is of a kind stays, by kind.
absl::StatusOr<std::vector<std::int64_t>> KeepFrom(const SnapshotState& snapshot, const CompactOptions& options) {
  WAYPOST_ASSIGN_OR_RETURN(const Retention retention,
                           snapshot.Read([](const Reading& reading) { return ReadRetention(reading); }));
  if (!retention.unlimited() && !options.now_us)
    return absl::FailedPreconditionError(
        "CompactOptions.now_us: want the moment, because the store has a retention window, got none");
  const KindTable& kinds = *snapshot.layout().kinds;
  std::vector<std::int64_t> keep_from_us(kinds.size(), options.keep_from_us.value_or(kNoTime));
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const auto own = retention.kinds.find(kinds.at(static_cast<std::uint16_t>(kind)).name);
    const std::optional<std::int64_t> keep_us = own != retention.kinds.end() ? own->second : retention.keep_us;
    std::int64_t from_us = 0;
    if (!keep_us || __builtin_sub_overflow(*options.now_us, *keep_us, &from_us)) continue;
    keep_from_us[kind] = std::max(keep_from_us[kind], from_us);
  }
  return keep_from_us;
}

absl::Status DeleteModels(Writing& writing) {
  std::vector<std::string> names;
  WAYPOST_RETURN_IF_ERROR(writing.ForEach(Table::kModels, [&](const Entry& entry) -> absl::Status {
    names.emplace_back(entry.text());
    return absl::OkStatus();
  }));
  for (const std::string& name : names)
    WAYPOST_RETURN_IF_ERROR(writing.Delete(Table::kModels, std::string_view(name)).status());
  return absl::OkStatus();
}

// Copies what a store holds to another data file, without what is to go: one snapshot, then what later ones have beyond
// it. Nothing moves rows meanwhile, and nobody is forgotten.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Compactor {
 public:
  Compactor(Environment& to, const CompactOptions& options) : to_(to), options_(options) {}

  absl::Status Copy(const SnapshotState& from);
  // Makes the copy one that opens as the snapshot copied last; returns how many events were left out.
  absl::StatusOr<std::uint64_t> Finish();

 private:
  bool Keeps(const SnapshotState& from, std::uint32_t user, std::uint16_t kind, std::int64_t time_us) const {
    return !Contains(*from.layout().forgotten, user) && (time_us == kNoTime || time_us >= keep_from_us_.at(kind));
  }
  absl::Status CopyTables(const SnapshotState& from, Writing& writing) const;
  absl::Status CopyIds(const SnapshotState& from, Writing& writing, Table table, std::uint64_t first,
                       std::uint64_t end) const;
  absl::Status CopyImpressions(const SnapshotState& from, Writing& writing) const;
  absl::Status CopyEvents(const SnapshotState& from, std::uint64_t first, std::uint64_t end);

  Environment& to_;
  const CompactOptions options_;
  std::vector<std::int64_t> keep_from_us_;
  bool begun_ = false;
  State state_;             // of the snapshot copied last
  std::uint64_t kept_ = 0;  // events
};

// The same entries under the same keys; tables that did not change since the last time are left as they are.
absl::Status Compactor::CopyTables(const SnapshotState& from, Writing& writing) const {
  if (!begun_) WAYPOST_RETURN_IF_ERROR(PutEmptyStore(writing));
  const State& now = from.state();
  const std::pair<Table, bool> tables[] = {{Table::kSources, true},
                                           {Table::kCatalogue, now.catalogue_version != state_.catalogue_version},
                                           {Table::kFacts, now.user_table_version != state_.user_table_version},
                                           {Table::kForgotten, now.forgotten_users != state_.forgotten_users},
                                           {Table::kModels, true}};
  if (begun_) WAYPOST_RETURN_IF_ERROR(DeleteModels(writing));  // the one table that entries are taken from
  return from.Read([&](const Reading& reading) -> absl::Status {
    for (const auto& [table, changed] : tables) {
      if (begun_ && !changed) continue;
      const absl::Status read = reading.ForEach(table, [&, of = table](const Entry& entry) -> absl::Status {
        if (!ChecksumHolds(of, entry.value)) return ChecksumError(of);
        return HasNumberKeys(of) ? writing.Put(of, entry.number(), entry.value, /*at_end=*/!begun_)
                                 : writing.Put(of, entry.text(), entry.value, /*at_end=*/!begun_);
      });
      WAYPOST_RETURN_IF_ERROR(read);
    }
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> kinds, reading.Get(Table::kState, kKindsKey));
    if (!kinds) return absl::DataLossError("table state: want an entry 'kinds', got none");
    WAYPOST_RETURN_IF_ERROR(writing.Put(Table::kState, kKindsKey, *kinds));
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> retention, reading.Get(Table::kState, kRetentionKey));
    return retention ? writing.Put(Table::kState, kRetentionKey, *retention) : absl::OkStatus();
  });
}

// Indices [first, end).
absl::Status Compactor::CopyIds(const SnapshotState& from, Writing& writing, Table table, std::uint64_t first,
                                std::uint64_t end) const {
  const bool users = table == Table::kUsers;
  WAYPOST_RETURN_IF_ERROR(users ? from.FollowUsers() : from.FollowItems());
  std::vector<std::string> ids(end - first);  // copies: texts of the mirror hold while nothing is committed
  (users ? from.folder().users() : from.folder().items()).ForEach(end, [&](std::uint32_t index, std::string_view id) {
    if (index >= first) ids[index - first] = id;
  });
  const std::vector<std::string_view> texts(ids.begin(), ids.end());
  for (std::size_t begin = 0; begin < texts.size(); begin += kIdsInPart) {
    ValueWriter value;
    const auto part = std::span(texts).subspan(begin, std::min<std::size_t>(kIdsInPart, texts.size() - begin));
    WAYPOST_RETURN_IF_ERROR(
        writing.Put(table, first + begin, EncodeIds(table, first + begin, part, value), /*at_end=*/true));
  }
  return absl::OkStatus();
}

// Positions stay: an impression that goes leaves an empty row, unless all of its part go. The last part of before may
// have become longer.
absl::Status Compactor::CopyImpressions(const SnapshotState& from, Writing& writing) const {
  if (from.state().end_impression == state_.end_impression) return absl::OkStatus();
  return from.Read([&](const Reading& reading) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> last,
                             reading.AtMost(Table::kImpressions, state_.end_impression));
    const auto copy = [&](const Entry& entry) -> absl::StatusOr<bool> {
      WAYPOST_ASSIGN_OR_RETURN(StoredImpressions stored, DecodeImpressions(entry.value));
      bool any = false;
      for (ImpressionRow& row : stored.rows) {
        if (row.user == kEmptySlot || !Keeps(from, row.user, row.kind, row.time_us)) {
          row = {};
          row.user = kEmptySlot;
        }
        any = any || row.user != kEmptySlot;
      }
      if (!any) return true;
      ValueWriter value;
      WAYPOST_RETURN_IF_ERROR(
          writing.Put(Table::kImpressions, stored.first, EncodeImpressions(stored.first, stored.rows, value)));
      return true;
    };
    return reading.ForEach(Table::kImpressions, last ? last->number() : 0, copy);
  });
}

// Rows [first, end), which become one segment.
absl::Status Compactor::CopyEvents(const SnapshotState& from, std::uint64_t first, std::uint64_t end) {
  Rows rows;
  WAYPOST_RETURN_IF_ERROR(from.layout().Read(first, end, from.folder().options().parallelism, rows));
  std::size_t kept = 0;
  for (std::size_t n = 0; n < rows.size(); ++n)
    if (Keeps(from, rows.users[n], rows.kinds[n], rows.times_us[n])) rows.Move(n, kept++);
  rows.Resize(kept);
  if (kept == 0) return absl::OkStatus();
  kept_ += kept;
  const std::vector<std::byte> segment = BuildSegment(rows.WholeView(first, end));
  return to_.Write([&](Writing& writing) { return writing.Put(Table::kSegments, first, segment, /*at_end=*/true); });
}

absl::Status Compactor::Copy(const SnapshotState& from) {
  const State& now = from.state();
  if (begun_ && now.commits == state_.commits) return absl::OkStatus();
  WAYPOST_ASSIGN_OR_RETURN(keep_from_us_, KeepFrom(from, options_));
  const absl::Status tables = to_.Write([&](Writing& writing) -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(CopyTables(from, writing));
    WAYPOST_RETURN_IF_ERROR(CopyIds(from, writing, Table::kUsers, state_.users, now.users));
    WAYPOST_RETURN_IF_ERROR(CopyIds(from, writing, Table::kItems, state_.items, now.items));
    return CopyImpressions(from, writing);
  });
  WAYPOST_RETURN_IF_ERROR(tables);
  // Parts in the order of rows, as many together as one segment may hold.
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::size_t rows = 0;
  for (const auto& [begin, part_end, size] : from.layout().Extents()) {
    if (part_end <= state_.end_row) continue;
    if (rows > 0 && (rows + size > kSegmentRows || part_end - first > std::numeric_limits<std::uint32_t>::max())) {
      WAYPOST_RETURN_IF_ERROR(CopyEvents(from, first, end));
      rows = 0;
    }
    if (rows == 0) first = std::max(begin, state_.end_row);  // the last chunk of before may have become longer
    end = part_end;
    rows += size;
  }
  if (rows > 0) WAYPOST_RETURN_IF_ERROR(CopyEvents(from, first, end));
  state_ = now;
  begun_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> Compactor::Finish() {
  const std::uint64_t before = state_.events;
  state_.events = kept_;
  state_.sealed_events = kept_;
  state_.forgotten_events = 0;
  ++state_.layout_version;
  ++state_.commits;
  state_.moved = 0;
  WAYPOST_RETURN_IF_ERROR(to_.Write([&](Writing& writing) { return PutState(writing, state_); }));
  return before - kept_;
}

}  // namespace

absl::StatusOr<CompactReport> Session::Compact(const CompactOptions& options) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  const std::lock_guard maintenance(folder_->maintenance());
  WAYPOST_RETURN_IF_ERROR(folder_->CheckSettled());  // the file that would be written may be the one that counts
  CompactReport report;
  const std::uint64_t number = folder_->number() + 1;
  const std::string path = absl::StrCat(folder_->path(), "/", DataFileName(number));
  const auto compact = [&]() -> absl::Status {
    EnvironmentOptions fresh_options = folder_->OptionsOfEnvironment();
    fresh_options.create = true;
    fresh_options.fast = true;  // flushed whole, before and behind what writers wait for
    WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<Environment> fresh, Environment::Open(path, fresh_options));
    Compactor compactor(*fresh, options);
    const auto copy = [&]() -> absl::StatusOr<std::uint64_t> {
      WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
      const SnapshotState snapshot(folder_, std::move(view));
      report.bytes_before = snapshot.environment().used_bytes();
      WAYPOST_RETURN_IF_ERROR(compactor.Copy(snapshot));
      return snapshot.state().end_row;
    };
    // Beside the writers, until little is left.
    std::uint64_t copied = 0;
    for (int n = 0; n < kMostCatchUps; ++n) {
      WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t end_row, copy());
      const bool little = n > 0 && end_row - copied <= kCatchUpRows;
      copied = end_row;
      if (little) break;
    }
    WAYPOST_RETURN_IF_ERROR(fresh->Sync());
    // While nothing is committed.
    return folder_->RunAlone([&]() -> absl::Status {
      WAYPOST_RETURN_IF_ERROR(copy().status());
      WAYPOST_ASSIGN_OR_RETURN(report.events_dropped, compactor.Finish());
      WAYPOST_RETURN_IF_ERROR(fresh->Sync());
      fresh->SetFast(options_.durability == Durability::kFast);
      report.bytes_after = fresh->used_bytes();
      return folder_->MoveTo(fresh, number);
    });
  };
  absl::Status status;
  try {
    status = compact();
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("Store.Compact: memory");
  }
  if (status.ok()) return report;
  if (!folder_->unsettled()) RemoveOtherDataFiles(folder_->path(), folder_->number());
  return status;
}

}  // namespace store

absl::Status Store::Backup(const std::string& target) const {
  return file::Guard("Store.Backup", [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(session_->folder().CheckProcess());
    std::error_code error;
    std::filesystem::create_directories(target, error);
    if (!error && !std::filesystem::is_empty(target, error) && !error)
      return absl::AlreadyExistsError(absl::StrCat("Store.Backup.target: want an empty folder, got '", target, "'"));
    if (error) return store::ToStatus(error.value(), absl::StrCat("'", target, "'"));
    // A snapshot goes over to another data file if there is one.
    WAYPOST_ASSIGN_OR_RETURN(store::Folder::View view, session_->folder().BeginReading());
    const store::SnapshotState snapshot(session_->shared_folder(), std::move(view));
    const std::string path = absl::StrCat(target, "/", store::DataFileName(1));
    absl::Status status = snapshot.environment().CopyTo(path);
    if (status.ok()) {
      const file::FileDescriptor copy(open(path.c_str(), O_RDWR | O_CLOEXEC));
      if (copy.get() < 0 || fsync(copy.get()) != 0) status = store::ToStatus(errno, absl::StrCat("'", path, "'"));
    }
    if (status.ok()) status = store::WriteCurrent(target, 1);
    if (!status.ok()) {
      std::filesystem::remove(absl::StrCat(target, "/", internal::ToAbsl(store::kCurrentFile)), error);
      std::filesystem::remove(path, error);
    }
    return status;
  });
}

}  // namespace waypost
