#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "waypost/event/column.hpp"
#include "waypost/event/reader.hpp"

#include "event/byte_source.hpp"
#include "event/event_blocks.hpp"
#include "event/event_rows.hpp"
#include "event/plain_rows.hpp"
#include "event/record_scanner.hpp"

namespace waypost {
namespace internal {
namespace {

// One block of a round: its records from a given place on.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class BlockReader {
 public:
  BlockReader(const BlockReader&) = delete;  // plain_ refers to rows_
  BlockReader& operator=(const BlockReader&) = delete;
  BlockReader(std::shared_ptr<const RecordForm> record_form, const EventRowForm& form, OnError on_error, bool fast_path)
      : scanner_(record_form),
        rows_(form),
        plain_(*record_form, form, rows_),
        on_error_(on_error),
        fast_path_(fast_path) {}

  // Takes the records of `text` that begin in [begin, limit); `last`: nothing follows the text.
  void Read(std::span<char> text, bool last, std::size_t begin, bool in_long_line, std::size_t limit,
            EventBlock& events);

  std::size_t begin() const { return begin_; }
  // Where the next record begins; whether a line that is too long is still to be passed over there.
  std::size_t end() const { return scanner_.begin(); }
  bool in_long_line() const { return scanner_.in_long_line(); }
  bool unfinished() const { return unfinished_; }  // the text ended inside a record
  std::uint64_t lines() const { return scanner_.next_line(); }
  std::uint64_t accepted() const { return accepted_; }

  // Adds what was refused to the report; lines count from `first_line`. Returns the error that ends the reading, if
  // any.
  absl::Status Report(const std::string& name, std::uint64_t first_line, ReadReport& report) const;

  const std::array<bool, kSlots>& met() const { return rows_.met(); }
  const std::vector<std::uint64_t>& sequences() { return rows_.sequences(); }

 private:
  struct Refusal {
    std::uint64_t line;  // counted from 0 at the beginning of the block
    absl::Status status;
  };

  bool Refuse(absl::Status status);  // whether to go on

