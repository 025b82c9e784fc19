// waypost/model/graph_filter.hpp - recommendation by filters of the interaction graph: GF-CF and BSPM.
//
// Definition   With N(u, i) = x(u, i) / sqrt(s_u s_i), s the sums of strengths, P = N^T N, D = diag(s_i), V the first
//              `dimensions` right singular vectors of N, L = D^-1/2 V V^T D^1/2 and x_u the row of a user's strengths:
//                gf-cf  score(u, .) = x_u P + w x_u L                                                           [1]
//                bspm   score(u, .) = (x_u P + w x_u L) S, merged early, or x_u P S + w x_u L, merged late        [2]
//              with w = low_pass_weight. x P is the heat equation's one Euler step over time 1, blurring; S integrates
//              dy/dt = -y P over `sharpening_time`: with h = time / steps each step is the polynomial 1 - h P (euler)
//              or 1 - h P + (h P)^2 / 2 - (h P)^3 / 6 + (h P)^4 / 24 (rk4), of which large h make a filter of its own.
// Sources      [1] Y. Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
//              [2] J. Choi et al., Blurring-Sharpening Process Models for Collaborative Filtering, SIGIR 2023, and the
//                  settings of its authors' code.
// Deviations   strengths other than 1 are weights in N; V comes from a randomised decomposition
//              (matrix/truncated_svd.hpp): quality after few iterations is that of the exact one (docs/results.md).
// Complexity   training: the decomposition. The model shares the matrix: 8 bytes an interaction and orientation (16
//              with strengths) and items x dimensions float32. P is never formed (interaction_graph.hpp). So a model
//              holds the interactions it was trained on, without ids.
// Numerics     blurring in float64; low-pass products and sharpening in float32, scores too. With rk4 and
//              sharpening_time beyond 2.7 a step amplifies what P keeps: scores grow with every step.
// Determinism  that of the decomposition; a user's score is computed by one thread or in fixed rows, alone or among
//              others.
// Checked by   tests/unit/model_graph_filter_test.cpp against tests/reference/naive_graph_filter.hpp, dense and in
//              float64; the contract suite; the published figures of gowalla in docs/results.md.
#ifndef WAYPOST_MODEL_GRAPH_FILTER_HPP_
#define WAYPOST_MODEL_GRAPH_FILTER_HPP_

#include <cstddef>
#include <new>
#include <utility>

#include "waypost/matrix/truncated_svd.hpp"
#include "waypost/model/graph_filter_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {
namespace internal {

// Row i: sqrt(s_i) times item i's elements of the right singular vectors.
template <typename Options>
absl::StatusOr<FactorMatrix> LowPassVectors(const InteractionGraph& graph, const Options& options,
                                            const TrainingControl& control, const Parallelism& parallelism) {
  CancelPoll cancelled(control);
  AlignedVector<float> row_scale(graph.users());
  for (std::size_t user = 0; user < row_scale.size(); ++user) row_scale[user] = std::sqrt(graph.user_scale[user]);
  const SvdOptions svd_options{
      .rank = static_cast<std::size_t>(options.dimensions), .iterations = options.iterations, .seed = options.seed};
  const SvdControl svd_control{
      .cancelled = [&] { return cancelled(); },
      .after_iteration =
          [&](int step) { return ReportProgress(control, {.epoch = step, .epochs = options.iterations}); }};
  WAYPOST_ASSIGN_OR_RETURN(const TruncatedSvd svd,
                           RightSingularVectors({graph.user_item, graph.item_user, row_scale, graph.item_scale.span()},
                                                svd_options, svd_control, parallelism));
  AlignedVector<float> rows(svd.right.values().begin(), svd.right.values().end());
  const std::size_t stride = svd.right.stride();
  for (std::size_t item = 0; item < graph.items(); ++item) {
    const float scale = graph.item_scale[item] > 0 ? 1 / graph.item_scale[item] : 0.0f;
    for (std::size_t k = 0; k < stride; ++k) rows[item * stride + k] *= scale;
  }
  return FactorMatrix(graph.items(), svd_options.rank, SharedArray<float>(std::move(rows)));
}

template <typename Options>
absl::StatusOr<GraphFilterModel> TrainGraphFilter(const InteractionMatrix& matrix, const Options& options,
                                                  const TrainingControl& control, const Parallelism& parallelism) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  InteractionGraph graph = MakeInteractionGraph(matrix);
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix low_pass, LowPassVectors(graph, options, control, parallelism));
  return GraphFilterModel(options, std::move(graph), std::move(low_pass));
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat("TrainGraphFilter: memory ended with ", matrix.users(), " users, ",
                                                   matrix.items(), " items and ", options.dimensions, " dimensions"));
}

}  // namespace internal

// Trains GF-CF [1]. Reports each iteration of the decomposition.
//
// Errors  kInvalidArgument: options out of range, an empty matrix, a strength out of range (names user and item), a
//         state or first vectors in `control`.  kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<GraphFilterModel> TrainGfCf(const InteractionMatrix& matrix, const GfCfOptions& options,
                                                  const TrainingControl& control = {},
                                                  const Parallelism& parallelism = {}) {
  return internal::TrainGraphFilter(matrix, options, control, parallelism);
}

// Trains BSPM [2]. Everything else as TrainGfCf.
inline absl::StatusOr<GraphFilterModel> TrainBspm(const InteractionMatrix& matrix, const BspmOptions& options,
                                                  const TrainingControl& control = {},
                                                  const Parallelism& parallelism = {}) {
  return internal::TrainGraphFilter(matrix, options, control, parallelism);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_GRAPH_FILTER_HPP_
