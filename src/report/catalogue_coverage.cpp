// report/catalogue_coverage.cpp - how much of the catalogue is used, how unevenly, and what is used most.
#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "report/community_facts.hpp"

namespace waypost::report {
namespace {

constexpr std::size_t kTopItems = 20;
constexpr std::size_t kCurvePoints = 100;
constexpr std::size_t kMostCategories = 30;

struct ItemUse {
  std::uint32_t item = 0;
  double events = 0;
  double users = 0;  // distinct
};

// Of every item of the log, in its order.
std::vector<ItemUse> CountUse(const CommunityFacts& facts) {
  const EventLog& events = facts.events;
  std::vector<ItemUse> uses(events.items().size());
  for (std::uint32_t item = 0; item < uses.size(); ++item) uses[item].item = item;
  std::vector<std::uint64_t> pairs;
  pairs.reserve(events.size());
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (events.kind(row).role == Role::kNeutral) continue;
    const std::uint32_t item = events.columns().items[row];
    ++uses[item].events;
    pairs.push_back(std::uint64_t{item} << 32 | events.columns().users[row]);
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  for (std::uint64_t pair : pairs) ++uses[static_cast<std::size_t>(pair >> 32)].users;
  return uses;
}

PageChart LorenzChart(const CommunityFacts& facts, std::vector<double> counts, double& gini) {
  const Texts& texts = facts.texts;
  std::sort(counts.begin(), counts.end());
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const auto size = static_cast<double>(counts.size());
  PageChart chart{.title = texts("catalogue.lorenz"),
                  .summary = {},
                  .table = {.name = "lorenz", .caption = texts("catalogue.lorenz"), .columns = {}, .rows = {}},
                  .series = {{.column = 1}},
                  .y_title = texts("catalogue.events.share"),
                  .diagonal = true};
  chart.table.columns = {{texts("catalogue.items.share"), ColumnForm::kPercent},
                         {texts("catalogue.events.share"), ColumnForm::kPercent}};
  double below = 0, area = 0;
  std::size_t next = 0;
  chart.table.rows.push_back({0.0, 0.0});
  for (std::size_t n = 0; n < counts.size(); ++n) {
    area += below + counts[n] / 2;
    below += counts[n];
    const std::size_t step = (n + 1) * kCurvePoints / counts.size();
    if (step == next) continue;
    next = step;
    chart.table.rows.push_back({static_cast<double>(n + 1) / size, below / total});
  }
  gini = 1 - 2 * area / (size * total);
  const auto tenth = static_cast<std::size_t>(size - std::max(1.0, std::floor(size / 10)));
  const double top = std::accumulate(counts.begin() + static_cast<std::ptrdiff_t>(tenth), counts.end(), 0.0) / total;
  chart.summary = texts("catalogue.lorenz.summary", {PercentText(top), NumberToRead(gini)});
  return chart;
}

PageTable TopItems(const CommunityFacts& facts, std::vector<ItemUse> uses) {
  const Texts& texts = facts.texts;
  PageTable table{.name = "top-items", .caption = texts("catalogue.top"), .columns = {}, .rows = {}};
  const bool titled = facts.catalogue.size() > 0;
  table.columns = {{texts("catalogue.item"), ColumnForm::kText}};
  if (titled) table.columns.push_back({texts("catalogue.item.title"), ColumnForm::kText});
  table.columns.insert(table.columns.end(), {{texts("overview.events"), ColumnForm::kCount},
                                             {texts("overview.users"), ColumnForm::kCount},
                                             {texts("catalogue.events.share"), ColumnForm::kPercent}});
  double total = 0;
  for (const ItemUse& use : uses) total += use.events;
  std::stable_sort(uses.begin(), uses.end(), [](const ItemUse& a, const ItemUse& b) { return a.events > b.events; });
  for (std::size_t n = 0; n < std::min(kTopItems, uses.size()) && uses[n].events > 0; ++n) {
    const std::string id(facts.events.items().id(uses[n].item));
    std::vector<PageCell> row = {id};
    if (titled) {
      const std::optional<std::size_t> known = facts.catalogue.Find(id);
      row.emplace_back(known ? facts.catalogue.item(*known).title : std::string());
    }
    row.insert(row.end(), {uses[n].events, uses[n].users, uses[n].events / total});
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Nothing where the catalogue names no category.
std::optional<PageTable> Categories(const CommunityFacts& facts, const std::vector<ItemUse>& uses) {
  const Texts& texts = facts.texts;
  struct Use {
    double items = 0, used = 0, events = 0;
  };
  std::map<std::string, Use> categories;
  bool named = false;
  for (const CatalogueItem& item : facts.catalogue.items()) {
    Use& use = categories[item.category];
    named = named || !item.category.empty();
    const std::optional<std::uint32_t> known = facts.events.items().Find(item.id);
    const double events = known ? uses[*known].events : 0;
    ++use.items;
    use.used += events > 0 ? 1 : 0;
    use.events += events;
  }
  if (!named) return std::nullopt;
  std::vector<std::pair<std::string, Use>> order(categories.begin(), categories.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.events > b.second.events; });
  if (order.size() > kMostCategories) order.resize(kMostCategories);
  PageTable table{.name = "categories", .caption = texts("catalogue.categories"), .columns = {}, .rows = {}};
  table.columns = {{texts("catalogue.category"), ColumnForm::kText},
                   {texts("catalogue.items"), ColumnForm::kCount},
                   {texts("catalogue.used"), ColumnForm::kCount},
                   {texts("catalogue.coverage"), ColumnForm::kPercent},
                   {texts("overview.events"), ColumnForm::kCount}};
  for (const auto& [name, use] : order)
    table.rows.push_back({name.empty() ? texts("catalogue.category.none") : name, use.items, use.used,
                          use.used / use.items, use.events});
  return table;
}

}  // namespace

PageSection CatalogueSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"catalogue", texts("catalogue.title"), {}};
  const std::vector<ItemUse> uses = CountUse(facts);
  std::vector<double> counts;
  std::size_t used = 0;
  if (facts.catalogue.size() > 0) {
    for (const CatalogueItem& item : facts.catalogue.items()) {
      const std::optional<std::uint32_t> known = facts.events.items().Find(item.id);
      counts.push_back(known ? uses[*known].events : 0);
    }
  } else {
    for (const ItemUse& use : uses)
      if (use.events > 0) counts.push_back(use.events);
  }
  for (double count : counts) used += count > 0 ? 1 : 0;
  if (used == 0) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("catalogue.absent")});
    return section;
  }
  double gini = 0;
  PageChart lorenz = LorenzChart(facts, counts, gini);
  std::vector<PageFigure> figures;
  if (facts.catalogue.size() > 0) {
    const auto size = static_cast<double>(counts.size());
    figures.push_back({texts("catalogue.coverage"), static_cast<double>(used) / size, ColumnForm::kPercent,
                       texts("catalogue.coverage.detail", {CountText(static_cast<double>(used)), CountText(size)})});
  } else {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("absent.catalogue")});
  }
  figures.push_back({texts("catalogue.gini"), gini, ColumnForm::kNumber, texts("catalogue.gini.detail")});
  section.blocks.emplace_back(std::move(figures));
  section.blocks.emplace_back(std::move(lorenz));
  section.blocks.emplace_back(TopItems(facts, uses));
  if (std::optional<PageTable> categories = Categories(facts, uses))
    section.blocks.emplace_back(*std::move(categories));
  return section;
}

}  // namespace waypost::report
