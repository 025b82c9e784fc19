// cli/insight_strategy.cpp - waypost insight strategy: which way of running a platform keeps learners who pay.
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table_source.hpp"
#include "waypost/insight/regularised_policy.hpp"
#include "waypost/insight/strategy.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string table;
  std::string format = "auto";
  std::string name_column = "name";
  std::string retention_column = "retention";
  std::string payment_column = "payment";
  std::optional<std::string> users_column;
  std::optional<std::string> share_column;
  bool per_user = false;
  std::optional<std::string> baseline;
  std::optional<std::string> baseline_rates;
  std::optional<double> beta;
  std::optional<double> kl_budget;
  StrategyOptions strategy;
  std::uint64_t seed = 42;
  int threads = 0;
  OutputFlags output;
};

struct Candidates {
  std::vector<std::string> names;
  std::vector<StrategyValue> values;
  std::vector<double> shares;  // of today: those of --share-col, or of the learners, or equal ones
};

absl::StatusOr<Candidates> ReadRates(const Options& options, const DataTable& table) {
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const name, table.Find(options.name_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> retention, ReadWholeColumn(table, options.retention_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> payment, ReadWholeColumn(table, options.payment_column));
  std::vector<double> users;
  const std::string users_column = options.users_column.value_or("users");
  if (options.users_column || HasColumn(table, users_column)) {
    WAYPOST_ASSIGN_OR_RETURN(users, table.Numbers(users_column));
  }
  Candidates candidates;
  std::map<std::string, std::size_t, std::less<>> seen;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (name->missing(row)) return table.ErrorAt(row, "column '" + options.name_column + "': want a name, got none");
    candidates.names.emplace_back(name->text(row));
    if (!seen.emplace(candidates.names.back(), row).second)
      return table.ErrorAt(
          row, "want one row a strategy (or --per-user, one a learner), got '" + candidates.names.back() + "' again");
    std::optional<double> count;
    if (!users.empty() && !std::isnan(users[row])) count = users[row];
    const absl::StatusOr<StrategyValue> value = ValueOfRates(retention[row], payment[row], count);
    if (!value.ok()) return table.ErrorAt(row, internal::ToStd(value.status().message()));
    candidates.values.push_back(*value);
  }
  if (options.share_column) {
    WAYPOST_ASSIGN_OR_RETURN(candidates.shares, ReadWholeColumn(table, *options.share_column));
  } else {
    candidates.shares.assign(table.rows(), 1 / static_cast<double>(table.rows()));
  }
  return candidates;
}

absl::StatusOr<Candidates> ReadLearners(const Options& options, const DataTable& table) {
  if (options.share_column || options.users_column)
    return UsageError("--per-user: want neither --share-col nor --users-col beside it; both are counted");
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const name, table.Find(options.name_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> retention, ReadWholeColumn(table, options.retention_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> payment, ReadWholeColumn(table, options.payment_column));
  struct Learners {
    std::vector<double> retained, pays;
  };
  Candidates candidates;
  std::vector<Learners> learners;
  std::map<std::string, std::size_t, std::less<>> known;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (name->missing(row)) return table.ErrorAt(row, "column '" + options.name_column + "': want a name, got none");
    for (const double probability : {retention[row], payment[row]})
      if (!(probability >= 0 && probability <= 1))
        return table.ErrorAt(row, "want probabilities of 0..1, got " + NumberText(probability));
    const auto [found, added] = known.emplace(name->text(row), learners.size());
    if (added) {
      candidates.names.emplace_back(name->text(row));
      learners.emplace_back();
    }
    learners[found->second].retained.push_back(retention[row]);
    learners[found->second].pays.push_back(payment[row]);
  }
  for (const Learners& group : learners) {
    WAYPOST_ASSIGN_OR_RETURN(
        const StrategyValue value,
        ValueOfUsers(group.retained, group.pays, {.confidence = options.strategy.confidence, .seed = options.seed},
                     Parallelism(options.threads)));
    candidates.values.push_back(value);
    candidates.shares.push_back(*value.users / static_cast<double>(table.rows()));
  }
  return candidates;
}

// What the others are held against, by name or by rates.
absl::StatusOr<std::optional<StrategyValue>> FindBaseline(const Options& options, const Candidates& candidates) {
  if (options.baseline) {
    for (std::size_t n = 0; n < candidates.names.size(); ++n)
      if (candidates.names[n] == *options.baseline) return candidates.values[n];
    return absl::NotFoundError("--baseline: want a strategy of " + options.table + ", got '" + *options.baseline + "'");
  }
  if (!options.baseline_rates) return std::nullopt;
  const std::string& text = *options.baseline_rates;
  const std::size_t comma = text.find(',');
  double retention = 0, payment = 0;
  if (comma == std::string::npos || !absl::SimpleAtod(text.substr(0, comma), &retention) ||
      !absl::SimpleAtod(text.substr(comma + 1), &payment) || !ValueOfRates(retention, payment).ok())
    return UsageError("--baseline-rates: want RETENTION,PAYMENT of 0..1 each, got '" + text + "'");
  WAYPOST_ASSIGN_OR_RETURN(const StrategyValue value, ValueOfRates(retention, payment));
  return value;
}

