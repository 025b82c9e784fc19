#include "event/record_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/shown.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost::internal {
namespace {

constexpr std::size_t kFirstWindowBytes = std::size_t{1} << 18;
constexpr std::size_t kLineEndBytes = 2;  // CR LF
// Above the longest record with its line end, so that a full window always shows that a line is too long.
constexpr std::size_t kMaxWindowBytes = kMaxLineBytes + (std::size_t{1} << 16);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view View(std::span<const char> text) {
  return {text.data(), text.size()};
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

absl::StatusOr<InputFormat> FormatOf(std::string_view path) {
  if (path == "-") return absl::InvalidArgumentError("want --input-format lines|csv|tsv|jsonl for standard input");
  std::string_view name = path;
  if (EndsWith(name, ".gz")) name.remove_suffix(3);
  constexpr std::array<std::pair<std::string_view, InputFormat>, 4> kSuffixes = {{{".txt", InputFormat::kLines},
                                                                                  {".csv", InputFormat::kCsv},
                                                                                  {".tsv", InputFormat::kTsv},
                                                                                  {".jsonl", InputFormat::kJsonLines}}};
  for (const auto& [suffix, format] : kSuffixes)
    if (EndsWith(name, suffix)) return format;
  return absl::InvalidArgumentError(
      "want a name that ends in .txt, .csv, .tsv or .jsonl, perhaps with .gz, or --input-format");
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

}  // namespace

absl::StatusOr<RecordReader> RecordReader::Open(const std::string& path, InputFormat format) {
  RecordReader reader;
  reader.name_ = path == "-" ? "standard input" : path;
  if (path != "-" || format != InputFormat::kAuto) {  // never waits for standard input in vain
    absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
    if (!source.ok()) return reader.AtFile(source.status());
    reader.source_ = *std::move(source);
  }
  if (format == InputFormat::kAuto) {
    const absl::StatusOr<InputFormat> by_name = FormatOf(path);
    if (!by_name.ok()) return reader.AtFile(by_name.status());
    format = *by_name;
  }
  reader.format_ = format;
  if (format == InputFormat::kTsv) reader.delimiter_ = '\t';
  WAYPOST_RETURN_IF_ERROR(reader.SkipByteOrderMark());
  if (reader.quotes()) WAYPOST_RETURN_IF_ERROR(reader.ReadHeader());
  return reader;
}

absl::Status RecordReader::AtRecord(const absl::Status& status) const {
  return AddContext(absl::StrCat(name_, ":", line_), status);
}

absl::Status RecordReader::AtFile(const absl::Status& status) const {
  return AddContext(name_, status);
}

absl::Status RecordReader::SkipByteOrderMark() {
  while (!ended_ && end_ < kByteOrderMark.size())
    if (const absl::Status status = Fill(); !status.ok()) return AtRecord(status);
  if (View(std::span(window_).first(end_)).substr(0, kByteOrderMark.size()) == kByteOrderMark)
    begin_ = kByteOrderMark.size();
  return absl::OkStatus();
}

absl::Status RecordReader::ReadHeader() {
  const auto fail = [&](std::string_view message) { return AtRecord(absl::InvalidArgumentError(ToAbsl(message))); };
  const Step step = TakeRecord();
  if (step == Step::kEnd) return fail("want a header line, got an empty file");
  if (step != Step::kRecord) return status_;
  if (record_.empty()) return fail("want a header line, got an empty line");
  if (const absl::Status status = CheckUtf8(); !status.ok()) return AtRecord(status);
  if (const absl::Status status = SplitCells(); !status.ok()) return AtRecord(status);
  for (const Cell& cell : cells_) header_.emplace_back(cell.text);
  names_.assign(header_.begin(), header_.end());
  std::vector<std::string_view> sorted = names_;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i] == sorted[i - 1] && !sorted[i].empty())  // columns without a name are never used
      return fail(absl::StrCat("column ", Shown(sorted[i]), ": want it once, got it again"));
  return absl::OkStatus();
}

Step RecordReader::Next() {
  for (;;) {
    const Step step = TakeRecord();
    if (step != Step::kRecord) return step;
    if (record_.empty()) continue;
    absl::Status status = CheckUtf8();
    if (status.ok()) {
      if (format_ == InputFormat::kLines) {
        SplitWords();
      } else if (format_ == InputFormat::kJsonLines) {
        status = ParseJsonRecord(record_, names_, cells_);
      } else {
        status = SplitCells();
      }
    }
    return status.ok() ? Step::kRecord : Refuse(AtRecord(status));
  }
}

Step RecordReader::Refuse(const absl::Status& status) {
  status_ = status;
  return Step::kRefused;
}

Step RecordReader::Fail(const absl::Status& status) {
  status_ = AtRecord(status);
  return Step::kFailed;
}

absl::Status RecordReader::Fill() {
  if (begin_ > 0) {
    std::memmove(window_.data(), window_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == window_.size()) window_.resize(std::clamp(2 * window_.size(), kFirstWindowBytes, kMaxWindowBytes));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t count, source_->Read(std::span(window_).subspan(end_)));
  end_ += count;
  ended_ = count == 0;
  return absl::OkStatus();
}

