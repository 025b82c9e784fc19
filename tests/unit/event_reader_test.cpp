#include "waypost/event/reader.hpp"

#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/files.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::Gzip;

struct Outcome {
  absl::Status status;
  ReadReport report;
  EventLog log;
};

class EventReader : public testing::Test {
 protected:
  // Reads `bytes` from a file of that name; in messages the folder is left out.
  Outcome Read(const std::string& name, std::string_view bytes, const ReadOptions& options = {}) const {
    return ReadPath(folder_.Write(name, bytes), options);
  }

  Outcome ReadPath(const std::string& path, const ReadOptions& options = {}) const {
    EventLogBuilder builder;
    const absl::StatusOr<ReadReport> report = ReadEvents(path, options, builder);
    std::string message(report.status().message());
    for (std::size_t at; (at = message.find(folder_.path() + "/")) != std::string::npos;)
      message.erase(at, folder_.path().size() + 1);
    return {absl::Status(report.status().code(), message), report.ok() ? *report : ReadReport(),
            std::move(builder).Build()};
  }

  // The message of reading `bytes`, which must fail with that code.
  std::string MessageOf(const std::string& name, std::string_view bytes, const ReadOptions& options = {},
                        absl::StatusCode code = absl::StatusCode::kInvalidArgument) const {
    const Outcome outcome = Read(name, bytes, options);
    EXPECT_EQ(outcome.status.code(), code) << outcome.status;
    return std::string(outcome.status.message());
  }

  testing_support::TemporaryFolder folder_;
};

// "user item" of every event.
std::vector<std::string> Pairs(const EventLog& log) {
  std::vector<std::string> pairs;
  for (std::size_t row = 0; row < log.size(); ++row)
    pairs.push_back(std::string(log.users().id(log.columns().users[row])) + " " +
                    std::string(log.items().id(log.columns().items[row])));
  return pairs;
}

const std::string kChineseUser = "\xE5\xBC\xA0\xE4\xB8\x89";              // a Chinese name
const std::string kChineseItem = "\xE7\xAE\x97\xE6\xB3\x95\xE5\xAF\xBC";  // "introduction to algorithms"

TEST_F(EventReader, ReadsLinesOfAUserAndItems) {
  const Outcome outcome = Read("a.txt", "u1 a b\nu2\n\nu3\tc  a \n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.report.accepted, 4u);
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("u1 a", "u1 b", "u3 c", "u3 a"));
}

