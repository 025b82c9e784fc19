// waypost/matrix/weighting_settings.hpp - WeightingOptions as named texts, which a model file keeps beside its models.
//
// Names  duplicates (max, sum, last, error), value_transform (none, linear, log1p); where they are set min_value,
//        half_life_days and now_us. Other names of a list are somebody else's.
#ifndef WAYPOST_MATRIX_WEIGHTING_SETTINGS_HPP_
#define WAYPOST_MATRIX_WEIGHTING_SETTINGS_HPP_

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/number_text.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/event_strength.hpp"

namespace waypost {

using WeightingSettings = std::vector<std::pair<std::string, std::string>>;  // name, value

namespace internal {

inline constexpr std::array<std::string_view, 4> kDuplicatePolicyNames = {"max", "sum", "last", "error"};
inline constexpr std::array<std::string_view, 3> kValueTransformNames = {"none", "linear", "log1p"};

}  // namespace internal

inline WeightingSettings FormatWeighting(const WeightingOptions& options) {
  WeightingSettings settings = {
      {"duplicates", std::string(internal::kDuplicatePolicyNames[static_cast<std::size_t>(options.duplicates)])},
      {"value_transform", std::string(internal::kValueTransformNames[static_cast<std::size_t>(options.transform)])}};
  if (options.min_value) settings.emplace_back("min_value", internal::NumberText(*options.min_value));
  if (options.half_life_days > 0) {
    settings.emplace_back("half_life_days", internal::NumberText(options.half_life_days));
    if (options.now_us) settings.emplace_back("now_us", internal::NumberText(*options.now_us));
  }
  return settings;
}

// Returns what FormatWeighting was given; nullopt where the list does not name how duplicates count: it tells nothing.
// Errors  kInvalidArgument: a value that is none of its name's.
inline absl::StatusOr<std::optional<WeightingOptions>> ParseWeighting(const WeightingSettings& settings) {
  WeightingOptions options;
  bool told = false;
  const auto wrong = [](const std::string& name, const std::string& value) {
    return absl::InvalidArgumentError(absl::StrCat("Weighting.", name, ": want a value of that name, got ", value));
  };
  const auto find = [](const auto& names, const std::string& value) -> std::optional<std::size_t> {
    for (std::size_t n = 0; n < names.size(); ++n)
      if (names[n] == value) return n;
    return std::nullopt;
  };
  for (const auto& [name, value] : settings) {
    if (name == "duplicates") {
      const auto policy = find(internal::kDuplicatePolicyNames, value);
      if (!policy) return wrong(name, value);
      options.duplicates = static_cast<DuplicatePolicy>(*policy);
      told = true;
    } else if (name == "value_transform") {
      const auto transform = find(internal::kValueTransformNames, value);
      if (!transform) return wrong(name, value);
      options.transform = static_cast<ValueTransform>(*transform);
    } else if (name == "min_value") {
      if (!internal::ReadNumber(value, options.min_value.emplace())) return wrong(name, value);
    } else if (name == "half_life_days") {
      if (!internal::ReadNumber(value, options.half_life_days)) return wrong(name, value);
    } else if (name == "now_us") {
      if (!internal::ReadNumber(value, options.now_us.emplace())) return wrong(name, value);
    }
  }
  if (!told) return std::nullopt;
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  return options;
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_WEIGHTING_SETTINGS_HPP_
