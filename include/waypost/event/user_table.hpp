// waypost/event/user_table.hpp - facts about users, each with the moment from which it holds, so that a question about
// the past is answered with what was known then.
//
// (1) User u is the u-th distinct id added.
// (2) The facts of one user are in the order of `since_us`, undated ones first; those of one moment in the order added.
#ifndef WAYPOST_EVENT_USER_TABLE_HPP_
#define WAYPOST_EVENT_USER_TABLE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost {

struct UserFact {
  std::string name;
  std::string value;
  std::optional<std::int64_t> since_us;  // nullopt: has always held

  friend bool operator==(const UserFact&, const UserFact&) = default;
};

// Immutable: safe to use from any number of threads.
class UserTable {
 public:
  UserTable() = default;

  std::size_t size() const { return facts_.size(); }
  const IdDictionary& ids() const { return ids_; }
  std::optional<std::uint32_t> Find(std::string_view id) const { return ids_.Find(id); }

  // Requires  user < size().
  const std::vector<UserFact>& facts(std::uint32_t user) const { return facts_[user]; }

  // The value of `name` that held at `at_us`: of the facts not later than it, the last; nullopt if there is none.
  // Without `at_us` the last of all.
  // Requires  user < size().
  // Lifetime  the view lives as long as this table.
  std::optional<std::string_view> Value(std::uint32_t user, std::string_view name,
                                        std::optional<std::int64_t> at_us = std::nullopt) const {
    std::optional<std::string_view> value;
    for (const UserFact& fact : facts_[user]) {
      if (at_us && fact.since_us && *fact.since_us > *at_us) break;  // (2): all that follow are later
      if (fact.name == name) value = fact.value;
    }
    return value;
  }

 private:
  friend class UserTableBuilder;

  UserTable(IdDictionary ids, std::vector<std::vector<UserFact>> facts)
      : ids_(std::move(ids)), facts_(std::move(facts)) {}

  IdDictionary ids_;
  std::vector<std::vector<UserFact>> facts_;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class UserTableBuilder {
 public:
  std::size_t size() const { return facts_.size(); }

  // Adds facts of one user, who may have been added before; without facts the user is known all the same.
  // Errors  kInvalidArgument: id length, a fact without a name.  Nothing is added then.
  absl::Status Add(std::string_view user, std::vector<UserFact> facts) {
    for (const UserFact& fact : facts)
      if (fact.name.empty()) return absl::InvalidArgumentError("UserFact.name: want a name, got ''");
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t index, ids_.Add(user));
    if (index == facts_.size()) facts_.emplace_back();
    for (UserFact& fact : facts) facts_[index].push_back(std::move(fact));
    return absl::OkStatus();
  }

  UserTable Build() && {
    for (std::vector<UserFact>& facts : facts_)
      std::stable_sort(facts.begin(), facts.end(),
                       [](const UserFact& a, const UserFact& b) { return a.since_us < b.since_us; });
    return UserTable(std::move(ids_).Build(), std::move(facts_));
  }

 private:
  IdDictionaryBuilder ids_;
  std::vector<std::vector<UserFact>> facts_;
};

}  // namespace waypost

#endif  // WAYPOST_EVENT_USER_TABLE_HPP_
