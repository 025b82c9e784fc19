#include "waypost/text/snippet.hpp"

#include <algorithm>
#include <map>

#include "waypost/base/utf8.hpp"

namespace waypost {
namespace {

constexpr std::string_view kCut = "...";

struct Match {
  std::uint32_t begin;
  std::uint32_t end;
  std::size_t term;
};

bool IsInside(std::string_view text, std::size_t at) {  // of a character
  return at > 0 && at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80;
}

// Words that occur, at most one for each place: a pair gives way to its characters, a part to its whole.
std::vector<Match> FindMatches(std::string_view text, std::span<const MatchedTerm> matched,
                               const Tokenizer& tokenizer) {
  std::map<std::string, std::size_t> wanted;
  for (std::size_t n = 0; n < matched.size(); ++n) wanted.emplace(tokenizer.Term(matched[n].term), n);
  std::vector<Match> matches;
  tokenizer.Tokenize(text, [&](const Token& token) {
    if (token.kind == TokenKind::kPair) return;
    const auto found = wanted.find(tokenizer.Term(token.text));
    if (found == wanted.end()) return;
    if (!matches.empty() && token.begin < matches.back().end) return;
    matches.push_back({token.begin, token.end, found->second});
  });
  return matches;
}

// The first matches of the best stretch of at most `length` bytes, as positions in `matches`, and its amount.
struct Stretch {
  std::size_t first = 0;
  std::size_t last = 0;
  float amount = 0;
};

Stretch FindBest(const std::vector<Match>& matches, std::span<const MatchedTerm> matched, std::size_t length) {
  std::vector<std::size_t> inside(matched.size());
  Stretch best;
  float amount = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < matches.size(); ++last) {
    if (inside[matches[last].term]++ == 0) amount += matched[matches[last].term].amount;
    while (first < last && matches[last].end - matches[first].begin > length) {
      if (--inside[matches[first].term] == 0) amount -= matched[matches[first].term].amount;
      ++first;
    }
    if (amount > best.amount * 1.0001f) best = {first, last, amount};  // sums of floats drift
  }
  return best;
}

}  // namespace

std::string MakeSnippet(std::string_view text, std::span<const MatchedTerm> matched, const Tokenizer& tokenizer,
                        std::size_t length) {
  const std::vector<Match> matches = FindMatches(text, matched, tokenizer);
  const std::size_t room = std::max<std::size_t>(length, 2 * kCut.size() + 2) - 2 * kCut.size();
  const Stretch best = FindBest(matches, matched, room);
  std::size_t begin = 0;
  if (!matches.empty()) {
    // What is left of the room goes before the first match and after the last.
    const std::size_t used = std::min<std::size_t>(room, matches[best.last].end - matches[best.first].begin);
    const std::size_t before = (room - used) / 3;
    begin = matches[best.first].begin > before ? matches[best.first].begin - before : 0;
    if (begin > 0 && text.size() - begin < room) begin = text.size() > room ? text.size() - room : 0;
    begin = std::min<std::size_t>(begin, matches[best.first].begin);
  }
  while (IsInside(text, begin)) ++begin;
  std::size_t end = std::min(text.size(), begin + room);
  while (IsInside(text, end)) --end;
  const auto is_space = [&](std::size_t at) { return static_cast<unsigned char>(text[at]) <= ' '; };
  // Words are not cut where a space is near.
  if (begin > 0 && !is_space(begin - 1))
    for (std::size_t at = begin; at < std::min(end, begin + 24); ++at)
      if (is_space(at) && (matches.empty() || at <= matches[best.first].begin)) {
        begin = at + 1;
        break;
      }
  if (end < text.size() && !is_space(end))
    for (std::size_t at = end; at > begin && at + 24 > end; --at)
      if (is_space(at - 1) && (matches.empty() || at > matches[best.last].end)) {
        end = at - 1;
        break;
      }

  std::string snippet(begin > 0 ? kCut : "");
  bool space = false;
  for (std::size_t at = begin; at < end;) {
    std::size_t size = 1;
    while (at + size < end && IsInside(text, at + size)) ++size;
    const std::string_view character = text.substr(at, size);
    if (is_space(at) || character == "\x7f" || !IsValidUtf8(character)) {
      space = !snippet.empty() && snippet != kCut;
    } else {
      if (space) snippet += ' ';
      space = false;
      snippet += character;
    }
    at += size;
  }
  if (end < text.size()) snippet += kCut;
  return snippet;
}

}  // namespace waypost
