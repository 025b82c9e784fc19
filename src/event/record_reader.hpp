// event/record_reader.hpp - the records of a file, one at a time, as views of their fields.
//
// (1) window_[begin_, end_) holds bytes read and not yet passed over; begin_ is the first byte of line next_line_.
// (2) A refused record is passed over: its line, or, when its quote never closes, the line where the quote opens, so
//     that one stray quote costs one line and not the rest of the file.
#ifndef WAYPOST_EVENT_RECORD_READER_HPP_
#define WAYPOST_EVENT_RECORD_READER_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

#include "event/byte_source.hpp"
#include "event/json_record.hpp"

namespace waypost::internal {

enum class Step {
  kRecord,   // names() and cells() hold a record
  kEnd,      // there is none left
  kRefused,  // this record is bad, status() says how; the next call goes on after it
  kFailed,   // the file is bad, status() says how
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class RecordReader {
 public:
  // Opens the file and reads the header of CSV and TSV.
  // Errors  those of reader.hpp, with file and line.
  static absl::StatusOr<RecordReader> Open(const std::string& path, InputFormat format);

  InputFormat format() const { return format_; }  // never kAuto

  Step Next();

  // CSV, TSV: the header. JSON lines: the names of this record. Lines: nothing.
  const std::vector<std::string_view>& names() const { return names_; }
  // As many as names(), but for lines: the words.
  // Lifetime  until the next call of Next.
  const std::vector<Cell>& cells() const { return cells_; }
  const absl::Status& status() const { return status_; }

  // `status` with file and line of the record put before its message.
  absl::Status AtRecord(const absl::Status& status) const;
  // `status` with the file put before its message.
  absl::Status AtFile(const absl::Status& status) const;

 private:
  RecordReader() = default;

  absl::Status SkipByteOrderMark();
  absl::Status ReadHeader();
  Step TakeRecord();
  Step TakeRestOfLongLine();
  Step Accept(std::size_t length, std::size_t lines);
  Step Refuse(const absl::Status& status);
  Step Fail(const absl::Status& status);
  Step RefuseOpenQuote(std::size_t first_line_bytes, std::string_view limit);
  absl::Status Fill();  // reads more after end_; sets ended_ when there is none
  absl::Status CheckUtf8() const;
  void SplitWords();
  absl::Status SplitCells();
  bool quotes() const { return format_ == InputFormat::kCsv || format_ == InputFormat::kTsv; }

  std::string name_;  // of the file, for messages
  InputFormat format_ = InputFormat::kLines;
  char delimiter_ = ',';
  std::unique_ptr<ByteSource> source_;
  std::vector<char> window_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  bool in_long_line_ = false;  // the rest of a refused line is still to be passed over
  std::uint64_t line_ = 1;     // of the record
  std::uint64_t next_line_ = 1;
  std::span<char> record_;  // without the line end
  std::vector<std::string> header_;
  std::vector<std::string_view> names_;
  std::vector<Cell> cells_;
  absl::Status status_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_RECORD_READER_HPP_
