#include "event/byte_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

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

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

absl::StatusOr<InputFormat> FormatOf(std::string_view path) {
  if (path == "-") return absl::InvalidArgumentError("want a format (lines, csv, tsv or jsonl) for standard input");
  std::string_view name = path;
  if (EndsWith(name, ".gz")) name.remove_suffix(3);
  constexpr std::array<std::pair<std::string_view, InputFormat>, 4> kSuffixes = {{{".txt", InputFormat::kLines},
                                                                                  {".csv", InputFormat::kCsv},
                                                                                  {".tsv", InputFormat::kTsv},
                                                                                  {".jsonl", InputFormat::kJsonLines}}};
  for (const auto& [suffix, format] : kSuffixes)
    if (EndsWith(name, suffix)) return format;
  return absl::InvalidArgumentError(
      "want a format, or a name that ends in .txt, .csv, .tsv or .jsonl, perhaps with .gz");
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
  struct stat facts = {};
  if (::fstat(source->file_, &facts) == 0 && S_ISDIR(facts.st_mode))
    return absl::InvalidArgumentError("want a file, got a directory");
  WAYPOST_RETURN_IF_ERROR(source->Start(EndsWith(path, ".gz")));
  if (path == "-" || !S_ISREG(facts.st_mode)) return source;
  if (source->gzip_) WAYPOST_RETURN_IF_ERROR(source->ReadWhole(static_cast<std::size_t>(facts.st_size)));
  source->plain_file_ = !source->gzip_;
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

// Leaves the file as a stream where it is too long to be held.
absl::Status ByteSource::ReadWhole(std::size_t size) {
  if (size > kMaxWholeBytes) return absl::OkStatus();
  inflater_.reset(libdeflate_alloc_decompressor());
  if (inflater_ == nullptr) return absl::OkStatus();
  raw_.resize(std::max(raw_.size(), size + 1));  // one more, so that the end shows
  while (end_ < raw_.size() && !ended_) {
    WAYPOST_ASSIGN_OR_RETURN(const std::size_t count, ReadRaw(std::span(raw_).subspan(end_)));
    end_ += count;
    ended_ = count == 0;
  }
  if (!ended_) inflater_ = nullptr;  // it grew meanwhile
  return absl::OkStatus();
}

// Gunzips the member at begin_ into member_, if it is whole, good and not too long.
bool ByteSource::InflateMember() {
  constexpr std::size_t kTrailerBytes = 4;      // the last of a member: the length of its text modulo 2^32
  constexpr std::size_t kMostExpansion = 1032;  // of deflate: 258 bytes for two bits
  const std::size_t held = end_ - begin_;
  std::uint32_t last_length = 0;  // right if this is the only member left
  if (held > kTrailerBytes) std::memcpy(&last_length, raw_.data() + end_ - kTrailerBytes, kTrailerBytes);
  std::size_t room = std::min({kMaxWholeBytes, kMostExpansion * held, std::max<std::size_t>(last_length, kRawBytes)});
  for (;;) {
    member_.Resize(room);
    std::size_t used = 0;
    std::size_t written = 0;
    const libdeflate_result result = libdeflate_gzip_decompress_ex(inflater_.get(), raw_.data() + begin_, held,
                                                                   member_.data(), room, &used, &written);
    if (result == LIBDEFLATE_SUCCESS) {
      begin_ += used;
      member_.Resize(written);
      member_begin_ = 0;
      return true;
    }
    const std::size_t more = std::min(kMaxWholeBytes, 2 * room);
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE || more == room) break;
    room = more;
  }
  member_ = {};
  member_begin_ = 0;
  return false;
}

