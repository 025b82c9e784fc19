// Bad input, end to end: exit status 1, an error with file, line and reason, and nothing half-written.
#include <string>
#include <vector>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <zlib.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct BadInput {
  const char* name;
  std::string file;
  std::string content;
  std::vector<std::string> options;
  std::string where;  // follows the file's name in the message: ":3", or empty where no line is to blame
  std::string reason;
};

const char kGood[] = "user,item,value\nu1,i1,1\nu2,i2,2\n";

std::vector<BadInput> BadInputs() {
  return {
      {"MissingColumn", "e.csv", "user,course\nu1,i1\n", {}, ":1", "item"},
      {"MissingField", "e.csv", "user,item,value\nu1,i1,1\nu2\n", {}, ":3", ""},
      {"TextForANumber", "e.csv", "user,item,value\nu1,i1,1\nu2,i2,many\n", {}, ":3", "many"},
      {"NaN", "e.csv", "user,item,value\nu1,i1,nan\n", {}, ":2", "nan"},
      {"Infinity", "e.csv", "user,item,value\nu1,i1,1\nu1,i2,inf\n", {}, ":3", "inf"},
      {"InvalidUtf8", "e.csv", "user,item\nu1,i1\nu2,i\xff\n", {}, ":3", "UTF-8"},
      {"UnclosedQuote", "e.csv", "user,item\nu1,\"i1\nu2,i2\n", {}, ":2", "quote"},
      {"LongLine", "e.csv", "user,item\nu1," + std::string((1 << 20) + 1, 'x') + "\n", {}, ":2", "bytes"},
      {"LongId", "e.csv", "user,item\nu1," + std::string(257, 'x') + "\n", {}, ":2", "256"},
      {"EmptyFile", "e.csv", "", {}, "", ""},
      {"HeaderOnly", "e.csv", "user,item\n", {}, "", ""},
      {"IntegerTimeWithoutUnit", "e.csv", "user,item,time\nu1,i1,1700000000\n", {}, ":2", "--time-unit"},
      {"UnknownKind", "e.csv", "user,item,kind\nu1,i1,devour\n", {}, ":2", "devour"},
      {"NamedColumnAbsent", "e.csv", kGood, {"--time-col", "when"}, ":1", "when"},
      {"BrokenJson", "e.jsonl", "{\"user\":\"u1\",\"item\":\"i1\"}\n{\"user\":\"u2\",\n", {}, ":2", ""},
      {"UnknownSuffix", "e.dat", "u1 i1\n", {}, "", "--input-format"},
  };
}

class Input : public CliTest {
 protected:
  std::vector<std::string> Train(const std::string& file, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"train", "--train",         file,    "--model", "popularity",
                                          "--out", Path("m.waypost"), "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }
};

TEST_F(Input, EveryKindOfBadInputFailsWithFileLineAndReasonAndWritesNothing) {
  for (const BadInput& bad : BadInputs()) {
    SCOPED_TRACE(bad.name);
    const std::string file = Write(bad.file, bad.content);
    const ToolResult result = Run(Train(file, bad.options));
    EXPECT_EQ(result.exit_status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(file + bad.where));
    EXPECT_THAT(result.err, HasSubstr(bad.reason));
    EXPECT_THAT(Files(), ElementsAre(bad.file));
    std::filesystem::remove(file);
  }
}

TEST_F(Input, AMissingFileAndADirectoryAreNamed) {
  const ToolResult missing = Run(Train(Path("absent.csv")));
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_THAT(missing.err, HasSubstr(Path("absent.csv")));
  std::filesystem::create_directory(Path("folder.csv"));
  const ToolResult directory = Run(Train(Path("folder.csv")));
  EXPECT_EQ(directory.exit_status, 1);
  EXPECT_THAT(directory.err, HasSubstr("folder.csv"));
  EXPECT_THAT(Files(), ElementsAre("folder.csv"));
}

TEST_F(Input, AGzipCutShortIsNamed) {
  std::string text = "user,item\n";
  for (int row = 0; row < 5000; ++row)
    text += "u" + std::to_string(row * 7919 % 1000) + ",i" + std::to_string(row * 104729 % 997) + "\n";
  const std::string whole = Path("whole.csv.gz");
  const gzFile file = gzopen(whole.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  EXPECT_EQ(Run(Train(whole)).exit_status, 0);
  std::filesystem::remove(Path("m.waypost"));
  const std::string bytes = ReadFile(whole);
  const std::string cut = Write("cut.csv.gz", bytes.substr(0, bytes.size() / 2));
  const ToolResult result = Run(Train(cut));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr(cut));
  EXPECT_THAT(Files(), ElementsAre("cut.csv.gz", "whole.csv.gz"));
}

TEST_F(Input, SkipCountsBadRowsAndSaysWhichTheyWere) {
  const std::string file = Write("e.csv", "user,item,value\nu1,i1,1\nu2,i2,many\nu3\nu4,i4,nan\nu5,i5,5\n");
  std::vector<std::string> arguments = Train(file, {"--on-error", "skip"});
  const ToolResult result = Run(arguments);
  EXPECT_EQ(result.exit_status, 0) << result.err;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["events"], 2);
  EXPECT_EQ(json["skipped"], 3);
  EXPECT_THAT(result.err, HasSubstr("skipped 3 bad rows"));
  for (const char* line : {":3", ":4", ":5"}) EXPECT_THAT(result.err, HasSubstr(file + line));
}

