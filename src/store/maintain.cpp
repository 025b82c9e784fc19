// Sealing and merging: from chunks to segments, and from small segments to larger ones. What is built comes from a
// snapshot, while others commit; only putting it in its place is a commit.
#include <algorithm>
#include <utility>
#include <vector>

#include "store/segment.hpp"
#include "store/session.hpp"
#include "store/snapshot_state.hpp"

namespace waypost::store {
namespace {

constexpr std::size_t kMergeAtOnce = 8;
constexpr std::size_t kSizes[] = {std::size_t{1} << 18, std::size_t{1} << 21};  // of what is merged with its like

// Rows [first, end) as one segment.
absl::StatusOr<std::vector<std::byte>> Pack(const Layout& layout, std::uint64_t first, std::uint64_t end) {
  Rows rows;
  WAYPOST_RETURN_IF_ERROR(layout.Read(first, end, Parallelism(1), rows));
  return BuildSegment(rows.WholeView(first, end));
}

// A run of neighbours that become one segment.
struct Run {
  Table table = Table::kChunks;
  std::vector<std::uint64_t> keys;
  std::uint64_t end_row = 0;
  std::size_t rows = 0;

  std::uint64_t first_row() const { return keys.front(); }
};

absl::Status Replace(Commit& commit, const Run& run, const std::vector<std::byte>& segment) {
  for (const std::uint64_t key : run.keys) {
    WAYPOST_ASSIGN_OR_RETURN(const bool found, commit.writing().Delete(run.table, key));
    if (!found) return absl::InternalError("Store.Maintain: want what is to be replaced, got none");
  }
  WAYPOST_RETURN_IF_ERROR(commit.writing().Put(Table::kSegments, run.first_row(), segment));
  if (run.table == Table::kChunks) commit.state().sealed_events += run.rows;
  ++commit.state().layout_version;
  return absl::OkStatus();
}

// Runs of parts that follow each other without a gap and fit into one segment.
template <typename Part>
std::vector<Run> RunsOf(std::span<const Part> parts, Table table) {
  std::vector<Run> runs;
  for (const Part& part : parts) {
    if (runs.empty() || runs.back().end_row != part.first_row() || runs.back().rows + part.size() > kMaxSegmentRows)
      runs.push_back({.table = table, .keys = {}});
    runs.back().keys.push_back(part.first_row());
    runs.back().end_row = part.end_row();
    runs.back().rows += part.size();
  }
  return runs;
}

// The next segments to merge, if any.
std::vector<Run> RunsToMerge(const Layout& layout, bool all) {
  const std::span<const SegmentView> segments(layout.segments);
  if (all) {
    std::vector<Run> runs = RunsOf(segments, Table::kSegments);
    std::erase_if(runs, [](const Run& run) { return run.keys.size() < 2; });
    return runs;
  }
  for (const std::size_t largest : kSizes) {
    for (std::size_t begin = 0; begin < segments.size();) {
      std::size_t end = begin;
      while (end < segments.size() && segments[end].size() < largest &&
             (end == begin || segments[end].first_row() == segments[end - 1].end_row()))
        ++end;
      if (end - begin >= kMergeAtOnce) {
        std::vector<Run> runs = RunsOf(segments.subspan(begin, kMergeAtOnce), Table::kSegments);
        std::erase_if(runs, [](const Run& run) { return run.keys.size() < 2; });
        if (!runs.empty()) return runs;
      }
      begin = std::max(end, begin + 1);
    }
  }
  return {};
}

}  // namespace

// Seals all chunks but the last, which may still take in events.
absl::Status Session::SealTail() {
  WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
  const SnapshotState snapshot(folder_, std::move(view));
  const Layout& layout = snapshot.layout();
  if (layout.chunks.size() < 2) return absl::OkStatus();
  const std::span<const ChunkView> chunks(layout.chunks);
  for (const Run& run : RunsOf(chunks.first(chunks.size() - 1), Table::kChunks)) {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::byte> segment, Pack(layout, run.first_row(), run.end_row));
    WAYPOST_RETURN_IF_ERROR(
        Commit([&](store::Commit& commit) { return Replace(commit, run, segment); }, /*alone=*/true));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Session::MergeSome(bool all) {
  WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
  const SnapshotState snapshot(folder_, std::move(view));
  const std::vector<Run> runs = RunsToMerge(snapshot.layout(), all);
  for (const Run& run : runs) {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::byte> segment,
                             Pack(snapshot.layout(), run.first_row(), run.end_row));
    WAYPOST_RETURN_IF_ERROR(
        Commit([&](store::Commit& commit) { return Replace(commit, run, segment); }, /*alone=*/true));
  }
  return !runs.empty();
}

absl::StatusOr<bool> Session::MaintainStep(std::uint64_t least_rows) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  const std::lock_guard maintenance(folder_->maintenance());
  std::uint64_t closed = 0;
  {
    WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
    const SnapshotState snapshot(folder_, std::move(view));
    const std::vector<ChunkView>& chunks = snapshot.layout().chunks;
    for (std::size_t n = 0; n + 1 < chunks.size(); ++n) closed += chunks[n].size();
  }
  if (closed < least_rows) return MergeSome(/*all=*/false);
  WAYPOST_RETURN_IF_ERROR(SealTail());
  return true;
}

void Session::SealIfDue(std::uint64_t unsealed) {
  if (options_.seal_events == 0 || unsealed < options_.seal_events) return;
  const std::unique_lock maintenance(folder_->maintenance(), std::try_to_lock);
  if (!maintenance.owns_lock()) return;
  // The events are in the store; what cannot be sealed now is sealed another time.
  if (SealTail().ok()) (void)MergeSome(/*all=*/false);
}

absl::Status Session::Seal() {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  const std::lock_guard maintenance(folder_->maintenance());
  WAYPOST_RETURN_IF_ERROR(SealTail());
  // The last chunk, and what came meanwhile, while nothing else is committed.
  const auto seal_rest = [](store::Commit& commit) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const Layout> layout, ReadLayout(commit.writing(), nullptr));
    const std::vector<Run> runs = RunsOf(std::span<const ChunkView>(layout->chunks), Table::kChunks);
    std::vector<std::vector<std::byte>> segments;  // all are built before anything is written
    for (const Run& run : runs) {
      WAYPOST_ASSIGN_OR_RETURN(std::vector<std::byte> segment, Pack(*layout, run.first_row(), run.end_row));
      segments.push_back(std::move(segment));
    }
    for (std::size_t n = 0; n < runs.size(); ++n) WAYPOST_RETURN_IF_ERROR(Replace(commit, runs[n], segments[n]));
    return absl::OkStatus();
  };
  WAYPOST_RETURN_IF_ERROR(Commit(seal_rest, /*alone=*/true));
  return MergeSome(/*all=*/true).status();
}

}  // namespace waypost::store
