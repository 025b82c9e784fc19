// peers/program/report.hpp - what one measurement says: a JSON object on one line, the same keys for every library
// (benchmarks/peers/report.py writes the others').
#ifndef WAYPOST_BENCHMARKS_PEERS_PROGRAM_REPORT_HPP_
#define WAYPOST_BENCHMARKS_PEERS_PROGRAM_REPORT_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost::peers {

double WallSeconds();
double ProcessorSeconds();
// Resident now, and at most since the process began.
std::uint64_t ResidentBytes();
std::uint64_t PeakResidentBytes();

double Median(std::vector<double> values);

// Seconds of repeated runs of the same work.
struct Timing {
  std::vector<double> seconds;
  std::vector<double> cpu_seconds;

  // Runs `work`, which returns a status, and notes how long it took.
  template <typename Work>
  absl::Status Run(const Work& work) {
    const double cpu = ProcessorSeconds();
    const double wall = WallSeconds();
    absl::Status status = work();
    seconds.push_back(WallSeconds() - wall);
    cpu_seconds.push_back(ProcessorSeconds() - cpu);
    return status;
  }
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Report {
 public:
  // `name` tells apart the measurements of one run: "k=10".
  Report(std::string_view name, int threads);

  void Add(std::string_view key, double value);
  void Add(std::string_view key, std::string_view text);
  void Add(std::string_view key, std::span<const double> values);
  void Add(std::string_view key, const std::map<std::string, double>& values);
  void Add(const Timing& timing);

  // Writes the line to standard output, with peak_rss_bytes as it is now.
  void Print();

 private:
  void AddRaw(std::string_view key, std::string_view json);

  std::string members_;
};

}  // namespace waypost::peers

#endif  // WAYPOST_BENCHMARKS_PEERS_PROGRAM_REPORT_HPP_
