#include "event/record_scanner.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/shown.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost::internal {
namespace {

constexpr std::size_t kLineEndBytes = 2;  // CR LF

std::string_view View(std::span<const char> text) {
  return {text.data(), text.size()};
}

// Whether the text ends inside quotes, when it begins inside them or at the beginning of a field.
bool EndsInQuotes(std::string_view text, bool in_quotes, char delimiter) {
  std::size_t at = 0;
  for (;;) {
    if (!in_quotes) {  // at the beginning of a field
      in_quotes = at < text.size() && text[at] == '"';
      if (in_quotes) ++at;
    }
    if (in_quotes) {
      at = text.find('"', at);
      if (at == std::string_view::npos) return true;
      ++at;
      if (at < text.size() && text[at] == '"') {
        ++at;
        continue;
      }
      in_quotes = false;
    }
    at = text.find(delimiter, at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
}

// Not in place: who guesses where a record begins, and guesses wrong, must find the text unchanged.
std::string Undoubled(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += text[at] == '"' ? 2 : 1) result += text[at];
  return result;
}

}  // namespace

RecordScanner::RecordScanner(std::shared_ptr<const RecordForm> form)
    : form_(std::move(form)), names_(form_->header.begin(), form_->header.end()) {}

Step RecordScanner::TakeHeader(RecordForm& header) {
  const auto refuse = [&](const std::string& message) { return Refuse(absl::InvalidArgumentError(message)); };
  const Step step = TakeRecord(kNoLimit);
  if (step == Step::kEnd) return refuse("want a header line, got an empty file");
  if (step != Step::kRecord) return step;
  if (record_.empty()) return refuse("want a header line, got an empty line");
  if (const absl::Status status = CheckUtf8(); !status.ok()) return Refuse(status);
  if (const absl::Status status = SplitCells(); !status.ok()) return Refuse(status);
  for (const Cell& cell : cells_) header.header.emplace_back(cell.text);
  std::vector<std::string> sorted = header.header;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i] == sorted[i - 1] && !sorted[i].empty())  // columns without a name are never used
      return refuse(absl::StrCat("column ", Shown(sorted[i]), ": want it once, got it again"));
  return Step::kRecord;
}

Step RecordScanner::Next(std::size_t limit) {
  for (;;) {
    const Step step = TakeRecord(limit);
    if (step != Step::kRecord) return step;
    if (record_.empty()) continue;
    absl::Status status = CheckUtf8();
    if (status.ok()) {
      if (form_->format == InputFormat::kLines) {
        SplitWords();
      } else if (form_->format == InputFormat::kJsonLines) {
        status = ParseJsonRecord(record_, names_, cells_);
      } else {
        status = SplitCells();
      }
    }
    return status.ok() ? Step::kRecord : Refuse(status);
  }
}

Step RecordScanner::Refuse(const absl::Status& status) {
  status_ = status;
  return Step::kRefused;
}

Step RecordScanner::TakeRecord(std::size_t limit) {
  if (in_long_line_) {
    const std::size_t end = View(text_).find('\n', begin_);
    begin_ = end == std::string_view::npos ? text_.size() : end + 1;
    if (end == std::string_view::npos && !last_) return Step::kMore;
    in_long_line_ = false;
    ++next_line_;
  }
  line_ = next_line_;
  if (begin_ >= limit) return Step::kEnd;
  const char* const start = text_.data() + begin_;
  const std::size_t held = text_.size() - begin_;
  std::size_t line_begin = 0;        // of the last line of the record; this and the next count from begin_
  std::size_t first_line_bytes = 0;  // with its line end; 0 while the record has one line
  std::size_t lines = 1;
  bool in_quotes = false;
  for (;;) {
    const void* const found = held > line_begin ? std::memchr(start + line_begin, '\n', held - line_begin) : nullptr;
    if (found == nullptr && !last_ && held <= kMaxLineBytes + kLineEndBytes) return Step::kMore;
    const bool at_end = found == nullptr && last_;
    if (at_end && held == 0) return Step::kEnd;
    const std::size_t length =
        found == nullptr ? held : static_cast<std::size_t>(static_cast<const char*>(found) - start);
    const std::size_t text = length - (length > 0 && start[length - 1] == '\r' ? 1 : 0);
    if (text > kMaxLineBytes) {
      if (first_line_bytes > 0) return RefuseOpenQuote(first_line_bytes, "1048576 bytes");
      begin_ += length;
      in_long_line_ = true;
      return Refuse(
          absl::ResourceExhaustedError(absl::StrCat("want a line of at most ", kMaxLineBytes, " bytes, got more")));
    }
    if (form_->quotes() && (in_quotes || std::memchr(start, '"', length) != nullptr))
      in_quotes = EndsInQuotes(std::string_view(start + line_begin, text - line_begin), in_quotes, form_->delimiter());
    if (!in_quotes) return Accept(text, lines);
    if (first_line_bytes == 0) first_line_bytes = length + (at_end ? 0 : 1);
    if (at_end) return RefuseOpenQuote(first_line_bytes, "the end of the file");
    line_begin = length + 1;
    ++lines;
  }
}

