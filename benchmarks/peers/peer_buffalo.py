"""buffalo: trainings, in an environment of its own (it needs NumPy 1.24). From 128 dimensions on it trains by iALS++
whatever solver was asked for. The loss has weight 1 on unobserved pairs, 1 + alpha on observed ones and the same ridge
on every row."""

import argparse
import sys
import tempfile

import numpy as np
from buffalo import ALS, ALSOption, MatrixMarketOptions
from buffalo.misc import aux, log

import report
from matrices import read_matrix

SOLVERS = {"cg": "manual_cg", "exact": "llt", "block": "ialspp"}


def prepare(options: argparse.Namespace, folder: str) -> ALS:
    """Hands the matrix over; buffalo keeps it in a file of its own. Not part of the timed training."""
    data = MatrixMarketOptions().get_default_option()
    data.data.path = folder + "/matrix.h5py"
    data.data.tmp_dir = folder
    data.data.use_cache = False
    data.data.validation = aux.Option({})
    data.data.internal_data_type = "matrix"
    data.input.main = read_matrix(options.train)
    option = ALSOption().get_default_option()
    option.d = options.dimensions
    option.num_iters = 1
    option.num_workers = options.threads
    option.validation = aux.Option({})
    option.compute_loss_on_training = False
    option.evaluation_on_learning = False
    option.random_seed = options.seed
    option.optimizer = SOLVERS[options.solver]
    option.reg_u = option.reg_i = options.regularization
    option.alpha = options.alpha
    option.num_cg_max_iters = options.cg_steps
    model = ALS(option, data_opt=data)
    model.initialize()
    return model


def run(options: argparse.Namespace, keep_epochs: bool) -> None:
    log.set_log_level(0)
    total = {"seconds": [], "cpu_seconds": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            model = prepare(options, folder)
            sums = {"seconds": 0.0, "cpu_seconds": 0.0}
            for number in range(1, options.epochs + 1):
                timing, _ = report.timed(model.train, 1)
                for name in sums:
                    sums[name] += timing[name][0]
                if keep_epochs:
                    report.keep_epoch(
                        options, number, sums["cpu_seconds"], np.asarray(model.P), np.asarray(model.Q)
                    )
            for name, value in sums.items():
                total[name].append(value)
    if not keep_epochs:
        report.emit_training("buffalo", "buffalo", options, total, lambda: (np.asarray(model.P), np.asarray(model.Q)))


if __name__ == "__main__":
    command = sys.argv.pop(1)
    run(
        report.arguments(
            train="", factors="", dimensions=64, epochs=1, regularization=0.1, alpha=8.0, solver="cg", cg_steps=3,
            seed=42, threads=2, repeats=1,
        ),
        keep_epochs={"train": False, "trajectory": True}[command],
    )  # fmt: skip
