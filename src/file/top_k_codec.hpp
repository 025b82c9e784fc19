// The tables of a top-k index (base/top_k_tables.hpp) as sections of a file.
#ifndef WAYPOST_SRC_FILE_TOP_K_CODEC_HPP_
#define WAYPOST_SRC_FILE_TOP_K_CODEC_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "file/envelope.hpp"
#include "file/section_reader.hpp"
#include "waypost/base/top_k_tables.hpp"

namespace waypost::file {

// A fault and the section that it is in.
struct TopKFault {
  SectionType section{};
  std::size_t element_size = 0;
  Fault fault;
};

// Whether the tables bound every row, as docs/model-format.md says. Safe for any content.
// Requires  tables of the sizes that belong to `rows`, whose elements are finite.
std::optional<TopKFault> CheckTopKTables(const FactorMatrix& rows, const TopKTables& tables);

// Appends the sections; they borrow from `tables`.
// Errors  kInvalidArgument: tables that break a rule of the format.
absl::Status EncodeTopKTables(const FactorMatrix& rows, const TopKTables& tables, std::uint32_t model,
                              std::vector<SectionSource>& sections);

// None where the file, of an older version, has no such sections.
// Errors  kDataLoss.
absl::StatusOr<std::optional<TopKTables>> DecodeTopKTables(const SectionReader& reader, const FactorMatrix& rows,
                                                           std::uint32_t model);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_TOP_K_CODEC_HPP_