TEST_F(EventReader, ReadsCsvColumnsByNameInAnyOrder) {
  const Outcome outcome = Read("a.csv",
                               "time,extra,item,value,user,kind\n"
                               "2024-05-01,x,go,4.5,ann,rate\n"
                               ",,rust,,bob,\n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("ann go", "bob rust"));
  EXPECT_EQ(outcome.log.columns().kinds[0], kRate);
  EXPECT_EQ(outcome.log.columns().kinds[1], kView);
  EXPECT_EQ(outcome.log.value(0), 4.5f);
  EXPECT_TRUE(std::isnan(outcome.log.value(1)));
  EXPECT_EQ(outcome.log.time_us(0), 1'714'521'600'000'000);
  EXPECT_EQ(outcome.log.time_us(1), kNoTime);
}

TEST_F(EventReader, ReadsQuotedFieldsWithDelimitersQuotesAndLineBreaks) {
  const Outcome outcome = Read("a.csv", "\"user\",item\r\n\"a,\"\"b\"\"\",\"x\r\ny\"\r\n5\" disk,\"\"\"\"\r\n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("a,\"b\" x\r\ny", "5\" disk \""));
}

TEST_F(EventReader, ReadsTsvAndJsonLinesToTheSameLog) {
  const Outcome tsv = Read("a.tsv", "user\titem\tvalue\nann\ta,b\t1\n7\tb\t2\n");
  const Outcome json = Read("a.jsonl",
                            "{\"user\": \"ann\", \"item\": \"a,b\", \"value\": 1}\n"
                            "{\"value\":2e0,\"other\":{\"deep\":[1,{\"x\":null}]},\"item\":\"b\",\"user\":7}\n");
  ASSERT_TRUE(tsv.status.ok()) << tsv.status;
  ASSERT_TRUE(json.status.ok()) << json.status;
  EXPECT_THAT(Pairs(tsv.log), ElementsAre("ann a,b", "7 b"));
  EXPECT_EQ(Pairs(json.log), Pairs(tsv.log));
  EXPECT_EQ(json.log.columns().values, tsv.log.columns().values);
}

TEST_F(EventReader, AcceptsByteOrderMarkCrLfAndAMissingLastLineEnd) {
  for (std::string_view bytes : {"\xEF\xBB\xBFuser,item\r\nu,i\r\n\r\nv,j", "user,item\nu,i\nv,j\r\n"}) {
    const Outcome outcome = Read("a.csv", bytes);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_THAT(Pairs(outcome.log), ElementsAre("u i", "v j"));
  }
}

TEST_F(EventReader, ReadsGzipOfSeveralMembersAndPaddedWithZeros) {
  const std::string packed = Gzip("user,item\nu,i\n") + Gzip("") + Gzip("v,j\n") + std::string(100'000, '\0');
  for (const char* name : {"a.csv.gz", "unmarked.csv"}) {
    const Outcome outcome = Read(name, packed);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_THAT(Pairs(outcome.log), ElementsAre("u i", "v j"));
  }
}

TEST_F(EventReader, KeepsChineseIdsAndIntegers) {
  const Outcome outcome = Read("a.csv", "user,item\n" + kChineseUser + "," + kChineseItem + "\n-12,007\n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Pairs(outcome.log), ElementsAre(kChineseUser + " " + kChineseItem, "-12 007"));
}

TEST_F(EventReader, TakesIdsOf256BytesAndRefuses257) {
  const std::string longest(256, 'x');
  EXPECT_TRUE(Read("a.csv", "user,item\nu," + longest + "\n").status.ok());
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu," + longest + "x\n"),
            "a.csv:2: column 'item': want 1..256 bytes, got 257");
  EXPECT_EQ(MessageOf("a.txt", "u i\nu i " + longest + "x\n"), "a.txt:2: column 'item': want 1..256 bytes, got 257");
  EXPECT_EQ(MessageOf("a.csv", "user,item\n,i\n"), "a.csv:2: column 'user': want 1..256 bytes, got 0");
}

TEST_F(EventReader, KeepsTheSameStringAsUserAndAsItemApart) {
  const Outcome outcome = Read("a.csv", "user,item\nsame,other\nother,same\n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.log.users().Find("same"), 0u);
  EXPECT_EQ(outcome.log.items().Find("same"), 1u);
}

TEST_F(EventReader, KeepsRepeatedPairsForTheDuplicatePolicy) {
  EXPECT_EQ(Read("a.csv", "user,item,value\nu,i,1\nu,i,2\nu,i,1\n").log.size(), 3u);
}

TEST_F(EventReader, NamesAMissingColumnAndThoseThereAre) {
  EXPECT_EQ(MessageOf("a.csv", "user,course\nu,c\n"), "a.csv:1: column 'item': want this column, got 'user', 'course'");
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu,c\n", {.value_column = "rating"}),
            "a.csv:1: column 'rating': want this column, got 'user', 'item'");
  EXPECT_EQ(MessageOf("a.jsonl", "{\"user\":\"u\",\"item\":\"i\"}\n{\"user\":\"u\"}\n"),
            "a.jsonl:2: column 'item': want this column, got 'user'");
  EXPECT_EQ(MessageOf("a.jsonl", "{\"user\":\"u\",\"item\":\"i\"}\n", {.time_column = "at"}),
            "a.jsonl: column 'at': want it in some row, got it in none");
}

TEST_F(EventReader, RefusesAColumnOfAFormatThatHasNone) {
  EXPECT_EQ(MessageOf("a.txt", "u i\n", {.value_column = "rating"}),
            "a.txt: column 'rating': want a format with columns, got lines");
}

TEST_F(EventReader, RefusesRepeatedColumnNames) {
  EXPECT_EQ(MessageOf("a.csv", "user,item,user\nu,i,v\n"), "a.csv:1: column 'user': want it once, got it again");
  EXPECT_TRUE(Read("a.csv", "user,item,,\nu,i,,\n").status.ok());  // without a name: never used
}

TEST_F(EventReader, NamesBothCountsOfARaggedRow) {
  EXPECT_EQ(MessageOf("a.csv", "user,item,value\nu,i,1\nu,i\n"), "a.csv:3: want 3 columns, got 2");
  EXPECT_EQ(MessageOf("a.tsv", "user\titem\nu\ti\tx\n"), "a.tsv:2: want 2 columns, got 3");
}

TEST_F(EventReader, RefusesTextInfinityAndNaNForANumber) {
  for (const char* bad : {"abc", "1.5x", "nan", "NaN", "inf", "-Infinity", "1e39", "1,5", " 1", "0x1p3"}) {
    const std::string row = std::string("u\ti\t") + bad;
    EXPECT_EQ(MessageOf("a.tsv", "user\titem\tvalue\n" + row + "\n"),
              std::string("a.tsv:2: column 'value': want a finite number, got '") + bad + "'");
  }
  EXPECT_EQ(MessageOf("a.jsonl", "{\"user\":\"u\",\"item\":\"i\",\"value\":true}"),
            "a.jsonl:1: column 'value': want a finite number, got 'true'");
}

TEST_F(EventReader, RefusesInvalidUtf8) {
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu,i\nu,caf\xE9\n"), "a.csv:3: want UTF-8, got the byte 0xe9 at byte 6");
  EXPECT_EQ(MessageOf("a.csv", "us\xFF,item\nu,i\n"), "a.csv:1: want UTF-8, got the byte 0xff at byte 3");
}

TEST_F(EventReader, KnowsEveryRowOfTheUtf8Table) {
  const std::vector<std::string> valid = {"\x7F",         "\xC2\x80",         "\xDF\xBF",         "\xE0\xA0\x80",
                                          "\xED\x9F\xBF", "\xEE\x80\x80",     "\xEF\xBF\xBF",     "\xF0\x90\x80\x80",
                                          "\xE1\x80\xBF", "\xF1\x80\x80\x80", "\xF4\x8F\xBF\xBF", "12345678\xC3\xA9"};
  for (const std::string& text : valid) EXPECT_TRUE(Read("a.txt", "u " + text + "\n").status.ok()) << text;
  const std::vector<std::string> invalid = {"\x80",
                                            "\xBF",
                                            "\xC0\x80",
                                            "\xC1\xBF",
                                            "\xC2",
                                            "\xC2\x7F",
                                            "\xE0\x9F\xBF",
                                            "\xED\xA0\x80",
                                            "\xE1\x80",
                                            "\xE1\x80\xC0",
                                            "\xF0\x8F\xBF\xBF",
                                            "\xF4\x90\x80\x80",
                                            "\xF5\x80\x80\x80",
                                            "\xF1\x80\x80",
                                            "\xFE",
                                            "\xFF",
                                            "12345678\xC3"};
  for (const std::string& text : invalid) EXPECT_FALSE(Read("a.txt", "u " + text + "\n").status.ok());
}

TEST_F(EventReader, NamesTheLineWhereAnUnclosedQuoteOpens) {
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu,i\nu,\"i\nv,j\nw,k\n"),
            "a.csv:3: want a quote that closes, got the end of the file after the opening quote");
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu,\"i\n" + std::string(kMaxLineBytes + 10, 'x') + "\n"),
            "a.csv:2: want a quote that closes, got 1048576 bytes after the opening quote");
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu,\"i\"j\n"),
            "a.csv:2: column 2: want ',' after the closing quote, got 'j'");
}

