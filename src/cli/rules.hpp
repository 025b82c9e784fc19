// cli/rules.hpp - the rules of a query as options: filter, time, courses taken, caps, weights, diversity, exploration.
#ifndef WAYPOST_CLI_RULES_HPP_
#define WAYPOST_CLI_RULES_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "console.hpp"
#include "inputs.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/rank/recommender.hpp"

namespace waypost::cli {

struct RuleFlags {
  CatalogFlags catalog;
  EventFileFlags files;  // the catalogue's id column and time unit
  std::string filter;
  std::string type;
  std::optional<std::string> now;
  std::vector<std::string> completed;
  std::vector<std::string> in_progress;
  bool prerequisites = false;
  std::optional<std::uint64_t> category_cap;
  std::vector<std::string> caps;     // CATEGORY=N
  std::vector<std::string> weights;  // ITEM=NUMBER
  double diversity = 0;
  std::string diversity_by = "model";
  double explore = 0;
  std::uint64_t seed = 42;
};
void AddRuleFlags(Verb& verb, RuleFlags& flags);

// The first option given that needs a catalogue; empty: none does.
std::string RuleOfCatalog(const RuleFlags& flags);

// Returns the catalogue of --catalog; nullopt without one.
// Errors  usage: an option that needs a catalogue without one.
absl::StatusOr<std::optional<Catalogue>> ReadRuleCatalog(const RuleFlags& flags, Console& console);

// Puts the rules that need no catalogue at hand into `query`: all but the filter, and --now where it is given.
absl::Status AddPlainRules(const RuleFlags& flags, const IdDictionary& items, Query& query);

// Puts the rules into `query`. Without --now the moment is the present where the catalogue has windows.
absl::Status AddRules(const RuleFlags& flags, const Recommender& recommender, Query& query, Console& console);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_RULES_HPP_
