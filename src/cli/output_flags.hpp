// cli/output_flags.hpp - --json and --format.
#ifndef WAYPOST_CLI_OUTPUT_FLAGS_HPP_
#define WAYPOST_CLI_OUTPUT_FLAGS_HPP_

#include <string>

#include "command_line.hpp"
#include "table.hpp"

namespace waypost::cli {

struct OutputFlags {
  bool json = false;
  std::string format = "table";

  TableFormat table_format() const {
    return format == "csv" ? TableFormat::kCsv : format == "md" ? TableFormat::kMarkdown : TableFormat::kTable;
  }
};

inline void AddJsonFlag(Verb& verb, bool& json) {
  verb.Flag("--json", json, "Write one JSON object on one line");
}

inline void AddOutputFlags(Verb& verb, OutputFlags& flags) {
  const OptionHandle format =
      verb.Option("--format", "FORMAT", flags.format, "Form of the output").OneOf({"table", "csv", "md"});
  verb.Flag("--json", flags.json, "Write one JSON object on one line instead").Excludes(format);
}

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_OUTPUT_FLAGS_HPP_
