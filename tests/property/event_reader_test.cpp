// Laws of the readers: what is written in any format, with any quoting, line ends, byte-order mark and compression,
// reads back as the same log; and damaged text ends in an error or in fewer rows, never in different ones.
#include "waypost/event/reader.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing_support::Row;

// Pieces of ids: all that a format could mistake for its own signs, and characters of one to four bytes.
constexpr std::string_view kPieces[] = {
    "a",  "Z",  "0",  "7",    "-",    ",",  "\"",       "\"\"",         " ",
    "\t", "\n", "\r", "\\",   "{",    "]",  "\xC3\xA9", "\xE6\xB1\x89", "\xF0\x9F\x98\x80",
    "|",  ":",  "'",  "\x01", "\x7F", "/n", "null"};

std::string RandomId(Random& random, bool words) {
  std::string id;
  const std::uint64_t length = 1 + random.Below(6);
  while (id.size() < length) {
    const std::string_view piece = kPieces[random.Below(std::size(kPieces))];
    if (words && piece.find_first_of(" \t\n\r") != std::string_view::npos) continue;
    id += piece;
  }
  return id;
}

// Ids are drawn from small pools, so that they repeat.
std::vector<Row> RandomRows(std::uint64_t seed, bool words) {
  Random random(seed);
  std::vector<std::string> pool;
  for (int n = 0; n < 12; ++n) pool.push_back(RandomId(random, words));
  std::vector<Row> rows(1 + random.Below(40));
  constexpr std::array<const char*, 4> kKinds = {"view", "like", "pay", "dismiss"};
  for (Row& row : rows) {
    row = {.user = pool[random.Below(pool.size())], .item = pool[random.Below(pool.size())]};
    if (words) continue;
    row.kind = kKinds[random.Below(kKinds.size())];
    if (random.Below(3) != 0) row.value = static_cast<float>(random.Normal() * std::pow(10.0, random.Below(9)));
    if (random.Below(3) != 0) row.time_us = static_cast<std::int64_t>(random.Bits() >> 10) - (std::int64_t{1} << 53);
  }
  return rows;
}

template <typename Number>
std::string Print(Number number) {
  std::array<char, 64> text;
  return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

// The five fields in the order of kColumns; an absent one is empty.
constexpr std::array<std::string_view, 5> kColumns = {"user", "item", "kind", "value", "time"};
std::array<std::string, 5> Fields(const Row& row) {
  return {row.user, row.item, row.kind, row.value ? Print(*row.value) : "", row.time_us ? Print(*row.time_us) : ""};
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string WriteTable(const std::vector<Row>& rows, char delimiter, Random& random) {
  std::array<std::size_t, 5> order = {0, 1, 2, 3, 4};
  random.Shuffle(std::span<std::size_t>(order));
  std::string text = random.Bernoulli(0.5) ? "\xEF\xBB\xBF" : "";
  const auto write = [&](const auto& fields) {
    for (std::size_t n = 0; n < order.size(); ++n) {
      const std::string field(fields[order[n]]);
      if (n > 0) text += delimiter;
      const bool must = field.find_first_of(std::string("\n\r") + delimiter) != std::string::npos ||
                        (!field.empty() && field[0] == '"');
      text += must || random.Bernoulli(0.3) ? Quoted(field) : field;
    }
    if (random.Bernoulli(0.5)) text += '\r';
    text += '\n';
    while (random.Bernoulli(0.1)) text += "\n";
  };
  write(kColumns);
  for (const Row& row : rows) write(Fields(row));
  return text;
}

std::string JsonString(std::string_view text, Random& random) {
  std::string json = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view kHex = "0123456789abcdef";
    if (byte < 0x20 || (byte < 0x80 && random.Bernoulli(0.2))) {
      json += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    } else if (c == '"' || c == '\\') {
      json += std::string("\\") + c;
    } else {
      json += c;
    }
  }
  return json + '"';
}

std::string WriteJsonLines(const std::vector<Row>& rows, Random& random) {
  std::string text = random.Bernoulli(0.5) ? "\xEF\xBB\xBF" : "";
  const auto space = [&] { return std::string(random.Below(2), random.Bernoulli(0.5) ? ' ' : '\t'); };
  for (const Row& row : rows) {
    std::array<std::size_t, 5> order = {0, 1, 2, 3, 4};
    random.Shuffle(std::span<std::size_t>(order));
    const std::array<std::string, 5> fields = Fields(row);
    std::string line = "{" + space() + "\"other\":[1,{\"a\":\"}\"}]";
    for (const std::size_t n : order) {
      const std::string& field = fields[n];
      const bool number = n > 2 && random.Bernoulli(0.8);
      if (field.empty() && random.Bernoulli(0.5)) continue;
      line += "," + space() + JsonString(kColumns[n], random) + space() + ":" + space();
      line += field.empty() ? "null" : number ? field : JsonString(field, random);
    }
    text += line + space() + "}" + (random.Bernoulli(0.5) ? "\r\n" : "\n");
  }
  return text;
}

std::string WriteLines(const std::vector<Row>& rows, Random& random) {
  std::string text;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const bool same_line = n > 0 && rows[n].user == rows[n - 1].user && random.Bernoulli(0.7);
    if (!same_line) text += (n == 0 ? "" : "\n") + rows[n].user;
    text += (random.Bernoulli(0.5) ? " " : " \t") + rows[n].item;
  }
  return text;
}

