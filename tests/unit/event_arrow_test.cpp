#include "waypost/event/arrow.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/arrow_batches.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using Column = testing_support::ArrowCells;
using Sample = testing_support::ArrowBatch;
using Stream = testing_support::ArrowBatches;

template <typename T>
std::vector<char> Bytes(const std::vector<T>& cells) {
  std::vector<char> bytes(cells.size() * sizeof(T) + 1);  // never empty: an empty buffer may be NULL
  if (!cells.empty()) std::memcpy(bytes.data(), cells.data(), cells.size() * sizeof(T));
  return bytes;
}

template <typename T>
Column Numbers(std::string name, std::string format, const std::vector<T>& cells) {
  return {.name = std::move(name),
          .format = std::move(format),
          .buffers = {{}, Bytes(cells)},
          .length = static_cast<std::int64_t>(cells.size())};
}

template <typename Offset = std::int32_t>
Column Texts(std::string name, const std::vector<std::string>& cells) {
  std::vector<Offset> offsets = {0};
  std::string bytes;
  for (const std::string& cell : cells) {
    bytes += cell;
    offsets.push_back(static_cast<Offset>(bytes.size()));
  }
  return {.name = std::move(name),
          .format = sizeof(Offset) == 4 ? "u" : "U",
          .buffers = {{}, Bytes(offsets), std::vector<char>(bytes.begin(), bytes.end())},
          .length = static_cast<std::int64_t>(cells.size())};
}

Column Views(std::string name, const std::vector<std::string>& cells) {
  std::string views;
  std::string bytes;
  const auto add = [&](std::int32_t number) { views.append(reinterpret_cast<const char*>(&number), 4); };
  for (const std::string& cell : cells) {
    add(static_cast<std::int32_t>(cell.size()));
    if (cell.size() <= 12) {
      views += cell + std::string(12 - cell.size(), '\0');
    } else {
      views += cell.substr(0, 4);
      add(0);
      add(static_cast<std::int32_t>(bytes.size()));
      bytes += cell;
    }
  }
  return {.name = std::move(name),
          .format = "vu",
          .buffers = {{},
                      std::vector<char>(views.begin(), views.end()),
                      std::vector<char>(bytes.begin(), bytes.end()),
                      Bytes(std::vector<std::int64_t>{static_cast<std::int64_t>(bytes.size())})},
          .length = static_cast<std::int64_t>(cells.size())};
}

// The cells that `rows` of another column name.
template <typename Index>
Column Encoded(std::string format, Column dictionary, const std::vector<Index>& rows) {
  Column column = Numbers(dictionary.name, std::move(format), rows);
  column.dictionary = std::make_shared<Column>(std::move(dictionary));
  return column;
}

struct Outcome {
  absl::Status status;
  ReadReport report;
  std::vector<std::string> rows;
};

std::vector<std::string> Describe(const EventLog& log) {
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < log.size(); ++row)
    rows.push_back(absl::StrCat(internal::ToAbsl(log.user_id(row)), " ", internal::ToAbsl(log.item_id(row)), " ",
                                log.kind(row).name, " ", log.value(row), " ",
                                log.time_us(row) == kNoTime ? "-" : absl::StrCat(log.time_us(row))));
  return rows;
}

Outcome Append(Sample& sample, const ReadOptions& options = {}) {
  EventLogBuilder builder;
  const absl::StatusOr<ReadReport> report = AppendArrow(&sample.schema, &sample.array, options, builder);
  EXPECT_EQ(sample.schema_releases, 1);  // exactly once, whatever the result
  EXPECT_EQ(sample.array_releases, 1);
  EXPECT_EQ(sample.schema.release, nullptr);
  EXPECT_EQ(sample.array.release, nullptr);
  return {report.status(), report.value_or(ReadReport{}), Describe(std::move(builder).Build())};
}

std::string MessageOf(std::vector<Column> columns, const ReadOptions& options = {}) {
  Sample sample(std::move(columns));
  const Outcome outcome = Append(sample, options);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(outcome.status.message());
}

TEST(Arrow, ReadsEveryFormOfAnId) {
  const std::vector<std::string> expected = {"7 300 view nan -", "8 5 view nan -", "7 5 view nan -"};
  const std::vector<std::string> long_names = {"a name of more than twelve bytes", "short",
                                               "another of more than twelve"};
  const auto check = [&](Column users, Column items, const std::vector<std::string>& rows) {
    Sample sample({std::move(users), std::move(items)});
    const Outcome outcome = Append(sample);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.rows, rows);
  };
  check(Numbers<std::int64_t>("user", "l", {7, 8, 7}), Numbers<std::uint16_t>("item", "S", {300, 5, 5}), expected);
  check(Numbers<std::int8_t>("user", "c", {7, 8, 7}), Numbers<std::uint64_t>("item", "L", {300, 5, 5}), expected);
  check(Texts("user", {"7", "8", "7"}), Texts<std::int64_t>("item", {"300", "5", "5"}), expected);
  check(Views("user", {"7", "8", "7"}), Encoded<std::int8_t>("c", Texts("item", {"300", "5"}), {0, 1, 1}), expected);
  check(Encoded<std::uint32_t>("I", Numbers<std::int32_t>("user", "i", {8, 7}), {1, 0, 1}),
        Encoded<std::int64_t>("l", Views("item", {"5", "300"}), {1, 0, 0}), expected);
  check(Views("user", long_names), Numbers<std::int32_t>("item", "i", {-1, 2, 3}),
        {long_names[0] + " -1 view nan -", long_names[1] + " 2 view nan -", long_names[2] + " 3 view nan -"});
}

