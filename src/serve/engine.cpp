#include "waypost/serve/engine.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <new>
#include <utility>

#include "serve/engine_errors.hpp"
#include "serve/engine_state.hpp"

namespace waypost {
namespace {

using serve::OutOfMemory;

// Records the time from its making to its end.
class Stopwatch {
 public:
  explicit Stopwatch(Histogram& histogram) : histogram_(histogram), begin_(std::chrono::steady_clock::now()) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    const auto time = std::chrono::steady_clock::now() - begin_;
    histogram_.Record(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
  }

 private:
  Histogram& histogram_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace

absl::Status Validate(const EngineOptions& options) {
  WAYPOST_RETURN_IF_ERROR(Validate(options.store));
  if (options.weighting.now_us)
    return absl::InvalidArgumentError("EngineOptions.weighting.now_us: want none, the moment of each call, got one");
  WeightingOptions weighting = options.weighting;
  weighting.now_us = 0;
  WAYPOST_RETURN_IF_ERROR(Validate(weighting));
  const double half_life = options.trending_half_life_days;
  if (!std::isfinite(half_life) || half_life < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("EngineOptions.trending_half_life_days: want a finite value >= 0, got ", half_life));
  if (options.trending_refresh_us < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("EngineOptions.trending_refresh_us: want >= 0, got ", options.trending_refresh_us));
  return absl::OkStatus();
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() {
  try {
    if (state_ != nullptr) (void)state_->WriteImpressions();  // where that fails nobody is left to be told
  } catch (const std::bad_alloc&) {
  }
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const std::string& folder, EngineOptions options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(folder, options.store));
  auto state = std::make_unique<State>(std::move(options), std::move(store));
  state->SetModelError(state->LoadPublished());
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
} catch (const std::bad_alloc&) {
  return OutOfMemory("Open");
}

Store& Engine::store() {
  return state_->store();
}

absl::StatusOr<AppendResult> Engine::Record(std::span<const Event> events, const Delivery& delivery) try {
  const Stopwatch stopwatch(state_->record_ns);
  WAYPOST_RETURN_IF_ERROR(state_->WriteImpressions());  // first: an error then means that no event was kept
  WAYPOST_ASSIGN_OR_RETURN(const AppendResult result, state_->store().Append(events, delivery));
  state_->recorded.Add(result.accepted);
  state_->repeated.Add(result.repeated);
  return result;
} catch (const std::bad_alloc&) {
  return OutOfMemory("Record");
}

absl::StatusOr<EngineAnswer> Engine::Recommend(const EngineQuery& query) try {
  const Stopwatch stopwatch(state_->recommend_ns);
  absl::StatusOr<EngineAnswer> answer = state_->Answer(query);
  if (answer.ok()) {
    const absl::Status kept = state_->KeepImpressions(query, *answer);
    if (!kept.ok()) answer = kept;
  }
  if (!answer.ok()) state_->errors.Add();
  return answer;
} catch (const std::bad_alloc&) {
  state_->errors.Add();
  return OutOfMemory("Recommend");
}

absl::StatusOr<EngineAnswer> Engine::Similar(const SimilarQuery& query) try {
  const Stopwatch stopwatch(state_->similar_ns);
  absl::StatusOr<EngineAnswer> answer = state_->AnswerSimilar(query);
  if (!answer.ok()) state_->errors.Add();
  return answer;
} catch (const std::bad_alloc&) {
  state_->errors.Add();
  return OutOfMemory("Similar");
}

absl::Status Engine::FlushImpressions() try { return state_->WriteImpressions(); } catch (const std::bad_alloc&) {
  return OutOfMemory("FlushImpressions");
}

absl::Status Engine::Publish(const std::string& file) try {
  std::error_code error;
  const std::string path = std::filesystem::absolute(file, error).string();
  if (error) return absl::InvalidArgumentError(absl::StrCat("Engine.Publish: want a path, got ", file));
  const std::lock_guard lock(state_->publish_mutex);
  return state_->Publish(path);
} catch (const std::bad_alloc&) {
  return OutOfMemory("Publish");
}

absl::Status Engine::Reload() try {
  const std::lock_guard lock(state_->publish_mutex);
  const absl::Status loaded = state_->LoadPublished();
  state_->SetModelError(loaded);
  return loaded;
} catch (const std::bad_alloc&) {
  return OutOfMemory("Reload");
}

absl::StatusOr<ForgetReport> Engine::Forget(std::string_view user) try {
  state_->DropImpressionsOf(user);
  absl::StatusOr<ForgetReport> report = state_->store().Forget(user);
  state_->DropImpressionsOf(user);  // of questions asked meanwhile
  return report;
} catch (const std::bad_alloc&) {
  return OutOfMemory("Forget");
}

absl::StatusOr<CompactReport> Engine::Compact(CompactOptions options) try {
  if (!options.now_us) options.now_us = state_->now_us();
  return state_->store().Compact(options);
} catch (const std::bad_alloc&) {
  return OutOfMemory("Compact");
}

absl::StatusOr<EngineStats> Engine::Stats() const try { return state_->Stats(); } catch (const std::bad_alloc&) {
  return OutOfMemory("Stats");
}

}  // namespace waypost
