// cli/console.hpp - where the tool writes: data on standard output, notes and progress on standard error.
#ifndef WAYPOST_CLI_CONSOLE_HPP_
#define WAYPOST_CLI_CONSOLE_HPP_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace waypost::cli {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Console {
 public:
  explicit Console(std::string verb);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Appends data to standard output (buffered).
  void Write(std::string_view data);

  // Writes what is buffered.
  // Errors  kUnavailable: standard output takes no more (a full disk, a closed pipe).
  absl::Status Flush();

  // Writes one line to standard error: "waypost VERB: TEXT".
  void Note(std::string_view text);

  // Shows how far a piece of work has come: on a terminal a bar that is redrawn in place, otherwise a line now and
  // then.
  //   detail    what else is known: "loss 0.1234".
  void Progress(std::string_view work, std::uint64_t done, std::uint64_t total, std::string_view detail);

  // Whether standard output is a terminal.
  static bool WritesToTerminal();

  // Since the tool began.
  double seconds() const;

  // Makes an interrupt (Ctrl-C) or a request to terminate a wish that Interrupted() reports, so that the work ends
  // cleanly; a second one kills.
  void CatchInterrupts();
  static bool Interrupted();

 private:
  void EndBar();

  std::string verb_;
  std::string buffer_;
  bool failed_ = false;
  bool terminal_ = false;
  bool bar_ = false;      // a bar stands on the current line
  double last_line_ = 0;  // when a line of progress was written last, as seconds()
  std::chrono::steady_clock::time_point begin_;
};

// The largest memory this process has held.
std::uint64_t PeakRssBytes();

// Makes PeakRssSinceReset count from here on. False where the system does not allow it.
bool ResetPeakRss();
std::uint64_t PeakRssSinceReset();

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_CONSOLE_HPP_
