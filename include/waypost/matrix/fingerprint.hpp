// waypost/matrix/fingerprint.hpp - tells whether two trainings saw the same matrix.
//
// Definition   content = XXH3-64 of the row lengths (u64, 1024 rows at a time), then of all columns (u32, row by
//              row), then of the strengths (f32; left out where the matrix is not weighted), each seeded with the one
//              before, the first with 0.
// Determinism  a function of the matrix alone: no thread takes part.
#ifndef WAYPOST_MATRIX_FINGERPRINT_HPP_
#define WAYPOST_MATRIX_FINGERPRINT_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "waypost/base/checksum.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

struct MatrixFingerprint {
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::uint64_t entries = 0;
  std::uint64_t content = 0;

  friend bool operator==(const MatrixFingerprint&, const MatrixFingerprint&) = default;
};

// Cost  one pass over the entries at the speed of memory.
inline MatrixFingerprint Fingerprint(const InteractionMatrix& matrix) {
  const SparseMatrix& rows = matrix.user_item();
  std::uint64_t content = 0;
  std::array<std::uint64_t, 1024> sizes;
  for (std::size_t row = 0; row < rows.rows();) {
    std::size_t count = 0;
    for (; count < sizes.size() && row < rows.rows(); ++count, ++row) sizes[count] = rows.row_size(row);
    content = Checksum(std::as_bytes(std::span(sizes).first(count)), content);
  }
  content = Checksum(std::as_bytes(rows.column_indices().span()), content);
  if (rows.weighted()) content = Checksum(std::as_bytes(rows.values().span()), content);
  return {.users = matrix.users(), .items = matrix.items(), .entries = matrix.entries(), .content = content};
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_FINGERPRINT_HPP_
