// waypost/model/ials_features.hpp - items without events in an iALS model: their vectors come from their features.
//
// Definition   feature_map.hpp gives the map; its regularization is the one with the best recall@20 of items that the
//              map was not made from, ranked among themselves for users whose vectors are folded in from the rest of
//              their history. Vectors of items with events stay as they are, so what the model says of them does too.
// Complexity   the maps, and a fold-in of at most 1000 users and their products with the items for each part.
// Determinism  users are taken in their order; equal bytes for any number of threads.
// Checked by   tests/unit/model_ials_features_test.cpp: planted features, added items, laws of (3) in ials_model.hpp.
#ifndef WAYPOST_MODEL_IALS_FEATURES_HPP_
#define WAYPOST_MODEL_IALS_FEATURES_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/top_k.hpp"
#include "waypost/model/feature_map.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost {
namespace internal {

// Measures vectors of items that a map was not made from by the recall of who took them.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class IalsFeatureMeasure {
 public:
  // Lifetime  the arguments outlive the object.
  IalsFeatureMeasure(const IalsModel& model, const InteractionMatrix& matrix, const Parallelism& parallelism)
      : model_(model), matrix_(matrix), parallelism_(parallelism) {}

  absl::StatusOr<double> operator()(const LeftOutItems& part, const FactorMatrix& vectors) {
    if (parts_.size() <= part.part) parts_.resize(part.part + 1);
    Part& users = parts_[part.part];
    if (users.items.empty()) WAYPOST_RETURN_IF_ERROR(FoldIn(part.held, users));
    AlignedVector<float> table;
    for (const std::uint32_t item : users.items)
      table.insert(table.end(), vectors.row(item), vectors.row(item) + vectors.stride());
    const std::size_t count = users.items.size();
    const std::size_t cut = std::clamp<std::size_t>(count / 4, 1, kCut);  // of a few items too a list is a choice
    std::vector<double> recalls(users.wanted.size());
    ForEachBlock(parallelism_, recalls.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      std::vector<float> scores(count);
      for (std::size_t user = begin; user < end; ++user) {
        GetScoreKernels().dot_block(users.vectors.data() + user * vectors.stride(), 1, table.data(), count,
                                    vectors.stride(), scores.data(), count);
        std::size_t hits = 0;
        for (const ScoredItem& found : TopK(scores, cut))
          hits += std::binary_search(users.wanted[user].begin(), users.wanted[user].end(), found.item.value) ? 1 : 0;
        recalls[user] = static_cast<double>(hits) / static_cast<double>(std::min(cut, users.wanted[user].size()));
      }
    });
    double sum = 0;
    for (const double recall : recalls) sum += recall;
    return recalls.empty() ? 0.0 : sum / static_cast<double>(recalls.size());
  }

 private:
  static constexpr std::size_t kCut = 20;
  static constexpr std::size_t kUsers = 1000;
  static constexpr std::size_t kUserBlock = 16;

  struct Part {
    std::vector<std::uint32_t> items;                // held out, ascending
    std::vector<std::vector<std::uint32_t>> wanted;  // of each user: positions in `items`, ascending
    AlignedVector<float> vectors;                    // of the users, from the rest of their history
  };

  absl::Status FoldIn(std::span<const char> held, Part& part) const {
    std::vector<std::uint32_t> position(held.size());
    for (std::uint32_t item = 0; item < held.size(); ++item) {
      position[item] = static_cast<std::uint32_t>(part.items.size());
      if (held[item]) part.items.push_back(item);
    }
    std::vector<std::vector<std::uint32_t>> columns;
    std::vector<std::vector<float>> values;
    for (std::size_t user = 0; user < matrix_.users() && columns.size() < kUsers; ++user) {
      const SparseRowView row = matrix_.user_item().row(user);
      std::vector<std::uint32_t> wanted, rest;
      std::vector<float> strengths;
      for (std::size_t n = 0; n < row.size(); ++n) {
        if (held[row.columns[n]]) {
          wanted.push_back(position[row.columns[n]]);
        } else {
          rest.push_back(row.columns[n]);
          strengths.push_back(row.value(n));
        }
      }
      if (wanted.empty() || rest.empty()) continue;
      part.wanted.push_back(std::move(wanted));
      columns.push_back(std::move(rest));
      values.push_back(std::move(strengths));
    }
    std::vector<SparseRowView> histories;
    for (std::size_t user = 0; user < columns.size(); ++user) histories.push_back({columns[user], values[user]});
    const std::size_t d = model_.dimensions(), stride = PaddedDimensions(d);
    std::vector<float> vectors(histories.size() * d);
    WAYPOST_RETURN_IF_ERROR(model_.FoldIn(histories, vectors, parallelism_));
    part.vectors.assign(histories.size() * stride, 0.0f);
    for (std::size_t user = 0; user < histories.size(); ++user)
      std::copy_n(vectors.data() + user * d, d, part.vectors.data() + user * stride);
    return absl::OkStatus();
  }

  const IalsModel& model_;
  const InteractionMatrix& matrix_;
  const Parallelism& parallelism_;
  std::vector<Part> parts_;
};

}  // namespace internal

struct IalsFeatures {
  IalsModel model;  // with the map
  float regularization = 0;
  std::optional<double>
      recall{};  // recall@20 of items left out, @n / 4 of fewer than 80, where the regularization was chosen by it
};

// Learns a map from the features of the model's items to their vectors.
//   matrix    that the model was trained on.
//   names     of the features.
//   features  items x names.size().
// Errors      those of TrainFeatureMap; kInvalidArgument: sizes that differ.
inline absl::StatusOr<IalsFeatures> AddFeatureMap(const IalsModel& model, const InteractionMatrix& matrix,
                                                  IdDictionary names, const SparseMatrix& features,
                                                  const FeatureMapOptions& options = {},
                                                  const TrainingControl& control = {},
                                                  const Parallelism& parallelism = {}) try {
  if (matrix.items() != model.item_count())
    return absl::InvalidArgumentError(
        absl::StrCat("AddFeatureMap.matrix: want ", model.item_count(), " items, got ", matrix.items()));
  if (features.columns() != names.size())
    return absl::InvalidArgumentError(
        absl::StrCat("AddFeatureMap.features: want ", names.size(), " columns, got ", features.columns()));
  internal::IalsFeatureMeasure measure(model, matrix, parallelism);
  WAYPOST_ASSIGN_OR_RETURN(FeatureMapTraining training, TrainFeatureMap(features, model.item_factors(), options,
                                                                        std::ref(measure), control, parallelism));
  auto map =
      std::make_shared<const FeatureMap>(FeatureMap{.names = std::move(names), .weights = std::move(training.weights)});
  return IalsFeatures{.model = model.WithFeatureMap(std::move(map)),
                      .regularization = training.regularization,
                      .recall = training.measure};
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("AddFeatureMap");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_FEATURES_HPP_
