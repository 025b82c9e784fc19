// Any bytes given to the readers end in records or in an error that names the file: never in a crash, a throw, or
// events that break the invariants of a log. The first byte chooses format, table and error policy; the rest is the
// file. Events are read twice, the second time in tiny blocks, which must not show.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "event/event_blocks.hpp"
#include "waypost/event/reader.hpp"

namespace {

// Ends the program where a law is broken, so that the fuzzer keeps the input.
void Check(bool law) {
  if (!law) std::abort();
}

void CheckStatus(const absl::Status& status, const std::string& path) {
  if (status.ok()) return;
  const std::string message(status.message());
  Check(message.compare(0, path.size(), path) == 0 && status.code() != absl::StatusCode::kInternal);
}

// The events of a file in blocks of a few bytes, as many as the file, and without the fast path.
void CheckBlocks(const std::string& path, waypost::ReadOptions options, const absl::Status& status,
                 const waypost::EventLog& expected) {
  options.parallelism = waypost::Parallelism(1);
  for (const waypost::internal::BlockSizes& sizes :
       {waypost::internal::BlockSizes{7, 5, true}, waypost::internal::BlockSizes{std::size_t{1} << 22, 1, false}}) {
    waypost::EventLogBuilder builder;
    Check(waypost::internal::ReadEventsInBlocks(path, options, sizes, builder).status() == status);
    const waypost::EventLog log = std::move(builder).Build();
    Check(log.columns().users == expected.columns().users && log.columns().items == expected.columns().items);
    Check(log.columns().kinds == expected.columns().kinds && log.columns().values == expected.columns().values);
    Check(log.columns().times_us == expected.columns().times_us);
    for (std::size_t row = 0; row < log.size(); ++row)
      Check(log.user_id(row) == expected.user_id(row) && log.item_id(row) == expected.item_id(row));
  }
}

void CheckEvents(const std::string& path, const waypost::ReadOptions& options) {
  waypost::EventLogBuilder builder;
  const absl::StatusOr<waypost::ReadReport> report = waypost::ReadEvents(path, options, builder);
  CheckStatus(report.status(), path);
  const waypost::EventLog log = std::move(builder).Build();
  CheckBlocks(path, options, report.status(), log);
  if (report.ok()) {
    Check(report->accepted == log.size() && log.size() > 0);
    Check(report->messages.size() == std::min<std::size_t>(report->skipped, waypost::kMaxReportedRows));
    Check(options.on_error == waypost::OnError::kSkip || report->skipped == 0);
  }
  for (std::size_t row = 0; row < log.size(); ++row) {
    const std::size_t user_bytes = log.users().id(log.columns().users[row]).size();
    const std::size_t item_bytes = log.items().id(log.columns().items[row]).size();
    Check(user_bytes >= 1 && user_bytes <= waypost::kMaxIdBytes);
    Check(item_bytes >= 1 && item_bytes <= waypost::kMaxIdBytes);
    Check(!std::isinf(log.value(row)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int file = memfd_create("fuzz", 0);
  Check(file >= 0);
  std::size_t written = 1;
  while (written < size) {
    const ssize_t count = write(file, data + written, size - written);
    Check(count > 0);
    written += static_cast<std::size_t>(count);
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  constexpr waypost::InputFormat kFormats[] = {waypost::InputFormat::kLines, waypost::InputFormat::kCsv,
                                               waypost::InputFormat::kTsv, waypost::InputFormat::kJsonLines};
  const unsigned choice = data[0];  // bits 0-1: format, 2: policy, 3: time unit, 4-5: table
  waypost::ReadOptions options;
  options.format = kFormats[choice % 4];
  options.on_error = (choice & 4) != 0 ? waypost::OnError::kSkip : waypost::OnError::kStop;
  if ((choice & 8) != 0) options.time_unit = waypost::TimeUnit::kMilliseconds;
  if ((choice & 32) == 0) {
    CheckEvents(path, options);
  } else if ((choice & 16) == 0) {
    CheckStatus(waypost::ReadCatalogue(path, options).status(), path);
  } else {
    CheckStatus(waypost::ReadUserTable(path, options).status(), path);
  }
  close(file);
  return 0;
}
