// waypost/model/blend_weights.hpp - the weights of a blend that rank held-out items best.
//
// Definition   maximises the mean ndcg@20 over users, each with a list of candidates, what every part says of them and
//              which were held out: what a blend is asked for, measured as the evaluation does.
// Algorithm    coordinate ascent from the best of the single parts and their equal mixture: each weight in turn is
//              multiplied and divided by a step, set to 0, or raised from 0, as long as that helps; then the step
//              shrinks. The measure is piecewise constant, so there is no gradient to follow.
// Complexity   O(candidates x parts) an evaluation, some hundred evaluations.
// Determinism  users are summed in blocks of fixed size.
// Checked by   tests/unit/model_blend_test.cpp: a part of noise gets nothing, parts that complete each other both
// count.
#ifndef WAYPOST_MODEL_BLEND_WEIGHTS_HPP_
#define WAYPOST_MODEL_BLEND_WEIGHTS_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/top_k.hpp"

namespace waypost::internal {

inline constexpr std::size_t kBlendUsers = 4096;      // that weights are learned on, at most
inline constexpr std::size_t kBlendUserBlock = 64;    // of them are scored at a time
inline constexpr std::size_t kBlendCutoff = 20;       // of the ndcg
inline constexpr std::size_t kBlendCandidates = 100;  // best items of each part that stand for all of them

// What is known of one user: candidates ascending, terms[candidate * parts + p] what part p adds at weight 1.
struct BlendSample {
  std::vector<std::uint32_t> candidates;
  std::vector<float> terms;
  std::vector<char> held_out;      // whether a candidate was
  std::size_t held_out_count = 0;  // all of the user's, candidates or not
};

inline double NdcgOf(const BlendSample& sample, std::span<const float> weights) {
  TopKHeap heap(kBlendCutoff);
  for (std::size_t c = 0; c < sample.candidates.size(); ++c) {
    float score = 0;
    for (std::size_t p = 0; p < weights.size(); ++p) score += weights[p] * sample.terms[c * weights.size() + p];
    heap.Push(score, ItemIndex{static_cast<std::uint32_t>(c)});
  }
  double gain = 0;
  double ideal = 0;
  const std::vector<ScoredItem> best = heap.Take();
  for (std::size_t rank = 0; rank < best.size(); ++rank)
    if (sample.held_out[best[rank].item.value]) gain += 1 / std::log2(static_cast<double>(rank) + 2);
  for (std::size_t rank = 0; rank < std::min(kBlendCutoff, sample.held_out_count); ++rank)
    ideal += 1 / std::log2(static_cast<double>(rank) + 2);
  return ideal > 0 ? gain / ideal : 0;
}

inline double MeanNdcg(std::span<const BlendSample> samples, std::span<const float> weights,
                       const Parallelism& parallelism) {
  constexpr std::size_t kBlock = 64;
  const double sum = ReduceBlocks(
      parallelism, samples.size(), kBlock, 0.0,
      [&](std::size_t begin, std::size_t end) {
        double part = 0;
        for (std::size_t n = begin; n < end; ++n) part += NdcgOf(samples[n], weights);
        return part;
      },
      [](double& total, double part) { total += part; });
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

// Returns one weight a part, of a sum near 1: multiples of 0.001, which are short as text, or all alike where nothing
// was held out or nothing is better.
template <typename Cancelled>
std::vector<float> FindBlendWeights(std::span<const BlendSample> samples, std::size_t parts,
                                    const Parallelism& parallelism, const Cancelled& cancelled) {
  std::vector<float> best(parts, 1.0f / static_cast<float>(parts));
  double value = MeanNdcg(samples, best, parallelism);
  const auto try_weights = [&](std::vector<float> weights) {
    float sum = 0;
    for (float weight : weights) sum += weight;
    if (!(sum > 0)) return false;
    for (float& weight : weights) weight = std::round(weight / sum * 1000) / 1000;
    if (weights == best || std::all_of(weights.begin(), weights.end(), [](float weight) { return weight == 0; }))
      return false;
    const double found = MeanNdcg(samples, weights, parallelism);
    if (!(found > value)) return false;
    best = std::move(weights);
    value = found;
    return true;
  };
  for (std::size_t p = 0; p < parts; ++p) {
    std::vector<float> alone(parts, 0.0f);
    alone[p] = 1;
    try_weights(std::move(alone));
  }
  constexpr int kMostRounds = 20;
  for (float step : {3.0f, 1.7f, 1.25f, 1.1f}) {
    bool better = true;
    for (int round = 0; round < kMostRounds && better && !cancelled(); ++round) {
      better = false;
      for (std::size_t p = 0; p < parts; ++p) {
        const auto with = [&](float weight) {
          std::vector<float> changed = best;
          changed[p] = weight;
          return try_weights(std::move(changed));
        };
        if (best[p] == 0) {
          better |= with(*std::max_element(best.begin(), best.end()) / (2 * step));
        } else {
          better |= with(best[p] * step) || with(best[p] / step) || with(0);
        }
      }
    }
  }
  return best;
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_BLEND_WEIGHTS_HPP_
