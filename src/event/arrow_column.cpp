#include "event/arrow_column.hpp"

#include <cstring>
#include <limits>
#include <utility>

#include "base/shown.hpp"

namespace waypost::internal {
namespace {

absl::Status Broken(const absl::AlphaNum& want, const absl::AlphaNum& got) {
  return absl::InvalidArgumentError(absl::StrCat("want ", want, ", got ", got));
}

// Buffers need not be aligned.
template <typename T>
T Load(const void* buffer, std::int64_t at) {
  T value;
  std::memcpy(&value, static_cast<const char*>(buffer) + at * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

}  // namespace

absl::Status ArrowColumn::SetFormat(std::string_view format) {
  struct Known {
    std::string_view format;
    Type type;
    int width;
  };
  constexpr Known kNumbers[] = {{"c", Type::kSigned, 1},   {"s", Type::kSigned, 2},   {"i", Type::kSigned, 4},
                                {"l", Type::kSigned, 8},   {"C", Type::kUnsigned, 1}, {"S", Type::kUnsigned, 2},
                                {"I", Type::kUnsigned, 4}, {"L", Type::kUnsigned, 8}, {"f", Type::kFloat, 4},
                                {"g", Type::kFloat, 8}};
  for (const Known& known : kNumbers) {
    if (format != known.format) continue;
    type_ = known.type;
    width_ = known.width;
    return absl::OkStatus();
  }
  if (format == "u" || format == "U" || format == "vu") {
    type_ = Type::kText;
    text_form_ = format == "u" ? TextForm::kOffsets32 : format == "U" ? TextForm::kOffsets64 : TextForm::kViews;
    return absl::OkStatus();
  }
  type_ = Type::kTime;
  width_ = 8;
  if (format == "tdD") {
    width_ = 4;
    return absl::OkStatus();
  }
  constexpr std::pair<std::string_view, std::int64_t> kTimes[] = {
      {"tss:", 1}, {"tsm:", 1'000}, {"tsu:", 1'000'000}, {"tsn:", 1'000'000'000}, {"tdm", 1'000}};
  for (const auto& [prefix, units] : kTimes) {
    if (format.substr(0, prefix.size()) != prefix) continue;
    units_per_second_ = units;
    return absl::OkStatus();
  }
  return Broken("a column of integers, floats, texts or times", absl::StrCat("Arrow format ", Shown(format)));
}

absl::Status ArrowColumn::SetBuffers(const ArrowArray& array) {
  const bool views = type_ == Type::kText && text_form_ == TextForm::kViews;
  const std::int64_t wanted = type_ == Type::kText ? 3 : 2;
  if (array.n_buffers < wanted || (!views && array.n_buffers != wanted))
    return Broken(absl::StrCat(wanted, " buffers"), array.n_buffers);
  if (array.buffers == nullptr) return Broken("buffers", "NULL");
  validity_ = static_cast<const std::uint8_t*>(array.buffers[0]);
  if (validity_ == nullptr && array.null_count > 0) return Broken("a bitmap beside a count of nulls", "NULL");
  values_ = array.buffers[1];
  if (rows_ == 0) return absl::OkStatus();
  if (values_ == nullptr) return Broken("a buffer of cells", "NULL");
  if (type_ != Type::kText) return absl::OkStatus();
  if (views) {
    view_buffers_ = array.buffers + 2;
    view_buffer_count_ = array.n_buffers - 3;
    view_sizes_ = static_cast<const std::int64_t*>(array.buffers[array.n_buffers - 1]);
    if (view_buffer_count_ > 0 && view_sizes_ == nullptr) return Broken("the sizes of the text buffers", "NULL");
    return absl::OkStatus();
  }
  texts_ = static_cast<const char*>(array.buffers[2]);
  text_size_ = text_form_ == TextForm::kOffsets32 ? Load<std::int32_t>(values_, first_ + rows_)
                                                  : Load<std::int64_t>(values_, first_ + rows_);
  if (text_size_ < 0) return Broken("offsets >= 0", text_size_);
  if (text_size_ > 0 && texts_ == nullptr) return Broken("a buffer of text", "NULL");
  return absl::OkStatus();
}

absl::StatusOr<ArrowColumn> ArrowColumn::Create(const ArrowSchema& schema, const ArrowArray& array, std::int64_t first,
                                                std::int64_t rows) {
  ArrowColumn column;
  if (schema.format == nullptr) return Broken("a format", "NULL");
  WAYPOST_RETURN_IF_ERROR(column.SetFormat(schema.format));
  std::int64_t end = 0;
  if (array.length < 0 || array.offset < 0 || first < 0 || rows < 0 || __builtin_add_overflow(first, rows, &end) ||
      end > array.length || __builtin_add_overflow(array.offset, end, &end) ||
      end > std::numeric_limits<std::int64_t>::max() / 16 - 1)
    return Broken(absl::StrCat("cells ", first, " to ", end),
                  absl::StrCat("an array of length ", array.length, " and offset ", array.offset));
  column.first_ = array.offset + first;
  column.rows_ = rows;
  if ((schema.dictionary == nullptr) != (array.dictionary == nullptr))
    return Broken("a dictionary in schema and array", "it in one of them");
  WAYPOST_RETURN_IF_ERROR(column.SetBuffers(array));
  if (schema.dictionary == nullptr) return column;
  if (column.type_ != Type::kSigned && column.type_ != Type::kUnsigned)
    return Broken("integers as indices of a dictionary", absl::StrCat("Arrow format ", Shown(schema.format)));
  if (schema.dictionary->dictionary != nullptr) return Broken("a dictionary of plain cells", "one of dictionaries");
  WAYPOST_ASSIGN_OR_RETURN(ArrowColumn dictionary,
                           Create(*schema.dictionary, *array.dictionary, 0, array.dictionary->length));
  column.dictionary_ = std::make_shared<const ArrowColumn>(std::move(dictionary));
  return column;
}

std::int64_t ArrowColumn::SignedAt(std::int64_t at) const {
  switch (width_) {
    case 1:
      return Load<std::int8_t>(values_, at);
    case 2:
      return Load<std::int16_t>(values_, at);
    case 4:
      return Load<std::int32_t>(values_, at);
    default:
      return Load<std::int64_t>(values_, at);
  }
}

std::uint64_t ArrowColumn::UnsignedAt(std::int64_t at) const {
  switch (width_) {
    case 1:
      return Load<std::uint8_t>(values_, at);
    case 2:
      return Load<std::uint16_t>(values_, at);
    case 4:
      return Load<std::uint32_t>(values_, at);
    default:
      return Load<std::uint64_t>(values_, at);
  }
}

absl::StatusOr<std::int64_t> ArrowColumn::DictionaryRow(std::int64_t row) const {
  const std::int64_t index =
      type_ == Type::kSigned ? SignedAt(first_ + row) : static_cast<std::int64_t>(UnsignedAt(first_ + row));
  if (index < 0 || index >= dictionary_->rows_)
    return Broken(absl::StrCat("a dictionary index below ", dictionary_->rows_), index);
  return index;
}

absl::StatusOr<bool> ArrowColumn::IsNull(std::int64_t row) const {
  const std::int64_t at = first_ + row;
  if (validity_ != nullptr && ((validity_[at / 8] >> (at % 8)) & 1) == 0) return true;
  if (dictionary_ == nullptr) return false;
  WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
  return dictionary_->IsNull(entry);
}

absl::StatusOr<std::string_view> ArrowColumn::ViewAt(std::int64_t at) const {
  constexpr std::int64_t kViewBytes = 16;
  constexpr std::int32_t kMostInline = 12;
  const char* const view = static_cast<const char*>(values_) + at * kViewBytes;
  const auto size = Load<std::int32_t>(view, 0);
  if (size < 0) return Broken("a text of 0 bytes or more", size);
  if (size <= kMostInline) return std::string_view(view + 4, static_cast<std::size_t>(size));
  const auto buffer = Load<std::int32_t>(view, 2);
  const auto begin = Load<std::int32_t>(view, 3);
  if (buffer < 0 || buffer >= view_buffer_count_)
    return Broken(absl::StrCat("a text buffer below ", view_buffer_count_), buffer);
  if (begin < 0 || std::int64_t{begin} + size > Load<std::int64_t>(view_sizes_, buffer) ||
      view_buffers_[buffer] == nullptr)
    return Broken("a text within its buffer", absl::StrCat("bytes ", begin, " to ", std::int64_t{begin} + size));
  return std::string_view(static_cast<const char*>(view_buffers_[buffer]) + begin, static_cast<std::size_t>(size));
}

absl::StatusOr<std::string_view> ArrowColumn::Text(std::int64_t row) const {
  if (dictionary_ != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
    return dictionary_->Text(entry);
  }
  const std::int64_t at = first_ + row;
  if (text_form_ == TextForm::kViews) return ViewAt(at);
  const bool wide = text_form_ == TextForm::kOffsets64;
  const std::int64_t begin = wide ? Load<std::int64_t>(values_, at) : Load<std::int32_t>(values_, at);
  const std::int64_t end = wide ? Load<std::int64_t>(values_, at + 1) : Load<std::int32_t>(values_, at + 1);
  if (begin < 0 || end < begin || end > text_size_)
    return Broken(absl::StrCat("offsets that ascend within ", text_size_, " bytes"), absl::StrCat(begin, " and ", end));
  return std::string_view(texts_ + begin, static_cast<std::size_t>(end - begin));
}

absl::StatusOr<std::int64_t> ArrowColumn::Signed(std::int64_t row) const {
  if (dictionary_ == nullptr) return SignedAt(first_ + row);
  WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
  return dictionary_->Signed(entry);
}

absl::StatusOr<std::uint64_t> ArrowColumn::Unsigned(std::int64_t row) const {
  if (dictionary_ == nullptr) return UnsignedAt(first_ + row);
  WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
  return dictionary_->Unsigned(entry);
}

absl::StatusOr<double> ArrowColumn::Float(std::int64_t row) const {
  if (dictionary_ == nullptr)
    return width_ == 4 ? double{Load<float>(values_, first_ + row)} : Load<double>(values_, first_ + row);
  WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
  return dictionary_->Float(entry);
}

absl::StatusOr<std::int64_t> ArrowColumn::TimeUs(std::int64_t row) const {
  if (dictionary_ != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t entry, DictionaryRow(row));
    return dictionary_->TimeUs(entry);
  }
  constexpr std::int64_t kMicros = 1'000'000;
  constexpr std::int64_t kSecondsPerDay = 86'400;
  const std::int64_t time = SignedAt(first_ + row);
  if (units_per_second_ > kMicros) {
    const std::int64_t divisor = units_per_second_ / kMicros;
    return time / divisor - (time % divisor < 0 ? 1 : 0);  // cut off towards the past, before 1970 too
  }
  const std::int64_t factor = units_per_second_ == 0 ? kSecondsPerDay * kMicros : kMicros / units_per_second_;
  std::int64_t time_us = 0;
  if (__builtin_mul_overflow(time, factor, &time_us)) return Broken("a time within 64 bits of microseconds", time);
  return time_us;
}

}  // namespace waypost::internal
