// waypost/model/blend.hpp - training of a blend: its parts, and the weights that join them. blend_model.hpp has the
// formulas.
#ifndef WAYPOST_MODEL_BLEND_HPP_
#define WAYPOST_MODEL_BLEND_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/blend_model.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

// Errors  kInvalidArgument: no part or too many, a part that is a blend, of an unknown kind or with options that it
//         refuses or that stop it early, weights of another number than the parts or out of range, an option that the
//         others do not use.
absl::Status Validate(const BlendOptions& options);

// The options that a part is trained with.
absl::StatusOr<ModelOptions> PartOptions(const BlendPart& part, std::uint64_t seed);

// The parts as text and back: `item-knn(neighbours=200,user_exponent=1) + ials`.
std::string FormatBlendParts(const std::vector<BlendPart>& parts);
std::optional<std::vector<BlendPart>> ParseBlendParts(std::string_view text);
// Weights as text and back: `0.5,0.2,0.3`.
std::string FormatBlendWeights(const std::vector<float>& weights);
std::optional<std::vector<float>> ParseBlendWeights(std::string_view text);

// Trains every part on all of `matrix`; without weights before that once more each, on what is left of it when a share
// of each user's items is held out, to learn them. Reports a step a training. The model's options have the weights.
//
// Errors  kInvalidArgument: Validate; an empty matrix; a state or first vectors in `control`; errors of the parts'
//         trainings, with the part.  kCancelled.  kResourceExhausted: memory ended.
// Cost    the sum of the parts, twice where weights are learned; the models of parts trained so far stay in memory.
absl::StatusOr<BlendModel> TrainBlend(const InteractionMatrix& matrix, const BlendOptions& options,
                                      const TrainingControl& control = {}, const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_MODEL_BLEND_HPP_
