#include "event/record_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace waypost::internal {
namespace {

constexpr std::size_t kFirstWindowBytes = std::size_t{1} << 18;
// Above the longest record with its line end, so that a full window always shows that a line is too long.
constexpr std::size_t kMaxWindowBytes = kMaxLineBytes + (std::size_t{1} << 16);

}  // namespace

absl::StatusOr<RecordReader> RecordReader::Open(const std::string& path, InputFormat format) {
  RecordReader reader;
  WAYPOST_ASSIGN_OR_RETURN(NamedSource source, OpenSource(path, format));
  reader.name_ = std::move(source.name);
  reader.source_ = std::move(source.bytes);
  RecordForm form{source.format, {}};
  reader.scanner_ = RecordScanner(std::make_shared<const RecordForm>(form));
  WAYPOST_RETURN_IF_ERROR(reader.AtRecord(reader.Fill()));
  if (std::string_view(reader.window_.data(), reader.scanner_.text().size()).substr(0, kByteOrderMark.size()) ==
      kByteOrderMark)
    reader.scanner_.SkipTo(kByteOrderMark.size(), 0);
  if (!form.quotes()) return reader;
  for (;;) {
    const Step step = reader.scanner_.TakeHeader(form);
    if (step == Step::kRecord) break;
    if (step == Step::kRefused) return reader.AtRecord(reader.scanner_.status());
    WAYPOST_RETURN_IF_ERROR(reader.AtRecord(reader.Fill()));
  }
  RecordScanner rows(std::make_shared<const RecordForm>(std::move(form)));
  rows.SetText(reader.scanner_.text(), reader.scanner_.last(), reader.scanner_.begin());
  rows.Restart(false, reader.scanner_.next_line());
  reader.scanner_ = std::move(rows);
  return reader;
}

absl::Status RecordReader::AtRecord(const absl::Status& status) const {
  return status.ok() ? status : AddContext(absl::StrCat(name_, ":", scanner_.line()), status);
}

absl::Status RecordReader::AtFile(const absl::Status& status) const {
  return AddContext(name_, status);
}

Step RecordReader::Next() {
  for (;;) {
    const Step step = scanner_.Next();
    status_ = step == Step::kRefused ? scanner_.status() : absl::OkStatus();
    if (step != Step::kMore) return step;
    status_ = Fill();
    if (!status_.ok()) return Step::kFailed;
  }
}

absl::Status RecordReader::Fill() {
  const std::size_t kept = scanner_.text().size() - scanner_.begin();
  if (kept > 0) std::memmove(window_.data(), window_.data() + scanner_.begin(), kept);
  if (kept == window_.size()) window_.resize(std::clamp(2 * window_.size(), kFirstWindowBytes, kMaxWindowBytes));
  const std::span<char> room = std::span(window_).subspan(kept);
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t count, source_->ReadFully(room, Parallelism(1)));
  scanner_.SetText(std::span(window_).first(kept + count), count < room.size() && !source_->failing());
  return absl::OkStatus();
}

}  // namespace waypost::internal
