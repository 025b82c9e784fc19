"""pyarrow, pandas and polars: a CSV file to dense ids and a sparse matrix, on all threads."""

import argparse
import os
import sys
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

import report

COLUMNS = ["user", "item", "value"]


def with_pyarrow(path: str) -> sp.csr_matrix:
    import pyarrow.csv

    return from_arrow(
        pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(include_columns=COLUMNS))
    )


def from_arrow(table) -> sp.csr_matrix:
    codes = [table[name].combine_chunks().dictionary_encode() for name in COLUMNS[:2]]
    return matrix(*(code.indices.to_numpy() for code in codes), table["value"].to_numpy())


def with_pandas(path: str) -> sp.csr_matrix:
    import pandas

    table = pandas.read_csv(path, usecols=COLUMNS, engine="pyarrow")
    codes = [pandas.factorize(table[name])[0] for name in COLUMNS[:2]]
    return matrix(*codes, table["value"].to_numpy())


def with_polars(path: str) -> sp.csr_matrix:
    import polars

    return from_arrow(polars.read_csv(path, columns=COLUMNS).to_arrow())  # its own ranks and categories are slower


def matrix(users: np.ndarray, items: np.ndarray, values: np.ndarray) -> sp.csr_matrix:
    result = sp.csr_matrix((values.astype(np.float32), (users, items)))
    result.sum_duplicates()
    return result


READERS: dict[str, Callable[[str], sp.csr_matrix]] = {
    "pyarrow": with_pyarrow,
    "pandas": with_pandas,
    "polars": with_polars,
}


def main(options: argparse.Namespace) -> None:
    os.environ["POLARS_MAX_THREADS"] = str(options.threads)
    timing, result = report.timed(lambda: READERS[options.reader](options.csv), options.repeats)
    report.emit(
        options.reader, options.reader, options.case, options.threads, **timing,
        users=result.shape[0], items=result.shape[1], entries=int(result.nnz),
        value_sum=float(result.data.sum(dtype=np.float64)),
    )  # fmt: skip


if __name__ == "__main__":
    sys.argv.pop(1)  # "ingest"
    main(report.arguments(reader=..., csv=..., case=..., threads=2, repeats=1))
