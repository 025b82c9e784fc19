#include "store/layout.hpp"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

namespace waypost::store {
namespace {

absl::Status Missing(std::string_view what) {
  return absl::DataLossError(absl::StrCat("table state: want an entry '", internal::ToAbsl(what), "', got none"));
}

// What comes first in the order of rows: a position in the segments, then in the chunks.
template <typename Visit>
void InOrder(const Layout& layout, const Visit& visit) {
  std::size_t segment = 0;
  std::size_t chunk = 0;
  while (segment < layout.segments.size() || chunk < layout.chunks.size()) {
    const bool take_segment =
        chunk == layout.chunks.size() ||
        (segment < layout.segments.size() && layout.segments[segment].first_row() < layout.chunks[chunk].first_row());
    if (take_segment) {
      visit(layout.segments[segment++]);
    } else {
      visit(layout.chunks[chunk++]);
    }
  }
}

// Where the events of some rows are, and where they go.
//
// Immutable: safe to use from any number of threads.
class Plan {
 public:
  Plan(const Layout& layout, std::uint64_t first, std::uint64_t last);

  std::size_t size() const { return offsets_.back(); }
  absl::Status Run(const Parallelism& parallelism, const RowsTarget& target) const;

  // Makes room in a column; null: the events have all one value, which the column keeps for them.
  template <typename T, typename One>
  T* Extend(CompactColumn<T>& column, const One& one) const;

 private:
  // One run of rows in a chunk or a segment; of those that are not wanted whole what is wanted is in `picked`.
  struct Part {
    const SegmentView* segment = nullptr;
    const ChunkView* chunk = nullptr;
    std::size_t from = 0;  // of the rows of a chunk
    std::size_t to = 0;
    bool whole = true;
    Rows picked;
  };

  absl::Status Decode(const Part& part, const RowsTarget& target) const;

  std::vector<Part> parts_;
  std::vector<std::size_t> offsets_ = {0};
};

Plan::Plan(const Layout& layout, std::uint64_t first, std::uint64_t last) {
  InOrder(layout, [&](const auto& run) {
    if (run.first_row() >= last || run.end_row() <= first) return;
    Part part;
    part.whole = run.first_row() >= first && run.end_row() <= last;
    std::size_t size = run.size();
    if constexpr (std::is_same_v<decltype(run), const ChunkView&>) {
      part.chunk = &run;
      part.from = std::max(first, run.first_row()) - run.first_row();
      part.to = std::min(last, run.end_row()) - run.first_row();
      size = part.to - part.from;
    } else {
      part.segment = &run;
      if (!part.whole) {
        run.DecodeRange(first, last, part.picked);
        size = part.picked.size();
      }
    }
    parts_.push_back(std::move(part));
    offsets_.push_back(offsets_.back() + size);
  });
}

template <typename T, typename One>
T* Plan::Extend(CompactColumn<T>& column, const One& one) const {
  std::optional<T> all;
  bool differ = false;
  const auto take = [&](const std::optional<T>& value) {
    differ =
        differ || !value || (all && !CompactColumn<T>::SameBits(*all, *value)) || !column.CouldStayConstant(*value);
    all = value;
  };
  for (const Part& part : parts_) part.segment != nullptr ? take(one(*part.segment)) : take(one(*part.chunk));
  if (differ) return column.Extend(size());
  if (all) column.ExtendBy(size(), *all);
  return nullptr;
}

absl::Status Plan::Decode(const Part& part, const RowsTarget& target) const {
  if (part.chunk != nullptr) {
    WAYPOST_RETURN_IF_ERROR(part.chunk->Verify());
    part.chunk->Decode(part.from, part.to, target);
    return absl::OkStatus();
  }
  WAYPOST_RETURN_IF_ERROR(part.segment->Verify());
  if (part.whole) return part.segment->Decode(target);
  const auto copy = [](const auto& cells, auto* to) {
    if (to != nullptr) std::copy(cells.begin(), cells.end(), to);
  };
  copy(part.picked.rows, target.rows);
  copy(part.picked.users, target.users);
  copy(part.picked.items, target.items);
  copy(part.picked.kinds, target.kinds);
  copy(part.picked.values, target.values);
  copy(part.picked.times_us, target.times_us);
  return absl::OkStatus();
}

absl::Status Plan::Run(const Parallelism& parallelism, const RowsTarget& target) const {
  std::vector<absl::Status> statuses(parts_.size());
  ForEachBlock(parallelism, parts_.size(), 1, [&](std::size_t n, std::size_t, std::size_t) {
    statuses[n] = Decode(parts_[n], target.From(offsets_[n]));
  });
  for (const absl::Status& status : statuses) WAYPOST_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

}  // namespace

void Layout::History(std::uint32_t user, std::vector<StoredEvent>& events) const {
  InOrder(*this, [&](const auto& run) { run.History(user, events); });
}

std::vector<Layout::Extent> Layout::Extents() const {
  std::vector<Extent> extents;
  InOrder(*this, [&](const auto& run) { extents.push_back({run.first_row(), run.end_row(), run.size()}); });
  return extents;
}

std::uint64_t Layout::CountEvents(std::uint32_t user) const {
  std::vector<StoredEvent> events;
  History(user, events);
  return events.size();
}

absl::Status Layout::Read(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism, Rows& rows) const {
  const Plan plan(*this, first, last);
  const std::size_t old = rows.size();
  rows.Resize(old + plan.size());
  return plan.Run(parallelism, RowsTarget::Of(rows, old));
}

absl::Status Layout::Read(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism,
                          EventColumns& columns) const {
  const Plan plan(*this, first, last);
  const std::size_t old = columns.users.size();
  columns.users.Resize(old + plan.size());
  columns.items.Resize(old + plan.size());
  RowsTarget target{.users = columns.users.data() + old, .items = columns.items.data() + old};
  target.kinds = plan.Extend(columns.kinds, [](const auto& part) { return part.one_kind(); });
  target.values = plan.Extend(columns.values, [](const auto& part) { return part.one_value(); });
  target.times_us = plan.Extend(columns.times_us, [](const auto& part) { return part.one_time(); });
  return plan.Run(parallelism, target);
}

absl::StatusOr<State> ReadState(const Reading& reading) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, reading.Get(Table::kState, kStateKey));
  if (!value) return Missing(kStateKey);
  return DecodeState(*value);
}

