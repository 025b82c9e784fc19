#include "id_column.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace waypost::c {

absl::StatusOr<IdColumn> IdColumn::Read(const waypost_ids* ids, std::string_view name) {
  IdColumn column;
  column.name_ = name;
  WAYPOST_ASSIGN_OR_RETURN(column.ids_, ReadStruct(ids, waypost_ids(WAYPOST_IDS_INIT), name));
  WAYPOST_RETURN_IF_ERROR(RequireZero(column.ids_.reserved, name));
  int forms = 0;
  for (const auto& [form, is_set] : {std::pair(IdForm::kOffsets32, column.ids_.offsets32 != nullptr),
                                     std::pair(IdForm::kOffsets64, column.ids_.offsets64 != nullptr),
                                     std::pair(IdForm::kNumbers, column.ids_.numbers != nullptr),
                                     std::pair(IdForm::kIndices, column.ids_.indices != nullptr)})
    if (is_set) {
      column.form_ = form;
      ++forms;
    }
  if (forms > 1 || (forms == 0 && column.size() > 0))
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(name), ": want one of offsets32, offsets64, numbers and indices, got ", forms));
  return column;
}

absl::StatusOr<std::string_view> IdColumn::Text(std::uint64_t row, std::string& scratch) const {
  const auto error = [&](auto... parts) {
    return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name_), "[", row, "]: ", parts...));
  };
  if (form_ == IdForm::kNumbers) {
    std::array<char, 24> digits;  // the longest int64 has 20 characters
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ids_.numbers[row]).ptr;
    scratch.assign(digits.data(), end);
    return std::string_view(scratch);
  }
  if (form_ == IdForm::kIndices) return error("want an id, got a dense index");
  const std::int64_t begin = form_ == IdForm::kOffsets32 ? ids_.offsets32[row] : ids_.offsets64[row];
  const std::int64_t end = form_ == IdForm::kOffsets32 ? ids_.offsets32[row + 1] : ids_.offsets64[row + 1];
  if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > ids_.bytes_size)
    return error("want offsets that ascend within ", ids_.bytes_size, " bytes, got ", begin, " and ", end);
  if (begin == end) return std::string_view();
  if (ids_.bytes == nullptr) return error("want bytes, got NULL");
  return std::string_view(ids_.bytes + begin, static_cast<std::size_t>(end - begin));
}

absl::StatusOr<std::uint32_t> IdColumn::Index(std::uint64_t row, const IdDictionary& dictionary,
                                              std::string& scratch) const {
  if (form_ == IdForm::kIndices) {
    if (ids_.indices[row] >= dictionary.size())
      return absl::OutOfRangeError(absl::StrCat(internal::ToAbsl(name_), "[", row, "]: want an index below ",
                                                dictionary.size(), ", got ", ids_.indices[row]));
    return ids_.indices[row];
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, Text(row, scratch));
  return dictionary.Find(text).value_or(WAYPOST_NO_INDEX);
}

}  // namespace waypost::c
