#include "waypost/event/arrow.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/shown.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/base/utf8.hpp"
#include "waypost/event/event_block.hpp"

#include "event/arrow_column.hpp"
#include "event/event_rows.hpp"

namespace waypost {
namespace internal {
namespace {

constexpr std::size_t kBlockRows = 8192;                              // fixed: part of the determinism contract
constexpr std::size_t kRowsAtOnce = kBlockRows * kMostBlocksInRound;  // batches are gathered up to so many

// A structure of the interface that is released exactly once.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
template <typename T>
class Owned {
 public:
  Owned() = default;
  // Takes `given` over, as the interface says: the giver's release is cleared.
  explicit Owned(T* given) {
    if (given == nullptr) return;
    value_ = *given;
    given->release = nullptr;
  }
  Owned(Owned&& other) noexcept : Owned(&other.value_) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (value_.release != nullptr) value_.release(&value_);
  }

  bool released() const { return value_.release == nullptr; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  T value_ = {};
};

absl::Status ArrowError(const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat("Arrow: ", message));
}

// The columns of one batch.
struct Batch {
  std::array<std::optional<ArrowColumn>, kSlots> columns;
  std::size_t rows = 0;
  const std::uint8_t* validity = nullptr;  // null: no row is null
  std::int64_t offset = 0;

  bool IsNull(std::size_t row) const {
    const std::size_t at = static_cast<std::size_t>(offset) + row;
    return validity != nullptr && ((validity[at / 8] >> (at % 8)) & 1) == 0;
  }
};

absl::Status CheckType(ArrowColumn::Type type, Slot slot, std::optional<TimeUnit> unit) {
  using Type = ArrowColumn::Type;
  const bool integer = type == Type::kSigned || type == Type::kUnsigned;
  switch (slot) {
    case kUser:
    case kItem:
      if (integer || type == Type::kText) return absl::OkStatus();
      return absl::InvalidArgumentError("want integers or texts, got another type");
    case kKind:
      if (type == Type::kText) return absl::OkStatus();
      return absl::InvalidArgumentError("want texts, got another type");
    case kValue:
      if (integer || type == Type::kFloat) return absl::OkStatus();
      return absl::InvalidArgumentError("want numbers, got another type");
    default:
      if (type == Type::kTime || (integer && unit)) return absl::OkStatus();
      return absl::InvalidArgumentError(integer ? "want a time unit for integer times, got none"
                                                : "want times or integers, got another type");
  }
}

// Events of batches of one schema.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ArrowReader {
 public:
  ArrowReader(const ReadOptions& options, EventLogBuilder& log) : options_(options), log_(log) {}

  absl::Status Start(Owned<ArrowSchema> schema);
  // Keeps the batch until enough rows are there.
  absl::Status Take(Owned<ArrowArray> batch);
  absl::StatusOr<ReadReport> Finish();

 private:
  struct Refused {
    std::uint64_t rows = 0;
    std::vector<std::string> messages;
  };

  absl::Status Flush();
  absl::Status Fill(std::size_t begin, std::size_t end, EventBlock& block, Refused& refused) const;
  absl::Status AppendRow(const Batch& batch, std::size_t row, EventRows& kinds, EventBlock& block) const;
  absl::StatusOr<std::string_view> Id(const Batch& batch, Slot slot, std::size_t row, EventBlock& block) const;
  absl::StatusOr<std::optional<float>> Value(const Batch& batch, std::size_t row) const;
  absl::StatusOr<std::optional<std::int64_t>> Time(const Batch& batch, std::size_t row) const;
  absl::Status AtColumn(Slot slot, const absl::Status& status) const {
    return AddContext(absl::StrCat("column ", Shown(form_.names[slot])), status);
  }

