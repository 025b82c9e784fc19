"""implicit: trainings, item kNN, recommendations for all users, fold-in, evaluation, opening a model.

The loss has weight 1 on unobserved pairs, 1 + alpha on observed ones and the same ridge on every row.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.evaluation import ranking_metrics_at_k
from implicit.nearest_neighbours import CosineRecommender

import report
from matrices import read_factors, read_matrix, write_factors, write_matrix


def als(options: argparse.Namespace, epochs: int) -> AlternatingLeastSquares:
    model = AlternatingLeastSquares(
        factors=options.dimensions,
        regularization=options.regularization,
        alpha=options.alpha,
        use_cg=options.solver == "cg",
        iterations=epochs,
        num_threads=options.threads,
        random_state=options.seed,
    )
    model.cg_steps = options.cg_steps
    return model


def train(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train)

    def work() -> AlternatingLeastSquares:
        model = als(options, options.epochs)
        model.fit(matrix, show_progress=False)
        return model

    timing, model = report.timed(work, options.repeats)
    report.emit_training("implicit", "implicit", options, timing, lambda: (model.user_factors, model.item_factors))


def trajectory(options: argparse.Namespace) -> None:
    matrix, model = read_matrix(options.train), als(options, options.epochs)
    stamps = [time.process_time()]
    seconds = 0.0

    def after_epoch(iteration: int, *_) -> None:
        nonlocal seconds
        seconds += time.process_time() - stamps[-1]
        report.keep_epoch(options, iteration + 1, seconds, model.user_factors, model.item_factors)
        stamps.append(time.process_time())

    model.fit(matrix, show_progress=False, callback=after_epoch)


def epoch(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train)
    seconds, cpu_seconds = [], []
    for _ in range(options.repeats):
        stamps = []
        als(options, options.epochs).fit(
            matrix, show_progress=False, callback=lambda *_: stamps.append((time.perf_counter(), time.process_time()))
        )
        seconds += [b[0] - a[0] for a, b in zip(stamps, stamps[1:])]
        cpu_seconds += [b[1] - a[1] for a, b in zip(stamps, stamps[1:])]
    report.emit(
        "implicit", "implicit", f"d={options.dimensions}", options.threads, seconds=seconds, cpu_seconds=cpu_seconds
    )


def item_knn(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train)

    def work() -> CosineRecommender:
        model = CosineRecommender(K=200, num_threads=options.threads)
        model.fit(matrix, show_progress=False)
        return model

    timing, model = report.timed(work, options.repeats)
    if options.similarity:
        write_matrix(Path(options.similarity), model.similarity.tocsr().astype(np.float32), weighted=True)
    report.emit(
        "implicit", "implicit", "cosine 200", options.threads, **timing, entries=int(model.similarity.nnz)
    )


def with_factors(options: argparse.Namespace) -> AlternatingLeastSquares:
    """A model that holds the factors of the file, as if it had been trained with them."""
    model = als(options, 1)
    model.user_factors = read_factors(options.factors + ".users.f32", options.dimensions)
    model.item_factors = read_factors(options.factors + ".items.f32", options.dimensions)
    return model


def recommend_all(options: argparse.Namespace) -> None:
    matrix, model = read_matrix(options.train), with_factors(options)
    users = np.arange(matrix.shape[0])
    for count in (int(k) for k in options.k.split(",")):
        timing, (_, scores) = report.timed(
            lambda: model.recommend(users, matrix, N=count, filter_already_liked_items=True), options.repeats
        )
        report.emit(
            "implicit", "implicit", f"n={count}", options.threads, **timing,
            users=len(users), score_sum=float(scores.sum(dtype=np.float64)),
        )  # fmt: skip


def fold_in(options: argparse.Namespace) -> None:
    matrix, model = read_matrix(options.train), with_factors(options)
    histories = [
        report.first_items(matrix[user], options.items)
        for user in np.flatnonzero(np.diff(matrix.indptr) >= options.items)[: options.histories]
    ]
    timing = report.timed_queries(lambda n: model.recalculate_user(0, histories[n]), len(histories), options.repeats)
    report.emit("implicit", "implicit", f"items={options.items}", 1, **timing, histories=len(histories))


def evaluate(options: argparse.Namespace) -> None:
    matrix, test, model = read_matrix(options.train), read_matrix(options.test), with_factors(options)
    timing, metrics = report.timed(
        lambda: ranking_metrics_at_k(
            model, matrix, test, K=20, show_progress=False, num_threads=options.threads
        ),
        options.repeats,
    )
    report.emit(
        "implicit", "implicit", "all users", options.threads, **timing, quality={"ndcg@20": float(metrics["ndcg"])}
    )


def make_model(options: argparse.Namespace) -> None:
    model = with_factors(options)
    model.save(options.out)


def open_model(options: argparse.Namespace) -> None:
    before = report.resident_bytes()
    first = []

    def work() -> AlternatingLeastSquares:
        return AlternatingLeastSquares.load(options.model)

    timing, model = report.timed(work, options.repeats)
    begin = time.perf_counter()
    model.recommend(0, None, N=10, filter_already_liked_items=False)
    first.append(time.perf_counter() - begin)
    touched = report.resident_bytes() - before
    report.emit("implicit", "implicit", "load", 1, **timing, first_answer_seconds=first, touched_bytes=touched)


def pairs(options: argparse.Namespace) -> None:
    """BPR: seconds an epoch."""
    matrix = read_matrix(options.train)

    def make() -> BayesianPersonalizedRanking:
        model = BayesianPersonalizedRanking(
            factors=options.dimensions - 1, iterations=options.epochs, learning_rate=options.learning_rate,
            regularization=options.regularization, random_state=options.seed, num_threads=options.threads,
        )  # fmt: skip
        model.fit(matrix, show_progress=False)
        return model

    timing, model = report.timed(make, options.repeats)
    timing = report.per_epoch(timing, options.epochs)
    report.emit_training("implicit", "implicit", options, timing, lambda: (model.user_factors, model.item_factors))


def bpr(options: argparse.Namespace) -> None:
    """Factors without the norms' skew of ALS, for the exact top-k: not timed."""
    model = BayesianPersonalizedRanking(
        factors=options.dimensions - 1, iterations=60, learning_rate=0.05, regularization=0.01,
        random_state=1, num_threads=1,
    )  # fmt: skip
    model.fit(read_matrix(options.train), show_progress=False)
    write_factors(options.factors + ".users.f32", model.user_factors)
    write_factors(options.factors + ".items.f32", model.item_factors)


COMMANDS = {
    "train": train,
    "trajectory": trajectory,
    "epoch": epoch,
    "item-knn": item_knn,
    "recommend-all": recommend_all,
    "fold-in": fold_in,
    "evaluate": evaluate,
    "make-model": make_model,
    "open": open_model,
    "bpr": bpr,
    "pairs": pairs,
}

if __name__ == "__main__":
    command = COMMANDS[sys.argv.pop(1)]
    command(
        report.arguments(
            train="", test="", factors="", model="", out="", similarity="", dimensions=64, epochs=1,
            regularization=0.01, learning_rate=0.05, alpha=1.0, solver="cg", cg_steps=3, seed=42, k="20", items=50, histories=1000,
            threads=2, repeats=1,
        )
    )  # fmt: skip
