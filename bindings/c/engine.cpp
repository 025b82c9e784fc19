// The engine: events in, answers out.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "id_column.hpp"
#include "inputs.hpp"
#include "objects.hpp"
#include "structs.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/serve/engine.hpp"
#include "waypost/store/arrow_stream.hpp"

struct waypost_engine {
  std::unique_ptr<waypost::Engine> engine;
};

struct waypost_answer {
  waypost::EngineAnswer answer;
};

namespace waypost::c {
namespace {

absl::StatusOr<EngineOptions> ReadEngineOptions(const waypost_engine_options* given) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_engine_options read,
      ReadOptional(given, waypost_engine_options(WAYPOST_ENGINE_OPTIONS_INIT), "waypost_engine_options"));
  EngineOptions options;
  WAYPOST_ASSIGN_OR_RETURN(options.store.access,
                           ReadEnum(read.access, StoreAccess::kWrite, "waypost_engine_options.access"));
  WAYPOST_ASSIGN_OR_RETURN(options.store.durability,
                           ReadEnum(read.durability, Durability::kFast, "waypost_engine_options.durability"));
  WAYPOST_ASSIGN_OR_RETURN(options.parallelism, ReadThreads(read.max_threads, "waypost_engine_options.max_threads"));
  options.store.parallelism = options.parallelism;
  options.trending_half_life_days = read.trending_half_life_days;
  WAYPOST_ASSIGN_OR_RETURN(options.weighting, ReadWeighting(read.weighting));
  return options;
}

// Records the events of a log, whose kinds of the caller's are first made known to the store.
absl::StatusOr<AppendResult> RecordLog(Engine& engine, const EventLog& log, const Delivery& delivery) {
  const KindTable built_in;
  std::vector<std::uint16_t> numbers;
  for (std::size_t kind = 0; kind < log.kinds().size(); ++kind) {
    const Kind& given = log.kinds().at(static_cast<std::uint16_t>(kind));
    std::uint16_t number = static_cast<std::uint16_t>(kind);
    if (kind >= built_in.size()) {
      WAYPOST_ASSIGN_OR_RETURN(number, engine.store().SetKind(given));
    }
    numbers.push_back(number);
  }
  std::vector<Event> events(log.size());
  for (std::size_t row = 0; row < log.size(); ++row) {
    Event& event = events[row];
    event.user = log.user_id(row);
    event.item = log.item_id(row);
    event.kind = numbers[log.columns().kinds[row]];
    if (const float value = log.value(row); value == value) event.value = value;  // not NaN
    if (const std::int64_t time = log.time_us(row); time != kNoTime) event.time_us = time;
  }
  return engine.Record(events, delivery);
}

absl::Status ReadIds(const waypost_ids* ids, std::string_view name, std::vector<std::string>& list) {
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn column, IdColumn::Read(ids, name));
  std::string scratch;
  for (std::uint64_t row = 0; row < column.size(); ++row) {
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view id, column.Text(row, scratch));
    list.emplace_back(id);
  }
  return absl::OkStatus();
}

absl::StatusOr<EngineQuery> ReadEngineQuery(const waypost_engine_query* given) {
  WAYPOST_ASSIGN_OR_RETURN(const waypost_engine_query read,
                           ReadStruct(given, waypost_engine_query(WAYPOST_ENGINE_QUERY_INIT), "waypost_engine_query"));
  EngineQuery query;
  WAYPOST_ASSIGN_OR_RETURN(query.query.seen, ReadEnum(read.seen, SeenPolicy::kOnly, "waypost_engine_query.seen"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view user,
                           ReadText(read.user, read.user_size, "waypost_engine_query.user"));
  if (read.user != nullptr) query.query.user = std::string(user);
  query.query.n = read.n;
  WAYPOST_ASSIGN_OR_RETURN(query.query.prerequisites,
                           ReadFlag(read.prerequisites, "waypost_engine_query.prerequisites"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view filter,
                           ReadText(read.filter, read.filter_size, "waypost_engine_query.filter"));
  query.filter = std::string(filter);
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view type,
                           ReadText(read.type, read.type_size, "waypost_engine_query.type"));
  query.type = std::string(type);
  if (read.include != nullptr)
    WAYPOST_RETURN_IF_ERROR(ReadIds(read.include, "waypost_engine_query.include", query.query.include.emplace()));
  if (read.exclude != nullptr)
    WAYPOST_RETURN_IF_ERROR(ReadIds(read.exclude, "waypost_engine_query.exclude", query.query.exclude));
  WAYPOST_ASSIGN_OR_RETURN(const bool use_cap,
                           ReadFlag(read.use_category_cap, "waypost_engine_query.use_category_cap"));
  if (use_cap) query.query.category_cap = read.category_cap;
  if (!use_cap && read.category_cap != 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "waypost_engine_query.use_category_cap: want 1 beside a category_cap, got 0 with ", read.category_cap));
  query.query.diversity.strength = read.diversity;
  query.query.exploration.share = read.exploration;
  query.query.exploration.seed = read.seed;
  query.request = read.request;
  return query;
}