TEST(Arrow, ReadsKindsValuesAndTimes) {
  Sample sample({Texts("user", {"u", "v", "w"}), Numbers<std::int32_t>("item", "i", {1, 2, 3}),
                 Texts("kind", {"like", "", "pay"}), Numbers<double>("value", "g", {0.5, 2, -1}),
                 Numbers<std::int64_t>("time", "tsn:UTC", {1500, -1, 0})});
  sample.columns()[3].array.null_count = 1;
  const std::uint8_t valid = 0b101;
  sample.columns()[3].buffer_list[0] = &valid;
  EXPECT_THAT(Append(sample).rows, testing::ElementsAre("u 1 like 0.5 1", "v 2 view nan -1", "w 3 pay -1 0"));
  Sample days({Texts("user", {"u"}), Texts("item", {"i"}), Numbers<std::int32_t>("time", "tdD", {2}),
               Numbers<std::int16_t>("value", "s", {3})});
  EXPECT_THAT(Append(days).rows, testing::ElementsAre("u i view 3 172800000000"));
  Sample integers({Texts("user", {"u"}), Texts("item", {"i"}), Numbers<std::int32_t>("time", "i", {2})});
  EXPECT_THAT(Append(integers, {.time_unit = TimeUnit::kSeconds}).rows, testing::ElementsAre("u i view nan 2000000"));
}

TEST(Arrow, HonoursOffsetsOfTheBatchAndOfItsColumns) {
  Column users = Texts("user", {"a", "b", "c", "d", "e"});
  users.offset = 1;
  users.length = 4;
  Column items = Numbers<std::int64_t>("item", "l", {0, 1, 2, 3, 4});
  Sample sample({std::move(users), std::move(items)}, 2, 1);
  EXPECT_THAT(Append(sample).rows, testing::ElementsAre("c 1 view nan -", "d 2 view nan -"));
}

TEST(Arrow, RefusesOrSkipsBadRows) {
  const auto columns = [] {
    std::vector<Column> all = {Texts("user", {"u", "", "w", "\xFF", "y"}),
                               Numbers<float>("value", "f", {1, 2, 3, 4, INFINITY}),
                               Texts("item", {"1", "2", "3", "4", "5"})};
    all[2].null_count = 1;
    all[2].buffers[0] = {0b11011};
    return all;
  };
  EXPECT_EQ(MessageOf(columns()), "Arrow row 1: column 'user': want 1..256 bytes, got 0");
  Sample sample(columns());
  const Outcome outcome = Append(sample, {.on_error = OnError::kSkip});
  EXPECT_EQ(outcome.report.accepted, 1u);
  EXPECT_EQ(outcome.report.skipped, 4u);
  ASSERT_EQ(outcome.report.messages.size(), 4u);
  EXPECT_EQ(outcome.report.messages[1], "Arrow row 2: column 'item': want an id, got null");
  EXPECT_THAT(outcome.report.messages[2], HasSubstr("want UTF-8"));
  EXPECT_THAT(outcome.report.messages[3], HasSubstr("column 'value': want a finite number"));
}

TEST(Arrow, RefusesColumnsOfOtherTypes) {
  const Column item = Texts("item", {"i"});
  EXPECT_THAT(MessageOf({Numbers<float>("user", "f", {1}), item}), HasSubstr("'user': want integers or texts"));
  EXPECT_THAT(MessageOf({Texts("user", {"u"}), Texts("thing", {"i"})}), HasSubstr("'item': want this column"));
  EXPECT_THAT(MessageOf({Texts("user", {"u"}), item, item}), HasSubstr("want it once"));
  EXPECT_THAT(MessageOf({Texts("user", {"u"}), item, Texts("value", {"1"})}), HasSubstr("'value': want numbers"));
  EXPECT_THAT(MessageOf({Texts("user", {"u"}), item, Numbers<std::int64_t>("time", "l", {1})}), HasSubstr("time unit"));
  EXPECT_THAT(MessageOf({Texts("user", {"u"}), item, Numbers<std::int64_t>("kind", "l", {1})}),
              HasSubstr("'kind': want texts"));
  EXPECT_THAT(MessageOf({Numbers<std::int64_t>("user", "+l", {1}), item}), HasSubstr("Arrow format '+l'"));
  EXPECT_THAT(MessageOf({Texts("user", {}), Texts("item", {})}), HasSubstr("want at least one row"));
}

