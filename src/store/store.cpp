#include "waypost/store/store.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "store/impression_check.hpp"
#include "store/session.hpp"
#include "store/snapshot_state.hpp"

namespace waypost {
namespace store {

Session::~Session() {
  if (options_.access == StoreAccess::kWrite && folder_->CheckProcess().ok()) folder_->StopWriting();
}

absl::Status Session::CheckWriting() const {
  WAYPOST_RETURN_IF_ERROR(folder_->CheckProcess());
  if (options_.access == StoreAccess::kWrite) return absl::OkStatus();
  return absl::FailedPreconditionError("Store: want one opened with StoreAccess::kWrite, got kRead");
}

absl::Status Session::Commit(const std::function<absl::Status(store::Commit&)>& apply, bool alone) {
  WAYPOST_RETURN_IF_ERROR(CheckWriting());
  Request request{.apply = apply, .alone = alone, .status = {}};
  return folder_->Run(request);
}

absl::StatusOr<std::shared_ptr<const EventLogBuilder>> Session::Validator() {
  {
    const std::lock_guard lock(mutex_);
    if (validator_ != nullptr) return validator_;
  }
  WAYPOST_ASSIGN_OR_RETURN(Folder::View view, folder_->BeginReading());
  const SnapshotState state(folder_, std::move(view));
  const std::lock_guard lock(mutex_);
  validator_ = std::make_shared<const EventLogBuilder>(*state.layout().kinds);
  return validator_;
}

void Session::ForgetValidator() {
  const std::lock_guard lock(mutex_);
  validator_.reset();
}

absl::Status CheckImpression(const Impression& impression, const KindTable& kinds) {
  WAYPOST_RETURN_IF_ERROR(CheckText("user", impression.user));
  WAYPOST_RETURN_IF_ERROR(CheckText("item", impression.item));
  if (impression.kind >= kinds.size())
    return absl::InvalidArgumentError(absl::StrCat("kind: want 0..", kinds.size() - 1, ", got ", impression.kind));
  if (!(impression.propensity > 0 && impression.propensity <= 1))
    return absl::InvalidArgumentError(
        absl::StrCat("propensity: want more than 0 and at most 1, got ", impression.propensity));
  if (impression.time_us == kNoTime)
    return absl::InvalidArgumentError(absl::StrCat("time: want more than ", kNoTime, ", got it"));
  return absl::OkStatus();
}

}  // namespace store

namespace {

using file::Guard;
using store::Bytes;
using store::CheckImpression;
using store::Commit;
using store::Entry;
using store::Table;
using store::ValueWriter;

constexpr std::size_t kOpenImpressions = 512;
constexpr std::size_t kMaxImpressions = 16384;

// Adds rows behind those that are there.
absl::Status WriteImpressions(Commit& commit, std::vector<store::ImpressionRow> rows) {
  std::uint64_t first = commit.state().end_impression;
  commit.state().end_impression += rows.size();
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> last, commit.writing().Last(Table::kImpressions));
  bool open = false;
  if (last) {
    WAYPOST_ASSIGN_OR_RETURN(const store::StoredImpressions stored, store::DecodeImpressions(last->value));
    open = stored.first + stored.rows.size() == first && stored.rows.size() + rows.size() <= kOpenImpressions;
    if (open) {
      first = stored.first;
      rows.insert(rows.begin(), stored.rows.begin(), stored.rows.end());
    }
  }
  for (std::size_t begin = 0; begin < rows.size(); begin += kMaxImpressions) {
    const auto part = std::span(rows).subspan(begin, std::min(kMaxImpressions, rows.size() - begin));
    ValueWriter value;
    WAYPOST_RETURN_IF_ERROR(commit.writing().Put(Table::kImpressions, first + begin,
                                                 store::EncodeImpressions(first + begin, part, value), !open));
  }
  return absl::OkStatus();
}

// What of a user is left in the impressions.
absl::StatusOr<std::uint64_t> CountImpressions(const store::Reading& reading, std::uint32_t user) {
  std::uint64_t count = 0;
  const absl::Status read = reading.ForEach(Table::kImpressions, [&](const Entry& entry) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const store::StoredImpressions stored, store::DecodeImpressions(entry.value));
    for (const store::ImpressionRow& row : stored.rows) count += static_cast<std::uint64_t>(row.user == user);
    return absl::OkStatus();
  });
  WAYPOST_RETURN_IF_ERROR(read);
  return count;
}

}  // namespace