// The bytes as they are, or gzipped in one or more members.
std::string MaybeGzip(const std::string& text, Random& random) {
  if (random.Bernoulli(0.5)) return text;
  const std::size_t cut = random.Below(text.size() + 1);
  return testing_support::Gzip(text.substr(0, cut)) + testing_support::Gzip(text.substr(cut));
}

std::vector<std::string> Describe(const EventLog& log) {
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < log.size(); ++row)
    rows.push_back(std::string(log.users().id(log.columns().users[row])) + "\x1f" +
                   std::string(log.items().id(log.columns().items[row])) + "\x1f" + Print(log.columns().kinds[row]) +
                   "\x1f" + Print(log.value(row)) + "\x1f" + Print(log.time_us(row)));
  return rows;
}

TEST(EventReaderLaws, EveryFormatReadsBackAsTheSameLog) {
  const testing_support::TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 1);
    const std::vector<Row> rows = RandomRows(seed, false);
    const std::vector<std::string> expected = Describe(testing_support::LogOf(rows));
    const std::pair<std::string, std::string> files[] = {{"a.csv", WriteTable(rows, ',', random)},
                                                         {"a.tsv", WriteTable(rows, '\t', random)},
                                                         {"a.jsonl", WriteJsonLines(rows, random)}};
    for (const auto& [name, text] : files) {
      SCOPED_TRACE(name + "\n" + text);
      EventLogBuilder log;
      const absl::StatusOr<ReadReport> report =
          ReadEvents(folder.Write(name, MaybeGzip(text, random)), {.time_unit = TimeUnit::kMicroseconds}, log);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(report->accepted, rows.size());
      EXPECT_EQ(Describe(std::move(log).Build()), expected);
    }
  }
}

TEST(EventReaderLaws, LinesReadBackAsTheSameLog) {
  const testing_support::TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 1);
    const std::vector<Row> rows = RandomRows(seed, true);
    EventLogBuilder log;
    const std::string path = folder.Write("a.txt", MaybeGzip(WriteLines(rows, random), random));
    const absl::StatusOr<ReadReport> report = ReadEvents(path, {}, log);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(Describe(std::move(log).Build()), Describe(testing_support::LogOf(rows)));
  }
}

// A log is the same wherever the reader's window happens to end: records straddle every multiple of its size.
TEST(EventReaderLaws, RecordsAcrossTheWindowsOfTheReaderAreWhole) {
  const testing_support::TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string text = "user,item,note\n";
    std::size_t rows = 0;
    for (; text.size() < 1'500'000; ++rows)
      text += "u" + Print(rows % 97) + ",i" + Print(rows) + ",\"" + std::string(random.Below(40'000), 'x') + "\n\"\n";
    EventLogBuilder builder;
    const absl::StatusOr<ReadReport> report =
        ReadEvents(folder.Write("a.csv", seed == 0 ? testing_support::Gzip(text) : text), {}, builder);
    ASSERT_TRUE(report.ok()) << report.status();
    const EventLog log = std::move(builder).Build();
    ASSERT_EQ(log.size(), rows);
    for (std::size_t row = 0; row < rows; ++row) EXPECT_EQ(log.items().id(log.columns().items[row]), "i" + Print(row));
  }
}

// With one byte changed, a reading that skips bad rows keeps every other row that stands on lines of its own.
TEST(EventReaderLaws, ADamagedByteCostsAtMostTheLinesItTouches) {
  const testing_support::TemporaryFolder folder;
  std::string text = "user,item,value\n";
  for (int n = 0; n < 30; ++n) text += "u" + Print(n) + ",i" + Print(n) + "," + Print(n) + "\n";
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string damaged = text;
    const std::size_t at = 16 + random.Below(text.size() - 16);
    damaged[at] = static_cast<char>(random.Below(256));
    EventLogBuilder builder;
    const absl::StatusOr<ReadReport> report =
        ReadEvents(folder.Write("a.csv", damaged), {.on_error = OnError::kSkip}, builder);
    ASSERT_TRUE(report.ok()) << report.status();
    const std::vector<std::string> kept = Describe(std::move(builder).Build());
    const std::set<std::string> rows(kept.begin(), kept.end());
    std::size_t missing = 0;
    for (int n = 0; n < 30; ++n)
      missing += rows.count("u" + Print(n) + "\x1fi" + Print(n) +
                            "\x1f"
                            "0\x1f" +
                            Print(static_cast<float>(n)) + "\x1f" + Print(kNoTime)) == 0;
    EXPECT_LE(missing, 2u);  // two where the line end between them is the byte
  }
}

}  // namespace
}  // namespace waypost
