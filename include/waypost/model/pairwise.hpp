// waypost/model/pairwise.hpp - ranking by pairs: Bayesian personalised ranking (BPR) and the weighted approximate-rank
// pairwise loss (WARP), by stochastic gradient steps.
//
// Objective    score(u, i) = w_u . h_i + b_i. BPR: the sum over interactions (u, i) of the mean over items j that u has
//              not of c_ui log(1 + exp(score(u, j) - score(u, i))). WARP: the same of c_ui L(rank) max(0, 1 +
//              score(u, j) - score(u, i)), where L(rank) is the logarithm of the rank of i that the number of draws
//              until a violation tells, over the logarithm of the number of items. Both with lambda / 2 times the
//              squared vectors of each step. c_ui is the strength of the interaction over the mean one, at most 10.
// Sources      [1] S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, BPR: Bayesian Personalized Ranking from
//                  Implicit Feedback, UAI 2009. [2] J. Weston, S. Bengio, N. Usunier, WSABIE: Scaling Up to Large
//                  Vocabulary Image Annotation, IJCAI 2011 (WARP). [3] R. Gemulla, P. Haas, E. Nijkamp, Y. Sismanis,
//                  Large-Scale Matrix Factorization with Distributed Stochastic Gradient Descent, KDD 2011 (strata).
// Deviations   (a) Interactions are visited once an epoch in random order, not drawn with replacement as in [1].
//              (b) Strata as in [3], but of items drawn anew each epoch, and the negative comes from the positive's
//              stratum: over the epochs every pair can meet, steps of several threads never touch the same vector, and
//              the vectors of a stratum lie in the cache. (c) Training begins with the vectors of
//              spectral_start.hpp, not with random ones: docs/results.md. (d) It ends with a fold-in of
//              every user, so that a stored row is the fold-in of its history. (e) L(rank) is a logarithm, not a
//              harmonic number, so that one learning rate suits catalogues of any size.
// Complexity   pairwise_training.hpp. Determinism  Equal bytes for any number of threads; between instruction sets
//              results agree in quality, not in digits: rounding decides which negatives WARP meets.
// Checked by   tests/unit/model_pairwise_test.cpp and model_pairwise_kernels_test.cpp against
//              tests/reference/naive_pairwise.hpp; the contract suite; planted truth.
#ifndef WAYPOST_MODEL_PAIRWISE_HPP_
#define WAYPOST_MODEL_PAIRWISE_HPP_

#include "waypost/model/pairwise_model.hpp"
#include "waypost/model/pairwise_options.hpp"
#include "waypost/model/pairwise_training.hpp"

#endif  // WAYPOST_MODEL_PAIRWISE_HPP_
