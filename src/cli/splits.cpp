#include "splits.hpp"

namespace waypost::cli {

void AddSplitFlags(Verb& verb, SplitFlags& flags) {
  verb.Option("--split", "KIND", flags.kind, "Cut a test part from the training events: see below")
      .OneOf({"loo", "loo-random", "last", "users", "time", "random"});
  verb.Option("--fraction", "SHARE", flags.fraction, "Share to test on; else 0.1 of users, 0.2 of the others");
  verb.Option("--cut", "TIME", flags.cut, "With --split time: test on what begins here");
}

std::optional<float> MinValue(const WeightingFlags& flags) {
  return flags.min_value ? std::optional(static_cast<float>(*flags.min_value)) : std::nullopt;
}

std::string SplitHelp() {
  return "Splits (all events of a user with an item stay on one side):\n"
         "  loo                             each user's last new item\n"
         "  loo-random                      one item of each user at random\n"
         "  last                            --fraction of each user's items, the newest: by time, then by row\n"
         "  users                           whole users, known by 0.8 of their items when they are ranked\n"
         "  time                            what comes after a moment: --fraction of the events, or from --cut on\n"
         "  random                          --fraction of each user's items\n";
}

absl::Status CheckSplit(const SplitFlags& flags, bool has_test_files) {
  if (has_test_files == !flags.kind.empty()) return UsageError("want either --test or --split");
  const bool has_share = flags.kind != "loo" && flags.kind != "loo-random";
  if (flags.fraction && (flags.kind.empty() || !has_share))
    return UsageError("--fraction: want --split last, users, time or random beside it");
  if (flags.fraction && !(*flags.fraction > 0 && *flags.fraction < 1))
    return UsageError("--fraction: want a value between 0 and 1");
  if (flags.cut && flags.kind != "time") return UsageError("--cut: want --split time beside it");
  if (flags.cut && flags.fraction) return UsageError("--cut and --fraction exclude each other");
  return absl::OkStatus();
}

absl::StatusOr<EventSplit> MakeSplit(const SplitFlags& flags, const EventFileFlags& files, const EventLog& log,
                                     std::optional<float> min_value, std::uint64_t seed) {
  if (flags.kind == "loo") return SplitLeaveOneOut(log, {.which = LeaveOut::kLast, .min_value = min_value});
  if (flags.kind == "loo-random")
    return SplitLeaveOneOut(log, {.which = LeaveOut::kRandom, .seed = seed, .min_value = min_value});
  if (flags.kind == "users") {
    ByUserOptions options{.seed = seed, .min_value = min_value};
    options.test_share = flags.fraction.value_or(options.test_share);
    return SplitByUser(log, options);
  }
  if (flags.kind == "last") {
    LastShareOptions options{.min_value = min_value};
    options.test_share = flags.fraction.value_or(options.test_share);
    return SplitLastShare(log, options);
  }
  if (flags.kind == "random") {
    RandomSplitOptions options{.seed = seed, .min_value = min_value};
    options.test_share = flags.fraction.value_or(options.test_share);
    return SplitRandom(log, options);
  }
  ByTimeOptions options;
  options.test_share = flags.fraction.value_or(options.test_share);
  if (flags.cut) {
    WAYPOST_ASSIGN_OR_RETURN(options.cut_us, ParseTimeFlag("--cut", *flags.cut, files));
  }
  return SplitByTime(log, options);
}

}  // namespace waypost::cli
