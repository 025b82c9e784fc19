#include "rankings.hpp"

#include <algorithm>
#include <fstream>

#include "inputs.hpp"
#include "waypost/file/catalogue_items.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost::cli {
namespace {

// Reasons of one suggestion that a table row has room for; JSON and CSV have all of them.
constexpr std::size_t kReasonsShown = 3;

std::string Name(std::string_view id, std::string_view title) {
  return std::string(title.empty() ? id : title);
}

}  // namespace

absl::StatusOr<Recommender> OpenRecommender(const std::string& file, const std::string& use,
                                            const Catalogue* catalogue) {
  WAYPOST_ASSIGN_OR_RETURN(ModelBundle bundle, OpenBundle(file));
  if (catalogue != nullptr) {  // a bundle whose models cannot take new items has none: the catalogue is for filters
    const absl::Status added = AddCatalogueItems(*catalogue, bundle).status();
    if (!added.ok() && !absl::IsFailedPrecondition(added)) return added;
  }
  RecommenderParts parts{.users = std::move(bundle.users),
                         .items = std::move(bundle.items),
                         .titles = std::move(bundle.titles),
                         .history = std::move(bundle.history),
                         .models = {},
                         .default_model = std::move(bundle.default_model)};
  if (!use.empty()) {
    std::string known;
    bool found = false;
    for (const NamedModel& model : bundle.models) {
      known += (known.empty() ? "" : ", ") + model.name;
      found = found || model.name == use;
    }
    if (!found) return absl::NotFoundError("--use: want one of " + known + " of " + file + ", got '" + use + "'");
  }
  for (NamedModel& model : bundle.models) parts.models.push_back({std::move(model.name), std::move(model.scorer)});
  if (catalogue != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(ItemFacts facts, ItemFacts::Build(*catalogue, parts.items));
    parts.facts = std::make_shared<const ItemFacts>(std::move(facts));
  }
  return Recommender::Create(std::move(parts));
}

absl::StatusOr<std::vector<std::string>> ReadItemList(const std::vector<std::string>& arguments,
                                                      const IdDictionary& items) {
  std::vector<std::string> list;
  for (const std::string& argument : arguments) {
    if (items.Find(argument)) {
      list.push_back(argument);
    } else if (argument.starts_with('@')) {
      std::ifstream file(argument.substr(1), std::ios::binary);
      if (!file) return absl::NotFoundError(argument.substr(1) + ": cannot open");
      for (std::string line; std::getline(file, line);) {
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) list.push_back(line);
      }
      if (file.bad()) return absl::DataLossError(argument.substr(1) + ": cannot read");
    } else {
      for (std::size_t begin = 0; begin <= argument.size();) {
        const std::size_t end = std::min(argument.find(',', begin), argument.size());
        if (end > begin) list.push_back(argument.substr(begin, end - begin));
        begin = end + 1;
      }
    }
  }
  return list;
}

void NoteUnknownItems(const std::string& option, const std::vector<std::string>& list, const IdDictionary& items,
                      Console& console) {
  std::uint64_t unknown = 0;
  std::string first;
  for (const std::string& item : list)
    if (!items.Find(item) && unknown++ == 0) first = item;
  if (unknown > 0)
    console.Note(option + ": the model does not know " + Count(unknown, "item") + ", '" + first + "' first");
}

RankingWriter::RankingWriter(Console& console, const OutputFlags& flags, std::string subject, bool explain)
    : console_(console), flags_(flags), subject_(std::move(subject)), explain_(explain), json_(console) {
  if (!flags_.json) return;
  json_.BeginObject();
  json_.Key("results");
  json_.BeginArray();
}

void RankingWriter::Add(const std::optional<std::string>& id, const Recommendation& ranking, std::string_view note) {
  std::string reason(note);
  const std::string_view why = ShortReasonText(ranking.reason);
  if (!reason.empty() && !why.empty()) reason += "; ";
  reason += why;
  flags_.json ? AddJson(id, ranking, reason) : AddRows(id, ranking, reason);
  first_ = false;
}

void RankingWriter::AddJson(const std::optional<std::string>& id, const Recommendation& ranking,
                            std::string_view reason) {
  json_.BeginObject();
  json_.Member(subject_, id);
  json_.Key("items");
  json_.BeginArray();
  for (const Suggestion& item : ranking.items) {
    json_.BeginObject();
    json_.Member("item", item.id);
    json_.Key("title");
    item.title.empty() ? json_.Null() : json_.Value(item.title);
    json_.Member("score", item.score);
    json_.Member("source", SourceName(item.source));
    if (item.propensity < 1) json_.Member("propensity", item.propensity);
    if (explain_) {
      json_.Member("base", item.base);
      json_.Key("because");
      json_.BeginArray();
      for (const Reason& part : item.reasons) {
        json_.BeginObject();
        json_.Member("item", part.id);
        json_.Key("title");
        part.title.empty() ? json_.Null() : json_.Value(part.title);
        json_.Member("amount", part.amount);
        json_.EndObject();
      }
      json_.EndArray();
    }
    json_.EndObject();
  }
  json_.EndArray();
  json_.Key("reason");
  reason.empty() ? json_.Null() : json_.Value(reason);
  json_.EndObject();
}

void RankingWriter::AddRows(const std::optional<std::string>& id, const Recommendation& ranking,
                            std::string_view reason) {
  const bool for_people = flags_.table_format() == TableFormat::kTable;
  std::vector<Column> columns;
  if (!for_people) columns.push_back({subject_});
  columns.push_back({"rank", true});
  columns.insert(columns.end(), {{"item"}, {"title"}, {"score", true}});
  if (!for_people) columns.push_back({"source"});
  if (explain_) columns.push_back({"because"});
  Table table(std::move(columns));
  std::size_t rank = 0;
  for (const Suggestion& item : ranking.items) {
    std::vector<std::string> row;
    if (!for_people) row.push_back(id.value_or(""));
    row.push_back(std::to_string(++rank));
    row.emplace_back(item.id);
    row.emplace_back(item.title);
    row.push_back(NumberText(item.score));
    if (!for_people) row.emplace_back(SourceName(item.source));
    if (explain_) {
      std::string because;
      const std::size_t shown = for_people ? std::min(kReasonsShown, item.reasons.size()) : item.reasons.size();
      for (std::size_t n = 0; n < shown; ++n)
        because += (n == 0 ? "" : "; ") + Name(item.reasons[n].id, item.reasons[n].title) + " " +
                   (for_people ? Fixed(item.reasons[n].amount, 4) : NumberText(item.reasons[n].amount));
      if (shown < item.reasons.size()) because += "; ...";
      row.push_back(because);
    }
    table.AddRow(std::move(row));
  }
  if (for_people) {
    if (!first_) console_.Write("\n");
    console_.Write(id ? subject_ + " " + *id : "the given history");
    if (subject_ == "user") console_.Write(" (" + std::string(SourceName(ranking.source)) + ")");
    if (!reason.empty()) console_.Write(": " + std::string(reason));
    console_.Write("\n");
  }
  if (!for_people || !table.empty()) table.Write(console_, flags_.table_format(), for_people || first_);
}

void RankingWriter::Finish(int threads) {
  if (!flags_.json) return;
  json_.EndArray();
  WriteRunFacts(json_, console_, threads, std::nullopt);
  json_.EndObject();
  console_.Write("\n");
}

}  // namespace waypost::cli
