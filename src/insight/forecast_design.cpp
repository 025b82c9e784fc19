#include "insight/forecast_design.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "waypost/insight/forecast.hpp"

namespace waypost::insight {
namespace {

constexpr std::size_t kMaxTexts = 50;  // of one fact

std::optional<double> ToNumber(std::string_view text) {
  double value = 0;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// What a feature's logarithm alone does not say: a hazard falls faster than a power of the silence.
constexpr UserFeature kAlsoPlain[] = {kRecencyDays, kSessions28d};

double MissedSessions(std::span<const double> row) {
  return row[kRecencyDays] / 7 * row[kSessionsPerWeek];
}

}  // namespace

FactsAt::FactsAt(const EventLog& log, const UserTable& facts) : facts_(facts) {
  for (std::uint32_t user = 0; user < log.users().size(); ++user)
    row_.push_back(facts.size() == 0 ? std::nullopt : facts.Find(log.users().id(user)));
}

std::string_view FactsAt::Value(std::uint32_t user, std::string_view name, std::int64_t moment_us) const {
  if (!row_[user]) return {};
  return facts_.Value(*row_[user], name, moment_us - 1).value_or(std::string_view());
}

std::vector<std::string> FactsAt::Names(std::int64_t moment_us) const {
  std::set<std::string> names;
  for (const std::optional<std::uint32_t> row : row_) {
    if (!row) continue;
    for (const UserFact& fact : facts_.facts(*row))
      if ((!fact.since_us || *fact.since_us < moment_us) &&
          !std::string_view(fact.name).starts_with(kForecastFactPrefix))
        names.insert(fact.name);
  }
  return {names.begin(), names.end()};
}

ForecastDesign ForecastDesign::Learn(const FactsAt& facts, std::span<const Case> training,
                                     std::vector<std::string>& problems) {
  ForecastDesign design;
  for (const UserFeatureInfo& info : UserFeatureTable()) {
    const std::string name(info.name);
    design.AddColumn(info.unbounded ? "log1p(" + name + ")" : name, name);
  }
  for (const UserFeature plain : kAlsoPlain) {
    const std::string name(UserFeatureTable()[plain].name);
    design.AddColumn(name, name);
  }
  design.AddColumn("log1p(missed_sessions)", "recency_days");
  std::int64_t latest = training.front().features->moment_us;
  for (const Case& c : training) latest = std::max(latest, c.features->moment_us);
  for (const std::string& name : facts.Names(latest)) {
    Fact fact;
    fact.name = name;
    fact.numeric = true;
    std::map<std::string, std::size_t, std::less<>> counts;
    double sum = 0;
    std::size_t known = 0;
    for (const Case& c : training) {
      const std::string_view text = facts.Value(c.user(), name, c.features->moment_us);
      if (!text.empty()) {
        const std::optional<double> number = ToNumber(text);
        fact.numeric = fact.numeric && number;
        sum += number.value_or(0);
        ++known;
      }
      if (counts.size() > kMaxTexts) continue;
      const auto found = counts.find(text);
      found != counts.end() ? ++found->second : counts.emplace(text, 1).first->second;
    }
    if (known == 0) continue;
    fact.first = design.columns_.size();
    if (fact.numeric) {
      fact.mean = sum / static_cast<double>(known);
      fact.has_missing = known < training.size();
      design.AddColumn(name, name);
      if (fact.has_missing) design.AddColumn(name + " missing", name);
    } else if (counts.size() > kMaxTexts) {
      problems.push_back("fact '" + name + "' has more than " + std::to_string(kMaxTexts) + " texts: left out");
      continue;
    } else {
      const auto most = std::max_element(counts.begin(), counts.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      for (const auto& [text, count] : counts) {
        if (text == most->first) continue;
        fact.texts.emplace(text, fact.texts.size());
        design.AddColumn(name + "=" + text, name);
      }
    }
    design.facts_.push_back(std::move(fact));
  }
  return design;
}

std::vector<double> ForecastDesign::Encode(const FactsAt& facts, std::span<const Case> cases,
                                           const Parallelism& parallelism) const {
  std::vector<double> values(cases.size() * columns_.size());
  ForEachBlock(parallelism, cases.size(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n) {
      const std::span<const double> row = cases[n].features->row(cases[n].row);
      double* out = values.data() + n * columns_.size();
      std::size_t at = 0;
      for (std::size_t f = 0; f < kUserFeatureCount; ++f)
        out[at++] = UserFeatureTable()[f].unbounded ? std::log1p(row[f]) : row[f];
      for (const UserFeature plain : kAlsoPlain) out[at++] = row[plain];
      out[at++] = std::log1p(MissedSessions(row));
      for (const Fact& fact : facts_) {
        const std::string_view text = facts.Value(cases[n].user(), fact.name, cases[n].features->moment_us);
        if (!fact.numeric) {
          if (const auto known = fact.texts.find(text); known != fact.texts.end()) out[fact.first + known->second] = 1;
          continue;
        }
        const std::optional<double> number = ToNumber(text);
        out[fact.first] = number.value_or(fact.mean);
        if (fact.has_missing) out[fact.first + 1] = !number;
      }
    }
  });
  return values;
}

std::vector<double> ForecastDesign::EncodeBaseline(std::span<const Case> cases) {
  std::vector<double> values;
  for (const Case& c : cases) {
    const std::span<const double> row = c.features->row(c.row);
    values.push_back(std::log1p(row[kRecencyDays]));
    values.push_back(std::log1p(row[kEventCount]));
  }
  return values;
}

}  // namespace waypost::insight