TEST_F(EventReader, LosesOneLineToAnUnclosedQuoteWhenSkipping) {
  const Outcome outcome = Read("a.csv", "user,item\nu,\"i\nv,j\nw,k\n", {.on_error = OnError::kSkip});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("v j", "w k"));
  EXPECT_EQ(outcome.report.skipped, 1u);
}

TEST_F(EventReader, CountsLinesInsideQuotes) {
  EXPECT_EQ(MessageOf("a.csv", "user,item\n\"a\n\nb\",i\nu\n"), "a.csv:5: want 2 columns, got 1");
}

TEST_F(EventReader, TakesALineOfOneMebibyteAndRefusesALongerOne) {
  const auto csv = [](std::size_t length) {
    return "user,item,note\nu,i," + std::string(length - 4, 'x') + "\r\nv,j,y\n";
  };
  EXPECT_TRUE(Read("a.csv", csv(kMaxLineBytes)).status.ok());
  const std::string message = "a.csv:2: want a line of at most 1048576 bytes, got more";
  for (const std::size_t length : {kMaxLineBytes + 1, kMaxLineBytes + 2, kMaxLineBytes + 3, 3 * kMaxLineBytes}) {
    EXPECT_EQ(MessageOf("a.csv", csv(length), {}, absl::StatusCode::kResourceExhausted), message);
    const Outcome outcome = Read("a.csv", csv(length), {.on_error = OnError::kSkip});
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_THAT(Pairs(outcome.log), ElementsAre("v j"));
    EXPECT_THAT(outcome.report.messages, ElementsAre(HasSubstr(message)));
  }
  EXPECT_EQ(
      MessageOf("a.csv", "user,item\n" + std::string(2 * kMaxLineBytes, 'x'), {}, absl::StatusCode::kResourceExhausted),
      message);
}

