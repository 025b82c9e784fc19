// event/byte_source.hpp - the bytes of a file or of standard input, gunzipped where they are gzipped.
#ifndef WAYPOST_EVENT_BYTE_SOURCE_HPP_
#define WAYPOST_EVENT_BYTE_SOURCE_HPP_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <zlib.h>

#include "waypost/base/status.hpp"

namespace waypost::internal {

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

 private:
  ByteSource() = default;

  absl::Status Start(bool want_gzip);
  absl::StatusOr<std::size_t> ReadRaw(std::span<char> target);
  absl::Status Refill();  // (1)
  absl::StatusOr<std::size_t> Inflate(std::span<char> target);
  absl::StatusOr<bool> StartNextMember();

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
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_BYTE_SOURCE_HPP_
