// cli/insight_allocate.cpp - waypost insight allocate: whom to give which incentive within a budget.
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "output_flags.hpp"
#include "table_source.hpp"
#include "waypost/insight/allocation.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string table;
  std::string format = "auto";
  std::string user_column = "user";
  std::string option_column = "option";
  std::string cost_column = "cost";
  std::string value_column = "value";
  double budget = 0;
  OutputFlags output;
};

absl::Status RunAllocate(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.format));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const user, table.Find(options.user_column));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const option, table.Find(options.option_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> costs, ReadWholeColumn(table, options.cost_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> values, ReadWholeColumn(table, options.value_column));
  std::map<std::string, std::uint32_t, std::less<>> users;  // in order of first appearance
  std::vector<Incentive> incentives;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (user->missing(row)) return table.ErrorAt(row, "column '" + options.user_column + "': want a user, got none");
    if (costs[row] < 0)
      return table.ErrorAt(row, "column '" + options.cost_column + "': want >= 0, got " + NumberText(costs[row]));
    const std::uint32_t number = users.emplace(user->text(row), static_cast<std::uint32_t>(users.size())).first->second;
    incentives.push_back({number, costs[row], values[row]});
  }
  WAYPOST_ASSIGN_OR_RETURN(const Allocation found, AllocateBudget(incentives, users.size(), options.budget));
  std::size_t given = 0;
  for (const auto& chosen : found.chosen) given += chosen.has_value();
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Key("chosen");
    json.BeginArray();
    for (const auto& chosen : found.chosen) {
      if (!chosen) continue;
      json.BeginObject();
      json.Member("user", user->text(*chosen));
      json.Member("option", option->text(*chosen));
      json.Member("cost", costs[*chosen]);
      json.Member("value", values[*chosen]);
      json.EndObject();
    }
    json.EndArray();
    json.Member("users", users.size());
    json.Member("budget", options.budget);
    json.Member("cost", found.cost);
    json.Member("value", found.value);
    json.Member("dual_bound", found.dual_bound);
    json.Member("gap", found.gap());
    json.Member("largest_step", found.largest_step);
    json.Member("multiplier", found.multiplier);
    WriteRunFacts(json, console, 1, std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  Table shown({{"user"}, {"option"}, {"cost", true}, {"value", true}});
  for (const auto& chosen : found.chosen)
    if (chosen)
      shown.AddRow({std::string(user->text(*chosen)), std::string(option->text(*chosen)), NumberText(costs[*chosen]),
                    NumberText(values[*chosen])});
  shown.Write(console, options.output.table_format());
  console.Note(Count(given, "user") + " of " + Digits(users.size()) + ": worth " + Fixed(found.value, 4) + " for " +
               Fixed(found.cost, 4) + " of " + NumberText(options.budget) + "; no allocation is worth more than " +
               Fixed(found.dual_bound, 4) + "; one more unit of budget adds about " + Fixed(found.multiplier, 4));
  return absl::OkStatus();
}

}  // namespace

void AddInsightAllocate(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("allocate", "Choose whom to give which incentive within a budget",
                             "waypost insight allocate --table incentives.csv --budget 500");
  verb.Option("--table", "FILE", options->table, "One row for each thing that may be done for a user").Required();
  verb.Option("--budget", "B", options->budget, "What all that is done may cost together").Required().Between(0, 1e300);
  verb.Option("--user-col", "COL", options->user_column, "The user, who gets one option or nothing");
  verb.Option("--option-col", "COL", options->option_column, "The option's name");
  verb.Option("--cost-col", "COL", options->cost_column, "What it costs");
  verb.Option("--value-col", "COL", options->value_column, "What it adds, in the mean: uplift x worth");
  AddTableFormat(verb, options->format);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "The result comes with a bound that no allocation exceeds; it is below that by the value of one option at "
      "most.\n");
  verb.Runs([options](Console& console) { return RunAllocate(*options, console); });
}

}  // namespace waypost::cli
