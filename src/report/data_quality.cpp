// report/data_quality.cpp - what in the data would mislead: each check, how often it struck, and what follows from it.
//
// Definition   A repeated row equals an earlier one in user, item, kind, value and time (compared by a 64-bit hash).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include <xxhash.h>

#include "report/community_facts.hpp"

namespace waypost::report {
namespace {

constexpr double kLargeShare = 0.05;  // of all events, by one user: a script, a test account, an import by mistake
constexpr double kManyEvents = 1000;  // below, a small community may well have such a user

std::size_t RepeatedRows(const EventLog& events) {
  std::vector<std::uint64_t> hashes(events.size());
  for (std::size_t row = 0; row < events.size(); ++row) {
    const float value = events.value(row);
    const std::int64_t time = events.time_us(row);
    std::uint32_t cells[6] = {
        events.columns().users[row], events.columns().items[row], events.columns().kinds[row], 0, 0, 0};
    std::memcpy(&cells[3], &value, sizeof(value));
    std::memcpy(&cells[4], &time, sizeof(time));
    hashes[row] = XXH3_64bits(cells, sizeof(cells));
  }
  std::sort(hashes.begin(), hashes.end());
  return static_cast<std::size_t>(hashes.end() - std::unique(hashes.begin(), hashes.end()));
}

struct Check {
  std::string key;
  double found = 0;
  double among = 0;
  bool warns = true;
};

}  // namespace

PageSection DataSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  const EventLog& events = facts.events;
  PageSection section{"data", texts("data.title"), {}};
  const auto event_count = static_cast<double>(events.size());
  std::vector<double> by_user(events.users().size());
  double unpriced = 0, payments = 0;
  for (std::size_t row = 0; row < events.size(); ++row) {
    ++by_user[events.columns().users[row]];
    if (!events.kind(row).pays) continue;
    ++payments;
    unpriced += std::isnan(events.value(row)) ? 1 : 0;
  }
  const auto single = static_cast<double>(std::count(by_user.begin(), by_user.end(), 1.0));
  std::vector<bool> has_events(facts.dated() ? static_cast<std::size_t>(facts.last_day - facts.first_day + 1) : 0);
  for (const std::int32_t day : facts.days)
    if (day != kNoDay) has_events[static_cast<std::size_t>(day - facts.first_day)] = true;
  std::vector<Check> checks = {
      {"data.undated", static_cast<double>(facts.undated_events), event_count},
      {"data.future", static_cast<double>(facts.future_events), event_count},
      {"data.early", static_cast<double>(facts.early_events), event_count},
      {"data.repeated", static_cast<double>(RepeatedRows(events)), event_count},
      {"data.empty-days", static_cast<double>(std::count(has_events.begin(), has_events.end(), false)),
       static_cast<double>(has_events.size()), false},
      {"data.single", single, static_cast<double>(by_user.size()), false}};
  if (payments > 0) checks.push_back({"data.unpriced", unpriced, payments});
  if (facts.catalogue.size() > 0) {
    double unknown = 0, untitled = 0;
    for (std::uint32_t item = 0; item < events.items().size(); ++item)
      unknown += facts.catalogue.Find(events.items().id(item)) ? 0 : 1;
    for (const CatalogueItem& item : facts.catalogue.items()) untitled += item.title.empty() ? 1 : 0;
    const auto size = static_cast<double>(facts.catalogue.size());
    checks.push_back({"data.uncatalogued", unknown, static_cast<double>(events.items().size())});
    checks.push_back({"data.untitled", untitled, size});
    checks.push_back({"data.prerequisites", static_cast<double>(facts.catalogue.unknown_prerequisites()), 0});
  }
  std::size_t warnings = 0;
  const auto warn = [&](const std::string& text) {
    section.blocks.emplace_back(PageNote{NoteLevel::kWarning, text});
    ++warnings;
  };
  for (const Check& check : checks)
    if (check.warns && check.found > 0)
      warn(texts(check.key) + texts("page.colon") + CountText(check.found) + texts("page.stop") +
           texts(check.key + ".why"));
  const auto busiest = std::max_element(by_user.begin(), by_user.end());
  if (busiest != by_user.end() && *busiest >= kManyEvents && *busiest > kLargeShare * event_count)
    warn(texts("data.busiest", {events.users().id(static_cast<std::uint32_t>(busiest - by_user.begin())),
                                PercentText(*busiest / event_count)}));
  if (warnings == 0) section.blocks.emplace_back(PageNote{NoteLevel::kPlain, texts("data.none")});
  PageTable table{.name = "data-checks", .caption = texts("data.checks"), .columns = {}, .rows = {}};
  table.columns = {{texts("data.check"), ColumnForm::kText},
                   {texts("data.found"), ColumnForm::kCount},
                   {texts("data.among"), ColumnForm::kCount},
                   {texts("data.share"), ColumnForm::kPercent}};
  for (const Check& check : checks) {
    std::vector<PageCell> row = {texts(check.key), check.found};
    if (check.among > 0) {
      row.insert(row.end(), {check.among, check.found / check.among});
    } else {
      row.resize(4);
    }
    table.rows.push_back(std::move(row));
  }
  section.blocks.emplace_back(std::move(table));
  return section;
}

}  // namespace waypost::report
