#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "waypost/base/utf8.hpp"

#include "store/segment.hpp"
#include "store/session.hpp"

namespace waypost::store {
namespace {

// From so many rows on a log goes into segments at once.
constexpr std::size_t kLeastSegmentRows = std::size_t{1} << 15;
constexpr std::size_t kSegmentRows = kMaxSegmentRows / 2;  // of a segment made from a log
constexpr std::size_t kRowsInCommit = 4 * kSegmentRows;

// A batch of events as columns, with what the mirrors know of their ids: kEmptySlot where they know none.
struct Batch {
  explicit Batch(std::size_t size) : complete((size + kBlockRows - 1) / kBlockRows, 0) { rows.ResizeCells(size); }

  static constexpr std::size_t kBlockRows = 1024;  // fewer are not worth a thread

  bool AllKnown() const {
    return std::all_of(complete.begin(), complete.end(), [](char block) { return block != 0; });
  }

  Rows rows;
  std::vector<char> complete;   // of each block: whether all ids are known
  std::uint64_t forgotten = 0;  // how many users had been, at the first look
};

// For an id that the mirror does not know: any other has been checked when it came.
absl::Status CheckUnknown(std::string_view what, std::string_view id) {
  return IsValidUtf8(id) ? absl::OkStatus() : CheckText(what, id);
}

// Checks and looks up the events [begin, end). Their texts are all over the host's memory: they are asked for ahead.
absl::Status Prepare(std::span<const Event> events, std::size_t begin, std::size_t end,
                     const EventLogBuilder& validator, const Folder& folder, Batch& batch) {
  constexpr std::size_t kAtOnce = IdDictionaryBuilder::kFindAtOnce;  // under one lock of a mirror
  std::array<std::string_view, kAtOnce> users;
  std::array<std::string_view, kAtOnce> items;
  Rows& rows = batch.rows;
  bool complete = true;
  for (std::size_t at = begin; at < end; at += kAtOnce) {
    for (std::size_t n = at; n < std::min(at + 2 * kAtOnce, end); ++n) {
      __builtin_prefetch(events[n].user.data());
      __builtin_prefetch(events[n].item.data());
    }
    std::size_t count = std::min(kAtOnce, end - at);
    absl::Status invalid;
    for (std::size_t n = 0; n < count; ++n) {
      const Event& event = events[at + n];
      if (absl::Status status = validator.Validate(event); !status.ok()) {
        invalid = internal::AddContext(absl::StrCat("event ", at + n), status);
        count = n;  // what is wrong with those before is told first
        break;
      }
      users[n] = event.user;
      items[n] = event.item;
      rows.kinds[at + n] = event.kind;
      rows.values[at + n] = event.value.value_or(std::numeric_limits<float>::quiet_NaN());
      rows.times_us[at + n] = event.time_us.value_or(kNoTime);
    }
    folder.users().Find(std::span(users).first(count), rows.users.data() + at);
    folder.items().Find(std::span(items).first(count), rows.items.data() + at);
    for (std::size_t n = 0; n < count; ++n) {
      const bool new_user = rows.users[at + n] == kEmptySlot;
      const bool new_item = rows.items[at + n] == kEmptySlot;
      if (!new_user && !new_item) continue;
      complete = false;
      absl::Status status;
      if (new_user) status = CheckUnknown("user", users[n]);
      if (new_item && status.ok()) status = CheckUnknown("item", items[n]);
      if (!status.ok()) return internal::AddContext(absl::StrCat("event ", at + n), status);
    }
    if (!invalid.ok()) return invalid;
  }
  batch.complete[begin / Batch::kBlockRows] = static_cast<char>(complete);
  return absl::OkStatus();
}

absl::Status PrepareAll(std::span<const Event> events, const EventLogBuilder& validator, const Folder& folder,
                        const Parallelism& parallelism, Batch& batch) {
  batch.forgotten = folder.users().forgotten();
  std::vector<absl::Status> statuses(batch.complete.size());
  ForEachBlock(parallelism, events.size(), Batch::kBlockRows,
               [&](std::size_t begin, std::size_t end, std::size_t block) {
                 statuses[block] = Prepare(events, begin, end, validator, folder, batch);
               });
  for (const absl::Status& status : statuses) WAYPOST_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status CheckDelivery(const Delivery& delivery, std::size_t count) {
  if (delivery.source.size() > kMaxIdBytes || !IsValidUtf8(delivery.source))
    return absl::InvalidArgumentError(
        absl::StrCat("Delivery.source: want UTF-8 of at most ", kMaxIdBytes, " bytes, got ", delivery.source.size()));
  if (delivery.source.empty()) return absl::OkStatus();
  if (delivery.sequences.empty()) {
    if (delivery.first_sequence > std::numeric_limits<std::uint64_t>::max() - count)
      return absl::InvalidArgumentError(
          absl::StrCat("Delivery.first_sequence: want numbers of 64 bits, got ", delivery.first_sequence));
    return absl::OkStatus();
  }
  if (delivery.sequences.size() != count)
    return absl::InvalidArgumentError(
        absl::StrCat("Delivery.sequences: want one for each of ", count, " events, got ", delivery.sequences.size()));
  for (std::size_t n = 0; n < count; ++n)
    if ((n > 0 && delivery.sequences[n] <= delivery.sequences[n - 1]) ||
        delivery.sequences[n] == std::numeric_limits<std::uint64_t>::max())
      return absl::InvalidArgumentError(
          absl::StrCat("Delivery.sequences: want them ascending, got ", delivery.sequences[n], " at ", n));
  return absl::OkStatus();
}

// How many events of the delivery the store has; the source then expects what follows the last.
absl::StatusOr<std::size_t> PassOver(Commit& commit, const Delivery& delivery, std::size_t count) {
  if (delivery.source.empty() || count == 0) return 0;
  WAYPOST_ASSIGN_OR_RETURN(Source* const source, commit.FindSource(std::string(delivery.source)));
  std::size_t known = 0;
  std::uint64_t end = 0;
  if (delivery.sequences.empty()) {
    if (source->next_sequence > delivery.first_sequence)
      known = std::min<std::uint64_t>(count, source->next_sequence - delivery.first_sequence);
    end = delivery.first_sequence + count;
  } else {
    known = static_cast<std::size_t>(
        std::lower_bound(delivery.sequences.begin(), delivery.sequences.end(), source->next_sequence) -
        delivery.sequences.begin());
    end = delivery.sequences.back() + 1;
  }
  source->next_sequence = std::max(source->next_sequence, end);
  return known;
}

}  // namespace

absl::Status CheckText(std::string_view what, std::string_view text) {
  if (text.empty() || text.size() > kMaxIdBytes)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(what), ": want 1..", kMaxIdBytes, " bytes, got ", text.size()));
  if (!IsValidUtf8(text))
    return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(what), ": want UTF-8, got other bytes"));
  return absl::OkStatus();
}

