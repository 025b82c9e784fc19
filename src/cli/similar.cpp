// cli/similar.cpp - waypost similar: the items nearest to an item.
#include <memory>

#include "commands.hpp"
#include "rankings.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string file;
  std::string use;
  std::vector<std::string> items;
  std::uint64_t n = 10;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  OutputFlags output;
};

absl::Status RunSimilar(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const Recommender recommender, OpenRecommender(options.file, options.use));
  SimilarQuery query{.item = {}, .n = options.n, .model = options.use};
  if (!options.include.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(query.include, ReadItemList(options.include, recommender.items()));
    NoteUnknownItems("--include", *query.include, recommender.items(), console);
  }
  WAYPOST_ASSIGN_OR_RETURN(query.exclude, ReadItemList(options.exclude, recommender.items()));
  NoteUnknownItems("--exclude", query.exclude, recommender.items(), console);
  std::vector<Recommendation> answers;  // all before the first is written: an unknown item leaves no half output
  for (const std::string& item : options.items) {
    query.item = item;
    if (!recommender.items().Find(item))
      return absl::NotFoundError("--item: want an item of " + options.file + ", got '" + item + "'");
    WAYPOST_ASSIGN_OR_RETURN(Recommendation answer, recommender.Similar(query));
    answers.push_back(std::move(answer));
  }
  RankingWriter writer(console, options.output, "item", /*explain=*/false);
  for (std::size_t n = 0; n < answers.size(); ++n) writer.Add(options.items[n], answers[n], "");
  writer.Finish(/*threads=*/1);
  return absl::OkStatus();
}

}  // namespace

void AddSimilar(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("similar", "Find the items nearest to an item",
                                    "waypost similar --model courses.waypost --item python-101 -n 5");
  verb.Option("--model", "FILE", options->file, "The model file").Required();
  verb.Option("--use", "NAME", options->use, "Which model of the file; else its default");
  verb.List("--item", "ID", options->items, "Neighbours of these items").Required();
  verb.Option("-n,--count", "N", options->n, "Neighbours of each item").Between(0, 1e9);
  verb.List("--include", "ITEM[,ITEM]", options->include, "Return these items only; @FILE reads one a line");
  verb.List("--exclude", "ITEM[,ITEM]", options->exclude, "Never return these items; @FILE reads one a line");
  AddOutputFlags(verb, options->output);
  verb.Runs([options](Console& console) { return RunSimilar(*options, console); });
}

}  // namespace waypost::cli
