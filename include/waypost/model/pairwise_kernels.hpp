// waypost/model/pairwise_kernels.hpp - the steps of BPR and WARP, one table per instruction set. pairwise.hpp says what
// they minimise.
//
// Step          For a positive item i of a user and a negative item j: w <- (1 - rho lambda) w + rho c z (h_i - h_j),
//               h_i <- (1 - rho lambda) h_i + rho c z w, h_j <- (1 - rho lambda) h_j - rho c z w, all from the vectors
//               before the step, rho the learning rate, c the sample's weight. BPR: z = 1 / (1 + exp(w.h_i - w.h_j)),
//               j the first item drawn that the user has not. WARP: j the first such item drawn with w.h_j > w.h_i - 1,
//               z = rank_weights[t] for the t-th draw, no step after max_trials draws.
// Determinism   Sequential functions of their arguments. Draws are of SplitMix64, below n with a bias under n / 2^32.
// Checked by    tests/unit/model_pairwise_kernels_test.cpp against tests/reference/naive_pairwise.hpp.
#ifndef WAYPOST_MODEL_PAIRWISE_KERNELS_HPP_
#define WAYPOST_MODEL_PAIRWISE_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

// One visit of an interaction.
struct PairwiseSample {
  std::uint32_t user;
  std::uint32_t item;
  float weight;
};

struct PairwiseStep {
  std::size_t stride;         // of every table: a multiple of 16
  std::size_t bias;           // the column of the items' biases; a user's vector has 1 there
  float learning_rate;        // rho
  float regularization;       // lambda
  const float* rank_weights;  // float32[max_trials]; null: BPR
  int max_trials;
};

// The tables that training changes: 64-byte aligned, rows of `stride`.
struct PairwiseTables {
  float* users;
  float* items;
  const std::uint64_t* offsets;  // a user's items, ascending: columns[offsets[user]..offsets[user + 1])
  const std::uint32_t* columns;
};

// A user whose vector is sought while the items stay.
struct PairwiseFoldIn {
  const float* items;  // float32[item_count x stride]
  std::size_t item_count;
  const std::uint32_t* columns;  // ascending
  const float* weights;          // float32[size]
  std::size_t size;              // at least 1
};

// What a step of a fold-in did: w <- shrink w + amount (h of the history's item `position` - h of `negative`).
struct PairwiseTerm {
  std::uint32_t position;
  std::uint32_t negative;
  float shrink;
  float amount;  // 0 with shrink 1: there was no step
};

struct PairwiseKernels {
  // Visits the samples in order. Negatives come from `candidates`.
  // Requires  no other call uses the samples' users, their items or the candidates meanwhile.
  void (*train)(const PairwiseTables& tables, const PairwiseStep& step, const PairwiseSample* samples,
                std::size_t count, const std::uint32_t* candidates, std::size_t candidate_count, std::uint64_t seed);

  // Makes `steps` steps for the user's items in turn, with the learning rate falling linearly to a tenth.
  //   vector   float32[stride], 64-byte aligned: the vector to begin with, changed.
  //   terms    null or PairwiseTerm[steps]: what each step did.
  void (*fold_in)(const PairwiseFoldIn& user, const PairwiseStep& step, std::size_t steps, std::uint64_t seed,
                  float* vector, PairwiseTerm* terms);
};

// The part of the learning rate that is left after `done` of `all` steps.
constexpr float PairwiseDecay(std::size_t done, std::size_t all) {
  return 1.0f - 0.9f * (static_cast<float>(done) / static_cast<float>(all));
}

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const PairwiseKernels& GetPairwiseKernels();

}  // namespace waypost

#else

#include "waypost/model/pairwise_kernels_inline.hpp"

namespace waypost {

inline const PairwiseKernels& GetPairwiseKernels() {
  return simd::WAYPOST_SIMD_TARGET::PairwiseKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_MODEL_PAIRWISE_KERNELS_HPP_
