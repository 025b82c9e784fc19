#include "text_evaluation.hpp"

#include <algorithm>
#include <unordered_map>

#include "experiment.hpp"
#include "json_writer.hpp"
#include "table.hpp"
#include "waypost/eval/retrieval.hpp"

namespace waypost::cli {
namespace {

// The queries with their texts, weighed as the columns of the same names are, and without their own document.
struct Queries {
  std::vector<TextQuery> queries;
  std::vector<RelevantDocuments> relevant;
  std::size_t unknown_queries = 0;  // of the relevance file
};

absl::StatusOr<Queries> ReadQueries(const TextEvaluationFlags& flags, const ReadOptions& read,
                                    const TextDocuments& documents, Console& console) {
  const std::vector<TextField>& fields = documents.options.index.fields;
  ReadReport report;
  WAYPOST_ASSIGN_OR_RETURN(const TextTable table, ReadTextTable(flags.queries, read, {}, &report));
  NoteSkipped(flags.queries, report, console);
  std::vector<float> weights;  // of each column; 0: not used
  for (const std::string& column : table.columns) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const TextField& known) { return known.name == column; });
    weights.push_back(field != fields.end() ? field->weight : 0);
  }
  // Queries that share no column with the documents are texts of their own kind.
  if (std::all_of(weights.begin(), weights.end(), [](float weight) { return weight == 0; }))
    for (std::size_t column = 0; column < weights.size(); ++column)
      weights[column] = DefaultFieldWeight(table.columns[column]);
  Queries queries;
  std::unordered_map<std::string, std::size_t> numbers;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    TextQuery query;
    for (std::size_t column = 0; column < table.columns.size(); ++column)
      if (weights[column] > 0 && !table.text(row, column).empty())
        query.texts.push_back({std::string(table.text(row, column)), weights[column]});
    if (const std::optional<DocumentIndex> own = documents.index.Find(table.rows[row].id)) query.exclude = {*own};
    numbers.emplace(table.rows[row].id, row);
    queries.queries.push_back(std::move(query));
  }
  queries.relevant.resize(queries.queries.size());
  WAYPOST_ASSIGN_OR_RETURN(const auto pairs, ReadIdPairs(flags.relevant, "query", "document", read, &report));
  NoteSkipped(flags.relevant, report, console);
  std::unordered_map<std::string, std::vector<std::string>> unknown;
  for (const auto& [query, document] : pairs) {
    const auto number = numbers.find(query);
    if (number == numbers.end()) {
      ++queries.unknown_queries;
      continue;
    }
    RelevantDocuments& relevant = queries.relevant[number->second];
    const std::optional<DocumentIndex> place = documents.index.Find(document);
    if (place && query != document) relevant.documents.push_back(*place);
    if (!place) {
      std::vector<std::string>& others = unknown[query];
      if (std::find(others.begin(), others.end(), document) == others.end()) others.push_back(document);
      relevant.unknown = others.size();
    }
  }
  for (RelevantDocuments& relevant : queries.relevant) {
    std::sort(relevant.documents.begin(), relevant.documents.end());
    relevant.documents.erase(std::unique(relevant.documents.begin(), relevant.documents.end()),
                             relevant.documents.end());
  }
  return queries;
}

}  // namespace

void AddTextEvaluationFlags(Verb& verb, TextEvaluationFlags& flags) {
  verb.Option("--documents", "FILE", flags.text.documents, "Measure a search over these documents instead of models")
      .Group("Texts");
  verb.Option("--queries", "FILE", flags.queries, "What is asked: id and columns of texts").Group("Texts");
  verb.Option("--relevant", "FILE", flags.relevant, "What should be found: columns query and document, ids")
      .Group("Texts");
  AddTextFlags(verb, flags.text);
}

bool WantsTextEvaluation(const TextEvaluationFlags& flags) {
  return !flags.text.documents.empty() || !flags.queries.empty() || !flags.relevant.empty();
}

