// The `waypost` command line tool.
#include "commands.hpp"

int main(int argc, char** argv) {
  waypost::cli::CommandLine command_line;
  return command_line.Run(argc, argv);
}
