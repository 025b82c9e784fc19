// text/term_dictionary.hpp - the terms of a segment in order of their bytes, and where the postings of each lie.
//
// Terms lie in groups of kGroup. Of each term: how many bytes it shares with the one before in its group, how many
// follow (a byte each), those bytes, then as varints how many postings it has and how many bytes they take. A group
// begins with a whole term; where each begins, and where its postings do, stands in a table.
#ifndef WAYPOST_TEXT_TERM_DICTIONARY_HPP_
#define WAYPOST_TEXT_TERM_DICTIONARY_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bit_packing.hpp"

namespace waypost::internal {

struct TermPostings {
  std::size_t term = 0;      // its number
  std::uint64_t count = 0;   // postings
  std::uint64_t offset = 0;  // of their bytes
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class TermDictionary {
 public:
  static constexpr std::size_t kGroup = 16;

  // Requires  terms ascend; 1..255 bytes each.
  void Append(std::string_view term, std::uint64_t count, std::uint64_t posting_bytes) {
    std::size_t shared = 0;
    if (size_ % kGroup == 0) {
      groups_.push_back({bytes_.size(), end_});
    } else {
      const std::size_t most = std::min(term.size(), last_.size());
      while (shared < most && term[shared] == last_[shared]) ++shared;
    }
    bytes_.push_back(static_cast<std::uint8_t>(shared));
    bytes_.push_back(static_cast<std::uint8_t>(term.size() - shared));
    bytes_.insert(bytes_.end(), term.begin() + static_cast<std::ptrdiff_t>(shared), term.end());
    AppendVarint(count, bytes_);
    AppendVarint(posting_bytes, bytes_);
    last_ = term;
    end_ += posting_bytes;
    ++size_;
  }
  void Finish() {
    bytes_.shrink_to_fit();
    groups_.shrink_to_fit();
  }

  std::size_t size() const { return size_; }
  std::size_t size_bytes() const { return bytes_.size() + groups_.size() * sizeof(Group); }

  std::optional<TermPostings> Find(std::string_view term) const {
    const auto after = std::upper_bound(groups_.begin(), groups_.end(), term,
                                        [&](std::string_view text, const Group& group) { return text < First(group); });
    if (after == groups_.begin()) return std::nullopt;
    const std::size_t group = static_cast<std::size_t>(after - groups_.begin()) - 1;
    std::optional<TermPostings> found;
    Walk(group, [&](std::string_view text, const TermPostings& postings) {
      if (text < term) return true;
      if (text == term) found = postings;
      return false;
    });
    return found;
  }

  // Hands every term to `take` with its postings.
  template <typename Take>
  void ForEach(const Take& take) const {
    for (std::size_t group = 0; group < groups_.size(); ++group)
      Walk(group, [&](std::string_view text, const TermPostings& postings) {
        take(text, postings);
        return true;
      });
  }

 private:
  struct Group {
    std::uint64_t begin;     // in bytes_
    std::uint64_t postings;  // where those of its first term begin
  };

  std::string_view First(const Group& group) const {
    return {reinterpret_cast<const char*>(bytes_.data() + group.begin + 2), bytes_[group.begin + 1]};
  }

  // Until `take` returns false.
  template <typename Take>
  void Walk(std::size_t group, const Take& take) const {
    const std::uint8_t* at = bytes_.data() + groups_[group].begin;
    std::uint64_t offset = groups_[group].postings;
    std::string text;
    const std::size_t end = std::min(size_, (group + 1) * kGroup);
    for (std::size_t term = group * kGroup; term < end; ++term) {
      text.resize(at[0]);
      text.append(reinterpret_cast<const char*>(at + 2), at[1]);
      at += 2 + at[1];
      const std::uint64_t count = TakeVarint(at);
      const std::uint64_t size = TakeVarint(at);
      if (!take(std::string_view(text), TermPostings{term, count, offset})) return;
      offset += size;
    }
  }

  std::vector<std::uint8_t> bytes_;
  std::vector<Group> groups_;
  std::size_t size_ = 0;
  std::uint64_t end_ = 0;
  std::string last_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_TERM_DICTIONARY_HPP_
