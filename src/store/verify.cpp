#include "waypost/store/verify.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "waypost/base/bitmap.hpp"
#include "waypost/base/utf8.hpp"

#include "file/file_io.hpp"
#include "file/guard.hpp"
#include "store/folder.hpp"
#include "store/pages.hpp"

namespace waypost {
namespace store {
namespace {

// What the child tells the parent, a line each: the first byte says what.
enum Line : char { kStep = '@', kProblem = '!', kCounts = '=', kWindow = '~', kDone = '.' };

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Checker {
 public:
  Checker(std::string folder, int pipe) : folder_(std::move(folder)), pipe_(pipe) {}

  void Run();

 private:
  void Send(Line line, std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    text = static_cast<char>(line) + text + "\n";
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(pipe_, text.data() + at, text.size() - at);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      at += static_cast<std::size_t>(written);
    }
  }
  template <typename... Parts>
  void Problem(const Parts&... parts) {
    if (++problems_ <= kMostProblems) Send(kProblem, absl::StrCat(parts...));
  }
  // A retention window: the name of its kind, where it is of one, and after a space the microseconds, if it ends.
  void SendWindow(const std::string& kind, const std::optional<std::int64_t>& keep_us) {
    Send(kWindow, absl::StrCat(kind, " ", keep_us ? absl::StrCat(*keep_us) : ""));
  }
  void Check(const absl::Status& status) {
    if (!status.ok()) Problem(status.message());
  }

  void CheckData(const std::string& path, Environment& environment);
  void CheckTables(const Reading& reading);
  void CheckIds(const Reading& reading, Table table, std::uint64_t count);
  void CheckEvents(const Reading& reading);
  void CheckRecords(const Reading& reading);
  // Calls check(entry) for every entry of a table, and makes sure that keys ascend: a damaged page cannot send it round
  // in circles.
  template <typename Body>
  void ForEach(const Reading& reading, Table table, const Body& check);

  std::string folder_;
  int pipe_;
  std::size_t problems_ = 0;
  State state_;
  Layout layout_;
  Bitmap forgotten_;
};

template <typename Body>
void Checker::ForEach(const Reading& reading, Table table, const Body& check) {
  Send(kStep, absl::StrCat("table ", internal::ToAbsl(Name(table))));
  std::string before;
  bool first = true;
  Check(reading.ForEach(table, [&](const Entry& entry) -> absl::Status {
    std::string key(entry.text());
    if (HasNumberKeys(table)) {
      if (entry.key.mv_size != 8)
        return absl::DataLossError(
            absl::StrCat("table ", internal::ToAbsl(Name(table)), ": want keys of 8 bytes, got ", entry.key.mv_size));
      std::reverse(key.begin(), key.end());  // then the order of texts is that of numbers
    }
    if (!first && key <= before)
      return absl::DataLossError(
          absl::StrCat("table ", internal::ToAbsl(Name(table)), ": want keys that ascend, got others"));
    before = std::move(key);
    first = false;
    const absl::Status status = check(entry);
    if (!status.ok()) Problem(status.message());
    return absl::OkStatus();
  }));
}

void Checker::CheckIds(const Reading& reading, Table table, std::uint64_t count) {
  IdDictionaryBuilder ids;
  std::uint64_t end = 0;
  ForEach(reading, table, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const StoredIds stored, DecodeIds(table, entry.value));
    if (stored.first != end || entry.number() != end)
      return absl::DataLossError(absl::StrCat("table ", internal::ToAbsl(Name(table)), ": want ids from ", end,
                                              " on, got them from ", stored.first));
    for (std::string_view id : stored.ids) {
      const bool gone = table == Table::kUsers && end < forgotten_.size() && forgotten_.Test(end);
      ++end;
      if (gone) continue;
      if (id.empty() || !IsValidUtf8(id))
        return absl::DataLossError(
            absl::StrCat("table ", internal::ToAbsl(Name(table)), ": want a text at ", end - 1, ", got none"));
      const std::size_t before = ids.size();
      WAYPOST_RETURN_IF_ERROR(ids.Add(id).status());
      if (ids.size() == before)
        return absl::DataLossError(
            absl::StrCat("table ", internal::ToAbsl(Name(table)), ": want every id once, got one again at ", end - 1));
    }
    return absl::OkStatus();
  });
  if (end != count) Problem("table ", internal::ToAbsl(Name(table)), ": want ", count, " ids, got ", end);
}

