// A waypost_ids, checked as it is read: nothing outside the caller's buffers is touched whatever the offsets say.
#ifndef WAYPOST_BINDINGS_C_ID_COLUMN_HPP_
#define WAYPOST_BINDINGS_C_ID_COLUMN_HPP_

#include <cstdint>
#include <string>
#include <string_view>

#include "structs.hpp"
#include "waypost.h"
#include "waypost/event/id_dictionary.hpp"

namespace waypost::c {

enum class IdForm { kNone, kOffsets32, kOffsets64, kNumbers, kIndices };

// Lifetime  borrows the caller's buffers for the call.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class IdColumn {
 public:
  // Errors  kInvalidArgument: the structure, no form or more than one.
  static absl::StatusOr<IdColumn> Read(const waypost_ids* ids, std::string_view name);

  std::uint64_t size() const { return ids_.count; }
  IdForm form() const { return form_; }
  std::string_view name() const { return name_; }

  // Requires  form() is kNumbers, row < size().
  std::int64_t Number(std::uint64_t row) const { return ids_.numbers[row]; }

  // Returns the text of row `row`. Numbers are written to `scratch`, whose text is then returned.
  // Errors  kInvalidArgument: offsets; indices, which have no text.
  absl::StatusOr<std::string_view> Text(std::uint64_t row, std::string& scratch) const;

  // Returns the dense index of row `row`, or WAYPOST_NO_INDEX for an id that the dictionary does not know.
  // Errors  kInvalidArgument: offsets.  kOutOfRange: an index.
  absl::StatusOr<std::uint32_t> Index(std::uint64_t row, const IdDictionary& dictionary, std::string& scratch) const;

 private:
  waypost_ids ids_ = WAYPOST_IDS_INIT;
  IdForm form_ = IdForm::kNone;
  std::string_view name_;
};

}  // namespace waypost::c

#endif  // WAYPOST_BINDINGS_C_ID_COLUMN_HPP_
