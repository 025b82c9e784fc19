// A small state of a training, for tests of its file.
#ifndef WAYPOST_TESTS_SUPPORT_CHECKPOINTS_HPP_
#define WAYPOST_TESTS_SUPPORT_CHECKPOINTS_HPP_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/file/checkpoint.hpp"
#include "waypost/model/ials.hpp"

namespace waypost::testing_support {

inline FactorMatrix CopyOf(const FactorMatrix& table) {
  if (table.rows() == 0) return {};
  return FactorMatrix(table.rows(), table.dimensions(), SharedArray<float>::CopyOf(table.values()));
}

// A state that outlives its training.
inline IalsState CopyOf(const IalsState& state) {
  IalsState copy = state;
  copy.items = CopyOf(state.items);
  copy.users = CopyOf(state.users);
  copy.kept_items = CopyOf(state.kept_items);
  copy.eigenvalues = SharedArray<double>::CopyOf(state.eigenvalues.span());
  copy.kept_eigenvalues = SharedArray<double>::CopyOf(state.kept_eigenvalues.span());
  return copy;
}

// After 4 epochs of conjugate gradients on a random matrix; the best by a measure was the second.
inline IalsState SmallState() {
  IalsState kept;
  int epoch = 0;
  TrainingControl control;
  control.validation = [&](const Scorer&) -> absl::StatusOr<double> { return ++epoch == 2 ? 0.5 : 0.25; };
  control.checkpoint = [&](const IalsState& state) {
    kept = CopyOf(state);
    return absl::OkStatus();
  };
  const auto trained = TrainIals(RandomMatrix(1, 30, 20, 0.2),
                                 {.dimensions = 6, .epochs = 4, .solver = IalsSolver::kCg}, control, Parallelism(1));
  EXPECT_TRUE(trained.ok()) << trained.status();
  return kept;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_CHECKPOINTS_HPP_