absl::Status RunTextEvaluation(const TextEvaluationFlags& flags, const std::vector<std::string>& settings,
                               const EventFileFlags& input, const std::string& metrics, int threads, std::uint64_t seed,
                               const OutputFlags& output, Console& console) {
  if (flags.text.documents.empty() || flags.queries.empty() || flags.relevant.empty())
    return UsageError("want --documents, --queries and --relevant together");
  const absl::StatusOr<MetricList> parsed = ParseMetrics(metrics);
  if (!parsed.ok()) return UsageError("--metrics: " + std::string(parsed.status().message()));
  WAYPOST_ASSIGN_OR_RETURN(ReadOptions read, MakeReadOptions(input));
  read.item_column = "id";
  const Parallelism parallelism(threads);
  const double begin = console.seconds();
  WAYPOST_ASSIGN_OR_RETURN(const TextDocuments documents,
                           ReadTextDocuments(flags.text, settings, read, parallelism, console));
  const double build_seconds = console.seconds() - begin;
  WAYPOST_ASSIGN_OR_RETURN(const Queries queries, ReadQueries(flags, read, documents, console));
  const auto rank = [&](std::size_t number, std::size_t n) -> absl::StatusOr<std::vector<DocumentIndex>> {
    TextQuery query = queries.queries[number];
    query.n = n;
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<TextHit> hits, documents.index.Search(query));
    std::vector<DocumentIndex> places;
    for (const TextHit& hit : hits) places.push_back(hit.document);
    return places;
  };
  BootstrapOptions bootstrap;
  bootstrap.seed = seed;
  const absl::StatusOr<RetrievalEvaluation> evaluation =
      EvaluateRetrieval(queries.relevant, *parsed, rank, bootstrap, parallelism);
  if (absl::IsInvalidArgument(evaluation.status()))
    return UsageError("--" + std::string(evaluation.status().message()));
  WAYPOST_RETURN_IF_ERROR(evaluation.status());

  if (output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Key("metrics");
    json.BeginObject();
    for (const MetricResult& metric : evaluation->metrics) json.Member(metric.name, metric.mean);
    json.EndObject();
    json.Key("intervals");
    json.BeginObject();
    for (const MetricResult& metric : evaluation->metrics) {
      json.Key(metric.name);
      WriteInterval(json, metric.interval);
    }
    json.EndObject();
    json.Key("definitions");
    json.BeginObject();
    for (const MetricResult& metric : evaluation->metrics) json.Member(metric.name, metric.definition);
    json.EndObject();
    json.Member("documents", documents.index.size());
    json.Member("queries", evaluation->queries);
    json.Member("queries_without_relevant", evaluation->queries_without_relevant);
    json.Member("unknown_documents", evaluation->unknown_documents);
    json.Member("unknown_queries", queries.unknown_queries);
    json.Member("postings", documents.index.postings());
    json.Member("index_bytes", documents.index.size_bytes());
    json.Member("build_seconds", build_seconds);
    WriteTextOptions(json, documents);
    WriteRunFacts(json, console, parallelism.threads(), seed);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  const TableFormat format = output.table_format();
  std::vector<Column> columns = {{"metric"}};
  const bool csv = format == TableFormat::kCsv;
  columns.push_back({"mean", true});
  if (csv) columns.insert(columns.end(), {{"low", true}, {"high", true}});
  Table table(std::move(columns));
  for (const MetricResult& metric : evaluation->metrics) {
    if (csv) {
      table.AddRow({metric.name, NumberText(metric.mean), metric.interval ? NumberText(metric.interval->low) : "",
                    metric.interval ? NumberText(metric.interval->high) : ""});
    } else {
      table.AddRow({metric.name, FigureText(metric.mean, metric.interval)});
    }
  }
  table.Write(console, format);
  console.Note(Count(documents.index.size(), "document") + ", " + Digits(evaluation->queries) +
               " queries with relevant documents, " + Digits(evaluation->queries_without_relevant) + " without" +
               (evaluation->unknown_documents > 0
                    ? "; " + Digits(evaluation->unknown_documents) + " relevant documents are not there"
                    : "") +
               (queries.unknown_queries > 0
                    ? "; " + Digits(queries.unknown_queries) + " rows of --relevant name other queries"
                    : ""));
  return absl::OkStatus();
}

}  // namespace waypost::cli
