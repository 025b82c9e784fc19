#include "report.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "waypost/base/simd.hpp"
#include "waypost/version.hpp"

namespace waypost::peers {
namespace {

std::string NumberText(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

// Names and values here are plain words: only what would end the string is escaped.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::uint64_t ResidentBytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Report::Report(std::string_view name, int threads) {
  Add("library", "waypost");
  Add("version", WAYPOST_VERSION_STRING);
  Add("simd", SimdTargetName());
  Add("case", name);
  Add("threads", threads);
}

void Report::AddRaw(std::string_view key, std::string_view json) {
  members_ += members_.empty() ? "" : ", ";
  members_ += Quoted(key) + ": ";
  members_ += json;
}

void Report::Add(std::string_view key, double value) {
  AddRaw(key, NumberText(value));
}

void Report::Add(std::string_view key, std::string_view text) {
  AddRaw(key, Quoted(text));
}

void Report::Add(std::string_view key, std::span<const double> values) {
  std::string list;
  for (double value : values) list += (list.empty() ? "" : ", ") + NumberText(value);
  AddRaw(key, "[" + list + "]");
}

void Report::Add(std::string_view key, const std::map<std::string, double>& values) {
  std::string members;
  for (const auto& [name, value] : values)
    members += (members.empty() ? "" : ", ") + Quoted(name) + ": " + NumberText(value);
  AddRaw(key, "{" + members + "}");
}

void Report::Add(const Timing& timing) {
  Add("seconds", timing.seconds);
  Add("cpu_seconds", timing.cpu_seconds);
}

void Report::Print() {
  Add("peak_rss_bytes", static_cast<double>(PeakResidentBytes()));
  std::printf("{%s}\n", members_.c_str());
  std::fflush(stdout);
}

}  // namespace waypost::peers
