// waypost/base/factor_matrix.hpp - a dense table of float32 vectors, laid out for the kernels.
//
// (1) Row-major, rows 64-byte aligned: the stride is the number of dimensions rounded up to a multiple of 16.
// (2) Elements past `dimensions` are 0, so kernels run over the whole stride without a tail.
#ifndef WAYPOST_BASE_FACTOR_MATRIX_HPP_
#define WAYPOST_BASE_FACTOR_MATRIX_HPP_

#include <cassert>
#include <cstddef>
#include <span>
#include <utility>

#include "waypost/base/shared_array.hpp"

namespace waypost {

inline constexpr std::size_t kLanes = 16;  // fixed: part of the score's definition and of the file format

constexpr std::size_t PaddedDimensions(std::size_t dimensions) {
  return (dimensions + kLanes - 1) / kLanes * kLanes;
}

// Immutable: safe to use from any number of threads.
class FactorMatrix {
 public:
  FactorMatrix() = default;

  // `values`  float32, rows x PaddedDimensions(dimensions), row-major, padding 0.
  FactorMatrix(std::size_t rows, std::size_t dimensions, SharedArray<float> values)
      : rows_(rows), dimensions_(dimensions), values_(std::move(values)) {
    assert(values_.size() == rows_ * stride());
  }

  std::size_t rows() const { return rows_; }
  std::size_t dimensions() const { return dimensions_; }
  std::size_t stride() const { return PaddedDimensions(dimensions_); }
  const float* data() const { return values_.data(); }
  std::span<const float> values() const { return values_.span(); }
  // The row with its padding: stride() elements.
  const float* row(std::size_t index) const {
    assert(index < rows_);
    return values_.data() + index * stride();
  }

 private:
  std::size_t rows_ = 0;
  std::size_t dimensions_ = 0;
  SharedArray<float> values_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_FACTOR_MATRIX_HPP_
