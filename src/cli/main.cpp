// The `waypost` command line tool.
#include "commands.hpp"

int main(int argc, char** argv) {
  waypost::cli::CommandLine command_line;
  waypost::cli::AddTrain(command_line);
  waypost::cli::AddEvaluate(command_line);
  waypost::cli::AddCompare(command_line);
  waypost::cli::AddTune(command_line);
  waypost::cli::AddRecommend(command_line);
  waypost::cli::AddSimilar(command_line);
  waypost::cli::AddPath(command_line);
  waypost::cli::AddInspect(command_line);
  waypost::cli::AddVerify(command_line);
  waypost::cli::AddPlan(command_line);
  waypost::cli::AddSimulate(command_line);
  waypost::cli::VerbGroup& insight =
      command_line.AddGroup("insight", "Understand users, growth and what to do about them");
#ifdef WAYPOST_STORE
  waypost::cli::AddInsightFeatures(insight);
#endif
  waypost::cli::AddInsightChurn(insight);
  waypost::cli::AddInsightPayment(insight);
  waypost::cli::AddInsightGrowth(insight);
  waypost::cli::AddInsightRetention(insight);
  waypost::cli::AddInsightCohorts(insight);
  waypost::cli::AddInsightStrategy(insight);
  waypost::cli::AddInsightOffPolicy(insight);
  waypost::cli::AddInsightAllocate(insight);
  waypost::cli::AddInsightLeaderboard(insight);
  waypost::cli::AddInsightAbTest(insight);
  waypost::cli::AddInsightUplift(insight);
#ifdef WAYPOST_TEXT
  waypost::cli::AddSearch(command_line);
#endif
#ifdef WAYPOST_STORE
  waypost::cli::AddImport(command_line);
  waypost::cli::AddExport(command_line);
  waypost::cli::AddPublish(command_line);
  waypost::cli::AddCompact(command_line);
  waypost::cli::AddRetention(command_line);
  waypost::cli::AddBackup(command_line);
  waypost::cli::AddForget(command_line);
  waypost::cli::AddBench(command_line);
#ifdef WAYPOST_REPORT
  waypost::cli::AddReport(command_line);
#endif
  waypost::cli::AddInsightFeedback(insight);
#endif
  return command_line.Run(argc, argv);
}
