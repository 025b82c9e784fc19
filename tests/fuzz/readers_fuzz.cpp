// Any bytes given to the readers end in records or in an error that names the file: never in a crash, a throw, or
// events that break the invariants of a log. The first byte chooses format, table and error policy; the rest is the
// file.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

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

void CheckEvents(const std::string& path, const waypost::ReadOptions& options) {
  waypost::EventLogBuilder builder;
  const absl::StatusOr<waypost::ReadReport> report = waypost::ReadEvents(path, options, builder);
  CheckStatus(report.status(), path);
  const waypost::EventLog log = std::move(builder).Build();
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
