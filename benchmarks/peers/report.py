"""What one measurement says: a JSON object on one line, the same keys as program/report.hpp writes for Waypost."""

import argparse
import importlib.metadata
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from matrices import write_factors


def arguments(**defaults: Any) -> argparse.Namespace:
    """Reads --name value for each name; its type is that of the default. A default of `...` makes it required."""
    parser = argparse.ArgumentParser()
    for name, default in defaults.items():
        kind = str if default is ... else type(default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, required=default is ..., default=default)
    return parser.parse_args()


def timed(work: Callable[[], Any], repeats: int) -> tuple[dict[str, list[float]], Any]:
    """Runs `work` `repeats` times; returns wall and processor seconds of each, and the last result."""
    seconds, cpu_seconds, result = [], [], None
    for _ in range(repeats):
        result = None
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds}, result


def timed_queries(query: Callable[[int], Any], count: int, repeats: int) -> dict[str, list[float]]:
    """One call a query: the median of each pass over all queries, after one pass that warms the caches."""
    medians, means, cpu_seconds = [], [], []
    for number in range(repeats + 1):
        each = []
        cpu, wall = time.process_time(), time.perf_counter()
        for n in range(count):
            begin = time.perf_counter()
            query(n)
            each.append(time.perf_counter() - begin)
        total, used = time.perf_counter() - wall, time.process_time() - cpu
        if number > 0:
            medians.append(statistics.median(each))
            means.append(total / count)
            cpu_seconds.append(used / count)
    return {"seconds": medians, "mean_seconds": means, "cpu_seconds": cpu_seconds}


def peak_rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def first_items(row: sp.csr_matrix, count: int) -> sp.csr_matrix:
    """The first `count` items of a user's history."""
    return sp.csr_matrix((row.data[:count], row.indices[:count], [0, count]), shape=row.shape)


def keep_epoch(options: argparse.Namespace, number: int, cpu_seconds: float, users, items) -> None:
    """Keeps the factors after an epoch in files, for the one evaluator, and says so on a line."""
    for name, factors in (("users", users), ("items", items)):
        write_factors(Path(f"{options.factors}.{number}.{name}.f32"), factors)
    print(json.dumps({"epoch": number, "cpu_seconds": cpu_seconds}), flush=True)


def per_epoch(timing: dict[str, list[float]], epochs: int) -> dict[str, list[float]]:
    return {name: [second / epochs for second in seconds] for name, seconds in timing.items()}


def emit_training(
    library: str, package: str, options: argparse.Namespace, timing: dict[str, list[float]], tables: Callable[[], tuple]
) -> None:
    """Prints the line of a training; the users and items that `tables` returns go into files where asked for."""
    peak = peak_rss_bytes()  # before the tables are made
    if options.factors:
        for name, table in zip(("users", "items"), tables()):
            write_factors(f"{options.factors}.{name}.f32", table)
    emit(library, package, f"d={options.dimensions}", options.threads, **timing, training_peak_rss_bytes=peak)


def emit(library: str, package: str, case: str, threads: int, **members: Any) -> None:
    """Prints the line; `package` is whose version is meant."""
    line = {"library": library, "version": importlib.metadata.version(package), "case": case, "threads": threads}
    print(json.dumps(line | members | {"peak_rss_bytes": peak_rss_bytes()}), flush=True)