// A call with a path.
template <typename Call>
waypost_error* WithPath(const char* function, waypost_engine* engine, const char* path, std::uint64_t size,
                        const char* name, const Call& call) {
  return Guard(function, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(Require(engine, "engine"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string file, ReadPath(path, size, name));
    WAYPOST_RETURN_IF_ERROR(call(*engine->engine, file));
    Log(WAYPOST_LOG_INFO, function, file);
    return absl::OkStatus();
  });
}

// A call whose answer the caller takes.
template <typename Call>
waypost_error* WithAnswer(const char* function, waypost_engine* engine, waypost_answer** answer, const Call& call) {
  return Guard(function, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(Require(answer, "answer"));
    *answer = nullptr;
    WAYPOST_RETURN_IF_ERROR(Require(engine, "engine"));
    WAYPOST_ASSIGN_OR_RETURN(EngineAnswer found, call(*engine->engine));
    *answer = new waypost_answer{std::move(found)};
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace waypost::c

waypost_error* waypost_engine_open(const char* folder, uint64_t folder_size, const waypost_engine_options* options,
                                   waypost_engine** engine) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    *engine = nullptr;
    WAYPOST_ASSIGN_OR_RETURN(const std::string path, waypost::c::ReadPath(folder, folder_size, "folder"));
    WAYPOST_ASSIGN_OR_RETURN(waypost::EngineOptions read, waypost::c::ReadEngineOptions(options));
    WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<waypost::Engine> opened, waypost::Engine::Open(path, std::move(read)));
    waypost::c::Log(WAYPOST_LOG_INFO, "waypost_engine_open", path);
    WAYPOST_ASSIGN_OR_RETURN(const waypost::EngineStats stats, opened->Stats());
    if (!stats.model_error.empty()) waypost::c::Log(WAYPOST_LOG_WARNING, "waypost_engine_open", stats.model_error);
    *engine = new waypost_engine{std::move(opened)};
    return absl::OkStatus();
  });
}

void waypost_engine_free(waypost_engine* engine) {
  delete engine;
}

waypost_error* waypost_engine_record(waypost_engine* engine, const waypost_events* events, const char* source,
                                     uint64_t source_size, uint64_t first_sequence, uint64_t* accepted) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(accepted, "accepted"));
    *accepted = 0;
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    WAYPOST_ASSIGN_OR_RETURN(const waypost_events read,
                             waypost::c::ReadStruct(events, waypost_events(WAYPOST_EVENTS_INIT), "waypost_events"));
    if (read.titles != nullptr || read.title_items != nullptr)
      return absl::InvalidArgumentError("waypost_events.titles: want none, because the catalogue has titles, got some");
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view name, waypost::c::ReadText(source, source_size, "source"));
    WAYPOST_ASSIGN_OR_RETURN(const waypost::EventLog log, waypost::c::ReadLog(read));
    const waypost::Delivery delivery{.source = name, .first_sequence = first_sequence};
    WAYPOST_ASSIGN_OR_RETURN(const waypost::AppendResult result, waypost::c::RecordLog(*engine->engine, log, delivery));
    *accepted = result.accepted;
    return absl::OkStatus();
  });
}

waypost_error* waypost_engine_put_catalogue(waypost_engine* engine, const char* file, uint64_t file_size) {
  return waypost::c::WithPath(
      __func__, engine, file, file_size, "file", [](waypost::Engine& target, const std::string& path) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(const waypost::Catalogue catalogue, waypost::ReadCatalogue(path, {}));
        return target.store().PutCatalogue(catalogue);
      });
}

waypost_error* waypost_engine_train_ials(waypost_engine* engine, const char* file, uint64_t file_size,
                                         const waypost_ials_options* options) {
  return waypost::c::WithPath(
      __func__, engine, file, file_size, "file", [&](waypost::Engine& target, const std::string& path) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(const waypost::ModelOptions model, waypost::c::ReadModelOptions(options));
        return target.Train({.file = path, .model = model, .control = {}}).status();
      });
}

waypost_error* waypost_engine_train(waypost_engine* engine, const char* file, uint64_t file_size, const char* kind,
                                    uint64_t kind_size, const char* settings, uint64_t settings_size) {
  return waypost::c::WithPath(
      __func__, engine, file, file_size, "file", [&](waypost::Engine& target, const std::string& path) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(const std::string_view name, waypost::c::ReadText(kind, kind_size, "kind"));
        WAYPOST_ASSIGN_OR_RETURN(const std::string_view text,
                                 waypost::c::ReadText(settings, settings_size, "settings"));
        WAYPOST_ASSIGN_OR_RETURN(const waypost::ModelOptions model, waypost::c::ReadModelOptions(name, text));
        return target.Train({.file = path, .model = model, .control = {}}).status();
      });
}

