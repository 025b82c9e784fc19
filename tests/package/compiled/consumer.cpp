// A program that uses the compiled library: reads a file and counts what it holds.
#include <cstdio>

#include <waypost/base/simd.hpp>
#include <waypost/event/reader.hpp>
#include <waypost/matrix/weighting.hpp>

int main() {
  const char* path = "package_consumer_events.csv";
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return 1;
  std::fputs("user,item,kind\nada,c1,view\nada,c2,complete\nbo,c1,view\n", file);
  std::fclose(file);
  waypost::EventLogBuilder log;
  const auto report = waypost::ReadEvents(path, {}, log);
  std::remove(path);
  if (!report.ok() || report->accepted != 3) return 1;
  const auto interactions = waypost::BuildInteractions(std::move(log).Build());
  if (!interactions.ok() || interactions->positives.users() != 2) return 1;
  std::printf("read 3 events on %s\n", waypost::SimdTargetName());
}
