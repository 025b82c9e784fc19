// Engine::PrometheusMetrics: the counts of an engine as text.
#include <iterator>
#include <limits>
#include <new>
#include <utility>

#include "serve/engine_errors.hpp"
#include "waypost/serve/engine.hpp"

namespace waypost {

absl::StatusOr<std::string> Engine::PrometheusMetrics() const try {
  WAYPOST_ASSIGN_OR_RETURN(const EngineStats stats, Stats());
  PrometheusText text;
  text.Begin("waypost_call_seconds", "histogram", "Time of calls.");
  text.Nanoseconds({{"call", "recommend"}}, stats.recommend_ns);
  text.Nanoseconds({{"call", "similar"}}, stats.similar_ns);
  text.Nanoseconds({{"call", "record"}}, stats.record_ns);
  text.Begin("waypost_answers_total", "counter", "Answers by the source of their first suggestion.");
  for (std::size_t source = 0; source < std::size(stats.answers); ++source)
    text.Sample({{"source", SourceName(static_cast<Source>(source))}}, stats.answers[source]);
  text.Begin("waypost_errors_total", "counter", "Questions that ended in an error.");
  text.Sample({}, stats.errors);
  text.Begin("waypost_recorded_events_total", "counter", "Events recorded by this engine.");
  text.Sample({}, stats.recorded_events);
  text.Begin("waypost_repeated_events_total", "counter", "Events that had been delivered before.");
  text.Sample({}, stats.repeated_events);
  text.Begin("waypost_filter_lookups_total", "counter", "Filters found compiled (hit) and compiled (miss).");
  text.Sample({{"result", "hit"}}, stats.filter_hits);
  text.Sample({{"result", "miss"}}, stats.filter_misses);
  text.Begin("waypost_model_age_seconds", "gauge", "Time since the model was published.");
  text.Sample({}, stats.model_age_seconds.value_or(std::numeric_limits<double>::quiet_NaN()));
  const std::pair<std::string_view, std::uint64_t> sizes[] = {{"events", stats.store.events},
                                                              {"users", stats.store.users},
                                                              {"items", stats.store.items},
                                                              {"impressions", stats.store.impressions},
                                                              {"catalogue", stats.store.catalogue_items},
                                                              {"forgotten_users", stats.store.forgotten_users}};
  text.Begin("waypost_store_entries", "gauge", "What the store holds.");
  for (const auto& [what, count] : sizes) text.Sample({{"what", what}}, count);
  text.Begin("waypost_store_bytes", "gauge", "Size of the store's data file.");
  text.Sample({}, stats.store.file_bytes);
  text.Begin("waypost_store_retention_seconds", "gauge",
             "Age from which a compaction leaves out events, by kind; * is every other.");
  const auto window = [&](std::string_view kind, const std::optional<std::int64_t>& keep_us) {
    text.Sample({{"kind", kind}},
                keep_us ? static_cast<double>(*keep_us) / 1e6 : std::numeric_limits<double>::infinity());
  };
  window("*", stats.store.retention.keep_us);
  for (const auto& [kind, keep_us] : stats.store.retention.kinds) window(kind, keep_us);
  return text.Take();
} catch (const std::bad_alloc&) {
  return serve::OutOfMemory("PrometheusMetrics");
}

}  // namespace waypost
