#include "waypost/store/transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "waypost/base/checksum.hpp"
#include "waypost/base/number_text.hpp"

#include "event/event_blocks.hpp"
#include "file/file_io.hpp"
#include "file/guard.hpp"
#include "store/session.hpp"

namespace waypost {
namespace {

using store::Entry;
using store::Source;

// What must be equal for two readings of a file to give the same events.
std::uint64_t FingerprintOf(const ReadOptions& options) {
  store::ValueWriter writer;
  writer.Text(options.user_column);
  writer.Text(options.item_column);
  for (const std::optional<std::string>& column : {options.kind_column, options.value_column, options.time_column}) {
    writer.Number(static_cast<std::uint8_t>(column.has_value()));
    writer.Text(column.value_or(""));
  }
  writer.Number(static_cast<std::uint8_t>(options.format));
  writer.Number(static_cast<std::uint8_t>(options.time_unit.has_value()));
  writer.Number(static_cast<std::uint8_t>(options.time_unit.value_or(TimeUnit::kSeconds)));
  writer.Text(options.default_kind);
  return Checksum(writer.Finish(store::Table::kSources));
}

// A file as it is now, and which files it begins with.
struct FileContent {
  Source source;            // of the whole file
  std::uint64_t known = 0;  // rows imported with the longest file it begins with
  std::uint64_t known_size = 0;
};

std::string NameOf(const Source& source) {
  std::array<char, 17> digits = {};
  std::string name = "file:";
  for (const std::uint64_t part : {source.hash_high, source.hash_low, source.reading}) {
    for (std::size_t n = 0; n < 16; ++n) digits[n] = "0123456789abcdef"[(part >> (60 - 4 * n)) & 15];
    name += digits.data();
  }
  return name;
}

// Frees the state of a hash.
struct FreeHash {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Reads the file once: the hash of all of it, and of every beginning that is as long as a file imported before.
absl::StatusOr<FileContent> ReadContent(const std::string& path, std::uint64_t reading,
                                        const std::vector<Source>& imported) {
  const file::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return store::ToStatus(errno, absl::StrCat("'", path, "'"));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return store::ToStatus(errno, absl::StrCat("'", path, "'"));
  if (!S_ISREG(status.st_mode))
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': want a source to be named for what is no regular file, got none"));
  std::vector<const Source*> candidates;
  for (const Source& source : imported)
    if (source.reading == reading && source.size > 0 && source.size <= static_cast<std::uint64_t>(status.st_size))
      candidates.push_back(&source);
  std::sort(candidates.begin(), candidates.end(), [](const Source* a, const Source* b) { return a->size < b->size; });

  const std::unique_ptr<XXH3_state_t, FreeHash> hash(XXH3_createState());
  if (hash == nullptr || XXH3_128bits_reset(hash.get()) != XXH_OK)
    return absl::ResourceExhaustedError("ImportEvents: memory");
  FileContent content;
  content.source.reading = reading;
  std::vector<char> buffer(std::size_t{1} << 20);
  bool gzip = false;
  char last = '\n';
  bool changed = false;  // the file goes on in the line that an imported one ended in
  const Source* ended_in_line = nullptr;
  auto next = candidates.begin();
  for (;;) {
    std::size_t wanted = buffer.size();
    if (next != candidates.end()) wanted = std::min<std::uint64_t>(wanted, (*next)->size - content.source.size);
    const ssize_t size = wanted == 0 ? 0 : read(file.get(), buffer.data(), wanted);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return store::ToStatus(errno, absl::StrCat("'", path, "'"));
    if (size > 0) {
      if (content.source.size == 0) gzip = size >= 2 && buffer[0] == '\x1f' && buffer[1] == '\x8b';
      if (ended_in_line != nullptr) changed = buffer[0] != '\n' && buffer[0] != '\r';
      ended_in_line = nullptr;
      last = buffer[static_cast<std::size_t>(size) - 1];
      XXH3_128bits_update(hash.get(), buffer.data(), static_cast<std::size_t>(size));
      content.source.size += static_cast<std::uint64_t>(size);
    }
    const XXH128_hash_t digest = XXH3_128bits_digest(hash.get());
    for (; next != candidates.end() && (*next)->size == content.source.size; ++next) {
      if ((*next)->hash_low != digest.low64 || (*next)->hash_high != digest.high64) continue;
      content.known = (*next)->next_sequence;
      content.known_size = (*next)->size;
      changed = false;
      ended_in_line = (*next)->ends_in_line != 0 ? *next : nullptr;
    }
    content.source.hash_low = digest.low64;
    content.source.hash_high = digest.high64;
    if (size == 0 && wanted > 0) break;
  }
  if (changed)
    return absl::FailedPreconditionError(absl::StrCat("'", path, "': want row ", content.known,
                                                      " as it was imported, got it changed: its line had no end"));
  content.source.ends_in_line = !gzip && last != '\n' && last != '\r' ? 1 : 0;
  return content;
}

absl::StatusOr<std::vector<Source>> FilesImported(store::Session& session) {
  WAYPOST_ASSIGN_OR_RETURN(store::Folder::View view, session.folder().BeginReading());
  std::vector<Source> sources;
  const store::Reading reading(view.transaction, view.environment->tables());
  const absl::Status read = reading.ForEach(store::Table::kSources, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const Source source, store::DecodeSource(entry.value));
    if (source.size > 0) sources.push_back(source);
    return absl::OkStatus();
  });
  view.environment->Release(view.transaction);
  WAYPOST_RETURN_IF_ERROR(read);
  return sources;
}

// Rows with numbers of their own. What is committed of them stays; the same call goes on there.
absl::StatusOr<ImportReport> ImportNumbered(const std::string& path, const ReadOptions& options, Store& store,
                                            std::string_view source, std::string_view sequence_column) {
  constexpr std::size_t kRowsAtOnce = std::size_t{1} << 16;
  if (source.empty())
    return absl::InvalidArgumentError("ImportEvents.source: want a name beside a sequence column, got none");
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store.Snapshot());
  EventLogBuilder builder(snapshot.kinds());
  std::vector<std::uint64_t> sequences;
  ImportReport report;
  report.source = source;
  WAYPOST_ASSIGN_OR_RETURN(
      report.read, internal::ReadNumberedEvents(path, options, std::string(sequence_column), builder, sequences));
  const EventLog log = std::move(builder).Build();
  for (std::size_t row = 1; row < sequences.size(); ++row)
    if (sequences[row] <= sequences[row - 1])
      return absl::InvalidArgumentError(absl::StrCat("'", path, "': column '", internal::ToAbsl(sequence_column),
                                                     "': want numbers that ascend, got ", sequences[row], " behind ",
                                                     sequences[row - 1]));
  std::vector<Event> events;
  for (std::size_t first = 0; first < log.size(); first += kRowsAtOnce) {
    const std::size_t count = std::min(kRowsAtOnce, log.size() - first);
    events.assign(count, {});
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t row = first + n;
      events[n].user = log.user_id(row);
      events[n].item = log.item_id(row);
      events[n].kind = log.columns().kinds[row];
      if (!std::isnan(log.value(row))) events[n].value = log.value(row);
      if (log.time_us(row) != kNoTime) events[n].time_us = log.time_us(row);
    }
    const Delivery delivery{.source = source, .sequences = std::span(sequences).subspan(first, count)};
    WAYPOST_ASSIGN_OR_RETURN(const AppendResult added, store.Append(events, delivery));
    report.added += added.accepted;
    report.repeated += added.repeated;
  }
  return report;
}