absl::StatusOr<AppendResult> Session::Append(std::span<const Event> events, const Delivery& delivery) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  WAYPOST_RETURN_IF_ERROR(CheckDelivery(delivery, events.size()));
  WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const EventLogBuilder> validator, Validator());
  Batch batch(events.size());
  WAYPOST_RETURN_IF_ERROR(PrepareAll(events, *validator, *folder_, options_.parallelism, batch));
  const bool all_known = batch.AllKnown();

  AppendResult result;
  std::uint64_t unsealed = 0;
  WAYPOST_RETURN_IF_ERROR(Commit([&](store::Commit& commit) -> absl::Status {
    result = {};
    WAYPOST_ASSIGN_OR_RETURN(result.repeated, PassOver(commit, delivery, events.size()));
    result.accepted = events.size() - result.repeated;
    result.first_row = commit.end_row();
    // Who was forgotten meanwhile has another index now.
    const bool known = batch.forgotten == commit.forgotten().size();
    const std::size_t at = commit.AddRows(batch.rows, result.repeated);
    for (std::size_t n = result.repeated; n < events.size() && !(known && all_known); ++n) {
      const std::size_t row = at + n - result.repeated;
      if (!known || batch.rows.users[n] == kEmptySlot) {
        WAYPOST_ASSIGN_OR_RETURN(commit.rows().users[row], commit.users().Resolve(events[n].user));
      }
      if (batch.rows.items[n] == kEmptySlot) {
        WAYPOST_ASSIGN_OR_RETURN(commit.rows().items[row], commit.items().Resolve(events[n].item));
      }
    }
    unsealed = commit.unsealed();
    return absl::OkStatus();
  }));
  SealIfDue(unsealed);
  return result;
}

