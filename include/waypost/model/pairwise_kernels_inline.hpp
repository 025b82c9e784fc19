// waypost/model/pairwise_kernels_inline.hpp - the code of pairwise_kernels.hpp for the instruction set of this
// compilation.
#ifndef WAYPOST_MODEL_PAIRWISE_KERNELS_INLINE_HPP_
#define WAYPOST_MODEL_PAIRWISE_KERNELS_INLINE_HPP_

#include <math.h>  // expf as a function of the C library: no inline one that another instruction set could share

#include <cstddef>
#include <cstdint>

#include "waypost/base/score_kernels.hpp"
#include "waypost/base/score_kernels_inline.hpp"
#include "waypost/model/pairwise_kernels.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

inline std::uint32_t DrawBelow(std::uint64_t& state, std::size_t bound) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::uint32_t>(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

// Whether an ascending list holds `item`.
inline bool Holds(const std::uint32_t* items, std::size_t count, std::uint32_t item) {
  if (count == 0) return false;
  while (count > 1) {
    const std::size_t half = count / 2;
    items += items[half] <= item ? half : 0;
    count -= half;
  }
  return *items == item;
}

// A negative and how much the step for it weighs; weight 0: there is none.
struct DrawnNegative {
  std::uint32_t item;
  float weight;
};

// items_at(n)  the n-th of `candidate_count` candidates.
template <typename ItemAt>
DrawnNegative DrawNegative(const float* vector, const float* items, const std::uint32_t* own, std::size_t own_count,
                           std::uint32_t positive, const PairwiseStep& step, const ItemAt& item_at,
                           std::size_t candidate_count, std::uint64_t& state) {
  constexpr int kDraws = 16;  // in a row that met only the user's own items
  const float score = Dot(vector, items + positive * step.stride, step.stride);
  for (int trial = 0; trial < step.max_trials; ++trial) {
    std::uint32_t item = 0;
    int draws = 0;
    do {
      if (draws++ == kDraws) return {0, 0.0f};
      item = item_at(DrawBelow(state, candidate_count));
    } while (Holds(own, own_count, item));
    const float other = Dot(vector, items + item * step.stride, step.stride);
    if (step.rank_weights == nullptr) return {item, 1.0f / (1.0f + expf(score - other))};
    if (other > score - 1.0f) return {item, step.rank_weights[trial]};
  }
  return {0, 0.0f};
}

inline void TrainPairs(const PairwiseTables& tables, const PairwiseStep& step, const PairwiseSample* samples,
                       std::size_t count, const std::uint32_t* candidates, std::size_t candidate_count,
                       std::uint64_t seed) {
  const ScoreTag tag;
  const auto shrink = hn::Set(tag, 1.0f - step.learning_rate * step.regularization);
  for (std::size_t n = 0; n < count; ++n) {
    const PairwiseSample& sample = samples[n];
    const std::uint64_t begin = tables.offsets[sample.user];
    float* user = tables.users + sample.user * step.stride;
    const DrawnNegative negative = DrawNegative(
        user, tables.items, tables.columns + begin, tables.offsets[sample.user + 1] - begin, sample.item, step,
        [&](std::uint32_t at) { return candidates[at]; }, candidate_count, seed);
    if (negative.weight == 0) continue;
    float* better = tables.items + sample.item * step.stride;
    float* worse = tables.items + negative.item * step.stride;
    const auto amount = hn::Set(tag, step.learning_rate * sample.weight * negative.weight);
    for (std::size_t k = 0; k < step.stride; k += kVectorLanes) {
      const auto w = hn::Load(tag, user + k);
      const auto i = hn::Load(tag, better + k);
      const auto j = hn::Load(tag, worse + k);
      hn::Store(hn::MulAdd(amount, hn::Sub(i, j), hn::Mul(shrink, w)), tag, user + k);
      hn::Store(hn::MulAdd(amount, w, hn::Mul(shrink, i)), tag, better + k);
      hn::Store(hn::NegMulAdd(amount, w, hn::Mul(shrink, j)), tag, worse + k);
    }
    user[step.bias] = 1.0f;
  }
}

inline void FoldInPairs(const PairwiseFoldIn& user, const PairwiseStep& step, std::size_t steps, std::uint64_t seed,
                        float* vector, PairwiseTerm* terms) {
  const ScoreTag tag;
  std::size_t position = 0;
  for (std::size_t n = 0; n < steps; ++n, position = position + 1 == user.size ? 0 : position + 1) {
    const std::uint32_t item = user.columns[position];
    const DrawnNegative negative = DrawNegative(
        vector, user.items, user.columns, user.size, item, step, [](std::uint32_t at) { return at; }, user.item_count,
        seed);
    const float rate = step.learning_rate * PairwiseDecay(n, steps);
    const float shrink = 1.0f - rate * step.regularization;
    const float amount = rate * user.weights[position] * negative.weight;
    if (terms != nullptr)
      terms[n] = {static_cast<std::uint32_t>(position), negative.item, negative.weight == 0 ? 1.0f : shrink, amount};
    if (negative.weight == 0) continue;
    const float* better = user.items + item * step.stride;
    const float* worse = user.items + negative.item * step.stride;
    const auto wide_shrink = hn::Set(tag, shrink);
    const auto wide_amount = hn::Set(tag, amount);
    for (std::size_t k = 0; k < step.stride; k += kVectorLanes) {
      const auto difference = hn::Sub(hn::Load(tag, better + k), hn::Load(tag, worse + k));
      hn::Store(hn::MulAdd(wide_amount, difference, hn::Mul(wide_shrink, hn::Load(tag, vector + k))), tag, vector + k);
    }
    vector[step.bias] = 1.0f;
  }
}

inline const PairwiseKernels& PairwiseKernelTable() {
  static constexpr PairwiseKernels kTable{&TrainPairs, &FoldInPairs};
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_MODEL_PAIRWISE_KERNELS_INLINE_HPP_
