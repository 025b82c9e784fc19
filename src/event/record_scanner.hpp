// event/record_scanner.hpp - the records of a text in memory, one at a time, as views of their fields.
//
// (1) Of the text, [begin(), end) is not yet passed over. Between two calls begin() is the first byte of a line, or,
//     while a refused line that is too long is passed over, any byte of it.
// (2) A refused record is passed over: its line, or, when its quote never closes, the line where the quote opens, so
//     that one stray quote costs one line and not the rest of the file.
// (3) What a record is depends on where it begins and on the bytes from there on alone, at most kMaxLineBytes and a
//     line end of them; it does not depend on how the text came into memory.
#ifndef WAYPOST_EVENT_RECORD_SCANNER_HPP_
#define WAYPOST_EVENT_RECORD_SCANNER_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

#include "event/json_record.hpp"

namespace waypost::internal {

enum class Step {
  kRecord,   // names() and cells() hold a record
  kEnd,      // there is none left
  kMore,     // the text ends before the record does; the next call tries again from begin()
  kRefused,  // this record is bad, status() says how; the next call goes on after it
  kFailed,   // the file is bad, status() says how
};

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What a header and a format say about every record.
struct RecordForm {
  InputFormat format = InputFormat::kLines;  // never kAuto
  std::vector<std::string> header;           // of CSV and TSV, once it is read

  bool quotes() const { return format == InputFormat::kCsv || format == InputFormat::kTsv; }
  char delimiter() const { return format == InputFormat::kTsv ? '\t' : ','; }
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class RecordScanner {
 public:
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

  RecordScanner() = default;
  explicit RecordScanner(std::shared_ptr<const RecordForm> form);

  const RecordForm& form() const { return *form_; }

  // Goes on in `text`, at its beginning; `last`: nothing follows it. Only the strings of JSON lines are decoded in
  // place. Lifetime  `text` must live as long as records are taken.
  void SetText(std::span<char> text, bool last) { SetText(text, last, 0); }
  void SetText(std::span<char> text, bool last, std::size_t begin) {
    text_ = text;
    last_ = last;
    begin_ = begin;
    decoded_.clear();
  }
  // As at the beginning of line 1, or inside a line to be passed over; lines are then counted from `line`.
  void Restart(bool in_long_line, std::uint64_t line) {
    in_long_line_ = in_long_line;
    next_line_ = line;
  }
  std::span<char> text() const { return text_; }
  std::size_t begin() const { return begin_; }
  bool in_long_line() const { return in_long_line_; }
  bool last() const { return last_; }

  // Goes on at a line further on, `lines` later.
  void SkipTo(std::size_t begin, std::uint64_t lines) {
    begin_ = begin;
    next_line_ += lines;
  }

  // Takes the next record, if it begins before `limit`; else kEnd.
  Step Next(std::size_t limit = kNoLimit);

  // Takes the header; then form() of a scanner made with `*header` knows it.
  Step TakeHeader(RecordForm& header);

  // CSV, TSV: the header. JSON lines: the names of this record. Lines: nothing.
  const std::vector<std::string_view>& names() const { return names_; }
  // As many as names(), but for lines: the words.
  // Lifetime  until the next call of Next; the texts of cells until the next SetText.
  const std::vector<Cell>& cells() const { return cells_; }
  // Why a record was refused, without its line.
  const absl::Status& status() const { return status_; }

  std::uint64_t line() const { return line_; }            // where the record opens
  std::uint64_t next_line() const { return next_line_; }  // of begin()

 private:
  Step TakeRecord(std::size_t limit);
  Step Accept(std::size_t length, std::size_t lines);
  Step Refuse(const absl::Status& status);
  Step RefuseOpenQuote(std::size_t first_line_bytes, std::string_view limit);
  absl::Status CheckUtf8() const;
  void SplitWords();
  absl::Status SplitCells();

  std::shared_ptr<const RecordForm> form_;
  std::span<char> text_;
  bool last_ = false;
  std::size_t begin_ = 0;
  bool in_long_line_ = false;  // the rest of a refused line is still to be passed over
  std::uint64_t line_ = 1;
  std::uint64_t next_line_ = 1;
  std::span<char> record_;  // without the line end
  std::vector<std::string_view> names_;
  std::vector<Cell> cells_;
  std::deque<std::string> decoded_;  // fields with doubled quotes
  absl::Status status_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_RECORD_SCANNER_HPP_
