// Files into a store, once each however often they come, and out of it again.
#include "waypost/store/transfer.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "support/files.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::Gzip;
using testing_support::TemporaryFolder;

std::string Rows(int begin, int end) {
  std::string text;
  for (int n = begin; n < end; ++n)
    text += "u" + std::to_string(n % 41) + ",i" + std::to_string(n % 17) + ",like," + std::to_string(n % 5) + "\n";
  return text;
}

class StoreTransfer : public testing::Test {
 protected:
  StoreTransfer() : store_(Store::Open(folder_.path() + "/store", {.access = StoreAccess::kWrite}).value()) {}

  // Imports the file and expects so many new and repeated rows.
  void Import(const std::string& file, std::uint64_t added, std::uint64_t repeated, const ReadOptions& options = {},
              const std::string& source = "") {
    const absl::StatusOr<ImportReport> report = ImportEvents(file, options, *store_, source);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->added, added);
    EXPECT_EQ(report->repeated, repeated);
    events_ += added;
    EXPECT_EQ(store_->Snapshot()->event_count(), events_);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  std::uint64_t events_ = 0;
};

const std::string kHeader = "user,item,kind,value\n";

TEST_F(StoreTransfer, AFileImportedTwiceCountsOnceAndOneThatGrewGoesOnBehindIt) {
  const std::string file = folder_.Write("a.csv", kHeader + Rows(0, 5000));
  Import(file, 5000, 0);
  Import(file, 0, 5000);
  Import(folder_.Write("copy under another name.csv", kHeader + Rows(0, 5000)), 0, 5000);
  folder_.Write("a.csv", kHeader + Rows(0, 6000));
  Import(file, 1000, 5000);
  Import(file, 0, 6000);
  Import(folder_.Write("old.csv", kHeader + Rows(0, 5000)), 0, 5000);
  // Two equal rows of one file are two events; a file with another beginning is another file.
  Import(folder_.Write("b.csv", kHeader + Rows(7, 8) + Rows(7, 8)), 2, 0);
}

TEST_F(StoreTransfer, ALastLineWithoutAnEndMayBeEndedButNotChanged) {
  std::string text = kHeader + Rows(0, 10);
  text.pop_back();
  const std::string file = folder_.Write("a.csv", text);
  Import(file, 10, 0);
  folder_.Write("a.csv", text + "7\n" + Rows(10, 12));
  const absl::Status changed = ImportEvents(file, {}, *store_).status();
  EXPECT_EQ(changed.code(), absl::StatusCode::kFailedPrecondition) << changed;
  EXPECT_THAT(changed.message(), HasSubstr("row 10"));
  folder_.Write("a.csv", text + "\n" + Rows(10, 12));
  Import(file, 2, 10);
}

TEST_F(StoreTransfer, StreamsAreNumberedByRowGzippedFilesByTheirBytesAndColumnsBelongToTheIdentity) {
  Import(folder_.Write("part1.csv", kHeader + Rows(0, 20)), 20, 0, {}, "stream");
  Import(folder_.Write("part2.csv", kHeader + Rows(0, 25)), 5, 20, {}, "stream");
  EXPECT_EQ(ImportEvents("-", {.format = InputFormat::kCsv}, *store_).status().code(),
            absl::StatusCode::kInvalidArgument);
  const std::string packed = Gzip(kHeader + Rows(0, 30));
  Import(folder_.Write("c.csv.gz", packed), 30, 0);
  Import(folder_.Write("c.csv.gz", packed + Gzip(Rows(30, 33))), 3, 30);
  const std::string pairs = folder_.Write("pairs.csv", "user,item,other\na,b,c\n");
  Import(pairs, 1, 0);
  Import(pairs, 1, 0, {.item_column = "other"});
  Import(pairs, 0, 1, {.item_column = "other"});
  EXPECT_FALSE(ImportEvents(folder_.path() + "/absent.csv", {}, *store_).ok());
  EXPECT_EQ(store_->Snapshot()->event_count(), events_);
}

