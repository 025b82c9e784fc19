// One byte of a store's data file changed: inside a live value it is always found, in the header of a page in use it is
// reported, and neither ends the process that asked.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "store/environment.hpp"
#include "support/files.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

constexpr std::size_t kPage = 4096;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Place {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// A store with something in every table, and where in its file each value lies.
struct World {
  testing_support::TemporaryFolder folder;
  std::string data = folder.path() + "/data-000001.mdb";
  std::string bytes;
  std::vector<Place> values;

  World() {
    const EventLog log = testing_support::RandomLog(
        4, {.rows = 40'000, .users = 900, .items = 50, .kinds = true, .values = true, .times = true});
    {
      const auto store = Store::Open(folder.path(), {.access = StoreAccess::kWrite, .seal_events = 0}).value();
      EXPECT_TRUE(store->AppendLog(log, "file").ok());
      const std::vector<Event> events = {{.user = "later", .item = "i1", .time_us = 4}, {.user = "u1", .item = "i2"}};
      for (int n = 0; n < 200; ++n) EXPECT_TRUE(store->Append(events).ok());
      const std::vector<Event> many(3000, events[0]);
      EXPECT_TRUE(store->Append(many).ok());
      CatalogueBuilder catalogue;
      for (int n = 0; n < 30; ++n) {
        CatalogueItem item;
        item.id = "i" + std::to_string(n);
        item.title = std::string(300, 't');
        EXPECT_TRUE(catalogue.Add(item).ok());
      }
      EXPECT_TRUE(store->PutCatalogue(std::move(catalogue).Build()).ok());
      UserTableBuilder users;
      EXPECT_TRUE(users.Add("u1", {{"a", "b", 3}}).ok());
      EXPECT_TRUE(store->PutUserTable(std::move(users).Build()).ok());
      EXPECT_TRUE(store->AppendImpressions(std::vector<Impression>(20, {.user = "u1", .item = "i1"})).ok());
      EXPECT_TRUE(store->PutModel({.name = "m", .file = "f"}).ok());
      EXPECT_TRUE(store->Forget("later").ok());
    }
    EXPECT_EQ(VerifyStore(folder.path())->problems, std::vector<std::string>());
    bytes = ReadAll(data);
    const auto environment =
        store::Environment::Open(data, {.map_bytes = 1 << 26, .max_map_bytes = 1 << 26, .max_readers = 9}).value();
    MDB_txn* const transaction = environment->BeginReading().value();
    const store::Reading reading(transaction, environment->tables());
    std::set<store::Table> met;
    for (std::size_t table = 0; table < store::kTables; ++table)
      EXPECT_TRUE(reading
                      .ForEach(static_cast<store::Table>(table),
                               [&](const store::Entry& entry) {
                                 // A value holds its checksum: what is equal to it is either it or an older copy.
                                 const std::string_view value(reinterpret_cast<const char*>(entry.value.data()),
                                                              entry.value.size());
                                 std::vector<std::size_t> found;
                                 for (std::size_t at = bytes.find(value); at != std::string::npos;
                                      at = bytes.find(value, at + 1))
                                   found.push_back(at);
                                 if (found.size() == 1) {
                                   values.push_back({found[0], value.size()});
                                   met.insert(static_cast<store::Table>(table));
                                 }
                                 return absl::OkStatus();
                               })
                      .ok());
    environment->Release(transaction);
    EXPECT_GE(met.size(), 8u) << "too few tables are looked at";
  }

  // What verification says once a byte is changed.
  StoreReport With(std::size_t at, std::uint8_t mask) const {
    std::fstream file(data, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](char byte) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
      file.flush();
    };
    put(static_cast<char>(static_cast<std::uint8_t>(bytes[at]) ^ mask));
    const absl::StatusOr<StoreReport> report = VerifyStore(folder.path());
    put(bytes[at]);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(StoreReport());
  }
};

TEST(StoreDamage, AFlipInsideALiveValueIsAlwaysFoundAndOneInAPageHeaderReported) {
  const World world;
  Random random(1);
  for (int n = 0; n < 100; ++n) {
    const Place& value = world.values[random.Below(world.values.size())];
    const std::size_t at = value.begin + random.Below(value.size);
    EXPECT_FALSE(world.With(at, static_cast<std::uint8_t>(1u << random.Below(8))).problems.empty())
        << "byte " << at << " of a value at " << value.begin;
  }
  std::set<std::size_t> pages;
  for (const Place& value : world.values) pages.insert(value.begin / kPage);
  for (const std::size_t page : pages)
    for (const std::size_t at : {0u, 3u, 10u, 11u, 12u, 13u, 14u, 15u}) {  // number, kind, bounds
      if (random.Below(3) != 0) continue;
      EXPECT_FALSE(world.With(page * kPage + at, static_cast<std::uint8_t>(1u << random.Below(8))).problems.empty())
          << "byte " << at << " of page " << page;
    }
  // Anywhere at all: whatever it says, it says it.
  for (int n = 0; n < 100; ++n)
    (void)world.With(random.Below(world.bytes.size()), static_cast<std::uint8_t>(1 + random.Below(255)));
  EXPECT_EQ(VerifyStore(world.folder.path())->problems, std::vector<std::string>()) << "the file is as it was";
}

TEST(StoreDamage, AFileThatIsCutIsReported) {
  const World world;
  Random random(2);
  for (int n = 0; n < 20; ++n) {
    std::filesystem::resize_file(world.data, random.Below(world.bytes.size()));
    const absl::StatusOr<StoreReport> report = VerifyStore(world.folder.path());
    ASSERT_TRUE(report.ok());
    EXPECT_FALSE(report->problems.empty());
    std::ofstream(world.data, std::ios::binary) << world.bytes;
  }
  std::filesystem::remove(world.data);
  EXPECT_FALSE(VerifyStore(world.folder.path())->problems.empty());
}

}  // namespace
}  // namespace waypost
