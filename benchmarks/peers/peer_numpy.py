"""NumPy: the rate of a float32 matrix product, and a plain evaluator that checks Waypost's."""

import argparse
import sys

import numpy as np

import metrics
import report
from matrices import read_factors, read_matrix


def sgemm(options: argparse.Namespace) -> None:
    size = 4096
    random = np.random.default_rng(1)
    a = random.standard_normal((size, size), dtype=np.float32)
    b = random.standard_normal((size, size), dtype=np.float32)
    out = np.empty((size, size), np.float32)
    np.matmul(a, b, out=out)  # the first call starts the threads
    timing, _ = report.timed(lambda: np.matmul(a, b, out=out), options.repeats)
    rates = [2 * size**3 / seconds for seconds in timing["seconds"]]
    report.emit("numpy", "numpy", "sgemm 4096", options.threads, **timing, flops_per_second=rates)


def evaluate(options: argparse.Namespace) -> None:
    """recall@20 and ndcg@20 of the first users with test items, from scores in float64."""
    train, test = read_matrix(options.train), read_matrix(options.test)
    users = read_factors(options.factors + ".users.f32", options.dimensions).astype(np.float64)
    items = read_factors(options.factors + ".items.f32", options.dimensions).astype(np.float64)
    recalls, ndcgs = [], []
    for user in np.flatnonzero(np.diff(test.indptr) > 0)[: options.users]:
        scores = items @ users[user]
        scores[train[user].indices] = -np.inf
        ranked = np.argsort(-scores, kind="stable")[:20].tolist()
        relevant = set(test[user].indices.tolist())
        recalls.append(metrics.recall(ranked, relevant, 20))
        ndcgs.append(metrics.ndcg(ranked, relevant, 20))
    sample = {"recall@20": float(np.mean(recalls)), "ndcg@20": float(np.mean(ndcgs))}
    report.emit("numpy", "numpy", "all users", 1, sample_quality=sample, users=len(recalls))


if __name__ == "__main__":
    command = {"sgemm": sgemm, "evaluate": evaluate}[sys.argv.pop(1)]
    command(report.arguments(train="", test="", factors="", dimensions=64, users=500, threads=2, repeats=1))