absl::Status Validate(const StoreOptions& options) {
  if (options.map_bytes < (std::uint64_t{1} << 16))
    return absl::InvalidArgumentError(
        absl::StrCat("StoreOptions.map_bytes: want at least 65536, got ", options.map_bytes));
  if (options.max_map_bytes < options.map_bytes || options.max_map_bytes > (std::uint64_t{1} << 46))
    return absl::InvalidArgumentError(absl::StrCat("StoreOptions.max_map_bytes: want ", options.map_bytes, "..",
                                                   std::uint64_t{1} << 46, ", got ", options.max_map_bytes));
  if (options.max_readers < 1 || options.max_readers > 65536)
    return absl::InvalidArgumentError(
        absl::StrCat("StoreOptions.max_readers: want 1..65536, got ", options.max_readers));
  return absl::OkStatus();
}

Store::Store(std::unique_ptr<store::Session> session) : session_(std::move(session)) {}
Store::~Store() = default;

const std::string& Store::folder() const {
  return session_->folder().path();
}

const StoreOptions& Store::options() const {
  return session_->options();
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& folder, const StoreOptions& options) {
  return Guard("Store.Open", [&]() -> absl::StatusOr<std::unique_ptr<Store>> {
    WAYPOST_RETURN_IF_ERROR(Validate(options));
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<store::Folder> opened, store::Folder::Open(folder, options));
    return std::unique_ptr<Store>(new Store(std::make_unique<store::Session>(std::move(opened), options)));
  });
}

absl::StatusOr<StoreSnapshot> Store::Snapshot() const {
  return Guard("Store.Snapshot", [&]() -> absl::StatusOr<StoreSnapshot> {
    WAYPOST_RETURN_IF_ERROR(session_->folder().CheckProcess());
    WAYPOST_ASSIGN_OR_RETURN(store::Folder::View view, session_->folder().BeginReading());
    return StoreSnapshot(std::make_shared<const store::SnapshotState>(session_->shared_folder(), std::move(view)));
  });
}

absl::StatusOr<AppendResult> Store::Append(std::span<const Event> events, const Delivery& delivery) {
  return Guard("Store.Append", [&] { return session_->Append(events, delivery); });
}

absl::StatusOr<AppendResult> Store::AppendLog(const EventLog& log, std::string_view source, std::size_t first_row) {
  return Guard("Store.AppendLog", [&] { return session_->AppendLog(log, source, first_row); });
}

absl::StatusOr<std::uint16_t> Store::SetKind(const Kind& kind) {
  return Guard("Store.SetKind", [&]() -> absl::StatusOr<std::uint16_t> {
    std::uint16_t number = 0;
    WAYPOST_RETURN_IF_ERROR(session_->Commit(
        [&](Commit& commit) -> absl::Status {
          WAYPOST_ASSIGN_OR_RETURN(KindTable kinds, store::ReadKinds(commit.writing()));
          WAYPOST_ASSIGN_OR_RETURN(number, kinds.Set(kind));
          ++commit.state().kinds_version;
          ValueWriter writer;
          return commit.writing().Put(Table::kState, store::kKindsKey, store::EncodeKinds(kinds, writer));
        },
        /*alone=*/true));
    session_->ForgetValidator();
    return number;
  });
}

