#include "event/plain_rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "waypost/base/utf8.hpp"

#include "event/mark_kernels.hpp"

namespace waypost::internal {
namespace {

constexpr std::size_t kTileBytes = std::size_t{1} << 15;  // with its marks it stays in the first-level cache
constexpr std::size_t kChunkBytes = 64;

bool IsIdLength(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes;
}

// Reads what most numbers are, [-]digits[.digits] of at most 15 digits; nullopt for any other text. The result is that
// of std::from_chars: below 2^53 the digits are exact, as is the power of ten, so that one division rounds once.
std::optional<float> ShortNumber(std::string_view text) {
  constexpr std::size_t kMostDigits = 15;
  constexpr std::array<double, kMostDigits + 1> kPowersOfTen = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kMostDigits + 1 || text.front() == '.') return std::nullopt;
  std::uint64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digit = static_cast<unsigned>(text[at] - '0');
    if (digit <= 9) {
      digits = 10 * digits + digit;
    } else if (text[at] == '.' && point == text.size()) {
      point = at;
    } else {
      return std::nullopt;
    }
  }
  const std::size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
  if (text.size() - (point == text.size() ? 0 : 1) > kMostDigits) return std::nullopt;
  const double value = static_cast<double>(digits) / kPowersOfTen[decimals];
  return static_cast<float>(negative ? -value : value);
}

}  // namespace

PlainRows::PlainRows(const RecordForm& record_form, const EventRowForm& form, EventRows& rows)
    : record_form_(record_form), form_(form), rows_(rows), slots_(record_form.header.size(), kSlots) {
  for (const Slot slot : {kUser, kItem, kKind, kValue, kTime})
    if (form.columns[slot] != kNoColumn) slots_[form.columns[slot]] = slot;
}

std::uint64_t PlainRows::Take(RecordScanner& scanner, std::size_t limit, EventBlock& block) {
  const InputFormat format = record_form_.format;
  if (format == InputFormat::kJsonLines || scanner.in_long_line()) return 0;
  const std::string_view text(scanner.text().data(), scanner.text().size());
  const std::size_t before = block.size();
  while (scanner.begin() < std::min(limit, text.size())) {
    const char* const begin = text.data() + scanner.begin();
    const bool fresh = begin < tile_.data() || begin >= tile_.data() + tile_.size();
    if (fresh) Mark(text.substr(scanner.begin(), kTileBytes));
    const auto from = static_cast<std::size_t>(begin - tile_.data());
    const std::size_t tile_limit = limit - scanner.begin() + from;
    const Progress progress =
        format == InputFormat::kLines ? TakeLines(from, tile_limit, block) : TakeTable(from, tile_limit, block);
    scanner.SkipTo(scanner.begin() + (progress.end - from), progress.lines);
    if (!progress.plain) break;
    tile_ = {};  // its last line goes on behind it
    if (fresh && progress.end == from) break;
  }
  return block.size() - before;
}

void PlainRows::Mark(std::string_view tile) {
  tile_ = tile;
  const bool lines = record_form_.format == InputFormat::kLines;
  const char first = lines ? ' ' : record_form_.delimiter();
  const char second = lines ? '\t' : first;
  const MarkKernels& kernels = GetMarkKernels();
  const std::size_t chunks = tile.size() / kChunkBytes;
  ends_.resize(chunks + 1);
  wide_.resize(chunks + 1);
  kernels.mark(tile.data(), chunks, first, second, ends_.data(), wide_.data());
  char rest[kChunkBytes] = {};
  std::memcpy(rest, tile.data() + chunks * kChunkBytes, tile.size() - chunks * kChunkBytes);
  kernels.mark(rest, 1, first, second, ends_.data() + chunks, wide_.data() + chunks);
}

// Whether a line is well-formed UTF-8.
bool PlainRows::IsText(std::size_t begin, std::size_t end) const {
  for (std::size_t chunk = begin / kChunkBytes; chunk <= end / kChunkBytes; ++chunk)
    if (wide_[chunk] != 0) return IsValidUtf8(tile_.substr(begin, end - begin));
  return true;
}

class PlainRows::Ends {
 public:
  Ends(const std::vector<std::uint64_t>& ends, std::size_t begin)
      : ends_(ends), chunk_(begin / kChunkBytes), bits_(ends[chunk_] & (~std::uint64_t{0} << (begin % kChunkBytes))) {}

