// cli/command_line.hpp - verbs and their options, over the parser, whose headers stay in command_line.cpp.
//
// A verb binds options to variables and a function to run. The variables live in a std::shared_ptr that the function
// captures:
//
//   auto options = std::make_shared<Options>();
//   Verb& verb = command_line.AddVerb("verify", "Check a model file", "waypost verify courses.waypost");
//   verb.Positional("FILE", options->file, "The model file");
//   verb.Runs([options](Console& console) { return RunVerify(*options, console); });
#ifndef WAYPOST_CLI_COMMAND_LINE_HPP_
#define WAYPOST_CLI_COMMAND_LINE_HPP_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "console.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace waypost::cli {

// A wrong command line, as against work that failed: exit status 2 instead of 1.
absl::Status UsageError(std::string_view message);
bool IsUsageError(const absl::Status& status);

// One declared option; the members refine it.
class OptionHandle {
 public:
  explicit OptionHandle(CLI::Option* option) : option_(option) {}

  OptionHandle& Required();
  OptionHandle& OneOf(std::vector<std::string> choices);
  OptionHandle& Between(double low, double high);  // both included
  OptionHandle& Excludes(const OptionHandle& other);
  OptionHandle& Group(const std::string& heading);  // heading in the help
  bool given() const;                               // once the command line is parsed

 private:
  CLI::Option* option_;
};

class Verb {
 public:
  //   name   all its words: "train", "insight growth".
  Verb(CLI::App* app, std::string name, std::string example)
      : app_(app), name_(std::move(name)), example_(std::move(example)) {}

  // Declares an option of one value.
  //   names     "--seed" or "-n,--count".
  //   value     how the help calls the value: "FILE".
  //   target    T is std::string, int, std::uint64_t, double, or std::optional of one of them. What it holds now is
  //             the default and is shown in the help; an empty string and an empty optional are not.
  template <typename T>
  OptionHandle Option(const std::string& names, const std::string& value, T& target, const std::string& help);

  // An option that may be given many times and takes one or more values each time.
  OptionHandle List(const std::string& names, const std::string& value, std::vector<std::string>& target,
                    const std::string& help);

  OptionHandle Flag(const std::string& names, bool& target, const std::string& help);

  // A required argument without a name.
  OptionHandle Positional(const std::string& value, std::string& target, const std::string& help);

  // Any number of arguments without a name.
  OptionHandle Positionals(const std::string& value, std::vector<std::string>& target, const std::string& help);

  // Adds text to the help, above the example.
  void Notes(const std::string& text);

  void Runs(std::function<absl::Status(Console&)> run) { run_ = std::move(run); }

 private:
  friend class CommandLine;

  CLI::App* app_;
  std::string name_;
  std::string example_;
  std::vector<std::string> lists_;  // names of the options declared by List
  bool positional_ = false;
  std::function<absl::Status(Console&)> run_;
};

class CommandLine;

// Verbs of two words: the name of the group and a subject.
class VerbGroup {
 public:
  VerbGroup(CommandLine& command_line, CLI::App* app, std::string name)
      : command_line_(command_line), app_(app), name_(std::move(name)) {}

  // As CommandLine::AddVerb.
  Verb& AddVerb(const std::string& subject, const std::string& summary, const std::string& example);

 private:
  friend class CommandLine;

  CommandLine& command_line_;
  CLI::App* app_;
  std::string name_;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Lifetime  the verb lives as long as this object.
  Verb& AddVerb(const std::string& name, const std::string& summary, const std::string& example);

  // Lifetime  the group lives as long as this object.
  VerbGroup& AddGroup(const std::string& name, const std::string& summary);

  // Parses the arguments, runs the verb and returns the exit status: 0 ok, 1 failed, 2 usage.
  int Run(int argc, const char* const* argv);

 private:
  friend class VerbGroup;

  Verb& Keep(CLI::App* app, std::string name, const std::string& example);
  absl::Status CheckVerb(const std::vector<std::string>& arguments, const Verb*& verb) const;
  absl::Status Parse(std::vector<std::string> arguments);

  std::unique_ptr<CLI::App> app_;
  std::vector<std::unique_ptr<Verb>> verbs_;
  std::vector<std::unique_ptr<VerbGroup>> groups_;
};

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_COMMAND_LINE_HPP_
