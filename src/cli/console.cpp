#include "console.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <utility>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "waypost/base/status.hpp"

namespace waypost::cli {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;
constexpr int kBarWidth = 30;
constexpr double kLineSeconds = 2;  // at least, between two lines of progress

volatile std::sig_atomic_t interrupted = 0;

std::uint64_t peak_before_reset = 0;

void OnInterrupt(int) {
  interrupted = 1;
}

}  // namespace

Console::Console(std::string verb)
    : verb_(std::move(verb)), terminal_(isatty(STDERR_FILENO) == 1), begin_(std::chrono::steady_clock::now()) {}

Console::~Console() {
  EndBar();
}

void Console::Write(std::string_view data) {
  buffer_ += data;
  if (buffer_.size() >= kBufferBytes) (void)Flush();  // a failure is kept and reported by the last Flush
}

absl::Status Console::Flush() {
  if (!buffer_.empty()) {
    failed_ = failed_ || std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size();
    buffer_.clear();
  }
  failed_ = std::fflush(stdout) != 0 || failed_;
  if (failed_) return absl::UnavailableError("standard output: cannot write");
  return absl::OkStatus();
}

void Console::Note(std::string_view text) {
  EndBar();
  const std::string line = absl::StrCat("waypost ", verb_, ": ", internal::ToAbsl(text), "\n");
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

void Console::Progress(std::string_view work, std::uint64_t done, std::uint64_t total, std::string_view detail) {
  if (total <= 1) return;
  if (!terminal_) {
    if (done < total && seconds() - last_line_ < kLineSeconds) return;
    last_line_ = seconds();
    Note(absl::StrCat(internal::ToAbsl(work), " ", done, "/", total, detail.empty() ? "" : "  ",
                      internal::ToAbsl(detail)));
    return;
  }
  const int filled = static_cast<int>(kBarWidth * done / total);
  const std::string line =
      absl::StrFormat("\r%s [%s%s] %d/%d  %s\x1b[K", internal::ToAbsl(work), std::string(filled, '='),
                      std::string(kBarWidth - filled, ' '), done, total, internal::ToAbsl(detail));
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
  (void)std::fflush(stderr);
  bar_ = true;
}

void Console::EndBar() {
  if (std::exchange(bar_, false)) (void)std::fputc('\n', stderr);
}

double Console::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void Console::CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  (void)sigaction(SIGINT, &action, nullptr);
  (void)sigaction(SIGTERM, &action, nullptr);
}

bool Console::Interrupted() {
  return interrupted != 0;
}

bool Console::WritesToTerminal() {
  return isatty(STDOUT_FILENO) == 1;
}

std::uint64_t PeakRssSinceReset() {
  rusage usage = {};
  (void)getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

std::uint64_t PeakRssBytes() {
  return std::max(peak_before_reset, PeakRssSinceReset());
}

bool ResetPeakRss() {
  malloc_trim(0);  // what an earlier model has given back is not this one's
  peak_before_reset = PeakRssBytes();
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;  // resets the high-water mark, see proc(5)
  return file.good();
}

}  // namespace waypost::cli
