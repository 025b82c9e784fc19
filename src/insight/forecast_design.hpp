// insight/forecast_design.hpp - users at moments as rows of numbers: features of what they did, and the host's facts.
#ifndef WAYPOST_SRC_INSIGHT_FORECAST_DESIGN_HPP_
#define WAYPOST_SRC_INSIGHT_FORECAST_DESIGN_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/event/event_log.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/insight/features.hpp"

namespace waypost::insight {

// The facts about the users of a log, as of a moment.
class FactsAt {
 public:
  FactsAt(const EventLog& log, const UserTable& facts);

  // The value that held just before the moment; empty: none.
  std::string_view Value(std::uint32_t user, std::string_view name, std::int64_t moment_us) const;
  // Names of all facts that held for some user before the moment, sorted; without forecasts written back.
  std::vector<std::string> Names(std::int64_t moment_us) const;

 private:
  const UserTable& facts_;
  std::vector<std::optional<std::uint32_t>> row_;  // of each user of the log, in the table
};

// How rows become numbers, learned on rows of the past.
//
// Immutable: safe to use from any number of threads.
class ForecastDesign {
 public:
  // One user at one moment. Borrowed.
  struct Case {
    const UserFeatures* features = nullptr;
    std::size_t row = 0;

    std::uint32_t user() const { return features->users[row]; }
  };

  //   training  at least one case; facts known then decide which facts take part.
  static ForecastDesign Learn(const FactsAt& facts, std::span<const Case> training, std::vector<std::string>& problems);

  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<std::string>& features() const { return features_; }  // what each column tells of

  // cases x columns, row-major.
  std::vector<double> Encode(const FactsAt& facts, std::span<const Case> cases, const Parallelism& parallelism) const;

  // The two columns of the baseline, log(1 + recency) and log(1 + acts): cases x 2.
  static std::vector<double> EncodeBaseline(std::span<const Case> cases);

 private:
  struct Fact {
    std::string name;
    bool numeric = false;
    double mean = 0;
    bool has_missing = false;
    std::map<std::string, std::size_t, std::less<>> texts;
    std::size_t first = 0;
  };
  void AddColumn(std::string column, std::string feature) {
    columns_.push_back(std::move(column));
    features_.push_back(std::move(feature));
  }

  std::vector<Fact> facts_;
  std::vector<std::string> columns_, features_;
};

}  // namespace waypost::insight

#endif  // WAYPOST_SRC_INSIGHT_FORECAST_DESIGN_HPP_
