// Compaction and backup: new data files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
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

// Writes the content of one snapshot to another data file, without what is to go.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Compactor {
 public:
  //   keep_from_us  of each kind: what is earlier goes; kNoTime: nothing.
  Compactor(const SnapshotState& from, Environment& to, std::vector<std::int64_t> keep_from_us)
      : from_(from), to_(to), keep_from_us_(std::move(keep_from_us)), state_(from.state()) {}

  // Returns how many events were left out.
  absl::StatusOr<std::uint64_t> Run();

 private:
  bool Keeps(std::uint32_t user, std::uint16_t kind, std::int64_t time_us) const {
    return !Contains(*from_.layout().forgotten, user) &&
           (time_us == kNoTime || kind >= keep_from_us_.size() || time_us >= keep_from_us_[kind]);
  }
  absl::Status CopyTables(Writing& writing);
  absl::Status CopyIds(Writing& writing, Table table, std::uint64_t count);
  absl::Status CopyImpressions(Writing& writing);
  absl::Status CopyEvents(std::uint64_t first, std::uint64_t end);

  const SnapshotState& from_;
  Environment& to_;
  const std::vector<std::int64_t> keep_from_us_;
  State state_;
};

// The same entries under the same keys.
absl::Status Compactor::CopyTables(Writing& writing) {
  WAYPOST_RETURN_IF_ERROR(PutEmptyStore(writing));
  const absl::Status copied = from_.Read([&](const Reading& reading) -> absl::Status {
    for (const Table table : {Table::kSources, Table::kCatalogue, Table::kFacts, Table::kForgotten, Table::kModels}) {
      const absl::Status read = reading.ForEach(table, [&](const Entry& entry) -> absl::Status {
        if (!ChecksumHolds(table, entry.value)) return ChecksumError(table);
        return HasNumberKeys(table) ? writing.Put(table, entry.number(), entry.value, /*at_end=*/true)
                                    : writing.Put(table, entry.text(), entry.value, /*at_end=*/true);
      });
      WAYPOST_RETURN_IF_ERROR(read);
    }
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> kinds, reading.Get(Table::kState, kKindsKey));
    if (!kinds) return absl::DataLossError("table state: want an entry 'kinds', got none");
    WAYPOST_RETURN_IF_ERROR(writing.Put(Table::kState, kKindsKey, *kinds));
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> retention, reading.Get(Table::kState, kRetentionKey));
    return retention ? writing.Put(Table::kState, kRetentionKey, *retention) : absl::OkStatus();
  });
  WAYPOST_RETURN_IF_ERROR(copied);
  WAYPOST_RETURN_IF_ERROR(CopyIds(writing, Table::kUsers, state_.users));
  WAYPOST_RETURN_IF_ERROR(CopyIds(writing, Table::kItems, state_.items));
  return CopyImpressions(writing);
}

absl::Status Compactor::CopyIds(Writing& writing, Table table, std::uint64_t count) {
  IdMirror& mirror = table == Table::kUsers ? from_.folder().users() : from_.folder().items();
  WAYPOST_RETURN_IF_ERROR(table == Table::kUsers ? from_.FollowUsers() : from_.FollowItems());
  std::vector<std::string_view> ids(count);
  absl::Status status;
  // Texts of the mirror hold while nothing is committed.
  mirror.ForEach(count, [&](std::uint32_t index, std::string_view id) { ids[index] = id; });
  for (std::size_t begin = 0; begin < count && status.ok(); begin += kIdsInPart) {
    ValueWriter value;
    const auto part = std::span(ids).subspan(begin, std::min<std::size_t>(kIdsInPart, count - begin));
    status = writing.Put(table, begin, EncodeIds(table, begin, part, value), /*at_end=*/true);
  }
  return status;
}