// What a wrong or hostile giver may say; each ends in an error, and in one release of everything.
TEST(Arrow, RefusesStructuresThatBreakTheInterface) {
  const auto broken = [](const auto& change) {
    Sample sample({Texts("user", {"u", "v"}), Encoded<std::int32_t>("i", Texts("item", {"i"}), {0, 0})});
    change(sample);
    const Outcome outcome = Append(sample);
    EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInvalidArgument) << outcome.status;
    return std::string(outcome.status.message());
  };
  broken([](Sample& s) { s.array.length = -1; });
  broken([](Sample& s) { s.array.length = 3; });
  broken([](Sample& s) { s.array.offset = 1; });
  broken([](Sample& s) { s.array.offset = INT64_MAX; });
  broken([](Sample& s) { s.array.n_children = 1; });
  broken([](Sample& s) { s.array.children = nullptr; });
  broken([](Sample& s) { s.array.children[0] = nullptr; });
  broken([](Sample& s) { s.schema.children[0] = nullptr; });
  broken([](Sample& s) { s.schema.n_children = -2; });
  broken([](Sample& s) { s.schema.format = nullptr; });
  broken([](Sample& s) { s.schema.format = "u"; });
  broken([](Sample& s) { s.array.null_count = 1; });
  for (const std::size_t column : {0, 1}) {
    broken([&](Sample& s) { s.columns()[column].schema.format = nullptr; });
    broken([&](Sample& s) { s.columns()[column].array.length = -5; });
    broken([&](Sample& s) { s.columns()[column].array.offset = INT64_MAX - 1; });
    broken([&](Sample& s) { s.columns()[column].array.n_buffers = 1; });
    broken([&](Sample& s) { s.columns()[column].array.buffers = nullptr; });
    broken([&](Sample& s) { s.columns()[column].buffer_list[1] = nullptr; });
    broken([&](Sample& s) { s.columns()[column].array.null_count = 1; });
  }
  broken([](Sample& s) { s.columns()[0].buffer_list[2] = nullptr; });
  broken([](Sample& s) { s.columns()[1].array.dictionary = nullptr; });
  broken([](Sample& s) { s.columns()[1].dictionary->array.length = 0; });
  broken([](Sample& s) { s.columns()[1].dictionary->array.length = -1; });
  const std::int32_t offsets[] = {0, 5, 2};
  EXPECT_THAT(broken([&](Sample& s) { s.columns()[0].buffer_list[1] = offsets; }), HasSubstr("offsets that ascend"));
  const std::int32_t negative[] = {-3, 0, -2};
  broken([&](Sample& s) { s.columns()[0].buffer_list[1] = negative; });
  const std::int32_t indices[] = {0, 1};
  EXPECT_THAT(broken([&](Sample& s) { s.columns()[1].buffer_list[1] = indices; }),
              HasSubstr("Arrow row 1: column 'item': want a dictionary index below 1"));
}

TEST(Arrow, RefusesViewsOutsideTheirBuffers) {
  for (const std::int32_t wrong : {-1, 1, 99}) {
    for (const std::size_t word : {2, 3}) {  // number of the buffer, offset in it
      Column users = Views("user", {"a name of more than twelve bytes"});
      if (word == 3 && wrong == 1) users.buffers[3] = Bytes(std::vector<std::int64_t>{10});
      std::memcpy(users.buffers[1].data() + 4 * word, &wrong, 4);
      EXPECT_THAT(MessageOf({users, Texts("item", {"i"})}), HasSubstr("want a text")) << wrong << " " << word;
    }
  }
}

TEST(Arrow, AppendsTheBatchesOfAStream) {
  Stream stream;
  std::vector<std::string> expected;
  for (std::int64_t batch = 0; batch < 30; ++batch) {
    std::vector<std::int64_t> users;
    for (std::int64_t row = 0; row < 20 * batch; ++row) users.push_back(batch * row % 37);
    for (const std::int64_t user : users) expected.push_back(absl::StrCat(user, " ", user, " view nan -"));
    stream.batches.emplace_back(std::vector<Column>{Numbers("user", "l", users), Numbers("item", "l", users)});
  }
  EventLogBuilder builder;
  const absl::StatusOr<ReadReport> report = AppendArrowStream(stream.Start(), {}, builder);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Describe(std::move(builder).Build()), expected);
  EXPECT_EQ(stream.releases, 1);
  for (const Sample& batch : stream.batches) EXPECT_EQ(batch.array_releases, 1);
}

TEST(Arrow, ReportsTheErrorOfAStream) {
  Stream stream;
  stream.error = 5;
  stream.batches.emplace_back(std::vector<Column>{Texts("user", {"u"}), Texts("item", {"i"})});
  EventLogBuilder builder;
  EXPECT_EQ(AppendArrowStream(stream.Start(), {}, builder).status(),
            absl::FailedPreconditionError("Arrow: the stream failed with 5: the disk is gone"));
  EXPECT_EQ(stream.releases, 1);
}

}  // namespace
}  // namespace waypost