absl::Status Store::SetRetention(const Retention& retention) {
  return Guard("Store.SetRetention", [&]() -> absl::Status {
    const auto check = [](std::string_view name, const std::optional<std::int64_t>& keep_us) {
      if (keep_us.value_or(1) > 0) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("Retention.", internal::ToAbsl(name), ": want more than 0 microseconds, got ", *keep_us));
    };
    WAYPOST_RETURN_IF_ERROR(check("keep_us", retention.keep_us));
    for (const auto& [kind, keep_us] : retention.kinds) WAYPOST_RETURN_IF_ERROR(check("kinds", keep_us));
    return session_->Commit(
        [&](Commit& commit) -> absl::Status {
          WAYPOST_ASSIGN_OR_RETURN(const KindTable kinds, store::ReadKinds(commit.writing()));
          for (const auto& [kind, keep_us] : retention.kinds)
            if (!kinds.Find(kind))
              return absl::InvalidArgumentError(
                  absl::StrCat("Retention.kinds: want kinds of the store, got '", kind, "'"));
          // An older store has a later entry from now on.
          WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t features, store::CheckFormat(commit.writing()));
          WAYPOST_RETURN_IF_ERROR(store::PutFormat(commit.writing(), features));
          ValueWriter writer;
          return commit.writing().Put(Table::kState, store::kRetentionKey, store::EncodeRetention(retention, writer));
        },
        /*alone=*/true);
  });
}

absl::Status Store::PutCatalogue(const Catalogue& catalogue) {
  return Guard("Store.PutCatalogue", [&] {
    return session_->Commit(
        [&](Commit& commit) -> absl::Status {
          IdDictionaryBuilder known;
          const absl::Status read =
              commit.writing().ForEach(Table::kCatalogue, [&](const Entry& entry) -> absl::Status {
                WAYPOST_ASSIGN_OR_RETURN(const CatalogueItem item, store::DecodeCatalogueItem(entry.value));
                return known.Add(item.id).status();
              });
          WAYPOST_RETURN_IF_ERROR(read);
          for (const CatalogueItem& item : catalogue.items()) {
            WAYPOST_RETURN_IF_ERROR(store::CheckText("id", item.id));
            const std::size_t before = known.size();
            WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t position, known.Add(item.id));
            ValueWriter value;
            WAYPOST_RETURN_IF_ERROR(commit.writing().Put(Table::kCatalogue, std::uint64_t{position},
                                                         store::EncodeCatalogueItem(item, value),
                                                         known.size() > before));
          }
          ++commit.state().catalogue_version;
          return absl::OkStatus();
        },
        /*alone=*/true);
  });
}

absl::Status Store::PutUserTable(const UserTable& users) {
  return Guard("Store.PutUserTable", [&] {
    return session_->Commit(
        [&](Commit& commit) -> absl::Status {
          for (std::uint32_t user = 0; user < users.size(); ++user) {
            const std::string_view id = users.ids().id(user);
            WAYPOST_RETURN_IF_ERROR(store::CheckText("user", id));
            WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, commit.writing().Get(Table::kFacts, id));
            std::vector<UserFact> facts;
            if (value) {
              WAYPOST_ASSIGN_OR_RETURN(facts, store::DecodeFacts(*value));
            }
            for (const UserFact& fact : users.facts(user))
              if (std::find(facts.begin(), facts.end(), fact) == facts.end()) facts.push_back(fact);
            ValueWriter writer;
            WAYPOST_RETURN_IF_ERROR(commit.writing().Put(Table::kFacts, id, store::EncodeFacts(facts, writer)));
          }
          ++commit.state().user_table_version;
          return absl::OkStatus();
        },
        /*alone=*/true);
  });
}

absl::Status Store::AppendImpressions(std::span<const Impression> impressions) {
  return Guard("Store.AppendImpressions", [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(session_->CheckWriting());
    WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const EventLogBuilder> validator, session_->Validator());
    for (std::size_t n = 0; n < impressions.size(); ++n)
      if (const absl::Status status = CheckImpression(impressions[n], validator->kinds()); !status.ok())
        return internal::AddContext(absl::StrCat("impression ", n), status);
    return session_->Commit([&](Commit& commit) -> absl::Status {
      std::vector<store::ImpressionRow> rows;
      for (const Impression& impression : impressions) {
        store::ImpressionRow row{.request = impression.request,
                                 .model = impression.model,
                                 .time_us = impression.time_us.value_or(kNoTime),
                                 .propensity = impression.propensity,
                                 .kind = impression.kind,
                                 .rank = impression.rank};
        WAYPOST_ASSIGN_OR_RETURN(row.user, commit.users().Resolve(impression.user));
        WAYPOST_ASSIGN_OR_RETURN(row.item, commit.items().Resolve(impression.item));
        rows.push_back(row);
      }
      return WriteImpressions(commit, std::move(rows));
    });
  });
}