void Checker::CheckEvents(const Reading& reading) {
  ForEach(reading, Table::kSegments, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const SegmentView segment, SegmentView::Open(entry.number(), entry.value));
    layout_.segments.push_back(segment);
    return absl::OkStatus();
  });
  ForEach(reading, Table::kChunks, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const ChunkView chunk, ChunkView::Open(entry.number(), entry.value));
    layout_.chunks.push_back(chunk);
    return absl::OkStatus();
  });
  Send(kStep, "events");
  std::uint64_t end = 0;
  std::uint64_t events = 0;
  std::uint64_t gone = 0;
  for (const Layout::Extent& extent : layout_.Extents()) {
    if (extent.first_row < end) Problem("rows: want every row once, got ", extent.first_row, " after ", end, " rows");
    end = extent.end_row;
    Rows rows;
    const absl::Status read = layout_.Read(extent.first_row, extent.end_row, Parallelism(1), rows);
    if (!read.ok()) {
      Problem("rows from ", extent.first_row, " on: ", read.message());
      continue;
    }
    bool sound = true;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      sound = sound && rows.users[n] < state_.users && rows.items[n] < state_.items &&
              rows.kinds[n] < layout_.kinds->size();
      gone += static_cast<std::uint64_t>(rows.users[n] < forgotten_.size() && forgotten_.Test(rows.users[n]));
    }
    if (!sound) Problem("rows from ", extent.first_row, " on: want users, items and kinds of the store, got others");
    events += rows.size();
  }
  if (end > state_.end_row) Problem("rows: want at most ", state_.end_row, ", got ", end);
  if (events != state_.events || gone != state_.forgotten_events)
    Problem("rows: want ", state_.events, " events, ", state_.forgotten_events, " of forgotten users, got ", events,
            " and ", gone);
}

void Checker::CheckRecords(const Reading& reading) {
  ForEach(reading, Table::kSources, [](const Entry& entry) { return DecodeSource(entry.value).status(); });
  IdDictionaryBuilder items;
  ForEach(reading, Table::kCatalogue, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const CatalogueItem item, DecodeCatalogueItem(entry.value));
    if (entry.number() != items.size() || *items.Add(item.id) != entry.number())
      return absl::DataLossError(absl::StrCat("table catalogue: want every item once, got '", item.id, "'"));
    return absl::OkStatus();
  });
  ForEach(reading, Table::kFacts, [](const Entry& entry) { return DecodeFacts(entry.value).status(); });
  ForEach(reading, Table::kModels, [](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const ModelRecord model, DecodeModel(entry.value));
    if (model.name != entry.text()) return absl::DataLossError("table models: want a model under its name");
    return absl::OkStatus();
  });
  std::uint64_t end = 0;
  ForEach(reading, Table::kImpressions, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const StoredImpressions stored, DecodeImpressions(entry.value));
    if (stored.first != entry.number() || stored.first < end)
      return absl::DataLossError(
          absl::StrCat("table impressions: want positions from ", end, " on, got ", stored.first));
    end = stored.first + stored.rows.size();
    for (const ImpressionRow& row : stored.rows)
      if (row.user != kEmptySlot && (row.user >= state_.users || row.item >= state_.items))
        return absl::DataLossError("table impressions: want users and items of the store, got others");
    return absl::OkStatus();
  });
  if (end > state_.end_impression) Problem("table impressions: want at most ", state_.end_impression, ", got ", end);
}

void Checker::CheckTables(const Reading& reading) {
  Send(kStep, "table state");
  if (const absl::Status format = CheckFormat(reading).status(); !format.ok()) return Problem(format.message());
  const absl::StatusOr<State> state = ReadState(reading);
  if (!state.ok()) return Problem(state.status().message());
  state_ = *state;
  absl::StatusOr<KindTable> kinds = ReadKinds(reading);
  Check(kinds.status());
  layout_.kinds = std::make_shared<const KindTable>(kinds.ok() ? *std::move(kinds) : KindTable());
  const absl::StatusOr<Retention> retention = ReadRetention(reading);
  Check(retention.status());
  if (retention.ok()) {
    SendWindow("", retention->keep_us);
    for (const auto& [kind, keep_us] : retention->kinds) {
      if (!layout_.kinds->Find(kind))
        Problem("table state: want retention windows of kinds of the store, got '", kind, "'");
      SendWindow(kind, keep_us);
    }
  }
  forgotten_ = Bitmap(state_.users);
  std::uint64_t forgotten = 0;
  ForEach(reading, Table::kForgotten, [&](const Entry& entry) -> absl::Status {
    if (!ChecksumHolds(Table::kForgotten, entry.value)) return ChecksumError(Table::kForgotten);
    if (entry.number() >= state_.users)
      return absl::DataLossError(absl::StrCat("table forgotten: want a user of the store, got ", entry.number()));
    forgotten_.Set(entry.number());
    ++forgotten;
    return absl::OkStatus();
  });
  if (forgotten != state_.forgotten_users)
    Problem("table forgotten: want ", state_.forgotten_users, " users, got ", forgotten);
  CheckIds(reading, Table::kUsers, state_.users);
  CheckIds(reading, Table::kItems, state_.items);
  CheckEvents(reading);
  CheckRecords(reading);
  Send(kCounts, absl::StrCat(state_.events - state_.forgotten_events, " ", state_.users - state_.forgotten_users, " ",
                             state_.items));
}

