"""Real producers of Arrow columns against the C library, and a real consumer: arrow_producers.py LIBRARY

pyarrow, polars and DuckDB hand the same events over through the Arrow C stream interface, each in the types it likes
best. What is trained from them is saved and must be the bytes of a model of the same events as plain C columns. pyarrow
also takes the stream of a store that recorded them, where the library has one. A producer that is not installed is named
as not run; without any the exit status is 77.
"""

import ctypes
import datetime
import importlib
import itertools
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROWS = 5000
NOW_US = 1_700_000_000_000_000


class Ids(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("count", ctypes.c_uint64),
        ("bytes", ctypes.c_char_p), ("bytes_size", ctypes.c_uint64), ("offsets32", ctypes.c_void_p),
        ("offsets64", ctypes.c_void_p), ("numbers", ctypes.c_void_p), ("indices", ctypes.c_void_p),
    ]  # fmt: skip


class Events(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_uint32), ("kind_count", ctypes.c_uint32), ("users", ctypes.POINTER(Ids)),
        ("items", ctypes.POINTER(Ids)), ("kinds", ctypes.c_void_p), ("values", ctypes.c_void_p),
        ("value_validity", ctypes.c_void_p), ("times_us", ctypes.c_void_p), ("time_validity", ctypes.c_void_p),
        ("kind_table", ctypes.c_void_p), ("title_items", ctypes.c_void_p), ("titles", ctypes.c_void_p),
    ]  # fmt: skip


class Weighting(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_uint32), ("transform", ctypes.c_uint32), ("duplicates", ctypes.c_uint32),
        ("use_min_value", ctypes.c_uint32), ("min_value", ctypes.c_float), ("use_now", ctypes.c_uint32),
        ("half_life_days", ctypes.c_double), ("now_us", ctypes.c_int64),
    ]  # fmt: skip


def made_events() -> dict[str, list]:
    """Ids of one byte to 40, values and times over a year; pairs come again."""
    draw = random.Random(1)
    users = [f"u{n}" + "x" * (n % 39) for n in range(300)]
    return {
        "user": [draw.choice(users) for _ in range(ROWS)],
        "item": [draw.randrange(10**12, 10**12 + 80) for _ in range(ROWS)],
        "value": [draw.randrange(1, 20) / 4 for _ in range(ROWS)],
        "time": [NOW_US - draw.randrange(365 * 86_400 * 10**6) for _ in range(ROWS)],
    }


class Library:
    """The C library, with values, decay by time and sums of duplicates, so that every column matters."""

    def __init__(self, path: str) -> None:
        self.library = ctypes.CDLL(path)
        names = ["interactions_create", "interactions_create_from_arrow_stream", "train_item_knn", "model_save"]
        self.has_store = hasattr(self.library, "waypost_engine_export_arrow")
        if self.has_store:
            names += ["engine_open", "engine_record", "engine_export_arrow"]
        for name in names:
            getattr(self.library, "waypost_" + name).restype = ctypes.c_void_p
        self.library.waypost_error_message.restype = ctypes.c_char_p
        self.weighting = Weighting(ctypes.sizeof(Weighting), 1, 1, 0, 0, 1, 90, NOW_US)

    def call(self, name: str, *arguments: object) -> None:
        error = getattr(self.library, "waypost_" + name)(*arguments)
        if error is not None:
            message = self.library.waypost_error_message(ctypes.c_void_p(error)).decode()
            self.library.waypost_error_free(ctypes.c_void_p(error))
            raise RuntimeError(message)

    def model_of(self, create: Callable[[ctypes.c_void_p], None]) -> bytes:
        interactions, model = ctypes.c_void_p(), ctypes.c_void_p()
        create(interactions)
        self.call("train_item_knn", interactions, None, None, ctypes.byref(model))
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.waypost").encode()
            self.call("model_save", model, path, ctypes.c_uint64(len(path)))
            content = Path(path.decode()).read_bytes()
        self.library.waypost_model_free(model)
        self.library.waypost_interactions_free(interactions)
        return content

    @staticmethod
    def columns_of(events: dict[str, list]) -> tuple[Events, list]:
        """The events as C columns, and what they point to."""
        texts = [text.encode() for text in events["user"]]
        offsets = (ctypes.c_int64 * (ROWS + 1))(*itertools.accumulate(map(len, texts), initial=0))
        numbers = (ctypes.c_int64 * ROWS)(*events["item"])
        values = (ctypes.c_float * ROWS)(*events["value"])
        times = (ctypes.c_int64 * ROWS)(*events["time"])
        size = ctypes.sizeof(Ids)
        users = Ids(size, 0, ROWS, b"".join(texts), offsets[ROWS], None, ctypes.addressof(offsets), None, None)
        items = Ids(size, 0, ROWS, None, 0, None, None, ctypes.addressof(numbers), None)
        columns = Events(
            ctypes.sizeof(Events), 0, ctypes.pointer(users), ctypes.pointer(items), None, ctypes.addressof(values),
            None, ctypes.addressof(times), None, None, None, None,
        )  # fmt: skip
        return columns, [offsets, numbers, values, times, users, items]

    def from_columns(self, events: dict[str, list]) -> bytes:
        columns, _kept = self.columns_of(events)
        return self.model_of(
            lambda interactions: self.call(
                "interactions_create", ctypes.byref(columns), ctypes.byref(self.weighting), ctypes.byref(interactions)
            )
        )

    def store_stream(self, events: dict[str, list], folder: str, stream: ctypes.Array) -> None:
        """Fills the stream with what a new store holds after it recorded the events."""
        engine, accepted = ctypes.c_void_p(), ctypes.c_uint64()
        path = folder.encode()
        self.call("engine_open", path, ctypes.c_uint64(len(path)), None, ctypes.byref(engine))
        columns, _kept = self.columns_of(events)
        self.call(
            "engine_record", engine, ctypes.byref(columns), None, ctypes.c_uint64(0), ctypes.c_uint64(0),
            ctypes.byref(accepted),
        )  # fmt: skip
        self.call("engine_export_arrow", engine, ctypes.byref(stream))
        self.library.waypost_engine_free(engine)

    def from_stream(self, table: object) -> bytes:
        """`table` is whatever has the method of the Arrow PyCapsule interface."""
        capsule = table.__arrow_c_stream__()
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        stream = ctypes.c_void_p(pointer(capsule, b"arrow_array_stream"))
        return self.model_of(
            lambda interactions: self.call(
                "interactions_create_from_arrow_stream", stream, None, ctypes.byref(self.weighting),
                ctypes.byref(interactions),
            )
        )  # fmt: skip