TEST_F(EventReader, RefusesAnEmptyFileAndAHeaderAlone) {
  EXPECT_EQ(MessageOf("a.csv", ""), "a.csv:1: want a header line, got an empty file");
  EXPECT_EQ(MessageOf("a.csv", "\xEF\xBB\xBF"), "a.csv:1: want a header line, got an empty file");
  EXPECT_EQ(MessageOf("a.csv", "\nuser,item\n"), "a.csv:1: want a header line, got an empty line");
  EXPECT_EQ(MessageOf("a.tsv", "user\titem\n"), "a.tsv:2: want at least one row, got the end of the file");
  EXPECT_EQ(MessageOf("a.txt", ""), "a.txt:1: want at least one row, got the end of the file");
  EXPECT_EQ(MessageOf("a.jsonl", "\n\n"), "a.jsonl:3: want at least one row, got the end of the file");
}

TEST_F(EventReader, RefusesADirectoryAndAMissingFile) {
  std::filesystem::create_directory(folder_.path() + "/dir.csv");
  EXPECT_EQ(ReadPath(folder_.path() + "/dir.csv").status,
            absl::InvalidArgumentError("dir.csv: want a file, got a directory"));
  EXPECT_EQ(ReadPath(folder_.path() + "/none.csv").status,
            absl::NotFoundError("none.csv: want a file, got no such file"));
  EXPECT_THAT(MessageOf("a.dat", "u i\n"), HasSubstr("want a format"));
  EXPECT_TRUE(Read("a.dat", "u i\n", {.format = InputFormat::kLines}).status.ok());
  EXPECT_THAT(std::string(ReadPath("-").status.message()), HasSubstr("want a format"));
}

TEST_F(EventReader, ReadsStandardInputPlainAndGzipped) {
  const std::string text = "user,item\nu,i\nv\n";
  const int standard_input = dup(STDIN_FILENO);
  for (const std::string& bytes : {text, Gzip(text)}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    close(ends[1]);
    ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    const Outcome outcome = ReadPath("-", {.format = InputFormat::kCsv, .on_error = OnError::kSkip});
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_THAT(Pairs(outcome.log), ElementsAre("u i"));
    EXPECT_THAT(outcome.report.messages, ElementsAre("standard input:3: want 2 columns, got 1"));
  }
  if (standard_input >= 0) {
    dup2(standard_input, STDIN_FILENO);
    close(standard_input);
  }
}

TEST_F(EventReader, DetectsGzipCutShortDamagedOrFollowedByOtherBytes) {
  std::string text = "user,item\n";
  for (int i = 0; i < 3000; ++i) text += "u" + std::to_string(i * 7919 % 3001) + ",i" + std::to_string(i) + "\n";
  const std::string packed = Gzip(text);
  constexpr absl::StatusCode kLoss = absl::StatusCode::kDataLoss;
  for (std::size_t size = 2; size < packed.size(); size += size < 40 || size + 40 > packed.size() ? 1 : 97)
    EXPECT_THAT(MessageOf("a.csv.gz", packed.substr(0, size), {.on_error = OnError::kSkip}, kLoss),
                testing::MatchesRegex("a.csv.gz:[0-9]+: want whole gzip data, got data cut short"));
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(MessageOf("a.csv.gz", damaged, {}, kLoss), HasSubstr("got damaged data (incorrect data check)"));
  EXPECT_THAT(MessageOf("a.csv.gz", packed + "u,i\n", {}, kLoss), HasSubstr("got other bytes after it"));
  EXPECT_THAT(MessageOf("a.csv.gz", packed + std::string(9, '\0') + "x", {}, kLoss), HasSubstr("other bytes after it"));
  EXPECT_EQ(MessageOf("a.csv.gz", "user,item\nu,i\n", {}, kLoss), "a.csv.gz: want gzip data, got other bytes");
  EXPECT_EQ(MessageOf("a.csv.gz", "", {}, kLoss), "a.csv.gz: want gzip data, got an empty file");
}

