// store/commit.hpp - one transaction of the writer: what calls add, gathered, and put into the tables at its end.
#ifndef WAYPOST_SRC_STORE_COMMIT_HPP_
#define WAYPOST_SRC_STORE_COMMIT_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/store/records.hpp"

#include "store/environment.hpp"
#include "store/id_mirror.hpp"
#include "store/rows.hpp"

namespace waypost::store {

// The ids a transaction adds to one dictionary.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class FreshIds {
 public:
  FreshIds(Table table, IdMirror& mirror) : table_(table), mirror_(&mirror) {}

  absl::Status Begin(const Reading& reading, std::uint64_t count, const Forgotten& forgotten) {
    count_ = count;
    ids_ = {};
    return mirror_->Follow(reading, count, forgotten);
  }
  // The index of an id, which is added if it is new.
  absl::StatusOr<std::uint32_t> Resolve(std::string_view id);
  // The same for an id that the mirror does not have.
  absl::StatusOr<std::uint32_t> AddUnknown(std::string_view id);
  std::uint64_t end() const { return count_ + ids_.size(); }
  // Puts them into the table.
  absl::Status Write(Writing& writing) const;
  // Once they are committed.
  void Publish() { mirror_->Add(count_, ids_); }

 private:
  Table table_;
  IdMirror* mirror_;
  std::uint64_t count_ = 0;
  IdDictionaryBuilder ids_;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Commit {
 public:
  Commit(IdMirror& users, IdMirror& items) : users_(Table::kUsers, users), items_(Table::kItems, items) {}

  // Begins, or begins anew, in a transaction.
  absl::Status Begin(Writing& writing);
  // Puts everything that was gathered into the tables.
  absl::Status Finish();
  // Once it is committed.
  void Publish() {
    users_.Publish();
    items_.Publish();
  }

  Writing& writing() { return *writing_; }
  State& state() { return state_; }
  const Forgotten& forgotten() const { return forgotten_; }
  FreshIds& users() { return users_; }
  FreshIds& items() { return items_; }

  // The record of a source, new where it is not known. Changes are kept.
  absl::StatusOr<Source*> FindSource(const std::string& name);

  // Position of the next row.
  std::uint64_t end_row() const { return state_.end_row + rows_.size(); }
  // Events that no segment holds.
  std::uint64_t unsealed() const { return state_.events - state_.sealed_events + rows_.size(); }
  // Adds rows [from, size()) of columns and returns where they begin in rows(), whose ids may still be set.
  std::size_t AddRows(const Rows& rows, std::size_t from) {
    const std::size_t at = rows_.size();
    rows_.Append(rows, from);
    return at;
  }
  Rows& rows() { return rows_; }
  // Adds one event.
  void AddRow(std::uint32_t user, std::uint32_t item, std::uint16_t kind, float value, std::int64_t time_us) {
    rows_.users.push_back(user);
    rows_.items.push_back(item);
    rows_.kinds.push_back(kind);
    rows_.values.push_back(value);
    rows_.times_us.push_back(time_us);
  }
  // Adds events as segments, after those added before.
  absl::Status AddSegments(const std::vector<std::vector<std::byte>>& segments, std::size_t rows);

 private:
  absl::Status WriteRows();

  Writing* writing_ = nullptr;
  State state_;
  Forgotten forgotten_;
  FreshIds users_;
  FreshIds items_;
  Rows rows_;
  std::map<std::string, Source> sources_;
};

// Writes the state.
absl::Status PutState(Writing& writing, const State& state);
// Writes which format this is, and what a reader of the store must understand.
absl::Status PutFormat(Writing& writing, std::uint64_t features);
// Makes the tables of an empty store.
absl::Status PutEmptyStore(Writing& writing);
// Returns what a reader of the store must understand.
// Errors  kUnimplemented: a format that is not ours.  kDataLoss.
absl::StatusOr<std::uint64_t> CheckFormat(const Reading& reading);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_COMMIT_HPP_
