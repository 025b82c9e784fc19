// waypost/model/ials.hpp - matrix factorization of implicit interactions by alternating least squares (iALS).
//
// Objective    L(W, H) = sum over observed (u, i) of c_ui (w_u . h_i - 1)^2
//                      + alpha0 sum over all (u, i) of (w_u . h_i)^2
//                      + lambda (sum over u of #u^nu |w_u|^2 + sum over i of #i^nu |h_i|^2),
//              #u = (number of items of u) + alpha0 (number of items), #i = (number of users of i) + alpha0 (number of
//              users): the frequency-scaled regulariser of [1]. c_ui is the strength of the interaction, 1 where the
//              matrix is not weighted; it does not enter #u. score(u, i) = w_u . h_i in float32 (score_kernels.hpp).
// Sources      [1] S. Rendle, W. Krichene, L. Zhang, Y. Koren, Revisiting the Performance of iALS on Item
//                  Recommendation Benchmarks, RecSys 2022. [2] Y. Hu, Y. Koren, C. Volinsky, Collaborative Filtering
//                  for Implicit Feedback Datasets, ICDM 2008. [3] G. Takacs, I. Pilaszy, D. Tikk, Applications of the
//                  Conjugate Gradient Method for Implicit Feedback Collaborative Filtering, RecSys 2011.
//              [4] S. Rendle, W. Krichene, L. Zhang, Y. Koren, iALS++: Speeding up Matrix Factorization with Subspace
//                  Optimization, 2021 (the block solver). [5] N. Halko, P. G. Martinsson, J. A. Tropp, Finding
//                  Structure with Randomness, SIAM Review 53(2), 2011 (the subspace iteration of the start). [6] Y.
//                  Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021 (the matrix it is of).
// Deviations   (a) A half-epoch starts by rotating both sides into the eigenbasis of the fixed side's Gramian, which
//              changes no score and makes alpha0 H^T H + lambda_u I diagonal for every row: rows with n < d entries are
//              then solved by an n x n system, exactly (ials_kernels.hpp), and conjugate gradients are preconditioned
//              by that diagonal. (b) Training ends with an exact pass over users, whatever the solver, so that a stored
//              row is the fold-in of its history. (c) Diagonals are kept above 1e-6 of their largest element: below
//              that, float32 factors are noise. (d) Unless init_sd is set, the items begin with D^1/2 times an
//              approximate basis of the strongest d right singular vectors of E^-1/2 R D^-1/2 (R the interactions as
//              ones, E and D the numbers of entries of its rows and columns): two subspace iterations from random
//              vectors [5] on the matrix of [6], then made orthogonal with columns of one length. In two sparse
//              products a pass this begins near where random items are after two to four epochs: docs/results.md.
// Complexity   the start: 4 d additions an entry, 1.5 I d^2 and 9 d^3 multiply-adds. An epoch: 2 (U + I) d^2 for
//              Gramians and rotations, about 18 d^3 for two eigenvector problems, and per row of n entries
//              n^2 (d + n/3) for n < d, else d^2 (n + d/3), multiply-adds of half that many flops. Memory (U + I) d
//              float32 and O(d^2) a thread.
// Numerics     Gramians float64 over blocks of float32, eigenvectors float64, rows float32: relative error of a row
//              below 1e-4 at a condition number of 1e3. The loss is measured at the stored vectors and summed in
//              float64. Rows and columns without entries are zero vectors. Factors are finite for every valid input.
// Determinism  A row is a function of its own entries; sums are formed in fixed blocks and combined in order; the first
//              item vectors come from one random stream an item. Equal bytes for any number of threads.
// Checked by   tests/unit/model_ials_test.cpp, model_ials_start_test.cpp and model_ials_kernels_test.cpp against
//              tests/reference/naive_ials.hpp; the loss never rises; fold-in equals the stored row; explanations
//              add up; planted truth.
#ifndef WAYPOST_MODEL_IALS_HPP_
#define WAYPOST_MODEL_IALS_HPP_

#include "waypost/model/ials_model.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/ials_trainer.hpp"
#include "waypost/model/ials_training.hpp"

#endif  // WAYPOST_MODEL_IALS_HPP_
