// event/record_reader.hpp - the records of a file, one at a time, for the readers of small files.
#ifndef WAYPOST_EVENT_RECORD_READER_HPP_
#define WAYPOST_EVENT_RECORD_READER_HPP_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

#include "event/byte_source.hpp"
#include "event/record_scanner.hpp"

namespace waypost::internal {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class RecordReader {
 public:
  // Opens the file and reads the header of CSV and TSV.
  // Errors  those of reader.hpp, with file and line.
  static absl::StatusOr<RecordReader> Open(const std::string& path, InputFormat format);

  InputFormat format() const { return scanner_.form().format; }  // never kAuto

  // Never kMore.
  Step Next();

  // Where the record opens, from 1.
  std::uint64_t line() const { return scanner_.line(); }
  // Those of the scanner.
  const std::vector<std::string_view>& names() const { return scanner_.names(); }
  const std::vector<Cell>& cells() const { return scanner_.cells(); }
  // Why a record is refused, or the file failed; without file and line.
  const absl::Status& status() const { return status_; }

  // `status` with file and line of the record put before its message.
  absl::Status AtRecord(const absl::Status& status) const;
  // `status` with the file put before its message.
  absl::Status AtFile(const absl::Status& status) const;

 private:
  RecordReader() = default;

  absl::Status Fill();  // gives the scanner more text

  std::string name_;  // of the file, for messages
  std::unique_ptr<ByteSource> source_;
  std::vector<char> window_;
  RecordScanner scanner_;
  absl::Status status_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_RECORD_READER_HPP_