  RecordScanner scanner_;
  EventRows rows_;
  PlainRows plain_;
  OnError on_error_;
  bool fast_path_;
  std::size_t begin_ = 0;
  bool unfinished_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<Refusal> refusals_;  // the first kMaxReportedRows
};

void BlockReader::Read(std::span<char> text, bool last, std::size_t begin, bool in_long_line, std::size_t limit,
                       EventBlock& events) {
  begin_ = begin;
  unfinished_ = false;
  accepted_ = 0;
  refused_ = 0;
  refusals_.clear();
  events.Clear();
  rows_.sequences().clear();
  scanner_.SetText(text, last, begin);
  scanner_.Restart(in_long_line, 0);
  plain_.Restart();
  for (;;) {
    if (fast_path_) accepted_ += plain_.Take(scanner_, limit, events);
    const Step step = scanner_.Next(limit);
    if (step == Step::kEnd) return;
    if (step == Step::kMore) {
      unfinished_ = true;
      return;
    }
    absl::Status status = scanner_.status();
    if (step == Step::kRecord) {
      const absl::StatusOr<std::uint64_t> accepted = rows_.Take(scanner_, events);
      accepted_ += accepted.value_or(0);
      status = accepted.status();
    }
    if (!status.ok() && !Refuse(std::move(status))) return;
  }
}

bool BlockReader::Refuse(absl::Status status) {
  ++refused_;
  if (refusals_.size() < kMaxReportedRows) refusals_.push_back({scanner_.line(), std::move(status)});
  return on_error_ == OnError::kSkip;
}

absl::Status BlockReader::Report(const std::string& name, std::uint64_t first_line, ReadReport& report) const {
  report.accepted += accepted_;
  for (const Refusal& refusal : refusals_) {
    absl::Status status = AddContext(absl::StrCat(name, ":", first_line + refusal.line), refusal.status);
    if (on_error_ == OnError::kStop) return status;
    if (report.messages.size() < kMaxReportedRows) report.messages.emplace_back(ToStd(status.message()));
  }
  report.skipped += refused_;
  return absl::OkStatus();
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class FileReader {
 public:
  // `sequences` is filled from `sequence_column`, unless that is empty.
  FileReader(const ReadOptions& options, const BlockSizes& sizes, EventLogBuilder& log,
             const std::string& sequence_column = {}, std::vector<std::uint64_t>* sequences = nullptr)
      : options_(options), sizes_(sizes), log_(log), sequence_column_(sequence_column), sequences_(sequences) {}

  absl::StatusOr<ReadReport> Read(const std::string& path);

 private:
  absl::Status Start(const std::string& path);
  absl::Status ReadHeader(RecordForm& form);
  absl::Status Load(std::size_t bytes);
  absl::Status ReadRound(std::size_t blocks);
  void ReadBlocks(std::size_t used);
  absl::Status CheckMet(const ReadReport& report) const;
  absl::Status AtLine(const absl::Status& status) const {
    return AddContext(absl::StrCat(source_.name, ":", line_), status);
  }
  std::span<char> text() { return {text_.data(), text_.size()}; }

  const ReadOptions& options_;
  const BlockSizes& sizes_;
  EventLogBuilder& log_;
  const std::string sequence_column_;
  std::vector<std::uint64_t>* sequences_;
  NamedSource source_;
  std::shared_ptr<const RecordForm> record_form_;
  EventRowForm form_ = {};

  // (1) text_[begin_, size) is loaded and not yet read; begin_ is in line line_, at its beginning unless in_long_line_.
  Column<char> text_;
  std::size_t begin_ = 0;
  bool loaded_ = false;  // some of it was not there when records were last taken
  bool ended_ = false;   // the file has no more than that
  std::uint64_t line_ = 1;
  bool in_long_line_ = false;
  std::deque<BlockReader> readers_;
  std::vector<EventBlock> events_;
  ReadReport report_;
};

// Moves what is not yet read to the front and adds up to `bytes`.
absl::Status FileReader::Load(std::size_t bytes) {
  const std::size_t kept = text_.size() - begin_;
  if (kept > 0) std::memmove(text_.data(), text_.data() + begin_, kept);
  begin_ = 0;
  text_.Resize(kept + bytes);
  const absl::StatusOr<std::size_t> count = source_.bytes->ReadFully(text().subspan(kept), options_.parallelism);
  if (!count.ok()) return AtLine(count.status());
  text_.Resize(kept + *count);
  ended_ = *count < bytes && !source_.bytes->failing();
  loaded_ = true;
  return absl::OkStatus();
}

absl::Status FileReader::ReadHeader(RecordForm& form) {
  RecordScanner scanner(std::make_shared<const RecordForm>(form));
  for (;;) {
    scanner.SetText(text(), ended_, begin_);
    const Step step = scanner.TakeHeader(form);
    if (step == Step::kRefused) return AtLine(scanner.status());
    if (step == Step::kRecord) break;
    WAYPOST_RETURN_IF_ERROR(Load(sizes_.block_bytes));
  }
  if (const absl::Status status = form_.FindColumns(form.header); !status.ok()) return AtLine(status);
  begin_ = scanner.begin();
  line_ = scanner.next_line();
  return absl::OkStatus();
}

absl::Status FileReader::Start(const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(source_, OpenSource(path, options_.format));
  WAYPOST_ASSIGN_OR_RETURN(form_, EventRowForm::Create(options_, log_, sequence_column_));
  RecordForm form{source_.format, {}};
  WAYPOST_RETURN_IF_ERROR(Load(std::max(sizes_.block_bytes, kByteOrderMark.size())));
  if (std::string_view(text_.data(), text_.size()).substr(0, kByteOrderMark.size()) == kByteOrderMark)
    begin_ = kByteOrderMark.size();
  if (form.quotes()) WAYPOST_RETURN_IF_ERROR(ReadHeader(form));
  if (form.format == InputFormat::kLines)
    if (const absl::Status status = form_.CheckNoColumns(); !status.ok()) return AddContext(source_.name, status);
  record_form_ = std::make_shared<const RecordForm>(std::move(form));
  return absl::OkStatus();
}

// Reads blocks 0 .. used - 1 of the text.
void FileReader::ReadBlocks(std::size_t used) {
  const auto limit = [&](std::size_t block) {
    return block + 1 == used ? RecordScanner::kNoLimit : begin_ + (block + 1) * sizes_.block_bytes;
  };
  // The first line that begins at each border or after it; looked for before strings of JSON are decoded in place,
  // which may write line feeds.
  std::vector<std::size_t> begins = {begin_};
  for (std::size_t block = 1; block < used; ++block) {
    const std::size_t border = limit(block - 1);
    const void* const found = std::memchr(text_.data() + border - 1, '\n', text_.size() - border + 1);
    begins.push_back(found == nullptr ? text_.size()
                                      : static_cast<std::size_t>(static_cast<const char*>(found) - text_.data()) + 1);
  }
  ForEachBlock(options_.parallelism, used, 1, [&](std::size_t block, std::size_t, std::size_t) {
    readers_[block].Read(text(), ended_, begins[block], block == 0 && in_long_line_, limit(block), events_[block]);
    events_[block].Resolve(log_);
  });
  bool unfinished = false;
  for (std::size_t block = 1; block < used; ++block) {
    const BlockReader& before = readers_[block - 1];
    unfinished = unfinished || before.unfinished();
    if (before.end() == readers_[block].begin() && !before.in_long_line() && !unfinished) continue;
    // Nothing can be taken behind a record that is unfinished.
    readers_[block].Read(text(), ended_, before.end(), before.in_long_line(), unfinished ? before.end() : limit(block),
                         events_[block]);
    events_[block].Resolve(log_);
  }
}

absl::Status FileReader::ReadRound(std::size_t blocks) {
  // What stands before an error of the file is read before the error is met.
  if (!loaded_ || !source_.bytes->failing()) WAYPOST_RETURN_IF_ERROR(Load(blocks * sizes_.block_bytes));
  loaded_ = false;
  const std::size_t held = text_.size() - begin_;
  const std::size_t used = std::clamp<std::size_t>((held + sizes_.block_bytes - 1) / sizes_.block_bytes, 1, blocks);
  while (readers_.size() < used) readers_.emplace_back(record_form_, form_, options_.on_error, sizes_.fast_path);
  if (events_.size() < used) events_.resize(used);
  ReadBlocks(used);
  absl::Status error;
  std::size_t good = 0;
  for (; good < used && error.ok(); ++good) {
    error = readers_[good].Report(source_.name, line_, report_);
    line_ += readers_[good].lines();
  }
  const absl::Status committed = EventBlock::Commit(std::span(events_).first(good), options_.parallelism, log_);
  if (!committed.ok()) return AddContext(source_.name, committed);
  if (sequences_ != nullptr)
    for (std::size_t block = 0; block < good; ++block)
      sequences_->insert(sequences_->end(), readers_[block].sequences().begin(), readers_[block].sequences().end());
  WAYPOST_RETURN_IF_ERROR(error);
  begin_ = readers_[used - 1].end();
  in_long_line_ = readers_[used - 1].in_long_line();
  return absl::OkStatus();
}

// That a column named in the options occurred in no row of JSON lines.
absl::Status FileReader::CheckMet(const ReadReport& report) const {
  if (record_form_->format != InputFormat::kJsonLines || report.accepted == 0) return absl::OkStatus();
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (form_.required[slot] &&
        std::none_of(readers_.begin(), readers_.end(), [&](const BlockReader& reader) { return reader.met()[slot]; }))
      return AddContext(source_.name, ColumnError(form_.names[slot], "it in some row", "it in none"));
  return absl::OkStatus();
}

absl::StatusOr<ReadReport> FileReader::Read(const std::string& path) {
  WAYPOST_RETURN_IF_ERROR(Start(path));
  for (std::size_t blocks = 1; !ended_ || begin_ < text_.size(); blocks = std::min(2 * blocks, sizes_.most_blocks))
    WAYPOST_RETURN_IF_ERROR(ReadRound(blocks));
  if (report_.accepted == 0 && report_.skipped == 0)
    return AtLine(absl::InvalidArgumentError("want at least one row, got the end of the file"));
  if (report_.accepted == 0) return AddContext(source_.name, NoGoodRows(report_));
  WAYPOST_RETURN_IF_ERROR(CheckMet(report_));
  return std::move(report_);
}

}  // namespace

absl::StatusOr<ReadReport> ReadEventsInBlocks(const std::string& path, const ReadOptions& options,
                                              const BlockSizes& sizes, EventLogBuilder& log) {
  return FileReader(options, sizes, log).Read(path);
}

absl::StatusOr<ReadReport> ReadNumberedEvents(const std::string& path, const ReadOptions& options,
                                              const std::string& sequence_column, EventLogBuilder& log,
                                              std::vector<std::uint64_t>& sequences) {
  BlockSizes sizes;
  sizes.fast_path = false;  // it knows no sequence numbers
  return FileReader(options, sizes, log, sequence_column, &sequences).Read(path);
}

}  // namespace internal

absl::StatusOr<ReadReport> ReadEvents(const std::string& path, const ReadOptions& options, EventLogBuilder& log) try {
  return internal::ReadEventsInBlocks(path, options, {}, log);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

}  // namespace waypost