absl::StatusOr<Forgotten> ReadForgotten(const Reading& reading) {
  Forgotten forgotten;
  WAYPOST_RETURN_IF_ERROR(reading.ForEach(Table::kForgotten, [&](const Entry& entry) -> absl::Status {
    if (!ChecksumHolds(Table::kForgotten, entry.value)) return ChecksumError(Table::kForgotten);
    forgotten.push_back(static_cast<std::uint32_t>(entry.number()));
    return absl::OkStatus();
  }));
  return forgotten;
}

absl::StatusOr<KindTable> ReadKinds(const Reading& reading) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> kinds, reading.Get(Table::kState, kKindsKey));
  if (!kinds) return Missing(kKindsKey);
  return DecodeKinds(*kinds);
}

absl::StatusOr<Retention> ReadRetention(const Reading& reading) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> retention, reading.Get(Table::kState, kRetentionKey));
  if (!retention) return Retention();
  return DecodeRetention(*retention);
}

absl::StatusOr<std::shared_ptr<const Layout>> ReadLayout(const Reading& reading, const Layout* before) {
  auto layout = std::make_shared<Layout>();
  layout->transaction = mdb_txn_id(reading.get());
  WAYPOST_ASSIGN_OR_RETURN(layout->state, ReadState(reading));
  if (before != nullptr && before->state.kinds_version == layout->state.kinds_version) {
    layout->kinds = before->kinds;
  } else {
    WAYPOST_ASSIGN_OR_RETURN(KindTable table, ReadKinds(reading));
    layout->kinds = std::make_shared<const KindTable>(std::move(table));
  }
  if (before != nullptr && before->state.forgotten_users == layout->state.forgotten_users) {
    layout->forgotten = before->forgotten;
  } else {
    WAYPOST_ASSIGN_OR_RETURN(Forgotten forgotten, ReadForgotten(reading));
    if (forgotten.size() != layout->state.forgotten_users)
      return absl::DataLossError(
          absl::StrCat("table forgotten: want ", layout->state.forgotten_users, " entries, got ", forgotten.size()));
    layout->forgotten = std::make_shared<const Forgotten>(std::move(forgotten));
  }
  WAYPOST_RETURN_IF_ERROR(reading.ForEach(Table::kSegments, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const SegmentView segment, SegmentView::Open(entry.number(), entry.value));
    layout->segments.push_back(segment);
    return absl::OkStatus();
  }));
  WAYPOST_RETURN_IF_ERROR(reading.ForEach(Table::kChunks, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const ChunkView chunk, ChunkView::Open(entry.number(), entry.value));
    layout->chunks.push_back(chunk);
    return absl::OkStatus();
  }));
  return layout;
}

}  // namespace waypost::store
