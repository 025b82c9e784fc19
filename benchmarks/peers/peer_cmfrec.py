"""cmfrec: trainings. The loss has weight 1 on unobserved pairs, 1 + alpha on observed ones and the same ridge on every
row."""

import argparse
import sys

import numpy as np
import scipy.sparse as sp
from cmfrec import CMF_implicit

import report
from matrices import read_matrix


def fit(options: argparse.Namespace, matrix: sp.coo_matrix, epochs: int) -> CMF_implicit:
    model = CMF_implicit(
        k=options.dimensions,
        lambda_=options.regularization,
        alpha=options.alpha,
        use_cg=options.solver == "cg",
        max_cg_steps=options.cg_steps,
        niter=epochs,
        finalize_chol=False,
        precompute_for_predictions=False,
        use_float=True,
        random_state=options.seed,
        verbose=False,
        nthreads=options.threads,
    )
    return model.fit(matrix)


def train(options: argparse.Namespace) -> None:
    matrix = sp.coo_matrix(read_matrix(options.train))
    timing, model = report.timed(lambda: fit(options, matrix, options.epochs), options.repeats)
    report.emit_training("cmfrec", "cmfrec", options, timing, lambda: (model.A_, model.B_))


def trajectory(options: argparse.Namespace) -> None:
    """cmfrec tells nothing between epochs: each length is a training of its own."""
    matrix = sp.coo_matrix(read_matrix(options.train))
    for number in (n for n in (2, 4, 6, 8, 12, 16) if n <= options.epochs):
        timing, model = report.timed(lambda: fit(options, matrix, number), 1)
        report.keep_epoch(options, number, timing["cpu_seconds"][0], np.asarray(model.A_), np.asarray(model.B_))


COMMANDS = {"train": train, "trajectory": trajectory}

if __name__ == "__main__":
    command = COMMANDS[sys.argv.pop(1)]
    command(
        report.arguments(
            train="", factors="", dimensions=64, epochs=1, regularization=1.0, alpha=1.0, solver="cg", cg_steps=3,
            seed=42, threads=2, repeats=1,
        )
    )  # fmt: skip
