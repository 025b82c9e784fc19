// cli/retention.hpp - how long a store keeps what it holds, as text and as JSON.
#ifndef WAYPOST_CLI_RETENTION_HPP_
#define WAYPOST_CLI_RETENTION_HPP_

#include <string>

#include "json_writer.hpp"
#include "waypost/store/records.hpp"

namespace waypost::cli {

inline constexpr double kMicrosPerDay = 86'400e6;

// "for 730 days; view for 90 days; complete for ever".
std::string RetentionText(const Retention& retention);

// Writes the member "retention": {"days": 730, "kinds": {"view": 90, "complete": null}}; null: for ever.
void WriteRetention(JsonWriter& json, const Retention& retention);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_RETENTION_HPP_
