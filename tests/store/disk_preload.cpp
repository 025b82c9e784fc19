// A library for LD_PRELOAD: puts the Disk into a program that knows nothing of it, as its environment says
// (disk_journal.hpp). What the program prints is noted, for that is how it acknowledges.
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "disk_calls.hpp"
#include "disk_journal.hpp"

namespace waypost::testing_support {
namespace {

pid_t process = 0;  // children that it forks write no journal

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

__attribute__((constructor)) void Begin() {
  process = getpid();
  DiskFault fault;
  std::istringstream(Variable(kFaultVariable)) >> fault.at >> fault.error >> fault.lasting;
  Disk::Get().Fail(fault);
  Disk::Get().Watch(Variable(kWatchVariable));
}

__attribute__((destructor)) void End() {
  if (getpid() == process) AppendToJournal(Disk::Get().Stop(), Variable(kJournalVariable));
}

}  // namespace
}  // namespace waypost::testing_support

// The C library's own output does not go through write().
extern "C" std::size_t fwrite(const void* bytes, std::size_t size, std::size_t count, FILE* file) {
  using namespace waypost::testing_support;
  const std::size_t written =
      RealCall<std::size_t(const void*, std::size_t, std::size_t, FILE*)>("fwrite")(bytes, size, count, file);
  if (file == stdout || file == stderr) Disk::Get().Note(std::string(static_cast<const char*>(bytes), written * size));
  return written;
}
