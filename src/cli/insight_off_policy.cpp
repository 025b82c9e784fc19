// cli/insight_off_policy.cpp - waypost insight off-policy: what another ranking would have earned, from a log.
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table_source.hpp"
#include "waypost/eval/off_policy.hpp"
#include "waypost/eval/tabular_policy.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string log;
  std::string format = "auto";
  std::string action_column = "item";
  std::optional<std::string> context_column;
  std::string reward_column = "reward";
  std::string propensity_column = "propensity";
  std::optional<std::string> target_log;
  std::optional<std::string> target_column;
  CrossFitOptions cross_fit;
  OffPolicyOptions evaluation;
  int threads = 0;
  OutputFlags output;
};

// Numbers for texts, in order of first appearance.
struct Numbering {
  std::unordered_map<std::string, std::uint32_t> numbers;

  std::uint32_t operator()(std::string_view text) {
    return numbers.emplace(text, static_cast<std::uint32_t>(numbers.size())).first->second;
  }
};

struct Decisions {
  std::vector<std::uint32_t> contexts, actions;
};

absl::StatusOr<Decisions> ReadDecisions(const Options& options, const DataTable& table, Numbering& contexts,
                                        Numbering& actions) {
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const action, table.Find(options.action_column));
  const DataColumn* context = nullptr;
  if (options.context_column) {
    WAYPOST_ASSIGN_OR_RETURN(context, table.Find(*options.context_column));
  }
  Decisions decisions;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (action->missing(row))
      return table.ErrorAt(row, "column '" + options.action_column + "': want an action, got none");
    decisions.actions.push_back(actions(action->text(row)));
    decisions.contexts.push_back(contexts(context != nullptr ? context->text(row) : std::string_view()));
  }
  return decisions;
}

// The log with what the target policy would have done.
struct Input {
  std::vector<double> rewards, propensities, target;
  RewardPredictions predicted;  // where the target policy is known whole
  // The target's probability of actions that the log never shows in their context, averaged over the decisions.
  std::optional<double> unsupported;
};

absl::Status AddTargetLog(const Options& options, const DataTable& log, Input& input) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable target, ReadTable(*options.target_log, options.format));
  Numbering contexts, actions;
  WAYPOST_ASSIGN_OR_RETURN(const Decisions logged, ReadDecisions(options, log, contexts, actions));
  WAYPOST_ASSIGN_OR_RETURN(const Decisions wanted, ReadDecisions(options, target, contexts, actions));
  const std::size_t context_count = contexts.numbers.size(), action_count = actions.numbers.size();
  WAYPOST_ASSIGN_OR_RETURN(const TabularPolicy policy,
                           FrequencyPolicy({wanted.contexts, wanted.actions, context_count, action_count}));
  std::vector<char> shown(context_count * action_count, 0), known(context_count, 0);
  for (const std::uint32_t context : wanted.contexts) known[context] = 1;
  for (std::size_t row = 0; row < log.rows(); ++row) {
    if (known[logged.contexts[row]] == 0)
      return log.ErrorAt(row, "want a context of " + *options.target_log + ", got another");
    shown[logged.contexts[row] * action_count + logged.actions[row]] = 1;
    input.target.push_back(policy.at(logged.contexts[row], logged.actions[row]));
  }
  std::vector<double> missed(context_count, 0);
  for (std::size_t cell = 0; cell < shown.size(); ++cell)
    if (shown[cell] == 0) missed[cell / action_count] += policy.probabilities[cell];
  double unsupported = 0;
  for (const std::uint32_t context : logged.contexts) unsupported += missed[context];
  input.unsupported = unsupported / static_cast<double>(log.rows());
  WAYPOST_ASSIGN_OR_RETURN(input.predicted,
                           CrossFitMeans({logged.contexts, logged.actions, context_count, action_count}, input.rewards,
                                         policy, options.cross_fit));
  return absl::OkStatus();
}

