#include "rules.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "rankings.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/rank/filter.hpp"

namespace waypost::cli {
namespace {

constexpr char kGroup[] = "Rules";

// "NAME=NUMBER", split at the last sign.
template <typename Number>
absl::StatusOr<std::pair<std::string, Number>> ParsePair(const std::string& option, const std::string& text) {
  const std::size_t equals = text.rfind('=');
  Number number{};
  if (equals == std::string::npos || equals == 0 ||
      !waypost::internal::ReadNumber(std::string_view(text).substr(equals + 1), number))
    return UsageError(option + ": want NAME=NUMBER, got '" + text + "'");
  return std::pair(text.substr(0, equals), number);
}

}  // namespace

void AddRuleFlags(Verb& verb, RuleFlags& flags) {
  verb.Option("--catalog", "FILE", flags.catalog.file, "What rules ask of the items: CSV, TSV or JSON lines")
      .Group(kGroup);
  verb.Option("--catalog-id-col", "COL", flags.catalog.id_column, "Column of the catalogue's item id; else id or item")
      .Group(kGroup);
  verb.Option("--time-unit", "UNIT", flags.files.time_unit, "What an integer time counts since 1970; dates need none")
      .OneOf({"s", "ms", "us", "d"})
      .Group(kGroup);
  verb.Option("--filter", "EXPR", flags.filter, "Only items whose attributes pass").Group(kGroup);
  verb.Option("--type", "TYPE", flags.type,
              "Only items of this type: course, project, person ...; never the person whose id is the user's")
      .Group(kGroup);
  verb.Option("--now", "TIME", flags.now, "The moment for which items must be available; else the present")
      .Group(kGroup);
  verb.List("--completed", "ITEM[,ITEM]", flags.completed, "Courses the user has completed; @FILE reads one a line")
      .Group(kGroup);
  verb.List("--in-progress", "ITEM[,ITEM]", flags.in_progress, "Courses the user has begun; --seen only returns them")
      .Group(kGroup);
  verb.Flag("--prerequisites", flags.prerequisites, "Only items whose prerequisites are completed").Group(kGroup);
  verb.Option("--category-cap", "N", flags.category_cap, "At most so many items of each category").Group(kGroup);
  verb.List("--cap", "CATEGORY=N", flags.caps, "At most so many items of this category").Group(kGroup);
  verb.List("--weight", "ITEM=NUMBER", flags.weights, "What an item is worth: multiplies its score; else 1")
      .Group(kGroup);
  verb.Option("--diversity", "SHARE", flags.diversity, "How much unlikeness to the items above counts; 0: off")
      .Between(0, 1)
      .Group(kGroup);
  verb.Option("--diversity-by", "WHAT", flags.diversity_by, "What makes items alike: the model, or tags and category")
      .OneOf({"model", "catalog"})
      .Group(kGroup);
  verb.Option("--explore", "SHARE", flags.explore, "Probability that a place is given to chance; 0: off")
      .Between(0, 1)
      .Group(kGroup);
  verb.Option("--seed", "N", flags.seed, "Seed of --explore").Group(kGroup);
}

std::string RuleOfCatalog(const RuleFlags& flags) {
  for (const auto& [option, given] :
       {std::pair("--filter", !flags.filter.empty()), std::pair("--type", !flags.type.empty()),
        std::pair("--prerequisites", flags.prerequisites), std::pair("--category-cap", flags.category_cap.has_value()),
        std::pair("--cap", !flags.caps.empty()), std::pair("--diversity-by catalog", flags.diversity_by == "catalog")})
    if (given) return option;
  return "";
}

absl::StatusOr<std::optional<Catalogue>> ReadRuleCatalog(const RuleFlags& flags, Console& console) {
  if (!flags.catalog.file.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(Catalogue catalogue, ReadCatalogFile(flags.catalog, flags.files, console));
    return std::optional<Catalogue>(std::move(catalogue));
  }
  std::string rule = RuleOfCatalog(flags);
  if (rule.empty() && flags.now) rule = "--now";
  if (!rule.empty()) return UsageError(rule + ": want --catalog FILE beside it");
  return std::optional<Catalogue>();
}

absl::Status AddRules(const RuleFlags& flags, const Recommender& recommender, Query& query, Console& console) {
  const ItemFacts* facts = recommender.facts();
  if (facts != nullptr) {
    console.Note("the catalogue describes " + Digits(facts->described()) + " of " + Count(facts->item_count(), "item") +
                 " of the model");
    if (!facts->prerequisites().cycle().empty())
      console.Note("prerequisites run in a circle, whose courses nobody can begin: " +
                   facts->prerequisites().DescribeCycle(facts->prerequisites().cycle()));
  }
  if (!flags.filter.empty()) {
    absl::StatusOr<Bitmap> filter = CompileFilter(flags.filter, *facts);
    if (!filter.ok()) return UsageError("--filter: " + std::string(filter.status().message()));
    query.filter = std::make_shared<const Bitmap>(*std::move(filter));
  }
  if (!flags.type.empty()) {
    absl::StatusOr<Bitmap> compiled = CompileFilter(TypeFilter(flags.type), *facts);
    if (!compiled.ok()) return UsageError("--type: " + std::string(compiled.status().message()));
    Bitmap of_type = *std::move(compiled);
    if (of_type.Count() == 0) console.Note("no item of the model has the type '" + flags.type + "'");
    if (query.filter != nullptr) of_type.IntersectWith(*query.filter);
    query.filter = std::make_shared<const Bitmap>(std::move(of_type));
  }
  if (facts != nullptr && facts->has_windows()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    query.now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
  return AddPlainRules(flags, recommender.items(), query);
}

absl::Status AddPlainRules(const RuleFlags& flags, const IdDictionary& items, Query& query) {
  if (flags.now) {
    WAYPOST_ASSIGN_OR_RETURN(query.now_us, ParseTimeFlag("--now", *flags.now, flags.files));
  }
  WAYPOST_ASSIGN_OR_RETURN(query.completed, ReadItemList(flags.completed, items));
  WAYPOST_ASSIGN_OR_RETURN(query.in_progress, ReadItemList(flags.in_progress, items));
  query.prerequisites = flags.prerequisites;
  query.category_cap = flags.category_cap;
  for (const std::string& cap : flags.caps) {
    WAYPOST_ASSIGN_OR_RETURN(const auto pair, ParsePair<std::uint64_t>("--cap", cap));
    query.category_caps.push_back({pair.first, pair.second});
  }
  for (const std::string& weight : flags.weights) {
    WAYPOST_ASSIGN_OR_RETURN(const auto pair, ParsePair<float>("--weight", weight));
    query.value_weights.push_back({pair.first, pair.second});
  }
  query.diversity.strength = static_cast<float>(flags.diversity);
  query.diversity.basis = flags.diversity_by == "catalog" ? DiversityBasis::kCatalogue : DiversityBasis::kModel;
  query.exploration.share = static_cast<float>(flags.explore);
  query.exploration.seed = flags.seed;
  return absl::OkStatus();
}

}  // namespace waypost::cli