  const ReadOptions& options_;
  EventLogBuilder& log_;
  Owned<ArrowSchema> schema_;
  EventRowForm form_ = {};
  std::array<std::size_t, kSlots> children_ = {};
  std::vector<Owned<ArrowArray>> arrays_;
  std::vector<Batch> batches_;
  std::vector<std::size_t> starts_ = {0};  // the first row of each batch, and the end
  std::uint64_t rows_before_ = 0;          // of batches already appended
  ReadReport report_;
};

absl::Status ArrowReader::Start(Owned<ArrowSchema> schema) {
  schema_ = std::move(schema);
  if (options_.format != InputFormat::kAuto)
    return absl::InvalidArgumentError("ReadOptions.format: want kAuto for Arrow columns, got another format");
  WAYPOST_ASSIGN_OR_RETURN(form_, EventRowForm::Create(options_, log_));
  if (schema_.released()) return ArrowError("want a schema, got a released one");
  if (schema_->format == nullptr || std::string_view(schema_->format) != "+s")
    return ArrowError(absl::StrCat("want a record batch (format '+s'), got ",
                                   Shown(schema_->format == nullptr ? "" : schema_->format)));
  if (schema_->n_children < 0 || (schema_->n_children > 0 && schema_->children == nullptr))
    return ArrowError(absl::StrCat("want the fields of the batch, got ", schema_->n_children, " without a list"));
  std::vector<std::string> names;
  for (std::int64_t child = 0; child < schema_->n_children; ++child) {
    const ArrowSchema* const field = schema_->children[child];
    if (field == nullptr) return ArrowError(absl::StrCat("want field ", child, ", got NULL"));
    names.emplace_back(field->name == nullptr ? "" : field->name);
  }
  if (const absl::Status status = form_.FindColumns(names); !status.ok()) return AddContext("Arrow", status);
  children_ = form_.columns;
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (children_[slot] != kNoColumn && std::count(names.begin(), names.end(), form_.names[slot]) > 1)
      return ArrowError(absl::StrCat("column ", Shown(form_.names[slot]), ": want it once, got it again"));
  return absl::OkStatus();
}

absl::Status ArrowReader::Take(Owned<ArrowArray> array) {
  if (array.released()) return ArrowError("want a batch, got a released one");
  if (array->length < 0 || array->offset < 0 ||
      array->length > std::numeric_limits<std::int64_t>::max() / 2 - array->offset)
    return ArrowError(
        absl::StrCat("want a length and an offset in range, got ", array->length, " and ", array->offset));
  if (array->n_children != schema_->n_children || (array->n_children > 0 && array->children == nullptr))
    return ArrowError(absl::StrCat("want ", schema_->n_children, " columns as in the schema, got ", array->n_children));
  Batch batch{.columns = {}, .rows = static_cast<std::size_t>(array->length), .offset = array->offset};
  if (array->n_buffers > 0 && array->buffers != nullptr)
    batch.validity = static_cast<const std::uint8_t*>(array->buffers[0]);
  if (batch.validity == nullptr && array->null_count > 0)
    return ArrowError("want a bitmap beside a count of null rows, got NULL");
  for (const Slot slot : {kUser, kItem, kKind, kValue, kTime}) {
    const std::size_t child = children_[slot];
    if (child == kNoColumn) continue;
    const ArrowArray* const cells = array->children[child];
    if (cells == nullptr)
      return AddContext("Arrow", AtColumn(slot, absl::InvalidArgumentError("want cells, got NULL")));
    absl::StatusOr<ArrowColumn> column =
        ArrowColumn::Create(*schema_->children[child], *cells, array->offset, array->length);
    const absl::Status status = column.ok() ? CheckType(column->type(), slot, options_.time_unit) : column.status();
    if (!status.ok()) return AddContext("Arrow", AtColumn(slot, status));
    batch.columns[slot] = *std::move(column);
  }
  starts_.push_back(starts_.back() + batch.rows);
  arrays_.push_back(std::move(array));
  batches_.push_back(std::move(batch));
  return starts_.back() >= kRowsAtOnce ? Flush() : absl::OkStatus();
}

absl::StatusOr<std::string_view> ArrowReader::Id(const Batch& batch, Slot slot, std::size_t row,
                                                 EventBlock& block) const {
  const ArrowColumn& column = *batch.columns[slot];
  const auto at = static_cast<std::int64_t>(row);
  WAYPOST_ASSIGN_OR_RETURN(const bool null, column.IsNull(at));
  if (null) return absl::InvalidArgumentError("want an id, got null");
  if (column.type() == ArrowColumn::Type::kSigned) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t number, column.Signed(at));
    return block.KeepNumber(number);
  }
  if (column.type() == ArrowColumn::Type::kUnsigned) {
    WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t number, column.Unsigned(at));
    return block.KeepNumber(number);
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, column.Text(at));
  if (text.empty() || text.size() > kMaxIdBytes)
    return absl::InvalidArgumentError(absl::StrCat("want 1..", kMaxIdBytes, " bytes, got ", text.size()));
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError(absl::StrCat("want UTF-8, got ", Shown(text)));
  return text;
}

