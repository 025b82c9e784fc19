// cli/text_search.cpp - waypost search: the documents that hold the words asked for.
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "text_flags.hpp"

#include "waypost/text/snippet.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string query;
  TextFlags text;
  EventFileFlags input;
  std::optional<std::string> id_column;
  std::vector<std::string> settings;
  std::uint64_t n = 10;
  int threads = 0;
  OutputFlags output;
};

struct Result {
  std::string id;
  std::string title;
  float score = 0;
  std::string snippet;
  std::vector<MatchedTerm> because;
};

// The words around the matches: of the field that shows most of them, of equals the longest, the title last.
std::string SnippetOf(const TextDocuments& documents, std::size_t row, const std::vector<MatchedTerm>& because) {
  std::string best;
  float most = -1;
  std::size_t longest = 0;
  for (std::size_t column = 0; column < documents.table.columns.size(); ++column) {
    const std::string_view text = documents.table.text(row, column);
    if (text.empty()) continue;
    float amount = documents.table.columns[column] == "title" ? -0.5f : 0;
    std::vector<bool> seen(because.size());
    documents.index.tokenizer().Tokenize(text, [&](const Token& token) {
      if (token.kind == TokenKind::kPair) return;
      const std::string term = documents.index.tokenizer().Term(token.text);
      for (std::size_t n = 0; n < because.size(); ++n) {
        if (seen[n] || documents.index.tokenizer().Term(because[n].term) != term) continue;
        seen[n] = true;
        amount += documents.table.columns[column] == "title" ? 0 : because[n].amount;
      }
    });
    if (amount < most || (amount == most && text.size() <= longest)) continue;
    most = amount;
    longest = text.size();
    best = MakeSnippet(text, because, documents.index.tokenizer());
  }
  return best;
}

absl::StatusOr<std::vector<Result>> FindResults(const Options& options, const TextDocuments& documents) {
  const TextQuery query{.texts = {{options.query}}, .n = static_cast<std::size_t>(options.n)};
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<TextHit> hits, documents.index.Search(query));
  std::size_t title = 0;
  while (title < documents.table.columns.size() && documents.table.columns[title] != "title") ++title;
  std::vector<Result> results;
  for (const TextHit& hit : hits) {
    const std::size_t row = hit.document.value;
    WAYPOST_ASSIGN_OR_RETURN(std::vector<MatchedTerm> because, documents.index.Explain(query, hit.document));
    std::string snippet = SnippetOf(documents, row, because);
    results.push_back({documents.table.rows[row].id, std::string(documents.table.text(row, title)), hit.score,
                       std::move(snippet), std::move(because)});
  }
  return results;
}

void WriteJson(const Options& options, const TextDocuments& documents, const std::vector<Result>& results,
               Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("query", options.query);
  json.Key("results");
  json.BeginArray();
  for (const Result& result : results) {
    json.BeginObject();
    json.Member("id", result.id);
    json.Member("title", result.title);
    json.Member("score", result.score);
    json.Member("snippet", result.snippet);
    json.Key("because");
    json.BeginArray();
    for (const MatchedTerm& term : result.because) {
      json.BeginObject();
      json.Member("term", term.term);
      json.Member("amount", term.amount);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.Member("answered", !results.empty());
  json.Member("documents", documents.index.size());
  WriteTextOptions(json, documents);
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteTable(const Options& options, const std::vector<Result>& results, Console& console) {
  const bool titles =
      std::any_of(results.begin(), results.end(), [](const Result& result) { return !result.title.empty(); });
  std::vector<Column> columns = {{"id"}, {"score", true}, {"because"}, {"snippet"}};
  if (titles) columns.insert(columns.begin() + 1, {"title"});
  Table table(std::move(columns));
  for (const Result& result : results) {
    std::string because;
    for (const MatchedTerm& term : result.because) because += (because.empty() ? "" : " ") + term.term;
    std::vector<std::string> row = {result.id, Fixed(static_cast<double>(result.score), 3), because, result.snippet};
    if (titles) row.insert(row.begin() + 1, result.title);
    table.AddRow(std::move(row));
  }
  table.Write(console, options.output.table_format());
  if (results.empty()) console.Note("no document holds a word of the query");
}

absl::Status RunSearch(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(ReadOptions read, MakeReadOptions(options.input));
  read.item_column = options.id_column.value_or("id");
  WAYPOST_ASSIGN_OR_RETURN(const TextDocuments documents, ReadTextDocuments(options.text, options.settings, read,
                                                                            Parallelism(options.threads), console));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Result> results, FindResults(options, documents));
  if (options.output.json) {
    WriteJson(options, documents, results, console);
  } else {
    WriteTable(options, results, console);
  }
  return absl::OkStatus();
}

}  // namespace

void AddSearch(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("search", "Find documents by their words",
                                    "waypost search \"sort a linked list\" --documents questions.jsonl -n 5");
  verb.Positional("WORDS", options->query, "What to look for");
  verb.Option("--documents", "FILE", options->text.documents,
              "CSV, TSV or JSON lines with an id and columns of texts, such as a catalogue")
      .Required();
  verb.Option("-n,--count", "N", options->n, "Results").Between(0, 1e9);
  AddTextFlags(verb, options->text);
  verb.List("--set", "NAME=VALUE", options->settings, "A setting: see below");
  verb.Option("--id-col", "NAME", options->id_column, "Column of the ids; else id");
  verb.Option("--input-format", "FORMAT", options->input.format, "Form of the file; auto goes by its suffix")
      .OneOf({"auto", "csv", "tsv", "jsonl"});
  verb.Option("--on-error", "ACTION", options->input.on_error, "What a bad row does").OneOf({"stop", "skip"});
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(TextSettingsHelp() +
             "\nScores are BM25 over the fields; documents without a word of the query are not returned. With --json:\n"
             "results, a list of id, title, score, snippet and because (the words that matched and what each brought;\n"
             "the amounts add up to the score), and answered.\n");
  verb.Runs([options](Console& console) { return RunSearch(*options, console); });
}

}  // namespace waypost::cli
