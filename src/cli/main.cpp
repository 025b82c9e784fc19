// The `waypost` command line tool.
#include "commands.hpp"

int main(int argc, char** argv) {
  waypost::cli::CommandLine command_line;
  waypost::cli::AddTrain(command_line);
  waypost::cli::AddEvaluate(command_line);
  waypost::cli::AddRecommend(command_line);
  waypost::cli::AddSimilar(command_line);
  waypost::cli::AddPath(command_line);
  waypost::cli::AddInspect(command_line);
  waypost::cli::AddVerify(command_line);
  waypost::cli::AddPlan(command_line);
  waypost::cli::AddSimulate(command_line);
  return command_line.Run(argc, argv);
}