absl::StatusOr<std::optional<float>> ArrowReader::Value(const Batch& batch, std::size_t row) const {
  if (!batch.columns[kValue]) return std::optional<float>();
  const ArrowColumn& column = *batch.columns[kValue];
  const auto at = static_cast<std::int64_t>(row);
  WAYPOST_ASSIGN_OR_RETURN(const bool null, column.IsNull(at));
  if (null) return std::optional<float>();
  double value = 0;
  if (column.type() == ArrowColumn::Type::kFloat) {
    WAYPOST_ASSIGN_OR_RETURN(value, column.Float(at));
  } else if (column.type() == ArrowColumn::Type::kSigned) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t number, column.Signed(at));
    value = static_cast<double>(number);
  } else {
    WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t number, column.Unsigned(at));
    value = static_cast<double>(number);
  }
  if (!std::isfinite(static_cast<float>(value)))
    return absl::InvalidArgumentError(absl::StrCat("want a finite number, got ", value));
  return std::optional<float>(static_cast<float>(value));
}

absl::StatusOr<std::optional<std::int64_t>> ArrowReader::Time(const Batch& batch, std::size_t row) const {
  if (!batch.columns[kTime]) return std::optional<std::int64_t>();
  const ArrowColumn& column = *batch.columns[kTime];
  const auto at = static_cast<std::int64_t>(row);
  WAYPOST_ASSIGN_OR_RETURN(const bool null, column.IsNull(at));
  if (null) return std::optional<std::int64_t>();
  if (column.type() == ArrowColumn::Type::kTime) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t time_us, column.TimeUs(at));
    return std::optional<std::int64_t>(time_us);
  }
  std::string text;
  if (column.type() == ArrowColumn::Type::kSigned) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t number, column.Signed(at));
    text = NumberText(number);
  } else {
    WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t number, column.Unsigned(at));
    text = NumberText(number);
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::int64_t time_us, ParseTimestamp(text, options_.time_unit));
  return std::optional<std::int64_t>(time_us);
}

absl::Status ArrowReader::AppendRow(const Batch& batch, std::size_t row, EventRows& kinds, EventBlock& block) const {
  if (batch.IsNull(row)) return absl::InvalidArgumentError("want a row, got null");
  Event event{.user = {}, .item = {}, .kind = form_.default_kind, .value = {}, .time_us = {}};
  for (const Slot slot : {kUser, kItem}) {
    const absl::StatusOr<std::string_view> id = Id(batch, slot, row, block);
    if (!id.ok()) return AtColumn(slot, id.status());
    (slot == kUser ? event.user : event.item) = *id;
  }
  if (const std::optional<ArrowColumn>& column = batch.columns[kKind]) {
    const absl::StatusOr<bool> null = column->IsNull(static_cast<std::int64_t>(row));
    if (!null.ok()) return AtColumn(kKind, null.status());
    if (!*null) {
      const absl::StatusOr<std::string_view> name = column->Text(static_cast<std::int64_t>(row));
      if (!name.ok()) return AtColumn(kKind, name.status());
      WAYPOST_ASSIGN_OR_RETURN(event.kind, kinds.ToKind(*name));
    }
  }
  const absl::StatusOr<std::optional<float>> value = Value(batch, row);
  if (!value.ok()) return AtColumn(kValue, value.status());
  event.value = *value;
  const absl::StatusOr<std::optional<std::int64_t>> time = Time(batch, row);
  if (!time.ok()) return AtColumn(kTime, time.status());
  event.time_us = *time;
  WAYPOST_RETURN_IF_ERROR(form_.log->Validate(event));
  block.Append(event);
  return absl::OkStatus();
}