// Positions stay: an impression that goes leaves an empty row, unless all of its part go.
absl::Status Compactor::CopyImpressions(Writing& writing) {
  return from_.Read([&](const Reading& reading) {
    return reading.ForEach(Table::kImpressions, [&](const Entry& entry) -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(StoredImpressions stored, DecodeImpressions(entry.value));
      bool any = false;
      for (ImpressionRow& row : stored.rows) {
        if (row.user == kEmptySlot || !Keeps(row.user, row.kind, row.time_us)) {
          row = {};
          row.user = kEmptySlot;
        }
        any = any || row.user != kEmptySlot;
      }
      if (!any) return absl::OkStatus();
      ValueWriter value;
      return writing.Put(Table::kImpressions, stored.first, EncodeImpressions(stored.first, stored.rows, value),
                         /*at_end=*/true);
    });
  });
}

// Rows [first, end), which become one segment.
absl::Status Compactor::CopyEvents(std::uint64_t first, std::uint64_t end) {
  Rows rows;
  WAYPOST_RETURN_IF_ERROR(from_.layout().Read(first, end, from_.folder().options().parallelism, rows));
  std::size_t kept = 0;
  for (std::size_t n = 0; n < rows.size(); ++n)
    if (Keeps(rows.users[n], rows.kinds[n], rows.times_us[n])) rows.Move(n, kept++);
  rows.Resize(kept);
  if (kept == 0) return absl::OkStatus();
  state_.events += kept;
  const std::vector<std::byte> segment = BuildSegment(rows.WholeView(first, end));
  return to_.Write([&](Writing& writing) { return writing.Put(Table::kSegments, first, segment, /*at_end=*/true); });
}

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

absl::StatusOr<std::uint64_t> Compactor::Run() {
  WAYPOST_RETURN_IF_ERROR(to_.Write([&](Writing& writing) { return CopyTables(writing); }));
  const std::uint64_t before = state_.events;
  state_.events = 0;
  // Parts in the order of rows, as many together as one segment may hold.
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::size_t rows = 0;
  for (const auto& [begin, part_end, size] : from_.layout().Extents()) {
    if (rows > 0 && (rows + size > kSegmentRows || part_end - first > std::numeric_limits<std::uint32_t>::max())) {
      WAYPOST_RETURN_IF_ERROR(CopyEvents(first, end));
      rows = 0;
    }
    if (rows == 0) first = begin;
    end = part_end;
    rows += size;
  }
  if (rows > 0) WAYPOST_RETURN_IF_ERROR(CopyEvents(first, end));
  state_.sealed_events = state_.events;
  state_.forgotten_events = 0;
  ++state_.layout_version;
  ++state_.commits;
  state_.moved = 0;
  WAYPOST_RETURN_IF_ERROR(to_.Write([&](Writing& writing) { return PutState(writing, state_); }));
  return before - state_.events;
}

}  // namespace

absl::StatusOr<CompactReport> Session::Compact(const CompactOptions& options) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  const std::lock_guard maintenance(folder_->maintenance());
  CompactReport report;
  const std::uint64_t number = folder_->number() + 1;
  const std::string path = absl::StrCat(folder_->path(), "/", DataFileName(number));
  const auto compact = [&]() -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
    const SnapshotState snapshot(folder_, std::move(view));
    WAYPOST_ASSIGN_OR_RETURN(std::vector<std::int64_t> keep_from_us, KeepFrom(snapshot, options));
    report.bytes_before = snapshot.environment().used_bytes();
    EnvironmentOptions fresh_options = folder_->OptionsOfEnvironment();
    fresh_options.create = true;
    fresh_options.fast = true;  // one flush at the end is enough
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<Environment> fresh, Environment::Open(path, fresh_options));
    WAYPOST_ASSIGN_OR_RETURN(report.events_dropped, Compactor(snapshot, *fresh, std::move(keep_from_us)).Run());
    WAYPOST_RETURN_IF_ERROR(fresh->Sync());
    fresh->SetFast(options_.durability == Durability::kFast);
    report.bytes_after = fresh->used_bytes();
    return folder_->MoveTo(std::move(fresh), number);
  };
  if (const absl::Status status = folder_->RunAlone(compact); !status.ok()) {
    if (!folder_->unsettled()) RemoveOtherDataFiles(folder_->path(), folder_->number());
    return status;
  }
  return report;
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
