// The tool on a disk that loses its power, is full, fails or writes short: `import`, `forget` and `compact` run as they
// are shipped, with a library preloaded that stands between them and the disk (disk_preload.cpp). What they printed is
// what they acknowledged. Cut points: $WAYPOST_POWER_CUTS (50); below 1000 a third of the calls fail.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cli/tool.hpp"
#include "disk_image.hpp"
#include "disk_journal.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::AfterPowerLoss;
using testing_support::DiskCall;
using testing_support::DiskFault;
using testing_support::DiskImage;
using testing_support::DiskOperation;
using testing_support::ReadFile;
using testing_support::ToolResult;

constexpr char kForgotten[] = "user 5";

constexpr DiskFault kFaults[] = {{.error = ENOSPC}, {.error = EIO}, {.error = 0}, {.error = ENOSPC, .lasting = true}};
constexpr int kAllCuts = 1000;  // from here on every call fails in every way

int Cuts() {
  const char* const wanted = std::getenv("WAYPOST_POWER_CUTS");
  return wanted == nullptr ? 50 : std::atoi(wanted);
}

struct EventFile {
  std::string path;
  std::vector<std::int64_t> others;     // times of the events, each a time of its own
  std::vector<std::int64_t> forgotten;  // likewise, of the user who is forgotten
};

class ToolDisk : public testing_support::CliTest {
 protected:
  void SetUp() override {
#ifdef WAYPOST_SANITIZED
    GTEST_SKIP() << "not run: a sanitizer replaces the same calls and wants to be loaded first";
#endif
    std::int64_t time = 0;
    for (const int count : {900, 40, 300, 700}) {
      EventFile file;
      std::string rows = "user,item,time\n";
      for (int n = 0; n < count; ++n, ++time) {
        const std::string user = "user " + std::to_string(time % 31);
        rows += user + ",item " + std::to_string(time % 17) + "," + std::to_string(time) + "\n";
        (user == kForgotten ? file.forgotten : file.others).push_back(time);
      }
      file.path = Write("events" + std::to_string(files_.size()) + ".csv", rows);
      files_.push_back(std::move(file));
    }
    catalog_ = Write("catalog.jsonl", R"({"id":"item 1","title":"One"})"
                                      "\n");
  }

  // Runs the tool with the library in it; its calls go behind those in the journal.
  ToolResult RunWatched(const std::vector<std::string>& arguments, const std::string& folder,
                        const DiskFault& fault = {}) const {
    const std::map<std::string, std::string> variables = {
        {"LD_PRELOAD", WAYPOST_DISK_PRELOAD},
        {testing_support::kWatchVariable, folder},
        {testing_support::kJournalVariable, Path("journal")},
        {testing_support::kFaultVariable, std::to_string(fault.at) + " " + std::to_string(fault.error) + " " +
                                              std::to_string(static_cast<int>(fault.lasting))}};
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    const pid_t child = Start(arguments);
    for (const auto& [name, value] : variables) unsetenv(name.c_str());
    return Wait(child);
  }

  std::vector<std::string> Import(const std::string& folder, std::size_t first, std::size_t end) const {
    std::vector<std::string> arguments = {"import", "--store", folder, "--time-unit", "us"};
    for (std::size_t n = first; n < end; ++n) arguments.push_back(files_[n].path);
    return arguments;
  }

  // What the store must hold, from what the tool printed.
  struct Acknowledged {
    std::set<std::string> files;
    bool forgotten = false;

    void Read(const std::string& printed, const std::vector<EventFile>& sent) {
      for (const EventFile& file : sent)
        if (printed.find(" events from " + file.path) != std::string::npos) files.insert(file.path);
      forgotten = forgotten || printed.find("forgot 1 user") != std::string::npos;
    }
  };

  // It verifies, and each file is there whole or, unless acknowledged, not at all; so is that the user was forgotten.
  //
  //   covered   files that were there when the user was forgotten.
  void ExpectWhole(const std::string& folder, const Acknowledged& acknowledged, std::size_t covered) const {
    const absl::StatusOr<StoreReport> report = VerifyStore(folder);
    if (absl::IsNotFound(report.status()) && acknowledged.files.empty()) return;  // not even a file was there
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->problems, std::vector<std::string>());
    const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder);
    ASSERT_TRUE(store.ok()) << store.status();
    const EventLog log = (*store)->Snapshot().value().ReadLog().value();
    std::multiset<std::int64_t> held;
    for (std::size_t n = 0; n < log.size(); ++n) held.insert(log.time_us(n));
    const auto count_held = [&](const std::vector<std::int64_t>& times) {
      std::size_t count = 0;
      for (const std::int64_t time : times) count += held.count(time);
      return count;
    };
    std::size_t expected = 0;
    for (std::size_t n = 0; n < files_.size(); ++n) {
      SCOPED_TRACE(files_[n].path);
      const std::size_t count = count_held(files_[n].others);
      const std::size_t of_forgotten = count_held(files_[n].forgotten);
      expected += count + of_forgotten;
      if (count == 0) {
        ASSERT_FALSE(acknowledged.files.contains(files_[n].path)) << "it was acknowledged and is lost";
        ASSERT_EQ(of_forgotten, 0u);
        continue;
      }
      ASSERT_EQ(count, files_[n].others.size()) << "it is there in part or twice";
      if (n < covered && (acknowledged.forgotten || of_forgotten == 0)) {
        ASSERT_EQ(of_forgotten, 0u) << kForgotten << " is back";
      } else {
        ASSERT_EQ(of_forgotten, files_[n].forgotten.size()) << "it is there in part or twice";
      }
    }
    ASSERT_EQ(held.size(), expected) << "events that nobody sent";
  }

  // The same import again adds what is missing and no more.
  void ExpectGoesOn(const std::string& folder, Acknowledged acknowledged, std::size_t covered) const {
    const ToolResult again = Run(Import(folder, 0, files_.size()));
    ASSERT_EQ(again.exit_status, 0) << again.err;
    acknowledged.Read(again.err, files_);
    ASSERT_EQ(acknowledged.files.size(), files_.size());
    ExpectWhole(folder, acknowledged, covered);
  }

  std::vector<EventFile> files_;
  std::string catalog_;
};

