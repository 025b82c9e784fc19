// error: unused-result|nodiscard
// An error cannot be dropped unseen.
#include "waypost/event/event_log.hpp"

int main() {
  waypost::EventLogBuilder log;
#ifdef WRONG
  log.Append({.user = "ada", .item = "c1", .kind = waypost::kView, .value = {}, .time_us = {}});
  return 0;
#else
  return log.Append({.user = "ada", .item = "c1", .kind = waypost::kView, .value = {}, .time_us = {}}).ok();
#endif
}
