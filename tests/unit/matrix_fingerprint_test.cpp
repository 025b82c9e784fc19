#include "waypost/matrix/fingerprint.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"

namespace waypost {
namespace {

InteractionMatrix Matrix(std::size_t columns, AlignedVector<std::uint64_t> offsets, AlignedVector<std::uint32_t> items,
                         AlignedVector<float> values = {}) {
  return InteractionMatrix(SparseMatrix(columns, SharedArray<std::uint64_t>(std::move(offsets)),
                                        SharedArray<std::uint32_t>(std::move(items)),
                                        SharedArray<float>(std::move(values))));
}

TEST(Fingerprint, EqualForEqualMatricesAndStableAcrossReleases) {
  const InteractionMatrix matrix = Matrix(3, {0, 2, 3}, {0, 2, 1});
  const MatrixFingerprint print = Fingerprint(matrix);
  EXPECT_EQ(print, Fingerprint(Matrix(3, {0, 2, 3}, {0, 2, 1})));
  EXPECT_EQ(print.users, 2u);
  EXPECT_EQ(print.items, 3u);
  EXPECT_EQ(print.entries, 3u);
  // The definition, step by step.
  const std::uint64_t sizes[] = {2, 1};
  const std::uint32_t columns[] = {0, 2, 1};
  EXPECT_EQ(print.content, Checksum(std::as_bytes(std::span(columns)), Checksum(std::as_bytes(std::span(sizes)))));
}

TEST(Fingerprint, DiffersForEveryChange) {
  const std::vector<InteractionMatrix> matrices = {
      Matrix(3, {0, 2, 3}, {0, 2, 1}),           Matrix(4, {0, 2, 3}, {0, 2, 1}),
      Matrix(3, {0, 1, 3}, {0, 1, 2}),           Matrix(3, {0, 2, 3}, {0, 1, 1}),
      Matrix(3, {0, 2, 3, 3}, {0, 2, 1}),        Matrix(3, {0, 2, 3}, {0, 2, 1}, {1, 1, 2}),
      Matrix(3, {0, 2, 3}, {0, 2, 1}, {1, 2, 1})};
  for (std::size_t a = 0; a < matrices.size(); ++a)
    for (std::size_t b = 0; b < matrices.size(); ++b)
      EXPECT_EQ(Fingerprint(matrices[a]) == Fingerprint(matrices[b]), a == b) << a << " " << b;
}

TEST(Fingerprint, SeesEveryRowOfManyBlocks) {
  const auto large = [](std::uint32_t last) {
    AlignedVector<std::uint64_t> offsets(3001);
    AlignedVector<std::uint32_t> items(3000, 0);
    for (std::size_t row = 0; row <= 3000; ++row) offsets[row] = row;
    items.back() = last;
    return Matrix(2, std::move(offsets), std::move(items));
  };
  EXPECT_EQ(Fingerprint(large(0)), Fingerprint(large(0)));
  EXPECT_NE(Fingerprint(large(0)), Fingerprint(large(1)));
}

}  // namespace
}  // namespace waypost
