// event/arrow_column.hpp - one column of an Arrow array, checked as it is read.
#ifndef WAYPOST_EVENT_ARROW_COLUMN_HPP_
#define WAYPOST_EVENT_ARROW_COLUMN_HPP_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "waypost/base/status.hpp"
#include "waypost/event/arrow.hpp"

namespace waypost::internal {

// Lifetime  borrows the buffers of the array.
//
// Immutable: safe to use from any number of threads.
class ArrowColumn {
 public:
  enum class Type { kSigned, kUnsigned, kFloat, kText, kTime };

  // Reads rows [first, first + rows) of `array`, which count from its own offset.
  // Errors  kInvalidArgument: a type that is not known here, or an array that breaks the interface.
  static absl::StatusOr<ArrowColumn> Create(const ArrowSchema& schema, const ArrowArray& array, std::int64_t first,
                                            std::int64_t rows);

  // What the cells are; of a dictionary-encoded column, what its dictionary holds.
  Type type() const { return dictionary_ != nullptr ? dictionary_->type() : type_; }

  // Requires of all that follow  row < rows.
  // Errors of all that follow    kInvalidArgument: offsets, a dictionary index, a view that leave their array.
  absl::StatusOr<bool> IsNull(std::int64_t row) const;
  // Requires  the cell is not null, and the type of the name.
  absl::StatusOr<std::string_view> Text(std::int64_t row) const;
  absl::StatusOr<std::int64_t> Signed(std::int64_t row) const;
  absl::StatusOr<std::uint64_t> Unsigned(std::int64_t row) const;
  absl::StatusOr<double> Float(std::int64_t row) const;
  // Microseconds since 1970-01-01 UTC.
  absl::StatusOr<std::int64_t> TimeUs(std::int64_t row) const;

 private:
  enum class TextForm { kOffsets32, kOffsets64, kViews };

  absl::Status SetFormat(std::string_view format);
  absl::Status SetBuffers(const ArrowArray& array);
  std::int64_t SignedAt(std::int64_t at) const;
  std::uint64_t UnsignedAt(std::int64_t at) const;
  absl::StatusOr<std::int64_t> DictionaryRow(std::int64_t row) const;
  absl::StatusOr<std::string_view> ViewAt(std::int64_t at) const;

  Type type_ = Type::kSigned;
  int width_ = 0;  // bytes of a number
  TextForm text_form_ = TextForm::kOffsets32;
  std::int64_t units_per_second_ = 0;  // of a timestamp; 0: days
  std::int64_t first_ = 0;             // in the buffers
  std::int64_t rows_ = 0;
  const std::uint8_t* validity_ = nullptr;  // null: no cell is
  const void* values_ = nullptr;            // numbers, offsets or views
  const char* texts_ = nullptr;
  const void* const* view_buffers_ = nullptr;
  const std::int64_t* view_sizes_ = nullptr;
  std::int64_t view_buffer_count_ = 0;
  std::int64_t text_size_ = 0;  // the last offset
  std::shared_ptr<const ArrowColumn> dictionary_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_ARROW_COLUMN_HPP_
