// cli/store_retention.cpp - waypost retention: how long a store keeps its events.
#include "retention.hpp"

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "commands.hpp"
#include "store_flags.hpp"
#include "waypost/store/store.hpp"

namespace waypost::cli {
namespace {

constexpr double kMostDays = 1e6;  // of --keep-days too
constexpr char kForEver[] = "forever";
constexpr char kAsOthers[] = "default";

struct Options {
  StoreFlags store;
  std::string days;
  std::vector<std::string> kinds;
};

std::optional<double> Days(const std::optional<std::int64_t>& keep_us) {
  if (!keep_us) return std::nullopt;
  return static_cast<double>(*keep_us) / kMicrosPerDay;
}

// "730" or "forever".
absl::StatusOr<std::optional<std::int64_t>> ParseWindow(const std::string& flag, const std::string& text) {
  if (text == kForEver) return std::nullopt;
  double days = 0;
  const bool number = absl::SimpleAtod(text, &days) && days <= kMostDays;
  const std::int64_t keep_us = number ? std::llround(days * kMicrosPerDay) : 0;
  if (keep_us <= 0)
    return UsageError(flag + ": want more than 0 and at most 1000000 days, or forever, got '" + text + "'");
  return keep_us;
}

// Changes what the options name.
absl::Status Change(const Options& options, Retention& retention) {
  if (!options.days.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(retention.keep_us, ParseWindow("--days", options.days));
  }
  for (const std::string& text : options.kinds) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return UsageError("--kind: want NAME=DAYS, NAME=forever or NAME=default, got '" + text + "'");
    const std::string name = text.substr(0, equals);
    const std::string window = text.substr(equals + 1);
    if (window == kAsOthers) {
      retention.kinds.erase(name);
      continue;
    }
    WAYPOST_ASSIGN_OR_RETURN(retention.kinds[name], ParseWindow("--kind", window));
  }
  return absl::OkStatus();
}

absl::StatusOr<Retention> ReadRetention(const Store& store) {
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store.Snapshot());
  return snapshot.ReadRetention();
}

absl::Status RunRetention(const Options& options, Console& console) {
  const bool changes = !options.days.empty() || !options.kinds.empty();
  Retention checked;
  WAYPOST_RETURN_IF_ERROR(Change(options, checked));  // before the store is touched
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                           OpenStore(options.store, changes ? StoreAccess::kWrite : StoreAccess::kRead));
  WAYPOST_ASSIGN_OR_RETURN(Retention retention, ReadRetention(*store));
  if (changes) {
    WAYPOST_RETURN_IF_ERROR(Change(options, retention));
    WAYPOST_RETURN_IF_ERROR(store->SetRetention(retention));
  }
  Facts facts(options.store, console);
  facts.Windows(retention);
  facts.Line(options.store.folder + ": events are kept " + RetentionText(retention));
  facts.End();
  return absl::OkStatus();
}

}  // namespace

std::string RetentionText(const Retention& retention) {
  const auto window = [](const std::optional<std::int64_t>& keep_us) {
    return keep_us ? "for " + NumberText(*Days(keep_us)) + " days" : std::string("for ever");
  };
  std::string text = window(retention.keep_us);
  for (const auto& [kind, keep_us] : retention.kinds) text += "; " + kind + " " + window(keep_us);
  return text;
}

void WriteRetention(JsonWriter& json, const Retention& retention) {
  json.Key("retention");
  json.BeginObject();
  json.Member("days", Days(retention.keep_us));
  json.Key("kinds");
  json.BeginObject();
  for (const auto& [kind, keep_us] : retention.kinds) json.Member(kind, Days(keep_us));
  json.EndObject();
  json.EndObject();
}

void AddRetention(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("retention", "Show or set how long a store keeps its events",
                                    "waypost retention --store shop --days 730 --kind view=90 --kind complete=forever");
  AddStoreFlags(verb, options->store);
  verb.Option("--days", "N|forever", options->days, "How long events and impressions are kept");
  verb.List("--kind", "NAME=N|forever|default", options->kinds, "The same for one kind; default: as all others");
  verb.Notes(
      "The windows are kept in the store. Each compaction from then on leaves out what is older; what has no time\n"
      "stays. Without options it shows them.\n");
  verb.Runs([options](Console& console) { return RunRetention(*options, console); });
}

}  // namespace waypost::cli
