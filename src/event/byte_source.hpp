// event/byte_source.hpp - the bytes of a file or of standard input, gunzipped where they are gzipped.
//
// Plain files are read by pread, in slices on several threads. A mapping would save the copy, but costs a page fault
// for every few pages, and a file that shrinks while it is mapped ends the process with SIGBUS; here it merely ends
// earlier. A gzipped file is read whole and gunzipped member by member with libdeflate. A member that is longer than
// kMaxWholeBytes, damaged or cut short goes through zlib, as does what comes from a pipe: memory stays bounded whatever
// a file expands to, and what stands before the damage is read as ever.
#ifndef WAYPOST_EVENT_BYTE_SOURCE_HPP_
#define WAYPOST_EVENT_BYTE_SOURCE_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <libdeflate.h>
#include <zlib.h>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/column.hpp"
#include "waypost/event/reader.hpp"

namespace waypost::internal {

inline constexpr std::size_t kMaxWholeBytes = std::size_t{1} << 28;  // of a gzipped file, and of one member's text

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ByteSource {
 public:
  // Opens `path`, "-" for standard input. A name that ends in .gz must hold gzip; any other may.
  // Errors  kNotFound, kInvalidArgument: a directory.  kFailedPrecondition: cannot be opened.  kDataLoss: not gzip.
  static absl::StatusOr<std::unique_ptr<ByteSource>> Open(const std::string& path);

  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;  // zlib keeps the address of the stream
  ByteSource& operator=(ByteSource&&) = delete;

  // Fills the front of `target` and returns the number of bytes written: 0 at the end, and only there.
  // Requires  target is not empty.
  // Errors    kDataLoss: damaged gzip, cut short or followed by something else.  kFailedPrecondition: cannot be read.
  absl::StatusOr<std::size_t> Read(std::span<char> target);

  // As Read, but fills all of `target` unless the end or an error comes first. An error behind some bytes is kept for
  // the next call, so that what stands before it is never lost; failing() then tells that this was not the end.
  absl::StatusOr<std::size_t> ReadFully(std::span<char> target, const Parallelism& parallelism);
  bool failing() const { return !late_error_.ok(); }

 private:
  ByteSource() = default;

  absl::Status Start(bool want_gzip);
  absl::StatusOr<std::size_t> ReadRaw(std::span<char> target);
  absl::Status Refill();  // (1)
  absl::StatusOr<std::size_t> Inflate(std::span<char> target);
  absl::StatusOr<bool> StartNextMember();
  absl::Status ReadWhole(std::size_t size);
  bool InflateMember();
  absl::StatusOr<std::size_t> ReadSlices(std::span<char> target, const Parallelism& parallelism);

  // (1) raw_[begin_, end_) holds bytes of the file not yet used; refilled when empty; ended_ after the last.
  int file_ = -1;
  bool owns_file_ = false;
  std::vector<char> raw_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  bool gzip_ = false;
  bool between_members_ = false;
  z_stream stream_ = {};

  absl::Status late_error_;
  bool plain_file_ = false;     // can be read anywhere
  std::uint64_t position_ = 0;  // of the next byte of a plain file

  // (2) Where raw_ holds the whole file, member_[member_begin_, size) is what is left of the text of the last member.
  std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater_ = {
      nullptr, libdeflate_free_decompressor};
  bool member_failed_ = false;  // the member at hand goes through zlib
  Column<char> member_;
  std::size_t member_begin_ = 0;
};

// A file with the name it has in messages and its format.
struct NamedSource {
  std::string name;
  InputFormat format = InputFormat::kLines;  // never kAuto
  std::unique_ptr<ByteSource> bytes;
};

// Errors  those of ByteSource::Open, and kInvalidArgument: kAuto and a name that says nothing; with the file.
absl::StatusOr<NamedSource> OpenSource(const std::string& path, InputFormat format);

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_BYTE_SOURCE_HPP_
