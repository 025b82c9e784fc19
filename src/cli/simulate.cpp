// waypost simulate: writes a learning community with planted truth.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "json_writer.hpp"
#include "simulate_files.hpp"

namespace waypost::cli {
namespace {

struct Options {
  SimulateOptions simulate;
  std::string out;
  int threads = 0;
  bool json = false;
};

absl::Status RunSimulate(const Options& options, Console& console) {
  if (const absl::Status valid = Validate(options.simulate); !valid.ok())
    return UsageError(internal::ToStd(valid.message()));
  const Parallelism parallelism(options.threads);
  WAYPOST_ASSIGN_OR_RETURN(const Community community, Simulate(options.simulate, parallelism));
  WAYPOST_RETURN_IF_ERROR(WriteCommunity(community, options.out, parallelism));

  std::size_t departed = 0;
  for (const Learner& learner : community.learners) departed += learner.departed_s.has_value();
  if (options.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("folder", options.out);
    json.Member("users", community.learners.size());
    json.Member("courses", community.courses.size());
    json.Member("events", community.events.size());
    json.Member("questions", community.questions.size());
    json.Member("departed", departed);
    WriteRunFacts(json, console, parallelism.threads(), options.simulate.seed);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  console.Write(absl::StrCat("A community of ", community.learners.size(), " learners and ", community.courses.size(),
                             " courses over ", options.simulate.days, " days: ", community.events.size(), " events, ",
                             community.questions.size(), " questions, ", departed, " departures.\n", options.out,
                             "/events.csv, catalog.jsonl, users.csv, questions.jsonl; what was planted: truth.json\n"));
  return absl::OkStatus();
}

}  // namespace

void AddSimulate(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("simulate", "Write a learning community whose truth is known",
                                    "waypost simulate --out community --users 5000 --seed 1");
  verb.Option("--out", "DIR", options->out, "The folder to write into; made if it is not there").Required();
  verb.Option("--users", "N", options->simulate.users, "Learners who arrive within the period").Required();
  verb.Option("--courses", "N", options->simulate.courses, "Courses on offer at the end");
  verb.Option("--days", "N", options->simulate.days, "Length of the period");
  verb.Option("--seed", "N", options->simulate.seed, "Same seed, same files");
  verb.Option("--threads", "N", options->threads, "Threads to use; 0: all that are allowed").Between(0, 1024);
  verb.Flag("--json", options->json, "Write one JSON object on one line");
  verb.Runs([options](Console& console) { return RunSimulate(*options, console); });
}

}  // namespace waypost::cli
