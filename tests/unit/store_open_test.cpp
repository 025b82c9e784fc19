// Opening a store: who may write, what is left of creations and writers that ended, limits of map and slots, other
// versions, folders that cannot be written, children of fork().
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "file/file_io.hpp"
#include "store/commit.hpp"
#include "store/folder.hpp"
#include "support/files.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

constexpr StoreOptions kWriter{.access = StoreAccess::kWrite};

absl::Status OpenStatus(const std::string& folder, const StoreOptions& options = {}) {
  return Store::Open(folder, options).status();
}

absl::StatusOr<AppendResult> AppendOne(Store& store, const std::string& user) {
  const Event event{.user = user, .item = "i"};
  return store.Append({&event, 1});
}

// Runs `body` in a process of its own; returns its exit status, or 128 + the signal that ended it.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::uint64_t EventsIn(const std::string& folder) {
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? (*store)->Snapshot()->event_count() : 0;
}

TEST(StoreOpen, RefusesWhatIsNoStoreAndOptionsThatCannotBe) {
  const TemporaryFolder folder;
  EXPECT_EQ(OpenStatus(folder.path()).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus(folder.path() + "/absent").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(VerifyStore(folder.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus(folder.Write("file", "x"), kWriter).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenStatus("", kWriter).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(OpenStatus(folder.path(), {.map_bytes = 1}).message(), HasSubstr("StoreOptions.map_bytes"));
  EXPECT_THAT(OpenStatus(folder.path(), {.max_readers = 0}).message(), HasSubstr("StoreOptions.max_readers"));
}

TEST(StoreOpen, OneWritesHereAndInOtherProcessesAndTheRefusalNamesTheLock) {
  const TemporaryFolder folder;
  absl::StatusOr<std::unique_ptr<Store>> writer = Store::Open(folder.path(), kWriter);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const absl::Status second = OpenStatus(folder.path(), kWriter);
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.message(), HasSubstr("writer.lock"));
  EXPECT_EQ(InChild([&] {
              const absl::Status status = OpenStatus(folder.path(), kWriter);
              const std::string parent = std::to_string(getppid());
              return status.code() == absl::StatusCode::kUnavailable &&
                             status.message().find("writer.lock") != absl::string_view::npos &&
                             status.message().find("process " + parent) != absl::string_view::npos
                         ? 0
                         : 1;
            }),
            0);
  // Readers come and go, here and there, and see each commit; closing one does not give the lock away.
  ASSERT_TRUE(AppendOne(**writer, "u").ok());
  EXPECT_EQ(EventsIn(folder.path()), 1u);
  EXPECT_EQ(InChild([&] { return static_cast<int>(EventsIn(folder.path())); }), 1);
  EXPECT_EQ(
      InChild([&] { return OpenStatus(folder.path(), kWriter).code() == absl::StatusCode::kUnavailable ? 0 : 1; }), 0);
  writer->reset();
  EXPECT_TRUE(OpenStatus(folder.path(), kWriter).ok());
}

TEST(StoreOpen, AWriterThatWasKilledLeavesNothingInTheWay) {
  const TemporaryFolder folder;
  for (int round = 1; round <= 3; ++round) {
    EXPECT_EQ(InChild([&] {
                const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder.path(), kWriter);
                if (!store.ok() || !AppendOne(**store, "u").ok()) return 1;
                const auto snapshot = (*store)->Snapshot();  // holds a reader slot
                kill(getpid(), SIGKILL);
                return 2;
              }),
              128 + SIGKILL);
    EXPECT_EQ(EventsIn(folder.path()), static_cast<std::uint64_t>(round));
  }
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder.path(), kWriter);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(VerifyStore(folder.path())->problems.empty());
}

TEST(StoreOpen, ACreationThatWasCutShortIsAnEmptyStore) {
  for (const std::string& left : {std::string("writer.lock"), std::string("data-000001.mdb")}) {
    for (const std::size_t bytes : {0u, 100u, 8192u}) {
      SCOPED_TRACE(left);
      const TemporaryFolder folder;
      folder.Write(left, std::string(bytes, 'x'));
      const absl::StatusOr<StoreReport> report = VerifyStore(folder.path());
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(report->problems, std::vector<std::string>());
      EXPECT_EQ(report->events, 0u);
      EXPECT_EQ(EventsIn(folder.path()), 0u) << "for a reader";
      const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder.path(), kWriter);
      ASSERT_TRUE(store.ok()) << store.status();
      EXPECT_TRUE(AppendOne(**store, "u").ok());
    }
  }
  const TemporaryFolder folder;
  folder.Write("data-000003.mdb", std::string(1 << 20, 'x'));
  EXPECT_EQ(OpenStatus(folder.path(), kWriter).code(), absl::StatusCode::kDataLoss) << "a data file was thrown away";
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/data-000003.mdb"));
}