def from_pyarrow(events: dict[str, list]) -> Iterator[tuple[str, object]]:
    import pyarrow as pa

    plain = pa.table(
        {
            "user": events["user"],
            "item": events["item"],
            "value": pa.array(events["value"], pa.float32()),
            "time": pa.array(events["time"], pa.timestamp("us", "UTC")),
        }
    )
    yield "texts, integers, floats, timestamps", plain
    yield "batches of 7 to 1000 rows", pa.concat_tables(
        [plain.slice(0, 7), plain.slice(7, 1000), *(plain.slice(at, 900) for at in range(1007, ROWS, 900))]
    )
    yield "rows cut out of a longer table", pa.concat_tables([plain.slice(0, 13), plain]).combine_chunks().slice(13)
    for form in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int16(), pa.string())):
        yield f"users as {form}", plain.set_column(0, "user", plain["user"].cast(form))
    yield "items as uint64", plain.set_column(1, "item", plain["item"].cast(pa.uint64()))
    yield "values as float64", plain.set_column(2, "value", plain["value"].cast(pa.float64()))
    yield "times in ns", plain.set_column(3, "time", plain["time"].cast(pa.timestamp("ns")))


def from_polars(events: dict[str, list]) -> Iterator[tuple[str, object]]:
    import polars as pl

    frame = pl.DataFrame(events).with_columns(pl.col("time").cast(pl.Datetime("us")))
    yield "its own texts", frame
    yield "categorical users", frame.with_columns(pl.col("user").cast(pl.Categorical))


def from_duckdb(events: dict[str, list]) -> Iterator[tuple[str, object]]:
    import duckdb

    start = datetime.datetime(1970, 1, 1)
    rows = [
        (user, item, value, start + datetime.timedelta(microseconds=time))
        for user, item, value, time in zip(*events.values())
    ]
    connection = duckdb.connect()
    connection.execute('create table events ("user" varchar, item bigint, value double, "time" timestamp)')
    for begin in range(0, ROWS, 100):
        part = rows[begin : begin + 100]
        marks = ", ".join(["(?, ?, ?, ?)"] * len(part))
        connection.execute(f"insert into events values {marks}", [cell for row in part for cell in row])
    yield "a table", connection.sql("select * from events order by rowid")


def pyarrow_reads_a_store(library: Library, events: dict[str, list]) -> bool:
    import pyarrow as pa

    stream = (ctypes.c_void_p * 5)()  # ArrowArrayStream: five pointers
    with tempfile.TemporaryDirectory() as folder:
        library.store_stream(events, folder, stream)
        table = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream)).read_all()
    table.validate(full=True)
    same = table.column("user").to_pylist() == events["user"]
    same = same and table.column("item").to_pylist() == [str(item) for item in events["item"]]
    same = same and table.column("kind").unique().to_pylist() == ["view"]
    same = same and table.column("value").to_pylist() == events["value"]
    return same and table.column("time").cast(pa.int64()).to_pylist() == events["time"]


PRODUCERS = {"pyarrow": from_pyarrow, "polars": from_polars, "duckdb": from_duckdb}


def main() -> int:
    library, events = Library(sys.argv[1]), made_events()
    expected = library.from_columns(events)
    compared, wrong = 0, 0
    for name, forms in PRODUCERS.items():
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"{name}: not run: it is not installed")
            continue
        for form, table in forms(events):
            same = library.from_stream(table) == expected
            print(f"{name}: {form}: {'the same model' if same else 'ANOTHER MODEL'}")
            compared, wrong = compared + 1, wrong + (not same)
        if name == "pyarrow" and library.has_store:
            same = pyarrow_reads_a_store(library, events)
            print(f"pyarrow: the stream of a store: {'the same events' if same else 'OTHER EVENTS'}")
            compared, wrong = compared + 1, wrong + (not same)
    if compared == 0:
        print("not run: none of " + ", ".join(PRODUCERS) + " is installed")
        return 77
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