TEST_F(StoreTransfer, AnExportReadIntoAnEmptyStoreIsTheSameStore) {
  const EventLog log = testing_support::RandomLog(
      3, {.rows = 2500, .users = 60, .items = 30, .kinds = true, .values = true, .times = true});
  ASSERT_TRUE(store_->AppendLog(log).ok());
  const std::vector<Event> odd = {
      {.user = "comma, \"quoted\"", .item = "line\nbreak", .value = 0.1f, .time_us = 1},
      {.user = " spaces ", .item = "\xE8\xAA\xB2\xE7\xA8\x8B", .value = -1e-30f, .time_us = -1},
      {.user = "u", .item = "i", .time_us = -62'167'219'200'000'000},  // 0000-01-01
      {.user = "u", .item = "i", .time_us = 253'402'300'799'999'999},  // 9999-12-31, the last microsecond
      {.user = "u", .item = "i", .time_us = 951'782'400'000'000},      // 2000-02-29
  };
  ASSERT_TRUE(store_->Append(odd).ok());
  const std::string file = folder_.path() + "/out.csv";
  ASSERT_TRUE(ExportEvents(*store_->Snapshot(), file).ok());
  const auto other = Store::Open(folder_.path() + "/other", {.access = StoreAccess::kWrite});
  ASSERT_TRUE(other.ok());
  const auto report = ImportEvents(file, {}, **other);
  ASSERT_TRUE(report.ok()) << report.status();
  const EventLog got = (*other)->Snapshot()->ReadLog().value(), want = store_->Snapshot()->ReadLog().value();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t row = 0; row < want.size(); ++row) {
    ASSERT_EQ(got.user_id(row), want.user_id(row));
    ASSERT_EQ(got.item_id(row), want.item_id(row));
  }
  EXPECT_EQ(got.columns().users, want.columns().users);
  EXPECT_EQ(got.columns().items, want.columns().items);
  EXPECT_EQ(got.columns().kinds, want.columns().kinds);
  EXPECT_EQ(got.columns().values, want.columns().values);
  EXPECT_EQ(got.columns().times_us, want.columns().times_us);
  const Event late{.user = "u", .item = "i", .time_us = 253'402'300'800'000'000};
  ASSERT_TRUE(store_->Append({&late, 1}).ok());
  EXPECT_EQ(ExportEvents(*store_->Snapshot(), file).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(StoreTransfer, RowsWithNumbersOfTheirOwnKeepThemOverManyBlocksOfTheFile) {
  constexpr std::uint64_t kRows = 60'000;
  const auto write = [&](std::uint64_t begin, std::uint64_t end) {
    std::string text = "user,item,n\n";
    for (std::uint64_t n = begin; n < end; ++n)
      text += "u" + std::to_string(n % 41) + ",i" + std::to_string(n % 17) + "," + std::to_string(3 * n + 7) + "\n";
    return folder_.Write("numbered.csv", text);
  };
  const auto import = [&](const std::string& file) { return ImportEvents(file, {}, *store_, "web", "n"); };
  EXPECT_EQ(import(write(0, kRows))->added, kRows);
  EXPECT_EQ(*store_->Snapshot()->NextSequence("web"), 3 * (kRows - 1) + 8);
  const absl::StatusOr<ImportReport> more = import(write(kRows / 2, kRows + 10));
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->added, 10u);
  EXPECT_EQ(more->repeated, kRows / 2);
  EXPECT_EQ(store_->Snapshot()->event_count(), kRows + 10);
  // Bad rows are passed over with their numbers.
  const std::string file = folder_.Write("bad.csv", "user,item,n\nu,i,1\n,i,2\nu,i,3\n");
  const absl::StatusOr<ImportReport> rest = ImportEvents(file, {.on_error = OnError::kSkip}, *store_, "app", "n");
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->added, 2u);
  EXPECT_EQ(*store_->Snapshot()->NextSequence("app"), 4u);
  EXPECT_EQ(ImportEvents(file, {}, *store_, "", "n").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