absl::Status ArrowReader::Fill(std::size_t begin, std::size_t end, EventBlock& block, Refused& refused) const {
  EventRows kinds(form_);
  block.ReserveNumbers(2 * (end - begin));
  auto batch = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin()) - 1;
  for (std::size_t row = begin; row < end; ++row) {
    while (row >= starts_[batch + 1]) ++batch;
    absl::Status status = AppendRow(batches_[batch], row - starts_[batch], kinds, block);
    if (status.ok()) continue;
    status = AddContext(absl::StrCat("Arrow row ", rows_before_ + row), status);
    if (options_.on_error == OnError::kStop) return status;
    ++refused.rows;
    if (refused.messages.size() < kMaxReportedRows) refused.messages.emplace_back(ToStd(status.message()));
  }
  return absl::OkStatus();
}

absl::Status ArrowReader::Flush() {
  const std::size_t rows = starts_.back();
  const std::size_t before = log_.size();
  std::vector<Refused> refused((rows + kBlockRows - 1) / kBlockRows);
  const auto fill = [&](std::size_t begin, std::size_t end, EventBlock& block) {
    return Fill(begin, end, block, refused[begin / kBlockRows]);
  };
  WAYPOST_RETURN_IF_ERROR(AppendInBlocks(rows, kBlockRows, options_.parallelism, log_, fill));
  report_.accepted += log_.size() - before;
  for (Refused& part : refused) {
    report_.skipped += part.rows;
    for (std::string& message : part.messages)
      if (report_.messages.size() < kMaxReportedRows) report_.messages.push_back(std::move(message));
  }
  rows_before_ += rows;
  batches_.clear();
  arrays_.clear();
  starts_ = {0};
  return absl::OkStatus();
}

absl::StatusOr<ReadReport> ArrowReader::Finish() {
  WAYPOST_RETURN_IF_ERROR(Flush());
  if (report_.accepted > 0) return std::move(report_);
  if (report_.skipped == 0) return ArrowError("want at least one row, got none");
  return AddContext("Arrow", NoGoodRows(report_));
}

}  // namespace
}  // namespace internal

absl::StatusOr<ReadReport> AppendArrow(ArrowSchema* schema, ArrowArray* batch, const ReadOptions& options,
                                       EventLogBuilder& log) try {
  internal::Owned<ArrowSchema> owned_schema(schema);
  internal::Owned<ArrowArray> owned_batch(batch);
  internal::ArrowReader reader(options, log);
  WAYPOST_RETURN_IF_ERROR(reader.Start(std::move(owned_schema)));
  WAYPOST_RETURN_IF_ERROR(reader.Take(std::move(owned_batch)));
  return reader.Finish();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("Arrow: memory");
}

absl::StatusOr<ReadReport> AppendArrowStream(ArrowArrayStream* stream, const ReadOptions& options,
                                             EventLogBuilder& log) try {
  internal::Owned<ArrowArrayStream> owned(stream);
  if (owned.released() || owned->get_schema == nullptr || owned->get_next == nullptr)
    return internal::ArrowError("want a stream, got a released one");
  const auto failure = [&](int code) {
    const char* const text = owned->get_last_error == nullptr ? nullptr : owned->get_last_error(&*owned);
    return absl::FailedPreconditionError(
        absl::StrCat("Arrow: the stream failed with ", code, ": ", text == nullptr ? "" : text));
  };
  internal::ArrowReader reader(options, log);
  ArrowSchema schema = {};
  if (const int code = owned->get_schema(&*owned, &schema); code != 0) return failure(code);
  WAYPOST_RETURN_IF_ERROR(reader.Start(internal::Owned<ArrowSchema>(&schema)));
  for (;;) {
    ArrowArray batch = {};
    if (const int code = owned->get_next(&*owned, &batch); code != 0) return failure(code);
    if (batch.release == nullptr) return reader.Finish();  // the end of the stream
    WAYPOST_RETURN_IF_ERROR(reader.Take(internal::Owned<ArrowArray>(&batch)));
  }
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("Arrow: memory");
}

}  // namespace waypost
