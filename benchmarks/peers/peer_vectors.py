"""faiss, hnswlib and usearch: the best items for one query vector a call, on one thread.

Exact: faiss IndexFlatIP, as shipped and with its reservoir. Approximate: faiss IVF, hnswlib, usearch, each at the first
of its growing settings whose recall reaches 0.95. `overhead` is what a call through Python costs on an index of k + 1
vectors: the driver takes it off, in the peers' favour.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import faiss
import hnswlib
import numpy as np
from usearch.index import Index as UsearchIndex

import report
from matrices import query_users, read_factors

Search = Callable[[np.ndarray, int], np.ndarray]  # one query (1 x d), k -> item indices


def flat(items: np.ndarray, _: int) -> Iterator[tuple[str, Search]]:
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    yield "exact", lambda query, k: index.search(query, k)[1][0]


def ivf(items: np.ndarray, _: int) -> Iterator[tuple[str, Search]]:
    lists = max(1, min(int(4 * np.sqrt(len(items))), len(items) // 40))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(items.shape[1]), items.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.train(items)
    index.add(items)
    for probes in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        index.nprobe = min(probes, lists)
        yield f"lists={lists} probes={index.nprobe}", lambda query, k: index.search(query, k)[1][0]


WIDTHS = (16, 32)  # links of a vertex: 16 is the faster where it reaches the recall
EFFORTS = (10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 1280)


def hnsw(items: np.ndarray, k: int) -> Iterator[tuple[str, Search]]:
    for width in WIDTHS:
        index = hnswlib.Index("ip", items.shape[1])
        index.init_index(len(items), ef_construction=200, M=width)
        index.add_items(items, num_threads=2)
        index.set_num_threads(1)
        for effort in (n for n in EFFORTS if n >= k):
            index.set_ef(effort)
            yield (
                f"M={width} ef={effort}",
                lambda query, k: index.knn_query(query, k, num_threads=1)[0][0].astype(np.int64),
            )


def usearch(items: np.ndarray, k: int) -> Iterator[tuple[str, Search]]:
    for width in WIDTHS:
        index = UsearchIndex(ndim=items.shape[1], metric="ip", dtype="f32", connectivity=width, expansion_add=200)
        index.add(np.arange(len(items)), items, threads=2)
        for effort in (n for n in EFFORTS if n >= k):
            index.expansion_search = effort
            yield (
                f"M={width} ef={effort}",
                lambda query, k: index.search(query[0], k, threads=1).keys.astype(np.int64),
            )


def flat_reservoir(items: np.ndarray, _: int) -> Iterator[tuple[str, Search]]:
    """The exact index with a setting that few know: candidates in a reservoir instead of a heap, whatever k is."""
    faiss.cvar.distance_compute_min_k_reservoir = 1
    _, search = next(flat(items, 0))
    yield "exact, reservoir", search


MAKERS = {
    "faiss-flat": (flat, "faiss-cpu"),
    "faiss-flat-reservoir": (flat_reservoir, "faiss-cpu"),
    "faiss-ivf": (ivf, "faiss-cpu"),
    "hnswlib": (hnsw, "hnswlib"),
    "usearch": (usearch, "usearch"),
}


def recall(search: Search, queries: np.ndarray, exact: np.ndarray) -> float:
    k = exact.shape[1]
    return float(np.mean([len(set(search(queries[n : n + 1], k)) & set(exact[n])) / k for n in range(len(exact))]))


def main(options: argparse.Namespace) -> None:
    faiss.omp_set_num_threads(2)  # for building; queries run on one
    items = read_factors(options.factors + ".items.f32", options.dimensions)
    users = read_factors(options.factors + ".users.f32", options.dimensions)
    queries = np.ascontiguousarray(users[query_users(len(users), options.queries)])
    make, package = MAKERS[options.index]
    for k in (int(text) for text in options.k.split(",")):
        scores = queries[:200] @ items.T
        exact = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        reached, setting, search = 0.0, "", None
        for setting, search in make(items, k):
            faiss.omp_set_num_threads(1)
            reached = recall(search, queries[:200], exact)
            if reached >= 0.95:
                break
        timing = report.timed_queries(lambda n: search(queries[n : n + 1], k), len(queries), options.repeats)
        _, tiny = next(make(np.ascontiguousarray(items[: k + 1]), k))
        overhead = report.timed_queries(lambda n: tiny(queries[n : n + 1], k), len(queries), 1)["seconds"][0]
        report.emit(
            options.index, package, f"k={k}", 1, **timing, recall=reached, setting=setting, overhead_seconds=overhead
        )


if __name__ == "__main__":
    sys.argv.pop(1)  # "top-k"
    main(report.arguments(index=..., factors=..., dimensions=64, k="10", queries=1000, repeats=1, threads=1))