TEST_F(ToolDisk, WhatTheToolAcknowledgedIsThereWhereverThePowerFails) {
  const std::string folder = Path("store");
  std::vector<std::string> first = Import(folder, 0, 2);
  first.insert(first.end(), {"--catalog", catalog_});
  for (const std::vector<std::string>& arguments : {first,
                                                    Import(folder, 2, 3),
                                                    {"forget", "--store", folder, "--user", kForgotten},
                                                    {"compact", "--store", folder},
                                                    Import(folder, 3, 4),
                                                    {"compact", "--store", folder}}) {
    const ToolResult result = RunWatched(arguments, folder);
    ASSERT_EQ(result.exit_status, 0) << result.err;
  }
  const std::vector<DiskOperation> operations = testing_support::ReadJournal(Path("journal"));

  // The library misses no write: what it was told makes the files as they are.
  const DiskImage whole = testing_support::WithPower(operations);
  for (const std::string name : {"current", "data-000003.mdb"}) {
    ASSERT_TRUE(whole.contains(name)) << name;
    EXPECT_TRUE(whole.at(name) == ReadFile(folder + "/" + name)) << name;
  }

  Random random(22);
  std::set<std::string> met;  // files acknowledged at one cut or another
  for (int n = 0; n < Cuts(); ++n) {
    const auto cut = static_cast<std::size_t>(random.Below(operations.size() + 1));
    SCOPED_TRACE(cut);
    Acknowledged acknowledged;
    for (const DiskOperation& operation : std::span(operations).first(cut))
      if (operation.call == DiskCall::kNote) acknowledged.Read(operation.bytes, files_);
    met.insert(acknowledged.files.begin(), acknowledged.files.end());
    const std::string image = Path("image");
    testing_support::WriteImage(AfterPowerLoss(std::span(operations).first(cut), random), image);
    ExpectWhole(image, acknowledged, /*covered=*/3);
    if (!HasFatalFailure()) ExpectGoesOn(image, acknowledged, /*covered=*/3);
    std::filesystem::remove_all(image);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(met.size(), files_.size()) << "acknowledgements were not noted";
}

TEST_F(ToolDisk, ACallThatFailsIsAnErrorThatNamesItAndLosesNothing) {
  const std::string base = Path("base");
  ASSERT_EQ(Run(Import(base, 0, 1)).exit_status, 0);
  ASSERT_EQ(Run({"forget", "--store", base, "--user", kForgotten}).exit_status, 0);
  const std::string folder = Path("store");
  const std::vector<std::vector<std::string>> commands = {Import(folder, 1, 3), {"compact", "--store", folder}};
  Random random(23);
  int failed = 0;
  for (const std::vector<std::string>& command : commands) {
    // How many calls there are to fail.
    std::filesystem::copy(base, folder);
    std::filesystem::remove(Path("journal"));
    ASSERT_EQ(RunWatched(command, folder).exit_status, 0);
    std::filesystem::remove_all(folder);
    std::uint64_t calls = 0;
    for (const DiskOperation& operation : testing_support::ReadJournal(Path("journal")))
      calls += static_cast<std::uint64_t>(operation.call != DiskCall::kNote && operation.call != DiskCall::kRemove);
    ASSERT_GT(calls, 5u);
    for (std::uint64_t n = 0; n < 4 * calls; ++n) {
      DiskFault fault = kFaults[n % 4];
      fault.at = 1 + n / 4;
      // The last call, behind which everything is done, always fails.
      if (fault.at < calls && Cuts() < kAllCuts && random.Below(3) > 0) continue;
      SCOPED_TRACE(testing::Message() << command[0] << ": call " << fault.at << " of " << calls << ", error "
                                      << fault.error << ", lasting " << fault.lasting);
      std::filesystem::copy(base, folder);
      const ToolResult result = RunWatched(command, folder, fault);
      Acknowledged acknowledged{.files = {files_[0].path}, .forgotten = true};
      acknowledged.Read(result.err, files_);
      if (result.exit_status != 0) {
        ++failed;
        EXPECT_EQ(result.exit_status, 1) << result.err;
        if (fault.error != 0) {
          EXPECT_NE(result.err.find(std::strerror(fault.error)), std::string::npos) << result.err;
        }
        EXPECT_EQ(result.out, "");
      } else if (command[0] == "import") {
        EXPECT_EQ(acknowledged.files.size(), 3u);
      }
      ExpectWhole(folder, acknowledged, /*covered=*/1);
      if (!HasFatalFailure()) ExpectGoesOn(folder, acknowledged, /*covered=*/1);
      std::filesystem::remove_all(folder);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(failed, 10);
}

}  // namespace
}  // namespace waypost