absl::StatusOr<std::size_t> ByteSource::ReadSlices(std::span<char> target, const Parallelism& parallelism) {
  constexpr std::size_t kSliceBytes = std::size_t{1} << 20;
  struct Slice {
    std::size_t count = 0;
    int error = 0;
  };
  std::vector<Slice> slices((target.size() + kSliceBytes - 1) / kSliceBytes);
  ForEachBlock(parallelism, target.size(), kSliceBytes, [&](std::size_t begin, std::size_t end, std::size_t n) {
    Slice& slice = slices[n];
    while (begin + slice.count < end) {
      const std::size_t at = begin + slice.count;
      const ssize_t count = ::pread(file_, target.data() + at, end - at, static_cast<off_t>(position_ + at));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) slice.error = errno;
      if (count <= 0) break;
      slice.count += static_cast<std::size_t>(count);
    }
  });
  std::size_t total = 0;
  for (std::size_t n = 0; n < slices.size(); ++n) {
    if (slices[n].error != 0)
      return absl::FailedPreconditionError(absl::StrCat("cannot be read: ", SystemMessage(slices[n].error)));
    total += slices[n].count;
    if (total < std::min(target.size(), (n + 1) * kSliceBytes)) break;  // the end, perhaps of a file cut meanwhile
  }
  position_ += total;
  return total;
}

absl::StatusOr<std::size_t> ByteSource::ReadFully(std::span<char> target, const Parallelism& parallelism) {
  if (failing()) return late_error_;
  if (plain_file_) return ReadSlices(target, parallelism);
  std::size_t total = 0;
  while (total < target.size()) {
    const absl::StatusOr<std::size_t> count = Read(target.subspan(total));
    if (!count.ok()) {
      if (total == 0) return count.status();
      late_error_ = count.status();
      break;
    }
    if (*count == 0) break;
    total += *count;
  }
  return total;
}

absl::StatusOr<std::size_t> ByteSource::Read(std::span<char> target) {
  if (gzip_) return Inflate(target);
  if (plain_file_) return ReadSlices(target, Parallelism(1));
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
    if (member_begin_ < member_.size()) {
      const std::size_t count = std::min(target.size(), member_.size() - member_begin_);
      std::memcpy(target.data(), member_.data() + member_begin_, count);
      member_begin_ += count;
      return count;
    }
    if (between_members_) {
      WAYPOST_ASSIGN_OR_RETURN(const bool more, StartNextMember());
      if (!more) return 0;
      member_failed_ = false;
    }
    if (inflater_ != nullptr && !member_failed_) {
      between_members_ = InflateMember();
      member_failed_ = !between_members_;
      continue;
    }
    WAYPOST_RETURN_IF_ERROR(Refill());
    const bool at_end = begin_ == end_;  // zlib may still hold text of what it was given
    stream_.next_in = reinterpret_cast<Bytef*>(raw_.data() + begin_);
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    stream_.next_out = reinterpret_cast<Bytef*>(target.data());
    stream_.avail_out = static_cast<uInt>(target.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    between_members_ = result == Z_STREAM_END;
    // Before any error: zlib reports it again when it is called for more.
    if (const std::size_t count = target.size() - stream_.avail_out; count > 0) return count;
    if (at_end && (result == Z_OK || result == Z_BUF_ERROR))
      return absl::DataLossError("want whole gzip data, got data cut short");
    if (result == Z_MEM_ERROR) return absl::ResourceExhaustedError("memory for gzip");
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return absl::DataLossError(absl::StrCat("want whole gzip data, got damaged data",
                                              stream_.msg == nullptr ? "" : absl::StrCat(" (", stream_.msg, ")")));
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

absl::StatusOr<NamedSource> OpenSource(const std::string& path, InputFormat format) {
  NamedSource source{path == "-" ? "standard input" : path, format, nullptr};
  if (path != "-" || format != InputFormat::kAuto) {  // never waits for standard input in vain
    absl::StatusOr<std::unique_ptr<ByteSource>> bytes = ByteSource::Open(path);
    if (!bytes.ok()) return AddContext(source.name, bytes.status());
    source.bytes = *std::move(bytes);
  }
  if (format == InputFormat::kAuto) {
    const absl::StatusOr<InputFormat> by_name = FormatOf(path);
    if (!by_name.ok()) return AddContext(source.name, by_name.status());
    source.format = *by_name;
  }
  return source;
}

}  // namespace waypost::internal