absl::StatusOr<ImportReport> Import(const std::string& path, const ReadOptions& options, Store& store,
                                    std::string_view source) {
  store::Session& session = store::Access::Of(store);
  WAYPOST_RETURN_IF_ERROR(session.CheckWriting());
  ImportReport report;
  FileContent content;
  std::optional<Source> file;
  if (!source.empty()) {
    report.source = source;
  } else if (path == "-") {
    return absl::InvalidArgumentError("ImportEvents.source: want a name for standard input, got none");
  } else {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<Source> imported, FilesImported(session));
    WAYPOST_ASSIGN_OR_RETURN(content, ReadContent(path, FingerprintOf(options), imported));
    report.source = NameOf(content.source);
    file = content.source;
  }
  EventLog log;
  {
    WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store.Snapshot());
    EventLogBuilder builder(snapshot.kinds());
    WAYPOST_ASSIGN_OR_RETURN(report.read, ReadEvents(path, options, builder));
    log = std::move(builder).Build();
  }
  if (content.known > log.size())
    return absl::FailedPreconditionError(
        absl::StrCat("'", path, "': want at least the ", content.known, " rows imported before, got ", log.size()));
  WAYPOST_ASSIGN_OR_RETURN(const AppendResult added, session.AppendLog(log, report.source, content.known, file));
  report.added = added.accepted;
  report.repeated = log.size() - added.accepted;
  return report;
}