absl::Status Store::PutModel(const ModelRecord& model) {
  return Guard("Store.PutModel", [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(store::CheckText("ModelRecord.name", model.name));
    return session_->Commit([&](Commit& commit) -> absl::Status {
      ValueWriter value;
      return commit.writing().Put(Table::kModels, std::string_view(model.name), store::EncodeModel(model, value));
    });
  });
}

absl::Status Store::DropModel(std::string_view name) {
  return Guard("Store.DropModel", [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(store::CheckText("ModelRecord.name", name));
    return session_->Commit(
        [&](Commit& commit) -> absl::Status {
          WAYPOST_ASSIGN_OR_RETURN(const bool found, commit.writing().Delete(Table::kModels, name));
          if (found) return absl::OkStatus();
          return absl::NotFoundError(
              absl::StrCat("Store.DropModel.name: want a model on record, got '", internal::ToAbsl(name), "'"));
        },
        /*alone=*/true);
  });
}

absl::StatusOr<ForgetReport> Store::Forget(std::string_view user) {
  return Guard("Store.Forget", [&]() -> absl::StatusOr<ForgetReport> {
    WAYPOST_RETURN_IF_ERROR(session_->CheckWriting());
    WAYPOST_RETURN_IF_ERROR(store::CheckText("user", user));
    const std::lock_guard maintenance(session_->folder().maintenance());
    ForgetReport report;
    const auto forget = [&](Commit& commit) -> absl::Status {
      report = {};
      WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const store::Layout> layout,
                               store::ReadLayout(commit.writing(), nullptr));
      WAYPOST_ASSIGN_OR_RETURN(const bool had_facts, commit.writing().Delete(Table::kFacts, user));
      commit.state().user_table_version += static_cast<std::uint64_t>(had_facts);
      const std::uint32_t index = session_->folder().users().Find(user);
      if (index >= commit.state().users) {
        if (had_facts) return absl::OkStatus();
        return absl::NotFoundError(
            absl::StrCat("Store.Forget.user: want a user of the store, got '", internal::ToAbsl(user), "'"));
      }
      report.events = layout->CountEvents(index);
      WAYPOST_ASSIGN_OR_RETURN(report.impressions, CountImpressions(commit.writing(), index));
      const absl::Status models = commit.writing().ForEach(Table::kModels, [&](const Entry& entry) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(ModelRecord model, store::DecodeModel(entry.value));
        if (index < model.user_count) report.models.push_back(std::move(model.name));
        return absl::OkStatus();
      });
      WAYPOST_RETURN_IF_ERROR(models);
      ValueWriter nothing;
      WAYPOST_RETURN_IF_ERROR(
          commit.writing().Put(Table::kForgotten, std::uint64_t{index}, nothing.Finish(Table::kForgotten)));
      ++commit.state().forgotten_users;
      commit.state().forgotten_events += report.events;
      return absl::OkStatus();
    };
    WAYPOST_RETURN_IF_ERROR(session_->Commit(forget, /*alone=*/true));
    // The next look-up would do it; doing it here takes the text out of memory.
    WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, Snapshot());
    WAYPOST_RETURN_IF_ERROR(snapshot.FindUser(user).status());
    return report;
  });
}

absl::Status Store::Sync() {
  return Guard("Store.Sync", [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(session_->CheckWriting());
    return session_->folder().environment()->Sync();
  });
}

absl::StatusOr<bool> Store::Maintain() {
  return Guard("Store.Maintain", [&] { return session_->MaintainStep(/*least_rows=*/std::uint64_t{1} << 15); });
}

absl::Status Store::Seal() {
  return Guard("Store.Seal", [&] { return session_->Seal(); });
}

absl::StatusOr<CompactReport> Store::Compact(const CompactOptions& options) {
  return Guard("Store.Compact", [&] { return session_->Compact(options); });
}

}  // namespace waypost
