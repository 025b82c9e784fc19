// waypost/model/logistic_mf.hpp - logistic matrix factorization: the probability that a user takes an item.
//
// Objective    minimise over vectors x_u, y_i and biases b_u, b_i, with z_ui = x_u . y_i + b_u + b_i: the sum over all
//              pairs of (1 + alpha r_ui) log(1 + exp(z_ui)) - alpha r_ui z_ui, and lambda / 2 times the squares of all
//              vectors and biases; r_ui is the strength of an interaction, 0 without one. A score is z_ui: the
//              log-odds.
// Sources      [1] C. C. Johnson, Logistic Matrix Factorization for Implicit Feedback Data, NIPS workshop, 2014.
// Deviations   (a) Rows take Newton steps (logistic_mf_row.hpp) in place of the gradient steps of [1]: each row's
//              problem is convex. (b) The sum over all pairs runs over a background of rows that stand for all, drawn
//              anew for each half of an epoch, one for all rows of the other side; with `background` 0 it is the sum of
//              [1]. (c) Biases are regularized too: a user without interactions would have none that is finite. (d) It
//              ends with a fold-in of every user on a background that stays with the model, so that a stored row is the
//              fold-in of its history.
// Complexity   logistic_mf_row.hpp for each row; without `background` O(users x items x d) an epoch.
// Determinism  backgrounds come from one stream each, a row is solved by one thread while the other side stays.
// Checked by   tests/unit/model_logistic_mf_test.cpp against tests/reference/naive_logistic_mf.hpp: the optimality of
//              rows, the objective after training; the contract suite.
#ifndef WAYPOST_MODEL_LOGISTIC_MF_HPP_
#define WAYPOST_MODEL_LOGISTIC_MF_HPP_

#include "waypost/model/logistic_mf_model.hpp"
#include "waypost/model/logistic_mf_options.hpp"
#include "waypost/model/logistic_mf_training.hpp"

#endif  // WAYPOST_MODEL_LOGISTIC_MF_HPP_