TEST_F(Input, AllRowsBadIsAFailureEvenWithSkip) {
  const std::string file = Write("e.csv", "user,item,value\nu1,i1,x\n");
  EXPECT_EQ(Run(Train(file, {"--on-error", "skip"})).exit_status, 1);
  EXPECT_THAT(Files(), ElementsAre("e.csv"));
}

TEST_F(Input, AFailureLeavesTheModelFileOfBefore) {
  EXPECT_EQ(Run(Train(Write("e.csv", kGood))).exit_status, 0);
  const std::string before = ReadFile(Path("m.waypost"));
  EXPECT_EQ(Run(Train(Write("bad.csv", "user,item,value\nu1,i1,x\n"))).exit_status, 1);
  EXPECT_EQ(ReadFile(Path("m.waypost")), before);
  EXPECT_THAT(Files(), ElementsAre("bad.csv", "e.csv", "m.waypost"));
}

TEST_F(Input, AFolderThatCannotBeWrittenFailsWithItsName) {
  const std::string file = Write("e.csv", kGood);
  const ToolResult result = Run({"train", "--train", file, "--model", "popularity", "--out", Path("absent/m.waypost")});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr(Path("absent")));
  EXPECT_THAT(result.err, HasSubstr("--out"));
  EXPECT_THAT(result.err, Not(HasSubstr("read 2 events")));  // told before the work, not after it
}

TEST_F(Input, AModelFileNeverReplacesAPipe) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const ToolResult result =
      Run({"train", "--train", Write("e.csv", kGood), "--model", "popularity", "--out", Path("pipe")});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("want a regular file"));
  EXPECT_TRUE(std::filesystem::is_fifo(Path("pipe")));
}

TEST_F(Input, AMissingColumnNamesTheOptionsThatNameColumns) {
  const ToolResult result = Run(Train(Write("e.csv", "student,course\nu1,i1\n")));
  EXPECT_EQ(result.exit_status, 1);
  for (const char* text : {":1: column 'user'", "'student', 'course'", "--user-col", "--item-col"})
    EXPECT_THAT(result.err, HasSubstr(text));
}

TEST_F(Input, FormatsAndStandardInputGiveTheSameModel) {
  Write("e.csv", kGood);
  Write("e.tsv", "user\titem\tvalue\nu1\ti1\t1\nu2\ti2\t2\n");
  Write("e.jsonl", "{\"user\":\"u1\",\"item\":\"i1\",\"value\":1}\n{\"user\":\"u2\",\"item\":\"i2\",\"value\":2}\n");
  Write("bom.csv", "\xef\xbb\xbfuser,item,value\r\nu1,i1,1\r\nu2,i2,2\r\n");
  Write("names.csv", "learner,course,minutes\nu1,i1,1\nu2,i2,2\n");
  ASSERT_EQ(Run(Train(Path("e.csv"))).exit_status, 0);
  const std::string expected = ReadFile(Path("m.waypost"));
  for (const char* name : {"e.tsv", "e.jsonl", "bom.csv"}) {
    EXPECT_EQ(Run(Train(Path(name))).exit_status, 0);
    EXPECT_EQ(ReadFile(Path("m.waypost")), expected) << name;
  }
  EXPECT_EQ(Run(Train(Path("names.csv"), {"--user-col", "learner", "--item-col", "course", "--value-col", "minutes"}))
                .exit_status,
            0);
  EXPECT_EQ(ReadFile(Path("m.waypost")), expected);
  EXPECT_EQ(Run(Train("-", {"--input-format", "csv"}), Path("e.csv")).exit_status, 0);
  EXPECT_EQ(ReadFile(Path("m.waypost")), expected);
}

TEST_F(Input, SeveralFilesAreReadInTheirOrder) {
  Write("both.csv", "user,item\nu1,i1\nu2,i2\n");
  Write("a.csv", "user,item\nu1,i1\n");
  Write("b.csv", "user,item\nu2,i2\n");
  ASSERT_EQ(Run(Train(Path("both.csv"))).exit_status, 0);
  const std::string expected = ReadFile(Path("m.waypost"));
  EXPECT_EQ(Run(Train(Path("a.csv"), {"--train", Path("b.csv")})).exit_status, 0);
  EXPECT_EQ(ReadFile(Path("m.waypost")), expected);
}

}  // namespace
}  // namespace waypost::testing_support