// Writes CSV to a file in large pieces.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class CsvWriter {
 public:
  explicit CsvWriter(file::AtomicFile& file) : file_(file) {}

  void Field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos && !text.starts_with(' ') && !text.ends_with(' ')) {
      buffer_ += text;
      return;
    }
    buffer_ += '"';
    for (const char c : text) buffer_.append(c == '"' ? 2 : 1, c);
    buffer_ += '"';
  }
  void Raw(std::string_view text) { buffer_ += text; }

  absl::Status EndRow() {
    buffer_ += '\n';
    return buffer_.size() < kPiece ? absl::OkStatus() : Flush();
  }
  absl::Status Flush() {
    const absl::Status status = file_.Write(std::as_bytes(std::span(buffer_)));
    buffer_.clear();
    return status;
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  file::AtomicFile& file_;
  std::string buffer_;
};

// "2024-05-01T12:30:05.25Z"; nothing for a year that ISO 8601 does not write with four digits.
std::string TimeText(std::int64_t time_us) {
  constexpr std::int64_t kSecond = 1'000'000;
  constexpr std::int64_t kDay = 86'400 * kSecond;
  const std::int64_t day = time_us >= 0 ? time_us / kDay : -((-(time_us + 1)) / kDay) - 1;
  const std::int64_t rest = time_us - day * kDay;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  const int year = static_cast<int>(date.year());
  if (day < -719528 || day > 2932896) return {};  // 0000-01-01, 9999-12-31
  const auto digits = [](std::int64_t number, int count) {
    std::string text(static_cast<std::size_t>(count), '0');
    for (int n = count - 1; n >= 0; --n, number /= 10)
      text[static_cast<std::size_t>(n)] += static_cast<char>(number % 10);
    return text;
  };
  std::string text = digits(year, 4) + "-" + digits(static_cast<unsigned>(date.month()), 2) + "-" +
                     digits(static_cast<unsigned>(date.day()), 2) + "T" + digits(rest / (3600 * kSecond), 2) + ":" +
                     digits(rest / (60 * kSecond) % 60, 2) + ":" + digits(rest / kSecond % 60, 2);
  if (rest % kSecond != 0) text += "." + digits(rest % kSecond, 6);
  return text + "Z";
}

absl::Status Export(const StoreSnapshot& snapshot, const std::string& path) {
  constexpr std::uint64_t kRowsAtOnce = std::uint64_t{1} << 22;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> users, snapshot.UserIds());
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> items, snapshot.ItemIds());
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<file::AtomicFile> file, file::AtomicFile::Create(path));
  CsvWriter csv(*file);
  csv.Raw("user,item,kind,value,time");
  WAYPOST_RETURN_IF_ERROR(csv.EndRow());
  for (std::uint64_t first = 0; first < snapshot.end_row(); first += kRowsAtOnce) {
    EventColumns columns;
    const std::uint64_t last = std::min(snapshot.end_row(), first + kRowsAtOnce);
    WAYPOST_RETURN_IF_ERROR(snapshot.ReadRows(first, last, Parallelism(), columns));
    for (std::size_t n = 0; n < columns.users.size(); ++n) {
      if (columns.users[n] >= users.size() || columns.items[n] >= items.size() ||
          columns.kinds[n] >= snapshot.kinds().size())
        return absl::DataLossError("events: want users, items and kinds of the store, got others");
      if (users[columns.users[n]].empty()) continue;  // forgotten after the snapshot was taken
      csv.Field(users[columns.users[n]]);
      csv.Raw(",");
      csv.Field(items[columns.items[n]]);
      csv.Raw(",");
      csv.Raw(snapshot.kinds().at(columns.kinds[n]).name);
      csv.Raw(",");
      if (!std::isnan(columns.values[n])) csv.Raw(internal::NumberText(columns.values[n]));
      csv.Raw(",");
      if (columns.times_us[n] != kNoTime) {
        const std::string time = TimeText(columns.times_us[n]);
        if (time.empty())
          return absl::OutOfRangeError(absl::StrCat("time: want a year of 0..9999, got ", columns.times_us[n], " us"));
        csv.Raw(time);
      }
      WAYPOST_RETURN_IF_ERROR(csv.EndRow());
    }
  }
  WAYPOST_RETURN_IF_ERROR(csv.Flush());
  return file->Commit();
}

}  // namespace

absl::StatusOr<ImportReport> ImportEvents(const std::string& path, const ReadOptions& options, Store& store,
                                          std::string_view source, std::string_view sequence_column) {
  return file::Guard(path, [&] {
    return sequence_column.empty() ? Import(path, options, store, source)
                                   : ImportNumbered(path, options, store, source, sequence_column);
  });
}

absl::Status ExportEvents(const StoreSnapshot& snapshot, const std::string& path) {
  return file::Guard(path, [&] { return Export(snapshot, path); });
}

}  // namespace waypost