  // Whether there is another; it is then in `at`.
  bool Next(std::size_t& at) {
    while (bits_ == 0) {
      if (++chunk_ == ends_.size()) return false;
      bits_ = ends_[chunk_];
    }
    at = chunk_ * kChunkBytes + static_cast<std::size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return true;
  }

 private:
  const std::vector<std::uint64_t>& ends_;
  std::size_t chunk_;
  std::uint64_t bits_;
};

PlainRows::Progress PlainRows::TakeTable(std::size_t begin, std::size_t limit, EventBlock& block) {
  Progress progress{.end = begin};
  const auto not_plain = [&] {
    progress.plain = false;
    return progress;
  };
  const char* const text = tile_.data();
  const std::size_t columns = slots_.size();
  std::size_t field = begin;
  std::size_t column = 0;
  Ends ends(ends_, begin);
  for (std::size_t at = 0; ends.Next(at);) {
    const bool ends_line = text[at] == '\n';
    std::size_t end = at;
    if (ends_line && end > field && text[end - 1] == '\r') --end;
    if (!ends_line || column > 0 || end > field) {
      if (column == columns) return not_plain();
      std::string_view cell(text + field, end - field);
      if (!cell.empty() && cell.front() == '"') {
        const std::size_t closing = cell.find('"', 1);
        if (closing == std::string_view::npos && !ends_line) continue;  // a delimiter between quotes
        if (closing != cell.size() - 1) return not_plain();
        cell = cell.substr(1, closing - 1);
      }
      fields_[slots_[column++]] = cell;
    }
    field = at + 1;
    if (!ends_line) continue;
    if (column > 0 && (column != columns || !IsText(progress.end, at) || !TakeRow(block))) return not_plain();
    column = 0;
    progress.end = field;
    ++progress.lines;
    if (field >= limit) return progress;
  }
  return progress;
}

PlainRows::Progress PlainRows::TakeLines(std::size_t begin, std::size_t limit, EventBlock& block) {
  Progress progress{.end = begin};
  const auto not_plain = [&] {
    progress.plain = false;
    return progress;
  };
  const char* const text = tile_.data();
  std::size_t word = begin;
  words_.clear();
  Ends ends(ends_, begin);
  for (std::size_t at = 0; ends.Next(at);) {
    const bool ends_line = text[at] == '\n';
    std::size_t end = at;
    if (ends_line && end > word && text[end - 1] == '\r') --end;
    if (end > word) {
      if (end - word > kMaxIdBytes) return not_plain();
      words_.emplace_back(text + word, end - word);
    }
    word = at + 1;
    if (!ends_line) continue;
    if (!IsText(progress.end, at)) return not_plain();
    for (std::size_t n = 1; n < words_.size(); ++n)
      block.Append({.user = words_[0], .item = words_[n], .kind = form_.default_kind, .value = {}, .time_us = {}});
    words_.clear();
    progress.end = word;
    ++progress.lines;
    if (word >= limit) return progress;
  }
  return progress;
}

bool PlainRows::TakeRow(EventBlock& block) {
  Event event{.user = fields_[kUser], .item = fields_[kItem], .kind = form_.default_kind, .value = {}, .time_us = {}};
  if (!IsIdLength(event.user) || !IsIdLength(event.item)) return false;
  if (!fields_[kKind].empty()) {
    const absl::StatusOr<std::uint16_t> kind = rows_.ToKind(fields_[kKind]);
    if (!kind.ok()) return false;
    event.kind = *kind;
  }
  if (!fields_[kValue].empty()) {
    event.value = ShortNumber(fields_[kValue]);
    if (!event.value) {
      const absl::StatusOr<std::optional<float>> value =
          ToNumber({fields_[kValue], CellType::kText}, form_.names[kValue]);
      if (!value.ok()) return false;
      event.value = *value;
    }
  }
  if (!fields_[kTime].empty()) {
    const absl::StatusOr<std::int64_t> time_us = ParseTimestamp(fields_[kTime], form_.time_unit);
    if (!time_us.ok() || *time_us == kNoTime) return false;
    event.time_us = *time_us;
  }
  block.Append(event);
  return true;
}

}  // namespace waypost::internal