TEST(StoreOpen, AModelThatIsBeingSavedIntoTheFolderIsLeftAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(Store::Open(folder.path(), kWriter).ok());
  EXPECT_EQ(InChild([&] {
              // A process that ends while it replaces the name of the data file.
              (void)file::AtomicFile::Create(folder.path() + "/current").value().release();
              return 0;
            }),
            0);
  const auto temporary_files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      if (entry.path().extension() == ".tmp") names.push_back(entry.path().filename().string());
    return names;
  };
  EXPECT_EQ(temporary_files().size(), 1u);
  for (const std::string& name : {std::string("model.waypost"), std::string("current-2"), std::string(250, 'm')}) {
    auto model = file::AtomicFile::Create(folder.path() + "/" + name);
    ASSERT_TRUE(model.ok()) << model.status();
    const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder.path(), kWriter);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(temporary_files().size(), 1u) << "the model's alone";
    ASSERT_TRUE((*store)->Compact().ok());
    EXPECT_EQ(temporary_files().size(), 1u);
    EXPECT_TRUE((*model)->Commit().ok());
    EXPECT_TRUE(temporary_files().empty());
  }
}

TEST(StoreOpen, NamesANewerFormatAndACutFile) {
  const TemporaryFolder folder;
  { ASSERT_TRUE(Store::Open(folder.path(), kWriter).ok()); }
  const std::string data = folder.path() + "/data-000001.mdb";
  {
    const auto environment =
        store::Environment::Open(data, {.map_bytes = 1 << 20, .max_map_bytes = 1 << 20, .max_readers = 10});
    ASSERT_TRUE(environment.ok()) << environment.status();
    ASSERT_TRUE((*environment)
                    ->Write([](store::Writing& writing) {
                      store::ValueWriter value;
                      value.Number(std::uint64_t{0x0A0D9C54504F5957});
                      value.Number(std::uint32_t{7});
                      value.Number(std::uint32_t{2});
                      value.Number(std::uint64_t{0});
                      value.Number(std::uint64_t{0});
                      return writing.Put(store::Table::kState, store::kFormatKey, value.Finish(store::Table::kState));
                    })
                    .ok());
  }
  const absl::Status newer = OpenStatus(folder.path());
  EXPECT_EQ(newer.code(), absl::StatusCode::kUnimplemented) << newer;
  EXPECT_THAT(newer.message(), HasSubstr("want format 1.2, got 7.2"));
  std::filesystem::resize_file(data, 3 * 4096);
  const absl::Status cut = OpenStatus(folder.path());
  EXPECT_EQ(cut.code(), absl::StatusCode::kDataLoss) << cut;
  EXPECT_FALSE(VerifyStore(folder.path())->problems.empty());
  std::ofstream(folder.path() + "/current") << "nonsense\n";
  EXPECT_EQ(OpenStatus(folder.path()).code(), absl::StatusCode::kDataLoss);
}

