"""irspack: trainings (the objective of Waypost's iALS), item kNN, fold-in, evaluation."""

import argparse
import contextlib
import sys
from pathlib import Path

import numpy as np
from irspack.evaluation import Evaluator
from irspack.recommenders import CosineKNNRecommender
from irspack.recommenders.ials import IALSRecommender

import report
from matrices import read_factors, read_matrix, write_matrix

SOLVERS = {"cg": "CG", "exact": "CHOLESKY", "block": "IALSPP"}


def ials(options: argparse.Namespace, matrix) -> IALSRecommender:
    return IALSRecommender(
        matrix,
        n_components=options.dimensions,
        alpha0=options.unobserved_weight,
        reg=options.regularization,
        nu=1.0,
        solver_type=SOLVERS[options.solver],
        max_cg_steps=options.cg_steps,
        ialspp_subspace_dimension=options.block,
        n_threads=options.threads,
        train_epochs=options.epochs,
        random_seed=options.seed,
    )


def train(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).astype(np.float64)

    def work() -> IALSRecommender:
        model = ials(options, matrix)
        with contextlib.redirect_stdout(sys.stderr):  # where its progress bar goes
            model.learn()
        return model

    timing, model = report.timed(work, options.repeats)
    trainer = model.trainer.core_trainer
    report.emit_training("irspack", "irspack", options, timing, lambda: (trainer.user, trainer.item))


def epoch(options: argparse.Namespace) -> None:
    """The first epoch does not count, as with Waypost; `--rows-step N` solves every N-th row of a side and scales."""
    matrix = read_matrix(options.train).astype(np.float64)
    if options.rows_step > 1:
        return sampled_epoch(options, matrix)
    timing = {"seconds": [], "cpu_seconds": []}
    for _ in range(options.repeats):
        model = ials(options, matrix)
        model.trainer = model._create_trainer()
        model.trainer.run_epoch()
        each, _ = report.timed(model.trainer.run_epoch, options.epochs - 1)
        for name, values in each.items():
            timing[name] += values
    report.emit("irspack", "irspack", f"d={options.dimensions}", options.threads, **timing)


def sampled_epoch(options: argparse.Namespace, matrix) -> None:
    """Solves every N-th row of both sides as new rows beside trained factors, and scales by the number of rows."""
    total, cpu_total = 0.0, 0.0
    for side in (matrix, matrix.T.tocsr()):
        solver = ials(options, side)._create_trainer().solver_config
        warm = argparse.Namespace(**(vars(options) | {"solver": "cg"}))
        trainer = ials(warm, side)._create_trainer()
        trainer.run_epoch()
        sample = side[:: options.rows_step].astype(np.float32)
        one, _ = report.timed(lambda: trainer.core_trainer.transform_user(sample[:1], solver), 1)
        all_rows, _ = report.timed(lambda: trainer.core_trainer.transform_user(sample, solver), 1)
        scale = side.shape[0] / sample.shape[0]  # what one row costs is mostly the Gramian, which is paid once
        total += one["seconds"][0] + scale * (all_rows["seconds"][0] - one["seconds"][0])
        cpu_total += one["cpu_seconds"][0] + scale * (all_rows["cpu_seconds"][0] - one["cpu_seconds"][0])
    report.emit(
        "irspack", "irspack", f"d={options.dimensions}", options.threads,
        seconds=[total], cpu_seconds=[cpu_total], sampled_rows=1 / options.rows_step,
    )  # fmt: skip


def trajectory(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).astype(np.float64)
    trainer = ials(options, matrix)._create_trainer()
    seconds = 0.0
    for number in range(1, options.epochs + 1):
        timing, _ = report.timed(trainer.run_epoch, 1)
        seconds += timing["cpu_seconds"][0]
        report.keep_epoch(options, number, seconds, trainer.core_trainer.user, trainer.core_trainer.item)


def item_knn(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).astype(np.float64)

    def work() -> CosineKNNRecommender:
        model = CosineKNNRecommender(matrix, top_k=200, shrinkage=0, normalize=True, n_threads=options.threads)
        model.learn()
        return model

    timing, model = report.timed(work, options.repeats)
    if options.similarity:
        write_matrix(Path(options.similarity), model.W.tocsr().astype(np.float32), weighted=True)
    report.emit("irspack", "irspack", "cosine 200", options.threads, **timing, entries=int(model.W.nnz))


def with_factors(options: argparse.Namespace, matrix) -> IALSRecommender:
    """A model that holds the factors of the file, as if it had been trained with them."""
    model = ials(options, matrix)
    model.trainer = model._create_trainer()
    model.trainer.core_trainer.user = read_factors(options.factors + ".users.f32", options.dimensions)
    model.trainer.core_trainer.item = read_factors(options.factors + ".items.f32", options.dimensions)
    return model


def fold_in(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).astype(np.float64)
    model = with_factors(options, matrix)
    histories = [
        report.first_items(matrix[user], options.items)
        for user in np.flatnonzero(np.diff(matrix.indptr) >= options.items)[: options.histories]
    ]
    timing = report.timed_queries(
        lambda n: model.compute_user_embedding(histories[n]), len(histories), options.repeats
    )
    report.emit("irspack", "irspack", f"items={options.items}", 1, **timing, histories=len(histories))


def evaluate(options: argparse.Namespace) -> None:
    matrix, test = read_matrix(options.train).astype(np.float64), read_matrix(options.test)
    model = with_factors(options, matrix)
    evaluator = Evaluator(test, cutoff=20, n_threads=options.threads)
    timing, scores = report.timed(lambda: evaluator.get_scores(model, [20]), options.repeats)
    quality = {"ndcg@20": float(scores["ndcg@20"]), "recall@20": float(scores["recall@20"])}
    report.emit("irspack", "irspack", "all users", options.threads, **timing, quality=quality)


COMMANDS = {
    "train": train,
    "trajectory": trajectory,
    "epoch": epoch,
    "item-knn": item_knn,
    "fold-in": fold_in,
    "evaluate": evaluate,
}

if __name__ == "__main__":
    command = COMMANDS[sys.argv.pop(1)]
    command(
        report.arguments(
            train="", test="", factors="", similarity="", dimensions=64, epochs=1, unobserved_weight=0.02,
            regularization=0.0035, solver="cg", cg_steps=3, seed=42, block=64, rows_step=1, items=50, histories=1000,
            threads=2, repeats=1,
        )
    )  # fmt: skip