const char* VerdictText(Verdict verdict) {
  return verdict == Verdict::kBetter ? "better" : verdict == Verdict::kWorse ? "worse" : "not told apart";
}

struct Found {
  Candidates candidates;
  StrategyRanking ranking;
  std::vector<std::optional<BaselineComparison>> comparisons;  // by position; none for the baseline itself
  std::optional<RegularisedPolicy> policy;
};

absl::StatusOr<Found> Weigh(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.format));
  Found found;
  WAYPOST_ASSIGN_OR_RETURN(found.candidates,
                           options.per_user ? ReadLearners(options, table) : ReadRates(options, table));
  WAYPOST_ASSIGN_OR_RETURN(found.ranking, RankStrategies(found.candidates.values, options.strategy));
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<StrategyValue> baseline, FindBaseline(options, found.candidates));
  for (std::size_t n = 0; n < found.candidates.names.size(); ++n) {
    found.comparisons.emplace_back();
    if (!baseline || found.candidates.names[n] == options.baseline) continue;
    WAYPOST_ASSIGN_OR_RETURN(found.comparisons.back(),
                             CompareWithBaseline(found.candidates.values[n], *baseline, options.strategy));
  }
  std::vector<double> values;
  for (const StrategyValue& value : found.candidates.values) values.push_back(value.value);
  if (options.beta) {
    WAYPOST_ASSIGN_OR_RETURN(found.policy, RegularisePolicy(found.candidates.shares, values, *options.beta));
  } else if (options.kl_budget) {
    WAYPOST_ASSIGN_OR_RETURN(found.policy,
                             RegularisePolicyToBudget(found.candidates.shares, values, *options.kl_budget));
  }
  return found;
}

void WriteJson(const Options& options, const Found& found, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Key("strategies");
  json.BeginArray();
  for (const std::size_t n : found.ranking.order) {
    const StrategyValue& value = found.candidates.values[n];
    json.BeginObject();
    json.Member("name", found.candidates.names[n]);
    json.Member("users", value.users);
    json.Member("retention", value.retention);
    json.Member("payment", value.payment);
    json.Member("value", value.value);
    json.Member("covariance", value.covariance());
    json.Key("interval");
    WriteInterval(json, value.interval);
    json.Key("bounds");
    WriteInterval(json, value.users ? std::optional<Interval>(found.ranking.bounds[n]) : std::nullopt);
    json.Key("baseline");
    if (const auto& comparison = found.comparisons[n]) {
      json.BeginObject();
      json.Member("difference", comparison->difference);
      json.Member("per_thousand", 1000 * comparison->difference);
      json.Member("signed_kl", comparison->signed_kl);
      json.Member("kl_retention", comparison->kl_retention);
      json.Member("kl_payment", comparison->kl_payment);
      json.Member("g", comparison->g);
      json.Member("signed_root", comparison->signed_root);
      json.Member("p_value", comparison->p_value);
      json.Member("users_for_power", comparison->users_for_power);
      json.Member("verdict", VerdictText(comparison->verdict));
      json.EndObject();
    } else {
      json.Null();
    }
    if (found.policy) {
      json.Member("share_today", found.candidates.shares[n]);
      json.Member("share", found.policy->shares[n]);
    }
    json.EndObject();
  }
  json.EndArray();
  json.Member("best", found.candidates.names[found.ranking.order.front()]);
  json.Member("safest", found.candidates.names[found.ranking.safest]);
  if (found.policy) {
    json.Key("policy");
    json.BeginObject();
    json.Member("beta", found.policy->beta);
    json.Member("kl", found.policy->kl);
    json.Member("expected", found.policy->expected);
    json.Member("objective", found.policy->objective);
    json.EndObject();
  }
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), options.seed);
  json.EndObject();
  console.Write("\n");
}

// A figure, or nothing where there is none.
std::string Cell(const std::optional<double>& number, int digits) {
  return number && std::isfinite(*number) ? Fixed(*number, digits) : "";
}

