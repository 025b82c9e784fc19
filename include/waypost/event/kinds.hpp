// waypost/event/kinds.hpp - what an event means: a table of kinds that the host can extend.
#ifndef WAYPOST_EVENT_KINDS_HPP_
#define WAYPOST_EVENT_KINDS_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

enum class Role : std::uint8_t {  // on disk: do not change
  kPositive = 0,                  // evidence of interest: trains models
  kNegative = 1,                  // the user rejects the item: never trained on, never recommended again
  kNeutral = 2,                   // the user has met the item: counts as seen only
};

struct Kind {
  std::string name;  // [a-z][a-z0-9_-]*, at most 64 bytes
  float weight = 1;  // strength of one event; finite, >= 0
  Role role = Role::kPositive;
  bool pays = false;
  bool completes = false;
};

// Position in a KindTable. The built-in kinds keep these numbers.
enum BuiltInKind : std::uint16_t {  // on disk: do not change
  kView = 0,
  kStart = 1,
  kProgress = 2,
  kComplete = 3,
  kRate = 4,
  kLike = 5,
  kDislike = 6,
  kPay = 7,
  kAsk = 8,
  kAnswer = 9,
  kComment = 10,
  kFollow = 11,
  kImpression = 12,
  kDismiss = 13,
  kRemind = 14,
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class KindTable {
 public:
  // The built-in kinds.
  KindTable();

  std::size_t size() const { return kinds_.size(); }
  // Requires  kind < size().
  const Kind& at(std::uint16_t kind) const { return kinds_.at(kind); }

  std::optional<std::uint16_t> Find(std::string_view name) const {
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind)
      if (kinds_[kind].name == name) return static_cast<std::uint16_t>(kind);
    return std::nullopt;
  }

  // Adds a kind, or changes the built-in or earlier one of that name; returns its number.
  // Errors  kInvalidArgument: name or weight.  kResourceExhausted: more than 65,536 kinds.
  absl::StatusOr<std::uint16_t> Set(Kind kind);

 private:
  std::vector<Kind> kinds_;
};

inline KindTable::KindTable()
    : kinds_{{"view", 1, Role::kPositive},      {"start", 1, Role::kPositive},
             {"progress", 1, Role::kPositive},  {"complete", 1, Role::kPositive, false, true},
             {"rate", 1, Role::kPositive},      {"like", 1, Role::kPositive},
             {"dislike", 1, Role::kNegative},   {"pay", 1, Role::kPositive, true, false},
             {"ask", 1, Role::kPositive},       {"answer", 1, Role::kPositive},
             {"comment", 1, Role::kPositive},   {"follow", 1, Role::kPositive},
             {"impression", 1, Role::kNeutral}, {"dismiss", 1, Role::kNegative},
             {"remind", 1, Role::kNeutral}} {}

inline absl::StatusOr<std::uint16_t> KindTable::Set(Kind kind) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  bool valid = !kind.name.empty() && kind.name.size() <= 64 && is_letter(kind.name[0]);
  for (char c : kind.name) valid = valid && (is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-');
  if (!valid)
    return absl::InvalidArgumentError(
        absl::StrCat("Kind.name: want [a-z][a-z0-9_-]* of at most 64 bytes, got '", kind.name, "'"));
  if (!std::isfinite(kind.weight) || kind.weight < 0)
    return absl::InvalidArgumentError(absl::StrCat("Kind.weight: want a finite value >= 0, got ", kind.weight));
  if (const std::optional<std::uint16_t> known = Find(kind.name)) {
    kinds_[*known] = std::move(kind);
    return *known;
  }
  if (kinds_.size() > 65535) return absl::ResourceExhaustedError("KindTable: want at most 65536 kinds, got one more");
  kinds_.push_back(std::move(kind));
  return static_cast<std::uint16_t>(kinds_.size() - 1);
}

}  // namespace waypost

#endif  // WAYPOST_EVENT_KINDS_HPP_