Step RecordReader::TakeRecord() {
  if (in_long_line_)
    if (const Step step = TakeRestOfLongLine(); step != Step::kRecord) return step;
  line_ = next_line_;
  std::size_t line_begin = 0;        // of the last line of the record; this and the next two count from begin_
  std::size_t searched = 0;          // no line end between line_begin and here
  std::size_t first_line_bytes = 0;  // with its line end; 0 while the record has one line
  std::size_t lines = 1;
  bool in_quotes = false;
  for (;;) {
    const std::size_t held = end_ - begin_;
    const char* const start = window_.data() + begin_;
    const void* const found = held > searched ? std::memchr(start + searched, '\n', held - searched) : nullptr;
    if (found == nullptr && !ended_ && held <= kMaxLineBytes + kLineEndBytes) {
      searched = held;
      if (const absl::Status status = Fill(); !status.ok()) return Fail(status);
      continue;
    }
    const bool at_end = found == nullptr && ended_;
    if (at_end && held == 0) return Step::kEnd;
    const std::size_t length =
        found == nullptr ? held : static_cast<std::size_t>(static_cast<const char*>(found) - start);
    const std::size_t text = length - (length > 0 && start[length - 1] == '\r' ? 1 : 0);
    if (text > kMaxLineBytes) {
      if (first_line_bytes > 0) return RefuseOpenQuote(first_line_bytes, "1048576 bytes");
      begin_ += length;
      in_long_line_ = true;
      return Refuse(AtRecord(
          absl::ResourceExhaustedError(absl::StrCat("want a line of at most ", kMaxLineBytes, " bytes, got more"))));
    }
    if (quotes() && (in_quotes || std::memchr(start, '"', length) != nullptr))
      in_quotes = EndsInQuotes(std::string_view(start + line_begin, text - line_begin), in_quotes, delimiter_);
    if (!in_quotes) return Accept(text, lines);
    if (first_line_bytes == 0) first_line_bytes = length + (at_end ? 0 : 1);
    if (at_end) return RefuseOpenQuote(first_line_bytes, "the end of the file");
    line_begin = length + 1;
    searched = line_begin;
    ++lines;
  }
}

// Passes over the line end as well, which TakeRecord left in place: begin_ + length is '\n', CR LF or the end.
Step RecordReader::Accept(std::size_t length, std::size_t lines) {
  record_ = std::span(window_).subspan(begin_, length);
  begin_ += length;
  if (begin_ < end_ && window_[begin_] == '\r') ++begin_;
  if (begin_ < end_ && window_[begin_] == '\n') ++begin_;
  next_line_ += lines;
  return Step::kRecord;
}

Step RecordReader::RefuseOpenQuote(std::size_t first_line_bytes, std::string_view limit) {
  begin_ += first_line_bytes;
  ++next_line_;
  return Refuse(AtRecord(absl::InvalidArgumentError(
      absl::StrCat("want a quote that closes, got ", ToAbsl(limit), " after the opening quote"))));
}

Step RecordReader::TakeRestOfLongLine() {
  for (;;) {
    const void* const found = begin_ < end_ ? std::memchr(window_.data() + begin_, '\n', end_ - begin_) : nullptr;
    if (found != nullptr || ended_) {
      begin_ = found == nullptr ? end_ : static_cast<std::size_t>(static_cast<const char*>(found) - window_.data()) + 1;
      in_long_line_ = false;
      ++next_line_;
      return Step::kRecord;
    }
    begin_ = end_;
    if (const absl::Status status = Fill(); !status.ok()) return Fail(status);
  }
}

absl::Status RecordReader::CheckUtf8() const {
  const std::size_t invalid = FindInvalidUtf8(View(record_));
  if (invalid == record_.size()) return absl::OkStatus();
  const auto byte = static_cast<unsigned char>(record_[invalid]);
  return absl::InvalidArgumentError(
      absl::StrCat("want UTF-8, got the byte 0x", absl::Hex(byte, absl::kZeroPad2), " at byte ", invalid + 1));
}

void RecordReader::SplitWords() {
  cells_.clear();
  const std::string_view text = View(record_);
  constexpr std::string_view kSpaces = " \t";
  for (std::size_t at = text.find_first_not_of(kSpaces); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    cells_.push_back({text.substr(at, end - at), CellType::kText});
    at = text.find_first_not_of(kSpaces, end);
  }
}

absl::Status RecordReader::SplitCells() {
  cells_.clear();
  char* at = record_.data();
  char* const end = at + record_.size();
  for (;;) {
    char* const start = at;
    char* field_end = at;
    if (at < end && *at == '"') {  // a doubled quote is undone in place
      for (++at; at < end; ++at) {
        if (*at == '"') {
          if (at + 1 == end || at[1] != '"') break;
          ++at;
        }
        *field_end++ = *at;
      }
      ++at;  // TakeRecord has seen to it that the quote closes
      if (at < end && *at != delimiter_)
        return absl::InvalidArgumentError(absl::StrCat(
            "column ", cells_.size() + 1, ": want ", delimiter_ == ',' ? "','" : "a tab",
            " after the closing quote, got ", Shown(std::string_view(at, static_cast<std::size_t>(end - at)))));
    } else {
      while (at < end && *at != delimiter_) ++at;
      field_end = at;
    }
    const std::string_view text(start, static_cast<std::size_t>(field_end - start));
    cells_.push_back({text, text.empty() ? CellType::kMissing : CellType::kText});
    if (at >= end) break;
    ++at;
  }
  if (!header_.empty() && cells_.size() != header_.size())
    return absl::InvalidArgumentError(absl::StrCat("want ", header_.size(), " columns, got ", cells_.size()));
  return absl::OkStatus();
}

}  // namespace waypost::internal