TEST_F(EventReader, AsksForTheUnitOfAnIntegerTime) {
  const std::string bytes = "user,item,time\nu,i,1714521600\n";
  EXPECT_EQ(MessageOf("a.csv", bytes),
            "a.csv:2: column 'time': want a time unit (s, ms, us or d) for an integer time, got '1714521600'");
  EXPECT_EQ(Read("a.csv", bytes, {.time_unit = TimeUnit::kSeconds}).log.time_us(0), 1'714'521'600'000'000);
  EXPECT_EQ(MessageOf("a.csv", "user,item,time\nu,i,soon\n"),
            "a.csv:2: column 'time': want a time such as 2024-05-01T12:30:00Z or an integer, got 'soon'");
}

TEST_F(EventReader, RefusesAnUnknownKindAndNamesThoseThereAre) {
  EXPECT_THAT(MessageOf("a.csv", "user,item,kind\nu,i,view\nu,i,viewed\n"),
              testing::StartsWith("a.csv:3: column 'kind': want one of view, start, progress, "));
  EXPECT_THAT(MessageOf("a.csv", "user,item\nu,i\n", {.default_kind = "seen"}),
              HasSubstr("ReadOptions.default_kind: want a kind of the table, got 'seen'"));
  EXPECT_EQ(Read("a.txt", "u i\n", {.default_kind = "like"}).log.columns().kinds[0], kLike);
}

TEST_F(EventReader, CountsSkippedRowsAndKeepsTheFirstMessages) {
  std::string bytes = "user,item,value\n";
  for (int i = 0; i < 15; ++i) bytes += "u,i,bad\nu,j" + std::to_string(i) + ",1\n";
  const Outcome outcome = Read("a.csv", bytes, {.on_error = OnError::kSkip});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.report.accepted, 15u);
  EXPECT_EQ(outcome.report.skipped, 15u);
  ASSERT_EQ(outcome.report.messages.size(), kMaxReportedRows);
  EXPECT_THAT(outcome.report.messages[1], HasSubstr("a.csv:4: column 'value'"));
  EXPECT_EQ(outcome.log.size(), 15u);
}

TEST_F(EventReader, RefusesAFileWithoutOneGoodRow) {
  EXPECT_EQ(MessageOf("a.csv", "user,item\nu\nv\n", {.on_error = OnError::kSkip}),
            "a.csv: want at least one good row, got 2 bad ones, the first: a.csv:2: want 2 columns, got 1");
}

TEST_F(EventReader, TakesALineWholeOrNotAtAll) {
  const Outcome outcome = Read("a.txt", "u a\nv b " + std::string(300, 'x') + "\nw c\n", {.on_error = OnError::kSkip});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("u a", "w c"));
  EXPECT_FALSE(outcome.log.users().Find("v").has_value());
}

TEST_F(EventReader, HoldsTheRowsBeforeTheBadOneWhenItStops) {
  const Outcome outcome = Read("a.csv", "user,item\nu,i\nv,j\nw\nx,k\n");
  EXPECT_FALSE(outcome.status.ok());
  EXPECT_THAT(Pairs(outcome.log), ElementsAre("u i", "v j"));
}

TEST_F(EventReader, ShowsForeignTextEscapedAndCutInMessages) {
  EXPECT_EQ(MessageOf("a.csv", "user,item,value\nu,i,\"\x1b[31m\"\n"),
            "a.csv:2: column 'value': want a finite number, got '\\x1b[31m'");
  const std::string message = MessageOf("a.csv", "user,item,value\nu,i," + std::string(5000, '9') + "x\n");
  EXPECT_LT(message.size(), 160u);
}

TEST_F(EventReader, NamesEveryFormat) {
  EXPECT_EQ(*ParseInputFormat("jsonl"), InputFormat::kJsonLines);
  EXPECT_EQ(ParseInputFormat("xml").status().message(), "input format: want auto, lines, csv, tsv or jsonl, got 'xml'");
}

}  // namespace
}  // namespace waypost
