"""lightfm-next (LightFM): trainings by the WARP loss. The item biases are the last of the given dimensions."""

import argparse
import sys

import numpy as np
from lightfm import LightFM

import report
from matrices import read_matrix


def tables(model: LightFM) -> tuple[np.ndarray, np.ndarray]:
    ones = np.ones((len(model.user_embeddings), 1), np.float32)
    return np.hstack([model.user_embeddings, ones]), np.hstack([model.item_embeddings, model.item_biases[:, None]])


def make(options: argparse.Namespace) -> LightFM:
    return LightFM(
        no_components=options.dimensions - 1,
        loss="warp",
        learning_rate=options.learning_rate,
        random_state=options.seed,
    )


def train(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).tocoo()
    timing, model = report.timed(
        lambda: make(options).fit(matrix, epochs=options.epochs, num_threads=options.threads), options.repeats
    )
    report.emit_training("lightfm", "lightfm-next", options, timing, lambda: tables(model))


def trajectory(options: argparse.Namespace) -> None:
    matrix = read_matrix(options.train).tocoo()
    model, seconds = make(options), 0.0
    for number in range(1, options.epochs + 1):
        timing, _ = report.timed(lambda: model.fit_partial(matrix, epochs=1, num_threads=options.threads), 1)
        seconds += timing["cpu_seconds"][0]
        report.keep_epoch(options, number, seconds, *tables(model))


def pairs(options: argparse.Namespace) -> None:
    """Seconds an epoch."""
    matrix = read_matrix(options.train).tocoo()
    timing, model = report.timed(
        lambda: make(options).fit(matrix, epochs=options.epochs, num_threads=options.threads), options.repeats
    )
    timing = report.per_epoch(timing, options.epochs)
    report.emit_training("lightfm", "lightfm-next", options, timing, lambda: tables(model))


COMMANDS = {"train": train, "trajectory": trajectory, "pairs": pairs}

if __name__ == "__main__":
    command = COMMANDS[sys.argv.pop(1)]
    command(
        report.arguments(
            train="", factors="", dimensions=64, epochs=1, learning_rate=0.05, seed=42, threads=2, repeats=1,
        )
    )  # fmt: skip
