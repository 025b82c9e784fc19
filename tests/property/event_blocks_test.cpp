// The parallel reader against the sequential one: tiny blocks and rounds, whose borders fall everywhere, give the log,
// the report and the error of one block that holds the whole file and knows no fast path.
#include "event/event_blocks.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"

namespace waypost::internal {
namespace {

// Pieces of a table: fields, quotes that open, close and double, line ends, and what is wrong.
constexpr std::string_view kTablePieces[] = {"u1,i1,view,2.5,7\n",
                                             "u1,i2,,,\n",
                                             "u2,i1,like,-1e2,2024-05-01\r\n",
                                             "\"u3\",\"i,3\",\"view\",\"4\",\"9\"\n",
                                             "\"u\n4\",i4,view,1,1\n",
                                             "\"u\"\"5\",\"\"\"\",view,1,1\n",
                                             "\"long\n\n\n,\r\n\"\"text\",i6,view,3,1\n",
                                             "\n",
                                             "\r\n",
                                             "\"",
                                             ",",
                                             "\n\"",
                                             "u7,i7,view,abc,1\n",
                                             "u8,i8,unknown,1,1\n",
                                             "u9,,view,1,1\n",
                                             "u10,i10\n",
                                             "\xE6\xB1\x89,\xC3\xA9,view,0.125,12\n",
                                             "\xFF,i,view,1,1\n",
                                             "a\"b,c\"\"d,view,1,1\n",
                                             "\"x\"y,i,view,1,1\n",
                                             "u11,i11,view,123456789012345678,-5\n",
                                             "u12,i12,view,.5,1"};
constexpr std::string_view kLinePieces[] = {
    "u1 i1 i2 i3\n", "u2\n", "\n", " u3  i1\ti4 \r\n", "\xE6\xB1\x89 \xC3\xA9\n", "\xFF i1\n", "\r\n", " ",
    "u4 i5",         "\t\n"};
constexpr std::string_view kJsonPieces[] = {R"({"user":"u1","item":"i\n1","value":2})"
                                            "\n",
                                            R"({"user":2,"item":3,"time":4})"
                                            "\r\n",
                                            "{}\n",
                                            "\n",
                                            "{\"user\":\"u\"\n",
                                            "x\n"};

struct Sample {
  std::string name;
  std::string text;
};

std::string Compose(Random& random, std::span<const std::string_view> pieces) {
  std::string text;
  const std::uint64_t count = random.Below(40);
  for (std::uint64_t n = 0; n < count; ++n) {
    std::string_view piece = pieces[random.Below(random.Bernoulli(0.5) ? 8 % pieces.size() + 1 : pieces.size())];
    if (random.Bernoulli(0.05)) piece = piece.substr(0, random.Below(piece.size() + 1));
    text += piece;
    if (random.Bernoulli(0.01)) text += std::string(300, 'x');  // longer than an id may be
  }
  return text;
}

Sample RandomFile(std::uint64_t seed) {
  Random random(seed, 7);
  std::string text = random.Bernoulli(0.2) ? "\xEF\xBB\xBF" : "";
  switch (seed % 4) {
    case 0:
      return {"a.txt", text + Compose(random, kLinePieces)};
    case 1:
      return {"a.jsonl", text + Compose(random, kJsonPieces)};
    default:
      text += "user,item,kind,value,time\n" + Compose(random, kTablePieces);
      if (seed % 4 == 2) return {"a.csv", text};
      for (char& c : text)
        if (c == ',') c = '\t';
      return {"a.tsv", text};
  }
}

// Everything a reading says, as text.
std::string Outcome(const std::string& path, OnError on_error, int threads, const BlockSizes& sizes) {
  EventLogBuilder builder;
  const absl::StatusOr<ReadReport> report = ReadEventsInBlocks(
      path, {.time_unit = TimeUnit::kSeconds, .on_error = on_error, .parallelism = Parallelism(threads)}, sizes,
      builder);
  std::string text(report.status().ToString());
  if (report.ok()) {
    absl::StrAppend(&text, " accepted ", report->accepted, " skipped ", report->skipped, "\n");
    for (const std::string& message : report->messages) text += message + "\n";
  }
  const EventLog log = std::move(builder).Build();
  for (std::size_t row = 0; row < log.size(); ++row)
    absl::StrAppend(&text, log.columns().users[row], ToAbsl(log.user_id(row)), "|", log.columns().items[row],
                    ToAbsl(log.item_id(row)), "|", log.columns().kinds[row], "|", log.value(row), "|", log.time_us(row),
                    "\n");
  return text;
}

TEST(EventBlocks, TinyBlocksReadWhatOneBlockReads) {
  const testing_support::TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 160; ++seed) {
    const Sample sample = RandomFile(seed);
    const std::string path = folder.Write(sample.name, sample.text);
    Random random(seed, 8);
    for (const OnError on_error : {OnError::kStop, OnError::kSkip}) {
      const std::string expected = Outcome(path, on_error, 1, {1 << 20, 1, false});
      for (int trial = 0; trial < 4; ++trial) {
        const BlockSizes sizes{1 + random.Below(60), 1 + random.Below(9), random.Bernoulli(0.7)};
        const int threads = trial == 3 && seed % 8 < 4 ? 2 : 1;
        SCOPED_TRACE(testing::Message() << "seed " << seed << ", blocks of " << sizes.block_bytes << " x "
                                        << sizes.most_blocks << (sizes.fast_path ? ", fast" : "") << "\n"
                                        << sample.text);
        EXPECT_EQ(Outcome(path, on_error, threads, sizes), expected);
      }
    }
  }
}

// Lines at the limit and beyond, and quotes that do not close within it, over many borders.
TEST(EventBlocks, LongLinesAreRefusedAlikeInBlocksOfAnySize) {
  const testing_support::TemporaryFolder folder;
  const std::string good = "u,i,n\n";
  const std::string fits(kMaxLineBytes - 4, 'x');
  const std::string texts[] = {
      "user,item,note\n" + good + "a,b," + fits + "\n" + good + "a,b,x" + fits + "\n" + good,
      "user,item,note\n" + good + "a,b,\"" + std::string(kMaxLineBytes, '\n') + good + "\"\n" + good,
      "user,item,note\n" + good + "a,b," + fits + fits + fits,
      "user,item,note\n\"" + good + fits + "\n" + good + fits + good};
  for (const std::string& text : texts) {
    const std::string path = folder.Write("a.csv", text);
    const std::string expected = Outcome(path, OnError::kSkip, 1, {std::size_t{1} << 23, 1, false});
    for (const std::size_t block_bytes : {std::size_t{50'000}, std::size_t{1} << 18, std::size_t{1} << 20})
      EXPECT_EQ(Outcome(path, OnError::kSkip, 2, {block_bytes, 5, true}), expected) << block_bytes;
  }
}

// What stands before the damage is read, and the error names the line where it is met, whatever the blocks.
TEST(EventBlocks, DamagedGzipEndsAtTheSameLineInBlocksOfAnySize) {
  const testing_support::TemporaryFolder folder;
  std::string text = "user,item,value\n";
  for (int n = 0; n < 3000; ++n) absl::StrAppend(&text, "u", n * 7919 % 3001, ",i", n % 71, ",", n % 5, "\n");
  const std::string whole = testing_support::Gzip(text);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string bytes = whole.substr(0, 20 + random.Below(whole.size() - 20));
    if (seed % 2 == 0) {
      bytes = whole;
      bytes[20 + random.Below(whole.size() - 20)] ^= static_cast<char>(1 + random.Below(255));
    }
    const std::string path = folder.Write("a.csv.gz", bytes);
    const std::string expected = Outcome(path, OnError::kSkip, 1, {1 << 20, 1, false});
    EXPECT_EQ(expected.substr(0, 9), "DATA_LOSS");
    for (const BlockSizes& sizes : {BlockSizes{100, 4, true}, BlockSizes{5000, 3, true}, BlockSizes{}})
      EXPECT_EQ(Outcome(path, OnError::kSkip, 1, sizes), expected);
  }
}

TEST(EventBlocks, ManyThreadsGiveTheSameLog) {
  const testing_support::TemporaryFolder folder;
  Random random(1);
  std::string text = "user,item,value\n";
  for (int n = 0; n < 60'000; ++n)
    absl::StrAppend(&text, "u", random.Below(9000), ",i", random.Below(700), ",", random.Below(5), "\n");
  const std::string path = folder.Write("a.csv", text);
  const std::string expected = Outcome(path, OnError::kStop, 1, {});
  for (int threads : {2, 7}) EXPECT_EQ(Outcome(path, OnError::kStop, threads, {}), expected);
}

}  // namespace
}  // namespace waypost::internal
