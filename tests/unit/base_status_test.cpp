#include "waypost/base/status.hpp"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace waypost {
namespace {

absl::StatusOr<std::unique_ptr<int>> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError(absl::StrCat("Half.value: want an even number, got ", value));
  return std::make_unique<int>(value / 2);
}

absl::Status CheckQuarter(int value, int& calls) {
  WAYPOST_RETURN_IF_ERROR(Half(value).status());
  ++calls;
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(value));
  WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<int> quarter, Half(*half));  // two in one scope
  calls += *quarter;
  return absl::OkStatus();
}

TEST(Status, MacrosPassTheFirstErrorUpAndMoveValues) {
  int calls = 0;
  EXPECT_TRUE(CheckQuarter(8, calls).ok());
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(CheckQuarter(7, calls).message(), "Half.value: want an even number, got 7");
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(CheckQuarter(6, calls).message(), "Half.value: want an even number, got 3");
}

TEST(Status, ContextComesBeforeTheMessageAndKeepsTheCode) {
  const absl::Status status = internal::AddContext("section FACT", absl::DataLossError("want 4 bytes, got 3"));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "section FACT: want 4 bytes, got 3");
}

TEST(Status, StringViewsConvertBothWaysWithEmbeddedZeros) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(internal::ToStd(internal::ToAbsl(text)), text);
  EXPECT_EQ(internal::ToAbsl({}).size(), 0u);
}

}  // namespace
}  // namespace waypost
