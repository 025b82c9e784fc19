// cli/insight_churn.cpp - waypost insight churn and waypost insight payment: who will leave, who will pay.
#include <memory>
#include <string>

#include "commands.hpp"
#include "insight_table.hpp"
#include "models.hpp"
#include "output_flags.hpp"

namespace waypost::cli {
namespace {

struct Options {
  InsightTableFlags table;
  int threads = 0;
  OutputFlags output;
};

void AddVerb(VerbGroup& insight, const std::string& subject, const std::string& summary, const std::string& key,
             const std::string& example) {
  auto options = std::make_shared<Options>();
  Verb& verb = insight.AddVerb(subject, summary, example);
  AddInsightTableFlags(verb, options->table);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Runs([options, key](Console& console) -> absl::Status {
    if (options->table.file.empty()) return UsageError("want --table");
    return RunInsightTable(options->table, key, options->threads, options->output, console);
  });
}

}  // namespace

void AddInsightChurn(VerbGroup& insight) {
  AddVerb(insight, "churn", "Who will leave: a label of a table predicted and judged on rows not seen", "p_leave",
          "waypost insight churn --table customers.csv --label Churn --id-col customerID");
}

void AddInsightPayment(VerbGroup& insight) {
  AddVerb(insight, "payment", "Who will pay: a label of a table predicted and judged on rows not seen", "p_pay",
          "waypost insight payment --table sessions.csv --label Revenue --categorical Browser,Region");
}

}  // namespace waypost::cli
