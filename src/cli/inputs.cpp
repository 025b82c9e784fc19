#include "inputs.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "json_writer.hpp"
#include "training.hpp"
#include "waypost/event/timestamp.hpp"
#ifdef WAYPOST_STORE
#include "waypost/store/store.hpp"
#endif

namespace waypost::cli {
namespace {

constexpr char kInputGroup[] = "Input files";
constexpr char kWeightGroup[] = "From events to strengths";

absl::StatusOr<Kind> ParseKind(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', std::min(equals, text.size()));
  const auto wrong = [&] {
    return UsageError("--kind: want NAME=WEIGHT[:positive|negative|neutral], got '" + text + "'");
  };
  if (equals == std::string::npos) return wrong();
  Kind kind{.name = text.substr(0, equals)};
  // A built-in kind keeps what is not named.
  const KindTable built_in;
  if (const auto known = built_in.Find(kind.name)) kind = built_in.at(*known);
  const std::size_t end = std::min(colon, text.size());
  const auto [rest, error] = std::from_chars(text.data() + equals + 1, text.data() + end, kind.weight);
  if (error != std::errc() || rest != text.data() + end) return wrong();
  if (colon == std::string::npos) return kind;
  const std::string role = text.substr(colon + 1);
  if (role != "positive" && role != "negative" && role != "neutral") return wrong();
  kind.role = role == "positive" ? Role::kPositive : role == "negative" ? Role::kNegative : Role::kNeutral;
  return kind;
}

}  // namespace

absl::StatusOr<KindTable> MakeKinds(const EventFileFlags& flags) {
  KindTable table;
  for (const std::string& text : flags.kinds) {
    WAYPOST_ASSIGN_OR_RETURN(Kind kind, ParseKind(text));
    if (const absl::Status status = table.Set(std::move(kind)).status(); !status.ok())
      return UsageError("--kind: " + std::string(status.message()));
  }
  return table;
}

absl::StatusOr<ReadOptions> MakeReadOptions(const EventFileFlags& flags) {
  ReadOptions options;
  WAYPOST_ASSIGN_OR_RETURN(options.format, ParseInputFormat(flags.format));
  if (flags.time_unit) {
    WAYPOST_ASSIGN_OR_RETURN(options.time_unit, ParseTimeUnit(*flags.time_unit));
  }
  options.on_error = flags.on_error == "skip" ? OnError::kSkip : OnError::kStop;
  options.user_column = flags.user_column;
  options.item_column = flags.item_column;
  options.kind_column = flags.kind_column;
  options.value_column = flags.value_column;
  options.time_column = flags.time_column;
  return options;
}

namespace {

// Adds the flags that give what a reader misses: files of others have other names, times and suffixes.
std::string WithHint(std::string message, std::string_view missing, std::string_view hint) {
  if (message.find(missing) != std::string::npos) message += hint;
  return message;
}
std::string WithTimeHint(std::string_view message) {
  return WithHint(std::string(message), ": want a time unit", "; --time-unit names it");
}

}  // namespace

absl::Status WithFlagHints(const absl::Status& status) {
  const std::string message = WithTimeHint(internal::ToStd(status.message()));
  return absl::Status(status.code(),
                      WithHint(WithHint(message, ": want a format", "; --input-format names it"), ": want this column",
                               "; --user-col, --item-col, --kind-col, --value-col and --time-col name columns"));
}

void NoteSkipped(const std::string& file, const ReadReport& report, Console& console) {
  if (report.skipped == 0) return;
  console.Note(file + ": skipped " + Count(report.skipped, "bad row"));
  for (const std::string& message : report.messages) console.Note("  " + WithTimeHint(message));
  if (report.skipped > report.messages.size())
    console.Note("  ... and " + std::to_string(report.skipped - report.messages.size()) + " more");
}

std::string Digits(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Count(std::uint64_t count, const std::string& noun) {
  return Digits(count) + " " + noun + (count == 1 ? "" : "s");
}

void AddEventFileFlags(Verb& verb, EventFileFlags& flags) {
  verb.Option("--input-format", "FORMAT", flags.format, "Format of the event files; auto: by suffix")
      .OneOf({"auto", "lines", "csv", "tsv", "jsonl"})
      .Group(kInputGroup);
  verb.Option("--user-col", "COL", flags.user_column, "Column of the user's id").Group(kInputGroup);
  verb.Option("--item-col", "COL", flags.item_column, "Column of the item's id").Group(kInputGroup);
  verb.Option("--kind-col", "COL", flags.kind_column, "Column of the event's kind; else 'kind' where the file has it")
      .Group(kInputGroup);
  verb.Option("--value-col", "COL", flags.value_column, "Column of the value; else 'value' where the file has it")
      .Group(kInputGroup);
  verb.Option("--time-col", "COL", flags.time_column, "Column of the time; else 'time' where the file has it")
      .Group(kInputGroup);
  verb.Option("--time-unit", "UNIT", flags.time_unit, "What an integer time counts since 1970; dates need none")
      .OneOf({"s", "ms", "us", "d"})
      .Group(kInputGroup);
  verb.Option("--on-error", "WHAT", flags.on_error, "What a bad row does").OneOf({"stop", "skip"}).Group(kInputGroup);
  verb.List("--kind", "NAME=WEIGHT[:ROLE]", flags.kinds,
            "Weight of a kind of event, and its role: positive, negative or neutral")
      .Group(kWeightGroup);
}

absl::StatusOr<EventInput> ReadEventFiles(const std::vector<std::string>& files, const EventFileFlags& flags,
                                          const Parallelism& parallelism, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(KindTable kinds, MakeKinds(flags));
  return ReadEventFiles(files, flags, std::move(kinds), parallelism, console);
}

absl::StatusOr<EventInput> ReadEventFiles(const std::vector<std::string>& files, const EventFileFlags& flags,
                                          KindTable kinds, const Parallelism& parallelism, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(ReadOptions options, MakeReadOptions(flags));
  options.parallelism = parallelism;
  EventLogBuilder builder(std::move(kinds));
  EventInput input;
  for (const std::string& file : files) {
    const std::size_t before = builder.size();
    const absl::StatusOr<ReadReport> read = ReadEvents(file, options, builder);
    if (!read.ok()) return WithFlagHints(read.status());
    if (Console::Interrupted()) return Interruption();
    const ReadReport& report = *read;
    console.Note("read " + Count(builder.size() - before, "event") + " from " +
                 (file == "-" ? "standard input" : file));
    NoteSkipped(file, report, console);
    input.skipped += report.skipped;
  }
  input.log = std::move(builder).Build();
  return input;
}

void AddEventSource(Verb& verb, EventSource& source, const std::string& help) {
  verb.List("--train", "FILE", source.files, help + "; - is standard input");
#ifdef WAYPOST_STORE
  verb.Option("--store", "DIR", source.store, "The events of this store instead");
#endif
}

absl::StatusOr<EventInput> ReadEventSource(const EventSource& source, const EventFileFlags& flags,
                                           const Parallelism& parallelism, Console& console) {
#ifdef WAYPOST_STORE
  if (source.files.empty() == source.store.empty()) return UsageError("want --train FILE or --store DIR");
  if (!source.store.empty()) {
    if (!flags.kinds.empty()) return UsageError("--kind: want --train FILE beside it; a store has kinds of its own");
    WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                             Store::Open(source.store, {.access = StoreAccess::kRead}));
    WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
    EventInput input;
    WAYPOST_ASSIGN_OR_RETURN(input.log, snapshot.ReadLog(parallelism));
    console.Note("read " + Count(input.log.size(), "event") + " from " + source.store);
    return input;
  }
#else
  if (source.files.empty()) return UsageError("want --train FILE");
#endif
  return ReadEventFiles(source.files, flags, parallelism, console);
}

absl::StatusOr<std::int64_t> ParseTimeFlag(const std::string& option, const std::string& text,
                                           const EventFileFlags& files) {
  std::optional<TimeUnit> unit;
  if (files.time_unit) {
    WAYPOST_ASSIGN_OR_RETURN(unit, ParseTimeUnit(*files.time_unit));
  }
  absl::StatusOr<std::int64_t> time = ParseTimestamp(text, unit);
  if (!time.ok()) return UsageError(WithTimeHint(option + ": " + std::string(time.status().message())));
  return time;
}

void AddWeightingFlags(Verb& verb, WeightingFlags& flags) {
  verb.Option("--half-life", "DAYS", flags.half_life_days, "Days after which an event counts half; 0: no decay")
      .Between(0, 1e6)
      .Group(kWeightGroup);
  verb.Option("--now", "TIME", flags.now, "The moment ages are counted from; else the latest event")
      .Group(kWeightGroup);
  verb.Option("--duplicates", "POLICY", flags.duplicates, "Several events of one user with one item")
      .OneOf({"max", "sum", "last", "error"})
      .Group(kWeightGroup);
  verb.Option("--value-transform", "NAME", flags.transform, "How the value enters the strength")
      .OneOf({"none", "linear", "log1p"})
      .Group(kWeightGroup);
  verb.Option("--min-value", "NUMBER", flags.min_value, "An event with a smaller value is no sign of interest")
      .Group(kWeightGroup);
}

absl::StatusOr<WeightingOptions> MakeWeighting(const WeightingFlags& flags, const EventFileFlags& files,
                                               const EventLog& log) {
  WeightingOptions options;
  options.half_life_days = flags.half_life_days;
  options.duplicates = flags.duplicates == "sum"     ? DuplicatePolicy::kSum
                       : flags.duplicates == "last"  ? DuplicatePolicy::kLast
                       : flags.duplicates == "error" ? DuplicatePolicy::kError
                                                     : DuplicatePolicy::kMax;
  options.transform = flags.transform == "linear"  ? ValueTransform::kLinear
                      : flags.transform == "log1p" ? ValueTransform::kLog1p
                                                   : ValueTransform::kNone;
  if (flags.min_value) options.min_value = static_cast<float>(*flags.min_value);
  if (flags.now) {
    if (flags.half_life_days == 0) return UsageError("--now: want --half-life beside it");
    WAYPOST_ASSIGN_OR_RETURN(options.now_us, ParseTimeFlag("--now", *flags.now, files));
  } else if (flags.half_life_days > 0) {
    if (!log.has_times()) return absl::InvalidArgumentError("--half-life: want events with times, got none");
    std::int64_t latest = kNoTime;
    for (std::size_t row = 0; row < log.size(); ++row) latest = std::max(latest, log.time_us(row));
    options.now_us = latest;
  }
  if (const absl::Status status = Validate(options); !status.ok()) return UsageError(std::string(status.message()));
  return options;
}

WeightingSettings DescribeWeighting(const WeightingOptions& options, const EventFileFlags& files) {
  WeightingSettings settings = FormatWeighting(options);
  for (const std::string& kind : files.kinds) settings.emplace_back("kind", kind);
  return settings;
}

void AddCatalogFlags(Verb& verb, CatalogFlags& flags) {
  verb.Option("--catalog", "FILE", flags.file, "Items with titles: CSV, TSV or JSON lines").Group(kInputGroup);
  verb.Option("--catalog-id-col", "COL", flags.id_column, "Column of the catalogue's item id; else id or --item-col")
      .Group(kInputGroup);
  verb.Option("--title-col", "COL", flags.title_column, "Column of the catalogue's titles").Group(kInputGroup);
}

absl::StatusOr<Catalogue> ReadCatalogFile(const CatalogFlags& flags, const EventFileFlags& files, Console& console) {
  if (flags.file.empty()) return Catalogue();
  ReadOptions options;
  options.item_column = flags.id_column.value_or(files.item_column);
  options.on_error = files.on_error == "skip" ? OnError::kSkip : OnError::kStop;
  if (files.time_unit) {
    WAYPOST_ASSIGN_OR_RETURN(options.time_unit, ParseTimeUnit(*files.time_unit));
  }
  ReadReport report;
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue(flags.file, options, &report);
  if (!catalogue.ok())
    return absl::Status(catalogue.status().code(), WithTimeHint(internal::ToStd(catalogue.status().message())));
  NoteSkipped(flags.file, report, console);
  return catalogue;
}

absl::StatusOr<ItemTitles> ReadTitles(const CatalogFlags& flags, const EventFileFlags& files, const IdDictionary& items,
                                      Console& console) {
  if (flags.file.empty()) return ItemTitles();
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, ReadCatalogFile(flags, files, console));
  std::vector<std::string> titles(items.size());
  std::size_t titled = 0;
  for (const CatalogueItem& entry : catalogue.items()) {
    const auto item = items.Find(entry.id);
    if (!item) continue;
    if (flags.title_column == "title") titles[*item] = entry.title;
    for (const Attribute& attribute : entry.attributes)
      if (attribute.name == flags.title_column) titles[*item] = attribute.value;
    titled += titles[*item].empty() ? 0 : 1;
  }
  console.Note("read " + Count(catalogue.size(), "item") + " from " + flags.file + ": titles for " + Digits(titled) +
               " of " + Digits(items.size()) + " items of the events" +
               (titled == 0 ? " (--catalog-id-col and --title-col name the columns)" : ""));
  if (titled == 0) return ItemTitles();
  return ItemTitles::Of(titles);
}

}  // namespace waypost::cli
