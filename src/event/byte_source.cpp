#include "event/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace waypost::internal {
namespace {

constexpr std::size_t kRawBytes = std::size_t{1} << 16;
constexpr unsigned char kGzipMagic[2] = {0x1f, 0x8b};  // RFC 1952, section 2.3.1

std::string SystemMessage(int error) {
  return std::generic_category().message(error);
}

bool EndsWithGz(const std::string& path) {
  return path.size() >= 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> ByteSource::Open(const std::string& path) {
  std::unique_ptr<ByteSource> source(new ByteSource());
  if (path == "-") {
    source->file_ = STDIN_FILENO;
  } else {
    source->file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (source->file_ < 0) {
      if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError("want a file, got no such file");
      return absl::FailedPreconditionError(absl::StrCat("cannot be opened: ", SystemMessage(errno)));
    }
    source->owns_file_ = true;
  }
  struct stat facts;
  if (::fstat(source->file_, &facts) == 0 && S_ISDIR(facts.st_mode))
    return absl::InvalidArgumentError("want a file, got a directory");
  WAYPOST_RETURN_IF_ERROR(source->Start(EndsWithGz(path)));
  return source;
}

ByteSource::~ByteSource() {
  if (gzip_) inflateEnd(&stream_);
  if (owns_file_) ::close(file_);
}

absl::Status ByteSource::Start(bool want_gzip) {
  raw_.resize(kRawBytes);
  while (end_ < sizeof(kGzipMagic) && !ended_) {  // a pipe may give a byte at a time
    WAYPOST_ASSIGN_OR_RETURN(const std::size_t count, ReadRaw(std::span(raw_).subspan(end_)));
    end_ += count;
    ended_ = count == 0;
  }
  const bool is_gzip = end_ >= sizeof(kGzipMagic) && std::memcmp(raw_.data(), kGzipMagic, sizeof(kGzipMagic)) == 0;
  if (want_gzip && !is_gzip)
    return absl::DataLossError(end_ == 0 ? "want gzip data, got an empty file" : "want gzip data, got other bytes");
  if (!is_gzip) return absl::OkStatus();
  constexpr int kWindowBits = 15 + 16;  // the largest window; 16: a gzip header, not a zlib one
  if (inflateInit2(&stream_, kWindowBits) != Z_OK) return absl::ResourceExhaustedError("memory for gzip");
  gzip_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> ByteSource::ReadRaw(std::span<char> target) {
  for (;;) {
    const ssize_t count = ::read(file_, target.data(), target.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return absl::FailedPreconditionError(absl::StrCat("cannot be read: ", SystemMessage(errno)));
  }
}

absl::Status ByteSource::Refill() {
  if (begin_ < end_ || ended_) return absl::OkStatus();
  begin_ = 0;
  end_ = 0;
  WAYPOST_ASSIGN_OR_RETURN(end_, ReadRaw(raw_));
  ended_ = end_ == 0;
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> ByteSource::Read(std::span<char> target) {
  if (gzip_) return Inflate(target);
  if (begin_ == end_) return ended_ ? 0 : ReadRaw(target);
  const std::size_t count = std::min(target.size(), end_ - begin_);
  std::memcpy(target.data(), raw_.data() + begin_, count);
  begin_ += count;
  return count;
}

absl::StatusOr<std::size_t> ByteSource::Inflate(std::span<char> target) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in 32 bits
  target = target.first(std::min(target.size(), kMost));
  for (;;) {
    if (between_members_) {
      WAYPOST_ASSIGN_OR_RETURN(const bool more, StartNextMember());
      if (!more) return 0;
    }
    WAYPOST_RETURN_IF_ERROR(Refill());
    if (begin_ == end_) return absl::DataLossError("want whole gzip data, got data cut short");
    stream_.next_in = reinterpret_cast<Bytef*>(raw_.data() + begin_);
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    stream_.next_out = reinterpret_cast<Bytef*>(target.data());
    stream_.avail_out = static_cast<uInt>(target.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    if (result == Z_MEM_ERROR) return absl::ResourceExhaustedError("memory for gzip");
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return absl::DataLossError(absl::StrCat("want whole gzip data, got damaged data",
                                              stream_.msg == nullptr ? "" : absl::StrCat(" (", stream_.msg, ")")));
    between_members_ = result == Z_STREAM_END;
    if (const std::size_t count = target.size() - stream_.avail_out; count > 0) return count;
  }
}

// After a member: another one, padding of zero bytes (tapes and block devices), or the end.
absl::StatusOr<bool> ByteSource::StartNextMember() {
  WAYPOST_RETURN_IF_ERROR(Refill());
  if (begin_ == end_) return false;
  if (static_cast<unsigned char>(raw_[begin_]) == kGzipMagic[0]) {
    inflateReset(&stream_);
    between_members_ = false;
    return true;
  }
  while (begin_ < end_) {
    if (std::any_of(raw_.data() + begin_, raw_.data() + end_, [](char c) { return c != 0; }))
      return absl::DataLossError("want the end of the gzip data, got other bytes after it");
    begin_ = end_;
    WAYPOST_RETURN_IF_ERROR(Refill());
  }
  return false;
}

}  // namespace waypost::internal
