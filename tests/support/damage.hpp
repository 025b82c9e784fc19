// What damaged files must give.
#ifndef WAYPOST_TESTS_SUPPORT_DAMAGE_HPP_
#define WAYPOST_TESTS_SUPPORT_DAMAGE_HPP_

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/status.hpp"

namespace waypost::testing_support {

// An error that says that the file is to blame, and its place.
inline void ExpectNamed(const absl::Status& status) {
  using testing::HasSubstr;
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.code() == absl::StatusCode::kDataLoss || status.code() == absl::StatusCode::kUnimplemented)
      << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::ContainsRegex("header|section|file.size|end mark|padding"), HasSubstr("want"),
                             HasSubstr("got")));
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_DAMAGE_HPP_
