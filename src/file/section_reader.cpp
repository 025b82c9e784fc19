#include "file/section_reader.hpp"

namespace waypost::file {

absl::Status SectionReader::FromFault(SectionType type, std::uint32_t model, std::size_t element_size,
                                      const std::optional<Fault>& fault) const {
  if (!fault) return absl::OkStatus();
  const std::uint64_t offset = envelope_.Find(type, model)->offset + fault->element * element_size;
  return Damaged(absl::StrCat(SectionName(type, model), ", element ", fault->element), offset, fault->want, fault->got);
}

absl::StatusOr<SparseMatrix> SectionReader::Rows(SectionType offsets_type, SectionType columns_type,
                                                 SectionType values_type, std::uint32_t model, std::uint64_t row_count,
                                                 std::uint64_t column_count) const {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<std::uint64_t> offsets,
                           Array<std::uint64_t>(offsets_type, model, row_count + 1));
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<std::uint32_t> columns, Array<std::uint32_t>(columns_type, model));
  SharedArray<float> values;
  if (Has(values_type, model)) {
    WAYPOST_ASSIGN_OR_RETURN(values, Array<float>(values_type, model, columns.size()));
  }
  WAYPOST_RETURN_IF_ERROR(FromFault(offsets_type, model, sizeof(std::uint64_t),
                                    CheckOffsets(offsets.span(), columns.size(), /*ends_only=*/!full())));
  if (full()) {
    WAYPOST_RETURN_IF_ERROR(FromFault(columns_type, model, sizeof(std::uint32_t),
                                      CheckColumns(offsets.span(), columns.span(), column_count)));
    WAYPOST_RETURN_IF_ERROR(FromFault(values_type, model, sizeof(float), CheckFinite(values.span())));
  }
  return SparseMatrix(column_count, std::move(offsets), std::move(columns), std::move(values));
}

}  // namespace waypost::file