void Checker::CheckData(const std::string& path, Environment& environment) {
  Send(kStep, "pages");
  constexpr int kMostTries = 100;  // a writer may replace the meta page of this transaction before it is read
  std::vector<std::string> found;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const absl::StatusOr<MDB_txn*> transaction = environment.BeginReading();
    if (!transaction.ok()) return Problem(transaction.status().message());
    const absl::StatusOr<std::shared_ptr<const file::MappedFile>> mapped = file::MappedFile::Open(path);
    if (!mapped.ok()) return Problem(mapped.status().message());
    found = CheckPages((*mapped)->bytes(), mdb_txn_id(*transaction));
    if (found.size() == 1 && found[0].starts_with("meta page")) {
      environment.Release(*transaction);
      continue;
    }
    for (const std::string& problem : found) Problem(problem);
    // What follows trusts the pages; the child may end in it.
    CheckTables(Reading(*transaction, environment.tables()));
    environment.Release(*transaction);
    return;
  }
  for (const std::string& problem : found) Problem(problem);
}

void Checker::Run() {
  Send(kStep, "file");
  const absl::StatusOr<std::uint64_t> number = ReadCurrent(folder_);
  if (absl::IsNotFound(number.status())) {  // creation was cut short
    Send(kCounts, "0 0 0");
    return Send(kDone, "");
  }
  if (!number.ok()) {
    Problem(number.status().message());
    return Send(kDone, "");
  }
  const std::string path = absl::StrCat(folder_, "/", DataFileName(*number));
  if (access(path.c_str(), R_OK) != 0) {
    Problem("'", path, "': want the data file, got none");
    return Send(kDone, "");
  }
  const EnvironmentOptions options{.map_bytes = StoreOptions().map_bytes,
                                   .max_map_bytes = StoreOptions().max_map_bytes,
                                   .max_readers = StoreOptions().max_readers,
                                   .read_only = true,
                                   .ends_on_damage = true};
  const absl::StatusOr<std::shared_ptr<Environment>> environment = Environment::Open(path, options);
  if (environment.ok()) {
    CheckData(path, **environment);
  } else {
    Problem(environment.status().message());
  }
  Send(kDone, "");
}

// Takes one line of the child; returns whether it was the last.
bool TakeLine(std::string_view line, StoreReport& report, std::string& step) {
  if (line.empty()) return false;
  const std::string text(line.substr(1));
  if (line[0] == kStep) step = text;
  if (line[0] == kProblem) report.problems.push_back(text);
  if (line[0] == kWindow && !text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size() - 1);
    std::optional<std::int64_t> keep_us;
    std::int64_t number = 0;
    if (absl::SimpleAtoi(text.substr(space + 1), &number)) keep_us = number;
    (space == 0 ? report.retention.keep_us : report.retention.kinds[text.substr(0, space)]) = keep_us;
  }
  if (line[0] == kCounts) {
    std::uint64_t* const counts[] = {&report.events, &report.users, &report.items};
    std::size_t at = 0;
    for (std::uint64_t* const count : counts) {
      *count = 0;
      for (; at < text.size() && text[at] != ' '; ++at)
        *count = 10 * *count + static_cast<std::uint64_t>(text[at] - '0');
      ++at;
    }
  }
  return line[0] == kDone;
}

absl::StatusOr<StoreReport> Verify(const std::string& folder) {
  const absl::StatusOr<std::uint64_t> current = ReadCurrent(folder);
  if (absl::IsNotFound(current.status()) && !IsUnfinished(folder))
    return absl::NotFoundError(absl::StrCat("'", folder, "': want a store, got a folder without one"));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ToStatus(errno, "VerifyStore");
  file::FileDescriptor from(ends[0]);
  file::FileDescriptor to(ends[1]);
  const pid_t child = fork();
  if (child < 0) return absl::ResourceExhaustedError("VerifyStore: want a child process, got none");
  if (child == 0) {
    // The child of a host with threads: it runs no handler and no destructor of the host's, and ends here.
    (void)from.Close();
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) std::signal(signal, SIG_DFL);
    std::signal(SIGPIPE, SIG_IGN);
    try {
      Checker(folder, to.get()).Run();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  (void)to.Close();
  StoreReport report;
  std::string text;
  std::string step;
  bool done = false;
  char buffer[4096];
  while (!done) {  // another child of the host may hold the other end open
    const ssize_t size = read(from.get(), buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      done = TakeLine(std::string_view(text).substr(0, end), report, step) || done;
      text.erase(0, end + 1);
    }
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (done) return report;
  const std::string end = WIFSIGNALED(status)                    ? absl::StrCat("signal ", WTERMSIG(status))
                          : WEXITSTATUS(status) == kPagesDamaged ? "LMDB, which found its pages damaged"
                                                                 : "an exception";
  report.problems.push_back(absl::StrCat("the reading of ", step, " was ended by ", end));
  return report;
}

}  // namespace
}  // namespace store

absl::StatusOr<StoreReport> VerifyStore(const std::string& folder) {
  return file::Guard("VerifyStore", [&] { return store::Verify(folder); });
}

}  // namespace waypost
