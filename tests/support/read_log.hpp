// Reads a whole event file for a test, as its suffix says.
#ifndef WAYPOST_TESTS_SUPPORT_READ_LOG_HPP_
#define WAYPOST_TESTS_SUPPORT_READ_LOG_HPP_

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "waypost/event/reader.hpp"

namespace waypost::testing_support {

inline EventLog ReadLog(const std::string& path, const ReadOptions& options = {}) {
  EventLogBuilder log;
  const absl::StatusOr<ReadReport> report = ReadEvents(path, options, log);
  EXPECT_TRUE(report.ok()) << report.status();
  return std::move(log).Build();
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_READ_LOG_HPP_