namespace {

// A log on its way into the store: which of its ids have which indices there.
class Loader {
 public:
  explicit Loader(const EventLog& log)
      : log_(log), users_(log.users().size(), kEmptySlot), items_(log.items().size(), kEmptySlot) {}

  // The numbers that the store gives to the log's kinds; those it lacks are added.
  absl::Status TakeKinds(Commit& commit);

  // Adds rows [begin, end).
  absl::Status Add(std::size_t begin, std::size_t end, const Parallelism& parallelism, Commit& commit);

  // Once they are committed.
  void Keep() {
    new_users_.clear();
    new_items_.clear();
  }

 private:
  absl::Status Resolve(std::size_t begin, std::size_t end, Commit& commit);
  RowsView View(std::size_t begin, std::size_t end, std::uint64_t first_row, Rows& cells) const;

  const EventLog& log_;
  std::vector<std::uint32_t> users_;  // of the store, by index of the log
  std::vector<std::uint32_t> items_;
  std::vector<std::uint32_t> new_users_;  // of the log, resolved in this transaction, which may run again
  std::vector<std::uint32_t> new_items_;
  std::vector<std::uint16_t> kinds_;
  bool same_kinds_ = true;
};

absl::Status Loader::TakeKinds(Commit& commit) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, commit.writing().Get(Table::kState, kKindsKey));
  if (!value) return absl::DataLossError("table state: want an entry 'kinds', got none");
  WAYPOST_ASSIGN_OR_RETURN(KindTable kinds, DecodeKinds(*value));
  const std::size_t before = kinds.size();
  kinds_.clear();
  same_kinds_ = true;
  for (std::size_t k = 0; k < log_.kinds().size(); ++k) {
    const Kind& kind = log_.kinds().at(static_cast<std::uint16_t>(k));
    std::optional<std::uint16_t> number = kinds.Find(kind.name);
    if (!number) {
      WAYPOST_ASSIGN_OR_RETURN(number, kinds.Set(kind));
    }
    kinds_.push_back(*number);
    same_kinds_ = same_kinds_ && *number == k;
  }
  if (kinds.size() == before) return absl::OkStatus();
  ++commit.state().kinds_version;
  ValueWriter writer;
  return commit.writing().Put(Table::kState, kKindsKey, EncodeKinds(kinds, writer));
}

// Gives indices in the order of first appearance.
absl::Status Loader::Resolve(std::size_t begin, std::size_t end, Commit& commit) {
  for (const std::uint32_t user : new_users_) users_[user] = kEmptySlot;
  for (const std::uint32_t item : new_items_) items_[item] = kEmptySlot;
  new_users_.clear();
  new_items_.clear();
  const EventColumns& columns = log_.columns();
  for (std::size_t row = begin; row < end; ++row) {
    const std::uint32_t user = columns.users[row];
    const std::uint32_t item = columns.items[row];
    if (users_[user] == kEmptySlot) {
      WAYPOST_RETURN_IF_ERROR(CheckText("user", log_.users().id(user)));
      WAYPOST_ASSIGN_OR_RETURN(users_[user], commit.users().Resolve(log_.users().id(user)));
      new_users_.push_back(user);
    }
    if (items_[item] == kEmptySlot) {
      WAYPOST_RETURN_IF_ERROR(CheckText("item", log_.items().id(item)));
      WAYPOST_ASSIGN_OR_RETURN(items_[item], commit.items().Resolve(log_.items().id(item)));
      new_items_.push_back(item);
    }
  }
  return absl::OkStatus();
}

