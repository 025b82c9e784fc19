// cli/commands.hpp - the verbs of the tool, one source file each. Every function declares one verb: its options, its
// example and what it runs.
#ifndef WAYPOST_CLI_COMMANDS_HPP_
#define WAYPOST_CLI_COMMANDS_HPP_

#include "command_line.hpp"

namespace waypost::cli {

void AddTrain(CommandLine& command_line);
void AddEvaluate(CommandLine& command_line);
void AddCompare(CommandLine& command_line);
void AddTune(CommandLine& command_line);
void AddRecommend(CommandLine& command_line);
void AddSimilar(CommandLine& command_line);
void AddPath(CommandLine& command_line);
void AddInspect(CommandLine& command_line);
void AddVerify(CommandLine& command_line);
void AddPlan(CommandLine& command_line);
void AddSimulate(CommandLine& command_line);
void AddInsightChurn(VerbGroup& group);
void AddInsightPayment(VerbGroup& group);
void AddInsightGrowth(VerbGroup& group);
void AddInsightRetention(VerbGroup& group);
void AddInsightCohorts(VerbGroup& group);
void AddInsightStrategy(VerbGroup& group);
void AddInsightOffPolicy(VerbGroup& group);
void AddInsightAllocate(VerbGroup& group);
void AddInsightLeaderboard(VerbGroup& group);
void AddInsightAbTest(VerbGroup& group);
void AddInsightUplift(VerbGroup& group);
void AddSearch(CommandLine& command_line);  // with WAYPOST_TEXT
#ifdef WAYPOST_STORE
void AddInsightFeatures(VerbGroup& group);
void AddImport(CommandLine& command_line);
void AddExport(CommandLine& command_line);
void AddPublish(CommandLine& command_line);
void AddCompact(CommandLine& command_line);
void AddRetention(CommandLine& command_line);
void AddBackup(CommandLine& command_line);
void AddForget(CommandLine& command_line);
void AddBench(CommandLine& command_line);
void AddReport(CommandLine& command_line);  // with WAYPOST_REPORT alone
void AddInsightFeedback(VerbGroup& group);
#endif

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_COMMANDS_HPP_