waypost_error* waypost_engine_publish(waypost_engine* engine, const char* file, uint64_t file_size) {
  return waypost::c::WithPath(__func__, engine, file, file_size, "file",
                              [](waypost::Engine& target, const std::string& path) { return target.Publish(path); });
}

waypost_error* waypost_engine_reload(waypost_engine* engine) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    return engine->engine->Reload();
  });
}

waypost_error* waypost_engine_recommend(waypost_engine* engine, const waypost_engine_query* query,
                                        waypost_answer** answer) {
  return waypost::c::WithAnswer(
      __func__, engine, answer, [&](waypost::Engine& target) -> absl::StatusOr<waypost::EngineAnswer> {
        WAYPOST_ASSIGN_OR_RETURN(const waypost::EngineQuery read, waypost::c::ReadEngineQuery(query));
        return target.Recommend(read);
      });
}

waypost_error* waypost_engine_similar(waypost_engine* engine, const char* item, uint64_t item_size, uint32_t n,
                                      waypost_answer** answer) {
  return waypost::c::WithAnswer(
      __func__, engine, answer, [&](waypost::Engine& target) -> absl::StatusOr<waypost::EngineAnswer> {
        WAYPOST_ASSIGN_OR_RETURN(const std::string_view id, waypost::c::ReadText(item, item_size, "item"));
        return target.Similar({.item = std::string(id), .n = n});
      });
}

void waypost_answer_free(waypost_answer* answer) {
  delete answer;
}

waypost_error* waypost_answer_get_info(const waypost_answer* answer, waypost_answer_info* info) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(
        waypost::c::ValidateStructSize(info, sizeof(*info), alignof(waypost_answer_info), "waypost_answer_info"));
    waypost_answer_info filled = WAYPOST_ANSWER_INFO_INIT;
    waypost::c::WriteStruct(info, filled);
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(answer, "answer"));
    const waypost::Recommendation& found = answer->answer.recommendation;
    filled.count = static_cast<std::uint32_t>(found.items.size());
    filled.reason = static_cast<std::uint32_t>(found.reason);
    filled.unknown_ids = found.unknown_ids;
    filled.model = answer->answer.model;
    waypost::c::WriteStruct(info, filled);
    return absl::OkStatus();
  });
}

waypost_error* waypost_answer_get(const waypost_answer* answer, uint32_t position, waypost_suggestion* suggestion) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::ValidateStructSize(suggestion, sizeof(*suggestion), alignof(waypost_suggestion),
                                                           "waypost_suggestion"));
    waypost_suggestion filled = WAYPOST_SUGGESTION_INIT;
    waypost::c::WriteStruct(suggestion, filled);
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(answer, "answer"));
    const auto& items = answer->answer.recommendation.items;
    if (position >= items.size())
      return absl::OutOfRangeError(absl::StrCat("position: want below ", items.size(), ", got ", position));
    const waypost::Suggestion& found = items[position];
    filled.source = static_cast<std::uint32_t>(found.source);
    filled.item = found.id.data();
    filled.item_size = found.id.size();
    filled.title = found.title.empty() ? "" : found.title.data();
    filled.title_size = found.title.size();
    filled.score = found.score;
    filled.propensity = found.propensity;
    waypost::c::WriteStruct(suggestion, filled);
    return absl::OkStatus();
  });
}

waypost_error* waypost_engine_export_arrow(waypost_engine* engine, ArrowArrayStream* stream) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(stream, "stream"));
    *stream = {};
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    WAYPOST_ASSIGN_OR_RETURN(waypost::StoreSnapshot snapshot, engine->engine->store().Snapshot());
    return waypost::ExportArrowStream(std::move(snapshot), stream);
  });
}

waypost_error* waypost_engine_forget(waypost_engine* engine, const char* user, uint64_t user_size) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view id, waypost::c::ReadText(user, user_size, "user"));
    return engine->engine->Forget(id).status();
  });
}

waypost_error* waypost_engine_metrics(const waypost_engine* engine, char* text, uint64_t capacity, uint64_t* size) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(size, "size"));
    *size = 0;
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(engine, "engine"));
    if (capacity > 0) WAYPOST_RETURN_IF_ERROR(waypost::c::Require(text, "text"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string metrics, engine->engine->PrometheusMetrics());
    std::copy_n(metrics.data(), std::min<std::uint64_t>(capacity, metrics.size()), text);
    *size = metrics.size();
    return absl::OkStatus();
  });
}