// Rows [begin, end) by the store's indices; `cells` keeps what the view needs.
RowsView Loader::View(std::size_t begin, std::size_t end, std::uint64_t first_row, Rows& cells) const {
  const EventColumns& columns = log_.columns();
  const std::size_t count = end - begin;
  RowsView view;
  view.first_row = first_row;
  view.end_row = first_row + count;
  cells.users.resize(count);
  cells.items.resize(count);
  for (std::size_t n = 0; n < count; ++n) {
    cells.users[n] = users_[columns.users[begin + n]];
    cells.items[n] = items_[columns.items[begin + n]];
  }
  view.users = cells.users;
  view.items = cells.items;
  const auto take = [&]<typename T>(const CompactColumn<T>& column, std::vector<T>& kept, CellsView<T>& target) {
    if (column.constant()) {
      target.constant = column[begin];
      return;
    }
    kept.resize(count);
    for (std::size_t n = 0; n < count; ++n) kept[n] = column[begin + n];
    target = ViewOf(std::span<const T>(kept), T{});
  };
  take(columns.kinds, cells.kinds, view.kinds);
  take(columns.values, cells.values, view.values);
  take(columns.times_us, cells.times_us, view.times_us);
  if (!same_kinds_) {
    view.kinds.constant = kinds_[view.kinds.constant];
    for (std::uint16_t& kind : cells.kinds) kind = kinds_[kind];
  }
  return view;
}

absl::Status Loader::Add(std::size_t begin, std::size_t end, const Parallelism& parallelism, Commit& commit) {
  WAYPOST_RETURN_IF_ERROR(TakeKinds(commit));
  WAYPOST_RETURN_IF_ERROR(Resolve(begin, end, commit));
  if (end - begin < kLeastSegmentRows) {
    const EventColumns& columns = log_.columns();
    for (std::size_t row = begin; row < end; ++row)
      commit.AddRow(users_[columns.users[row]], items_[columns.items[row]], kinds_[columns.kinds[row]],
                    columns.values[row], columns.times_us[row]);
    return absl::OkStatus();
  }
  const std::size_t count = end - begin;
  const std::size_t pieces = (count + kSegmentRows - 1) / kSegmentRows;
  const std::uint64_t first_row = commit.end_row();
  const auto cut = [&](std::size_t piece) { return count * piece / pieces; };
  std::vector<std::vector<std::byte>> segments(pieces);
  ForEachBlock(parallelism, pieces, 1, [&](std::size_t piece, std::size_t, std::size_t) {
    Rows cells;
    segments[piece] = BuildSegment(View(begin + cut(piece), begin + cut(piece + 1), first_row + cut(piece), cells));
  });
  return commit.AddSegments(segments, count);
}

}  // namespace

absl::StatusOr<AppendResult> Session::AppendLog(const EventLog& log, std::string_view source, std::size_t first_row,
                                                const std::optional<Source>& file) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  WAYPOST_RETURN_IF_ERROR(CheckDelivery({.source = source}, log.size()));
  if (first_row > log.size())
    return absl::OutOfRangeError(
        absl::StrCat("Store.AppendLog.first_row: want at most ", log.size(), ", got ", first_row));
  Loader loader(log);
  AppendResult result;
  bool started = false;
  for (std::size_t row = first_row; row < log.size() || !started;) {
    std::size_t begin = row;
    std::size_t end = 0;
    std::uint64_t at = 0;
    WAYPOST_RETURN_IF_ERROR(Commit(
        [&](store::Commit& commit) -> absl::Status {
          begin = row;
          if (!source.empty()) {
            WAYPOST_ASSIGN_OR_RETURN(Source* const known, commit.FindSource(std::string(source)));
            begin = std::clamp<std::uint64_t>(known->next_sequence, row, log.size());
            end = std::min(log.size(), begin + kRowsInCommit);
            const std::uint64_t next = std::max<std::uint64_t>(known->next_sequence, end);
            if (file) *known = *file;
            known->next_sequence = next;
          } else {
            end = std::min(log.size(), begin + kRowsInCommit);
          }
          at = commit.end_row();
          return loader.Add(begin, end, options_.parallelism, commit);
        },
        /*alone=*/true));
    if (!started) result.first_row = at;
    started = true;
    result.repeated += begin - row;
    result.accepted += end - begin;
    loader.Keep();
    row = end;
  }
  ForgetValidator();
  return result;
}

}  // namespace waypost::store
