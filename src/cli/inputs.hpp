// cli/inputs.hpp - options shared by the verbs that read events, and what is read with them.
#ifndef WAYPOST_CLI_INPUTS_HPP_
#define WAYPOST_CLI_INPUTS_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "console.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/item_titles.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/matrix/weighting_settings.hpp"

namespace waypost::cli {

// How event files are read: columns, format, kinds, bad rows.
struct EventFileFlags {
  std::string format = "auto";
  std::string user_column = "user";
  std::string item_column = "item";
  std::optional<std::string> kind_column;
  std::optional<std::string> value_column;
  std::optional<std::string> time_column;
  std::optional<std::string> time_unit;
  std::string on_error = "stop";
  std::vector<std::string> kinds;  // NAME=WEIGHT[:ROLE]
};
void AddEventFileFlags(Verb& verb, EventFileFlags& flags);

// Where the events of a training come from: files, or a store.
struct EventSource {
  std::vector<std::string> files;
  std::string store;
};
void AddEventSource(Verb& verb, EventSource& source, const std::string& help);

// The built-in kinds, with those of --kind.
absl::StatusOr<KindTable> MakeKinds(const EventFileFlags& flags);
absl::StatusOr<ReadOptions> MakeReadOptions(const EventFileFlags& flags);
// An error of a reader, with the flags that give what it misses.
absl::Status WithFlagHints(const absl::Status& status);
// Says on standard error how many rows were skipped, and why the first ones.
void NoteSkipped(const std::string& file, const ReadReport& report, Console& console);

struct EventInput {
  EventLog log;
  std::uint64_t skipped = 0;  // bad rows passed over
};

// Reads the files one after the other into one log and says on standard error what it found.
absl::StatusOr<EventInput> ReadEventFiles(const std::vector<std::string>& files, const EventFileFlags& flags,
                                          const Parallelism& parallelism, Console& console);

// The same with kinds that are known already; not those of --kind.
absl::StatusOr<EventInput> ReadEventFiles(const std::vector<std::string>& files, const EventFileFlags& flags,
                                          KindTable kinds, const Parallelism& parallelism, Console& console);

// The same from files or from a store, as `source` says.
// Errors  usage: neither or both; kinds beside a store, which has its own.
absl::StatusOr<EventInput> ReadEventSource(const EventSource& source, const EventFileFlags& flags,
                                           const Parallelism& parallelism, Console& console);

// Reads a time given on the command line: a date, or an integer in the files' --time-unit.
absl::StatusOr<std::int64_t> ParseTimeFlag(const std::string& option, const std::string& text,
                                           const EventFileFlags& files);

// How events become strengths.
struct WeightingFlags {
  double half_life_days = 0;
  std::optional<std::string> now;
  std::string duplicates = "max";
  std::string transform = "none";
  std::optional<double> min_value;
};
void AddWeightingFlags(Verb& verb, WeightingFlags& flags);

// Returns the options for `log`. With a half-life and no --now, ages count from the latest event, so that a training
// run again tomorrow gives the same model.
absl::StatusOr<WeightingOptions> MakeWeighting(const WeightingFlags& flags, const EventFileFlags& files,
                                               const EventLog& log);

// The same as a model file keeps it, with the kinds given.
WeightingSettings DescribeWeighting(const WeightingOptions& options, const EventFileFlags& files);

struct CatalogFlags {
  std::string file;
  std::optional<std::string> id_column;
  std::string title_column = "title";
};
void AddCatalogFlags(Verb& verb, CatalogFlags& flags);

// Reads the catalogue and says on standard error what was skipped; empty without a file.
absl::StatusOr<Catalogue> ReadCatalogFile(const CatalogFlags& flags, const EventFileFlags& files, Console& console);

// Returns the titles of `items`; empty without a catalogue.
absl::StatusOr<ItemTitles> ReadTitles(const CatalogFlags& flags, const EventFileFlags& files, const IdDictionary& items,
                                      Console& console);

// "1,234,567".
std::string Digits(std::uint64_t count);

// "1 user", "2 users", "1,234,567 users".
std::string Count(std::uint64_t count, const std::string& noun);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_INPUTS_HPP_