TEST(StoreOpen, AFullMapIsAStatusAndLosesNothingAndASmallOneGrows) {
  const TemporaryFolder folder;
  const std::string id(200, 'u');
  std::uint64_t kept = 0;
  const auto fill = [&](Store& store, int most) {
    absl::Status status;
    for (int n = 0; n < most && status.ok(); ++n) {
      status = AppendOne(store, id + std::to_string(kept)).status();
      if (status.ok()) ++kept;
    }
    return status;
  };
  {
    const auto store = Store::Open(folder.path(), {.access = StoreAccess::kWrite,
                                                   .durability = Durability::kFast,
                                                   .map_bytes = 1 << 18,
                                                   .max_map_bytes = 1 << 18});
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status full = fill(**store, 100'000);
    EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(full.message(), HasSubstr("max_map_bytes"));
    EXPECT_GT(kept, 100u);
    EXPECT_EQ((*store)->Snapshot()->event_count(), kept);
  }
  EXPECT_EQ(EventsIn(folder.path()), kept);
  EXPECT_TRUE(VerifyStore(folder.path())->problems.empty());
  const auto store = Store::Open(
      folder.path(), {.access = StoreAccess::kWrite, .durability = Durability::kFast, .map_bytes = 1 << 18});
  ASSERT_TRUE(store.ok()) << store.status();
  {
    const absl::StatusOr<StoreSnapshot> held = (*store)->Snapshot();
    const absl::Status refused = fill(**store, 3000);
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(refused.message(), HasSubstr("snapshot"));
  }
  ASSERT_TRUE(fill(**store, 3000).ok());
  EXPECT_EQ((*store)->Snapshot()->event_count(), kept);
  // A process whose map is smaller than the file has become.
  EXPECT_EQ(InChild([&] {
              const auto reader = Store::Open(folder.path(), {.map_bytes = 1 << 16});
              return reader.ok() && (*reader)->Snapshot().ok() && (*reader)->Snapshot()->event_count() == kept ? 0 : 1;
            }),
            0);
}

TEST(StoreOpen, AReaderFollowsAMapThatGrowsAndACompaction) {
  const TemporaryFolder folder;
  const auto writer = Store::Open(folder.path(), {.access = StoreAccess::kWrite, .durability = Durability::kFast});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(AppendOne(**writer, "first").ok());
  int to_child[2], to_parent[2];
  ASSERT_EQ(pipe(to_child), 0);
  ASSERT_EQ(pipe(to_parent), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto reader = Store::Open(folder.path(), {.map_bytes = 1 << 18});
    char word = reader.ok() && (*reader)->Snapshot().ok() ? 'r' : 'x';
    (void)!write(to_parent[1], &word, 1);
    for (const std::uint64_t want : {2000u, 2001u}) {
      (void)!read(to_child[0], &word, 1);
      const auto snapshot = (*reader)->Snapshot();
      word =
          snapshot.ok() && snapshot->event_count() == want && snapshot->FindUser("last")->has_value() == (want == 2001)
              ? 'y'
              : 'n';
      (void)!write(to_parent[1], &word, 1);
    }
    _exit(0);
  }
  const auto answer = [&] {
    char word = 0;
    (void)!read(to_parent[0], &word, 1);
    return word;
  };
  EXPECT_EQ(answer(), 'r');
  for (int n = 1; n < 2000; ++n) ASSERT_TRUE(AppendOne(**writer, std::string(220, 'x') + std::to_string(n)).ok());
  (void)!write(to_child[1], "1", 1);
  EXPECT_EQ(answer(), 'y') << "after the file outgrew the reader's map";
  ASSERT_TRUE((*writer)->Compact().ok());
  ASSERT_TRUE(AppendOne(**writer, "last").ok());
  (void)!write(to_child[1], "2", 1);
  EXPECT_EQ(answer(), 'y') << "after the data file was replaced";
  waitpid(child, nullptr, 0);
}

TEST(StoreOpen, SnapshotsHaveALimit) {
  const TemporaryFolder folder;
  const auto store = Store::Open(folder.path(), {.access = StoreAccess::kWrite, .max_readers = 3});
  ASSERT_TRUE(store.ok());
  std::vector<StoreSnapshot> held;
  absl::Status status;
  while (status.ok() && held.size() < 5000) {
    absl::StatusOr<StoreSnapshot> snapshot = (*store)->Snapshot();
    status = snapshot.status();
    if (snapshot.ok()) held.push_back(*std::move(snapshot));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << held.size();
  EXPECT_THAT(status.message(), HasSubstr("max_readers"));
  held.clear();
  EXPECT_TRUE((*store)->Snapshot().ok());
}

TEST(StoreOpen, AChildOfForkIsToldAndOpensTheFolderAnew) {
  const TemporaryFolder folder;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder.path(), kWriter);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(AppendOne(**store, "u").ok());
  EXPECT_EQ(InChild([&] {
              if ((*store)->Snapshot().status().code() != absl::StatusCode::kFailedPrecondition) return 1;
              if (AppendOne(**store, "v").status().code() != absl::StatusCode::kFailedPrecondition) return 2;
              store->reset();  // touches nothing of the parent's
              return EventsIn(folder.path()) == 1 ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(AppendOne(**store, "w").ok());
  EXPECT_EQ((*store)->Snapshot()->event_count(), 2u);
}

TEST(StoreOpen, AFolderThatCannotBeWrittenIsRead) {
  const TemporaryFolder folder;
  {
    const auto store = Store::Open(folder.path(), kWriter);
    ASSERT_TRUE(store.ok() && AppendOne(**store, "u").ok());
  }
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    std::filesystem::permissions(entry.path(), std::filesystem::perms(0444));
  EXPECT_EQ(InChild([&] {
              if (getuid() == 0 && setuid(65534) != 0) return 9;  // a superuser may write anything
              if (OpenStatus(folder.path(), kWriter).code() != absl::StatusCode::kPermissionDenied) return 1;
              const auto reader = Store::Open(folder.path());
              if (!reader.ok() || (*reader)->Snapshot()->event_count() != 1) return 2;
              const auto report = VerifyStore(folder.path());
              return report.ok() && report->problems.empty() && report->events == 1 ? 0 : 3;
            }),
            0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
}

TEST(StoreOpen, ABackupIsAStoreOfTheSameContent) {
  const TemporaryFolder folder;
  const std::string copy = folder.path() + "/copy";
  const auto store = Store::Open(folder.path() + "/store", kWriter);
  ASSERT_TRUE(store.ok());
  for (int n = 0; n < 50; ++n) ASSERT_TRUE(AppendOne(**store, "u" + std::to_string(n)).ok());
  ASSERT_TRUE((*store)->Backup(copy).ok());
  ASSERT_TRUE(AppendOne(**store, "later").ok());
  EXPECT_EQ(EventsIn(copy), 50u);
  EXPECT_TRUE(VerifyStore(copy)->problems.empty());
  EXPECT_EQ((*store)->Backup(copy).code(), absl::StatusCode::kAlreadyExists);
  const auto written = Store::Open(copy, kWriter);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_TRUE(AppendOne(**written, "u1").ok());
}

}  // namespace
}  // namespace waypost
