// Wrote the golden store: waypost_make_golden_store FOLDER. Kept to show what it holds; refuses to change one.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "golden/store_text.hpp"
#include "waypost/store/store.hpp"

namespace waypost {
namespace {

CatalogueItem Course() {
  CatalogueItem course;
  course.id = "course 1";
  course.type = "course";
  course.title =
      "Soldering, \xC3\xA9"
      "tape 1";
  course.texts = {"From the iron to the board.", ""};
  course.tags = {"hands", "metal"};
  course.category = "craft";
  course.level = "2";
  course.language = "en";
  course.author = "Ada";
  course.price = 4.5f;
  course.prerequisites = {"course 0"};
  course.available_from_us = 10;
  course.available_until_us = 2'000'000;
  course.published_us = -5;
  course.attributes = {{"room", "12"}};
  return course;
}

// Events in a segment and in a chunk, with each kind of column; all other tables; one user forgotten.
absl::Status Fill(Store& store) {
  WAYPOST_RETURN_IF_ERROR(store.SetKind({.name = "bookmark", .weight = 2}).status());
  const std::string users[] = {"ann", "bob", "\xE9\x9B\xA8", "eve"};
  const std::string items[] = {"course 0", "course 1", "course 2"};
  std::vector<Event> events;
  for (std::uint32_t n = 0; n < 40; ++n) {
    Event event{.user = users[n % 4], .item = items[n * n % 3], .kind = static_cast<std::uint16_t>(n % 5)};
    if (n % 3 != 0) event.value = 0.5f * static_cast<float>(n % 4);
    if (n % 7 != 0) event.time_us = 1'000'000 * static_cast<std::int64_t>(n);
    events.push_back(event);
  }
  const std::span<const Event> all(events);
  WAYPOST_RETURN_IF_ERROR(store.Append(all.first(25), {.source = "app", .first_sequence = 100}).status());
  WAYPOST_RETURN_IF_ERROR(store.Seal());
  WAYPOST_RETURN_IF_ERROR(store.Append(all.subspan(25), {.source = "app", .first_sequence = 125}).status());
  CatalogueBuilder catalogue;
  CatalogueItem bare;
  bare.id = "course 0";
  WAYPOST_RETURN_IF_ERROR(catalogue.Add(bare));
  WAYPOST_RETURN_IF_ERROR(catalogue.Add(Course()));
  WAYPOST_RETURN_IF_ERROR(store.PutCatalogue(std::move(catalogue).Build()));
  UserTableBuilder facts;
  WAYPOST_RETURN_IF_ERROR(facts.Add("ann", {{"team", "north", std::nullopt}, {"team", "south", 20}}));
  WAYPOST_RETURN_IF_ERROR(store.PutUserTable(std::move(facts).Build()));
  const std::vector<Impression> shown = {
      {.request = 7, .user = "ann", .item = "course 2", .rank = 1, .propensity = 0.25f, .model = 9, .time_us = 40},
      {.request = 8, .user = "new", .item = "course 1", .kind = kRemind}};
  WAYPOST_RETURN_IF_ERROR(store.AppendImpressions(shown));
  WAYPOST_RETURN_IF_ERROR(store.Forget("bob").status());
  WAYPOST_RETURN_IF_ERROR(store.SetRetention({.keep_us = 35'000'000, .kinds = {{"like", {}}, {"view", 1}}}));
  return store.PutModel({.name = "current",
                         .file = "courses.waypost",
                         .fingerprint = 0xFEDCBA9876543210u,
                         .user_count = 4,
                         .forgotten = 1,
                         .published_us = 50});
}

absl::Status Make(const std::string& folder) {
  const std::string draft = folder + "-draft";
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(draft, {.access = StoreAccess::kWrite}));
  WAYPOST_RETURN_IF_ERROR(Fill(*store));
  WAYPOST_RETURN_IF_ERROR(store->Backup(folder));  // without free pages
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
  std::ofstream(folder + ".txt") << golden::TextOf(snapshot);
  return absl::OkStatus();
}

}  // namespace
}  // namespace waypost

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("want one folder\n", stderr), 2;
  const std::string folder = std::string(argv[1]) + "/store-1.2";
  if (std::filesystem::exists(folder)) return std::fputs("the golden store is there\n", stderr), 1;
  const absl::Status status = waypost::Make(folder);
  std::filesystem::remove_all(folder + "-draft");
  if (!status.ok()) return std::fprintf(stderr, "%s\n", status.ToString().c_str()), 1;
  return 0;
}
