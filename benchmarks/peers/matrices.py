"""The files that every library reads; program/data.hpp describes the same two formats."""

from pathlib import Path

import numpy as np
import scipy.sparse as sp


def write_matrix(path: Path, matrix: sp.csr_matrix, *, weighted: bool = False) -> None:
    """Writes rows with ascending columns; the values only where `weighted`."""
    matrix.sort_indices()
    with open(path, "wb") as file:
        np.array([*matrix.shape, matrix.nnz, int(weighted)], np.uint64).tofile(file)
        matrix.indptr.astype(np.uint64).tofile(file)
        matrix.indices.astype(np.uint32).tofile(file)
        if weighted:
            matrix.data.astype(np.float32).tofile(file)


def read_matrix(path: Path) -> sp.csr_matrix:
    """Returns float32 rows; every value is 1 where the file has none."""
    with open(path, "rb") as file:
        rows, columns, entries, weighted = (int(n) for n in np.fromfile(file, np.uint64, 4))
        offsets = np.fromfile(file, np.uint64, rows + 1).astype(np.int32)
        indices = np.fromfile(file, np.uint32, entries).astype(np.int32)
        values = np.fromfile(file, np.float32, entries) if weighted else np.ones(entries, np.float32)
    return sp.csr_matrix((values, indices, offsets), shape=(rows, columns))


def write_factors(path: Path, factors: np.ndarray) -> None:
    np.ascontiguousarray(factors, np.float32).tofile(path)


def read_factors(path: Path, dimensions: int) -> np.ndarray:
    return np.fromfile(path, np.float32).reshape(-1, dimensions)


def query_users(users: int, queries: int) -> np.ndarray:
    """The same evenly spaced users that waypost_peers asks for."""
    return np.arange(queries, dtype=np.int64) * users // queries