absl::StatusOr<Input> ReadInput(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable log, ReadTable(options.log, options.format));
  Input input;
  WAYPOST_ASSIGN_OR_RETURN(input.rewards, ReadWholeColumn(log, options.reward_column));
  const absl::StatusOr<std::vector<double>> propensities = ReadWholeColumn(log, options.propensity_column);
  if (!propensities.ok())
    return internal::AddContext("without the probability of each action taken there is no estimate",
                                propensities.status());
  input.propensities = *propensities;
  for (std::size_t row = 0; row < log.rows(); ++row)
    if (!(input.propensities[row] > 0 && input.propensities[row] <= 1))
      return log.ErrorAt(row, "column '" + options.propensity_column + "': want a probability in (0, 1], got " +
                                  NumberText(input.propensities[row]));
  if (options.target_log) {
    WAYPOST_RETURN_IF_ERROR(AddTargetLog(options, log, input));
    return input;
  }
  WAYPOST_ASSIGN_OR_RETURN(input.target, ReadWholeColumn(log, *options.target_column));
  for (std::size_t row = 0; row < log.rows(); ++row)
    if (!(input.target[row] >= 0 && input.target[row] <= 1))
      return log.ErrorAt(row, "column '" + *options.target_column + "': want a probability of 0..1, got " +
                                  NumberText(input.target[row]));
  return input;
}

// The estimate that the read-out rests on.
const OffPolicyEstimate& Decisive(const OffPolicyEvaluation& found) {
  return found.dr ? *found.dr : found.snips;
}

const char* VerdictText(const OffPolicyEstimate& estimate) {
  return !estimate.told() ? "not told apart" : estimate.difference > 0 ? "better" : "worse";
}

std::string ReadOut(const OffPolicyEvaluation& found) {
  const OffPolicyEstimate& decisive = Decisive(found);
  const std::string by = found.dr ? "DR" : "SNIPS";
  const std::string difference = Fixed(decisive.difference, 6) + " [" + Fixed(decisive.difference_interval.low, 6) +
                                 ", " + Fixed(decisive.difference_interval.high, 6) + "]";
  if (decisive.told())
    return std::string("the target policy is ") + VerdictText(decisive) + " than the logged one: difference by " + by +
           " " + difference;
  return "this log cannot tell the two policies apart: difference by " + by + " " + difference +
         (std::isfinite(decisive.decisions_to_tell)
              ? "; were that true, about " + Fixed(decisive.decisions_to_tell, 0) + " decisions would"
              : "");
}

void WriteEstimate(JsonWriter& json, const char* name, const std::optional<OffPolicyEstimate>& found) {
  json.Key(name);
  if (!found) return json.Null();
  const OffPolicyEstimate& estimate = *found;
  json.BeginObject();
  json.Member("value", estimate.value);
  json.Member("standard_error", estimate.standard_error);
  json.Key("interval");
  WriteInterval(json, estimate.interval);
  json.Key("bernstein");
  WriteInterval(json, estimate.bernstein);
  json.Member("difference", estimate.difference);
  json.Key("difference_interval");
  WriteInterval(json, estimate.difference_interval);
  json.Member("decisions_to_tell", estimate.decisions_to_tell);
  json.Member("verdict", VerdictText(estimate));
  json.EndObject();
}

void WriteJson(const Options& options, const Input& input, const OffPolicyEvaluation& found, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("decisions", found.decisions);
  json.Key("logged");
  json.BeginObject();
  json.Member("value", found.logged_value);
  json.Member("standard_error", found.logged_error);
  json.EndObject();
  json.Member("effective_sample", found.effective_sample);
  json.Member("max_weight", found.max_weight);
  json.Member("mean_weight", found.mean_weight);
  json.Member("unsupported", input.unsupported);
  WriteEstimate(json, "ips", found.ips);
  WriteEstimate(json, "snips", found.snips);
  json.Member("dm", found.dm);
  WriteEstimate(json, "dr", found.dr);
  json.Member("verdict", VerdictText(Decisive(found)));
  json.Member("read_out", ReadOut(found));
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), options.evaluation.bootstrap.seed);
  json.EndObject();
  console.Write("\n");
}

void WriteTable(const Options& options, const OffPolicyEvaluation& found, Console& console) {
  Table table({{"estimate"},
               {"value", true},
               {"SE", true},
               {"interval"},
               {"bound for any n"},
               {"difference", true},
               {"interval of it"},
               {"verdict"}});
  const auto interval = [](const Interval& range) {
    return "[" + Fixed(range.low, 7) + ", " + Fixed(range.high, 7) + "]";
  };
  table.AddRow({"logged", Fixed(found.logged_value, 7), Fixed(found.logged_error, 7), "", "", "", "", ""});
  const auto add = [&](const char* name, const OffPolicyEstimate& estimate) {
    table.AddRow({name, Fixed(estimate.value, 7), Fixed(estimate.standard_error, 7), interval(estimate.interval),
                  estimate.bernstein ? interval(*estimate.bernstein) : "", Fixed(estimate.difference, 7),
                  interval(estimate.difference_interval), VerdictText(estimate)});
  };
  add("IPS", found.ips);
  add("SNIPS", found.snips);
  if (found.dm) table.AddRow({"DM", Fixed(*found.dm, 7), "", "", "", "", "", ""});
  if (found.dr) add("DR", *found.dr);
  table.Write(console, options.output.table_format());
  console.Note(Count(found.decisions, "decision") + ", effective sample " + Fixed(found.effective_sample, 1) +
               ", largest weight " + Fixed(found.max_weight, 2) + ", mean weight " + Fixed(found.mean_weight, 4));
  console.Note(ReadOut(found));
}