void WriteTable(const Options& options, const Found& found, Console& console) {
  std::vector<Column> columns = {{"strategy"},      {"users", true}, {"retention", true},
                                 {"payment", true}, {"value", true}, {"at least", true}};
  const bool compared = options.baseline || options.baseline_rates;
  if (compared)
    for (const char* name : {"per 1000", "signed KL", "G", "p", "users to tell"}) columns.push_back({name, true});
  if (compared) columns.push_back({"to the baseline"});
  if (found.policy) columns.push_back({"share", true});
  Table table(columns);
  for (const std::size_t n : found.ranking.order) {
    const StrategyValue& value = found.candidates.values[n];
    std::vector<std::string> cells = {
        found.candidates.names[n], Cell(value.users, 0),  Fixed(value.retention, 4),
        Fixed(value.payment, 4),   Fixed(value.value, 4), value.users ? Fixed(found.ranking.bounds[n].low, 4) : ""};
    if (const auto& comparison = found.comparisons[n]) {
      cells.insert(cells.end(),
                   {(comparison->difference >= 0 ? "+" : "") + Fixed(1000 * comparison->difference, 1),
                    Fixed(comparison->signed_kl, 6), Cell(comparison->g, 2), Cell(comparison->p_value, 4),
                    Cell(comparison->users_for_power, 0), comparison->g ? VerdictText(comparison->verdict) : ""});
    } else if (compared) {
      cells.insert(cells.end(), {"", "", "", "", "", "baseline"});
    }
    if (found.policy) cells.push_back(Fixed(found.policy->shares[n], 4));
    table.AddRow(std::move(cells));
  }
  table.Write(console, options.output.table_format());
  const std::string& best = found.candidates.names[found.ranking.order.front()];
  const std::string& safest = found.candidates.names[found.ranking.safest];
  if (best != safest) console.Note("'" + best + "' has the highest value, '" + safest + "' the highest lower bound");
  if (found.policy)
    console.Note("shares: beta " + NumberText(found.policy->beta) + ", KL to today's shares " +
                 Fixed(found.policy->kl, 6) + ", expected value " + Fixed(found.policy->expected, 6));
}

absl::Status RunStrategy(const Options& options, Console& console) {
  WAYPOST_RETURN_IF_ERROR(Validate(options.strategy));
  WAYPOST_ASSIGN_OR_RETURN(const Found found, Weigh(options));
  options.output.json ? WriteJson(options, found, console) : WriteTable(options, found, console);
  return absl::OkStatus();
}

}  // namespace

void AddInsightStrategy(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("strategy", "Weigh operating strategies: learners who stay and pay",
                             "waypost insight strategy --table strategies.csv --baseline today --kl-budget 0.1");
  verb.Option("--table", "FILE", options->table, "One row a strategy, or with --per-user one a learner").Required();
  verb.Option("--name-col", "COL", options->name_column, "The strategy");
  verb.Option("--retention-col", "COL", options->retention_column, "Chance to stay, 0..1 (of a learner: 0 or 1 too)");
  verb.Option("--payment-col", "COL", options->payment_column, "Chance to pay of those who stay, 0..1");
  verb.Option("--users-col", "COL", options->users_column, "Learners behind a row ('users' where there is one)");
  verb.Flag("--per-user", options->per_user,
            "Each row is a learner: averages products instead of multiplying averages");
  const OptionHandle baseline = verb.Option("--baseline", "NAME", options->baseline, "The strategy to compare with");
  verb.Option("--baseline-rates", "R,P", options->baseline_rates, "Compare with known rates of staying and of paying")
      .Excludes(baseline);
  verb.Option("--confidence", "C", options->strategy.confidence, "Of bounds and verdicts").Between(0.5, 0.999999);
  verb.Option("--power", "P", options->strategy.power, "Of 'users to tell'").Between(0.5, 0.999999);
  const OptionHandle beta = verb.Option("--beta", "B", options->beta,
                                        "Share learners among strategies: weight of staying near today's shares")
                                .Between(0, 1e9);
  verb.Option("--kl-budget", "NATS", options->kl_budget, "The same, for a divergence from today's shares")
      .Between(0, 1e9)
      .Excludes(beta);
  verb.Option("--share-col", "COL", options->share_column, "Today's shares (default: equal; --per-user: as counted)");
  AddTableFormat(verb, options->format);
  verb.Option("--seed", "N", options->seed, "Of the intervals of --per-user");
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "The order is by value: the average over learners of P(stays) x P(pays | stays). 'at least' is its lower\n"
      "Kullback-Leibler bound, 'users to tell' the size of a trial that tells the strategy from the baseline, in each\n"
      "of two groups where the baseline was measured too. 'signed KL' says how far, never which is better.\n");
  verb.Runs([options](Console& console) { return RunStrategy(*options, console); });
}

}  // namespace waypost::cli
