// waypost/model/blend_sampling.hpp - what the weights of a blend are learned on: items held out of a training, and what
// the parts say of them.
#ifndef WAYPOST_MODEL_BLEND_SAMPLING_HPP_
#define WAYPOST_MODEL_BLEND_SAMPLING_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/blend_model.hpp"
#include "waypost/model/blend_weights.hpp"

namespace waypost::internal {

// A matrix without what is held out of it, which are sorted items a user.
struct HeldOutItems {
  InteractionMatrix fit;
  std::vector<std::vector<std::uint32_t>> items;
};

// Holds a share of each user's items out at random, rounded down; of three or more at least one.
inline HeldOutItems HoldOutItems(const InteractionMatrix& matrix, double share, std::uint64_t seed,
                                 const Parallelism& parallelism) {
  const SparseMatrix& rows = matrix.user_item();
  HeldOutItems result;
  result.items.resize(rows.rows());
  AlignedVector<std::uint64_t> offsets{0};
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  for (std::size_t user = 0; user < rows.rows(); ++user) {
    const SparseRowView row = rows.row(user);
    std::size_t count = static_cast<std::size_t>(share * static_cast<double>(row.size()));
    if (row.size() >= 3) count = std::max<std::size_t>(count, 1);
    std::vector<std::uint32_t> order(row.size());
    std::iota(order.begin(), order.end(), 0u);
    Random(seed, user).Shuffle(std::span(order));
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::uint32_t n = 0; n < row.size(); ++n) {
      if (std::binary_search(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), n)) {
        result.items[user].push_back(row.columns[n]);
        continue;
      }
      columns.push_back(row.columns[n]);
      if (rows.weighted()) values.push_back(row.values[n]);
    }
    offsets.push_back(columns.size());
  }
  result.fit = InteractionMatrix(
      SparseMatrix(rows.columns(), SharedArray<std::uint64_t>(std::move(offsets)),
                   SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values))),
      parallelism);
  return result;
}

// What the parts, trained on `held_out.fit`, say of the best items of each, for at most kBlendUsers users drawn at
// random.
template <typename Cancelled>
absl::StatusOr<std::vector<BlendSample>> SampleBlend(const HeldOutItems& held_out, const BlendOptions& options,
                                                     std::span<const std::shared_ptr<const Scorer>> parts,
                                                     const Parallelism& parallelism, const Cancelled& cancelled) {
  std::vector<std::uint32_t> users;
  for (std::uint32_t user = 0; user < held_out.items.size(); ++user)
    if (!held_out.items[user].empty() && held_out.fit.user_item().row_size(user) > 0) users.push_back(user);
  Random(options.seed, held_out.items.size()).Shuffle(std::span(users));
  users.resize(std::min(users.size(), kBlendUsers));
  constexpr std::size_t kBlock = kBlendUserBlock;
  const std::size_t items = held_out.fit.items();
  std::vector<BlendSample> samples(users.size());
  std::vector<float> scores(parts.size() * kBlock * items);
  for (std::size_t first = 0; first < users.size(); first += kBlock) {
    if (cancelled()) return absl::CancelledError("TrainBlend: cancelled while scoring users to learn weights from");
    const std::size_t count = std::min(kBlock, users.size() - first);
    std::vector<UserView> views;
    for (std::size_t n = 0; n < count; ++n)
      views.push_back({UserIndex{users[first + n]}, held_out.fit.user_item().row(users[first + n])});
    for (std::size_t p = 0; p < parts.size(); ++p)
      WAYPOST_RETURN_IF_ERROR(
          parts[p]->Score(views, std::span(scores).subspan(p * kBlock * items, count * items), parallelism));
    ForEachBlock(parallelism, count, 1, [&](std::size_t n, std::size_t, std::size_t) {
      BlendSample& sample = samples[first + n];
      const SparseRowView& history = views[n].history;
      const auto row = [&](std::size_t p) {
        return std::span<const float>(scores).subspan((p * kBlock + n) * items, items);
      };
      for (std::size_t p = 0; p < parts.size(); ++p)
        for (const ScoredItem& best : TopK(row(p), kBlendCandidates, {.allowed = {}, .excluded = history.columns}))
          sample.candidates.push_back(best.item.value);
      std::sort(sample.candidates.begin(), sample.candidates.end());
      sample.candidates.erase(std::unique(sample.candidates.begin(), sample.candidates.end()), sample.candidates.end());
      sample.terms.resize(sample.candidates.size() * parts.size());
      for (std::size_t p = 0; p < parts.size(); ++p) {
        std::vector<std::uint32_t> ranks;
        if (options.fusion == BlendFusion::kRanks) ranks = RanksOf(row(p), history);
        const double factor = InverseDeviation(row(p), history);
        for (std::size_t c = 0; c < sample.candidates.size(); ++c) {
          const std::uint32_t item = sample.candidates[c];
          const double term = ranks.empty() ? factor * row(p)[item]
                                            : 1.0 / (options.rank_offset.value_or(kDefaultRankOffset) + ranks[item]);
          sample.terms[c * parts.size() + p] = static_cast<float>(term);
        }
      }
      const std::vector<std::uint32_t>& wanted = held_out.items[users[first + n]];
      for (std::uint32_t item : sample.candidates)
        sample.held_out.push_back(std::binary_search(wanted.begin(), wanted.end(), item));
      sample.held_out_count = wanted.size();
    });
  }
  return samples;
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_BLEND_SAMPLING_HPP_