absl::Status RunOffPolicy(const Options& options, Console& console) {
  if (options.target_log.has_value() == options.target_column.has_value())
    return UsageError("want --target-log FILE or --target-col COL");
  WAYPOST_RETURN_IF_ERROR(Validate(options.evaluation));
  WAYPOST_RETURN_IF_ERROR(Validate(options.cross_fit));
  WAYPOST_ASSIGN_OR_RETURN(const Input input, ReadInput(options));
  WAYPOST_ASSIGN_OR_RETURN(const OffPolicyEvaluation found,
                           EvaluateOffPolicy({.rewards = input.rewards,
                                              .propensities = input.propensities,
                                              .target = input.target,
                                              .predicted_taken = input.predicted.taken,
                                              .predicted_target = input.predicted.target},
                                             options.evaluation, Parallelism(options.threads)));
  if (input.unsupported.value_or(0) > 0)
    console.Note("the target policy takes actions that the log never shows in their context: " +
                 Fixed(100 * *input.unsupported, 2) + " % of its decisions; IPS leaves out what they would earn");
  if (std::abs(found.mean_weight - 1) > 4 * found.mean_weight_error)
    console.Note("the mean weight is " + Fixed(found.mean_weight, 4) + " +- " + Fixed(found.mean_weight_error, 4) +
                 " where true propensities give 1: the estimates are biased");
  options.output.json ? WriteJson(options, input, found, console) : WriteTable(options, found, console);
  return absl::OkStatus();
}

}  // namespace

void AddInsightOffPolicy(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("off-policy", "Estimate what another ranking would have earned, from a log",
                             "waypost insight off-policy --log shown.csv --context-col rank --reward-col click "
                             "--target-log other.csv");
  verb.Option("--log", "FILE", options->log, "One row a decision of the policy that ran").Required();
  verb.Option("--action-col", "COL", options->action_column, "What was shown");
  verb.Option("--context-col", "COL", options->context_column, "Where it was shown: policies may differ by it");
  verb.Option("--reward-col", "COL", options->reward_column, "What came of it: a click as 0 or 1, an amount");
  verb.Option("--propensity-col", "COL", options->propensity_column, "Probability with which it was shown there");
  const OptionHandle target =
      verb.Option("--target-log", "FILE", options->target_log, "A log of the other policy: its frequencies by context");
  verb.Option("--target-col", "COL", options->target_column,
              "Column of --log: the other policy's probability of what was shown (no DM, no DR)")
      .Excludes(target);
  verb.Option("--folds", "N", options->cross_fit.folds, "Parts of the log for cross-fitting").Between(2, 100);
  verb.Option("--prior-count", "N", options->cross_fit.prior_count, "Rows that the mean above a mean counts for")
      .Between(0, 1e9);
  verb.Option("--min-effective-sample", "N", options->evaluation.min_effective_sample, "Refuse an estimate below it")
      .Between(0, 1e12);
  verb.Option("--max-weight", "W", options->evaluation.weight_bound,
              "Largest weight the policies allow, where known (default: the largest seen)");
  verb.Option("--confidence", "C", options->evaluation.bootstrap.confidence, "Of intervals").Between(0.5, 0.999999);
  verb.Option("--replicates", "N", options->evaluation.bootstrap.replicates, "Of the bootstrap").Between(1, 1e6);
  verb.Option("--seed", "N", options->evaluation.bootstrap.seed, "Of the bootstrap");
  AddTableFormat(verb, options->format);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "IPS and DR are unbiased where every action of the other policy could have been shown; SNIPS trades a little\n"
      "bias for variance; DM is as good as its model. 'bound for any n' needs no normality, but takes the\n"
      "rewards to lie between the least and the largest of the log, and the weights below --weight-bound.\n");
  verb.Runs([options](Console& console) { return RunOffPolicy(*options, console); });
}

}  // namespace waypost::cli