// Passes over the line end as well, which TakeRecord left in place: begin_ + length is '\n', CR LF or the end.
Step RecordScanner::Accept(std::size_t length, std::size_t lines) {
  record_ = text_.subspan(begin_, length);
  begin_ += length;
  if (begin_ < text_.size() && text_[begin_] == '\r') ++begin_;
  if (begin_ < text_.size() && text_[begin_] == '\n') ++begin_;
  next_line_ += lines;
  return Step::kRecord;
}

Step RecordScanner::RefuseOpenQuote(std::size_t first_line_bytes, std::string_view limit) {
  begin_ += first_line_bytes;
  ++next_line_;
  return Refuse(absl::InvalidArgumentError(
      absl::StrCat("want a quote that closes, got ", ToAbsl(limit), " after the opening quote")));
}

absl::Status RecordScanner::CheckUtf8() const {
  const std::size_t invalid = FindInvalidUtf8(View(record_));
  if (invalid == record_.size()) return absl::OkStatus();
  const auto byte = static_cast<unsigned char>(record_[invalid]);
  return absl::InvalidArgumentError(
      absl::StrCat("want UTF-8, got the byte 0x", absl::Hex(byte, absl::kZeroPad2), " at byte ", invalid + 1));
}

void RecordScanner::SplitWords() {
  cells_.clear();
  const std::string_view text = View(record_);
  constexpr std::string_view kSpaces = " \t";
  for (std::size_t at = text.find_first_not_of(kSpaces); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    cells_.push_back({text.substr(at, end - at), CellType::kText});
    at = text.find_first_not_of(kSpaces, end);
  }
}

absl::Status RecordScanner::SplitCells() {
  cells_.clear();
  const char delimiter = form_->delimiter();
  const char* at = record_.data();
  const char* const end = at + record_.size();
  for (;;) {
    const char* start = at;
    const char* field_end = at;
    bool doubled = false;
    if (at < end && *at == '"') {
      start = ++at;
      for (; at < end; ++at) {
        if (*at != '"') continue;
        if (at + 1 == end || at[1] != '"') break;
        doubled = true;
        ++at;
      }
      field_end = at++;  // TakeRecord has seen to it that the quote closes
      if (at < end && *at != delimiter)
        return absl::InvalidArgumentError(absl::StrCat(
            "column ", cells_.size() + 1, ": want ", delimiter == ',' ? "','" : "a tab",
            " after the closing quote, got ", Shown(std::string_view(at, static_cast<std::size_t>(end - at)))));
    } else {
      while (at < end && *at != delimiter) ++at;
      field_end = at;
    }
    std::string_view text(start, static_cast<std::size_t>(field_end - start));
    if (doubled) text = decoded_.emplace_back(Undoubled(text));
    cells_.push_back({text, text.empty() ? CellType::kMissing : CellType::kText});
    if (at >= end) break;
    ++at;
  }
  if (!form_->header.empty() && cells_.size() != form_->header.size())
    return absl::InvalidArgumentError(absl::StrCat("want ", form_->header.size(), " columns, got ", cells_.size()));
  return absl::OkStatus();
}

}  // namespace waypost::internal
