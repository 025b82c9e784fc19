// cli/insight_churn.cpp - waypost insight churn and waypost insight payment: who will leave, who will pay.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "insight_store.hpp"
#include "insight_table.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "waypost/insight/forecast.hpp"

namespace waypost::cli {
namespace {

struct Options {
  InsightTableFlags table;
  InsightStoreFlags store;
  std::optional<double> l2;
  int threads = 0;
  OutputFlags output;
};

absl::Status RefuseGiven(const std::vector<std::pair<std::string, OptionHandle>>& options, const std::string& wanted) {
  for (const auto& [name, option] : options)
    if (option.given()) return UsageError(name + ": want " + wanted + " beside it");
  return absl::OkStatus();
}

absl::Status Run(const Options& options, ForecastSubject subject, Console& console) {
#ifdef WAYPOST_STORE
  if (options.table.file.empty() == options.store.store.empty()) return UsageError("want --store DIR or --table FILE");
  if (!options.store.store.empty()) {
    WAYPOST_RETURN_IF_ERROR(RefuseGiven(options.table.options, "--table FILE"));
    return RunInsightStore(options.store, subject, options.l2.value_or(ForecastOptions().regression.l2),
                           options.threads, options.output, console);
  }
#else
  if (options.table.file.empty()) return UsageError("want --table FILE");
#endif
  WAYPOST_RETURN_IF_ERROR(RefuseGiven(options.store.options, "--store DIR"));
  return RunInsightTable(options.table, subject == ForecastSubject::kChurn ? "p_leave" : "p_pay",
                         options.l2.value_or(LogisticOptions().l2), options.threads, options.output, console);
}

void AddVerb(VerbGroup& group, const std::string& name, const std::string& summary, ForecastSubject subject,
             const std::string& example) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb(name, summary, example);
#ifdef WAYPOST_STORE
  AddInsightStoreFlags(verb, options->store);
#endif
  AddInsightTableFlags(verb, options->table);
  verb.Option("--l2", "STRENGTH", options->l2,
              "Penalty on the coefficients, 0 for none; default 10 for a store, 1 for a table")
      .Between(0, 1e12);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Runs([options, subject](Console& console) { return Run(*options, subject, console); });
}

}  // namespace

void AddInsightChurn(VerbGroup& group) {
  AddVerb(group, "churn", "Who will leave, and why: in each coming period, or the label of a plain table",
          ForecastSubject::kChurn, "waypost insight churn --store shop --period 7d --horizon 4 --inactive 28d");
}

void AddInsightPayment(VerbGroup& group) {
  AddVerb(group, "payment", "Who will pay, and why: in each coming period, or the label of a plain table",
          ForecastSubject::kPayment, "waypost insight payment --store shop --backtest 4");
}

}  // namespace waypost::cli
