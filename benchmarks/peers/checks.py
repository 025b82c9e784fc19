"""The ratios that must hold, each computed from the rows of the steps' results."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence

Row = dict
Results = dict[str, list[Row]]  # by step


@dataclasses.dataclass(frozen=True)
class Figure:
    """What was reached; `low` and `high` are the ratios of the runs taken in pairs, A B A B."""

    value: float
    low: float
    high: float
    note: str = ""
    valid: bool = True  # false: the quality that the figure supposes was not reached


@dataclasses.dataclass(frozen=True)
class Check:
    line: str  # of the table of ratios
    what: str
    unit: str  # "x" a ratio, "%" a share, or a unit
    want: float
    at_least: bool
    steps: Sequence[str]
    figure: Callable[[Results], Figure]

    def passed(self, figure: Figure) -> bool:
        if not figure.valid:
            return False
        return figure.value >= self.want if self.at_least else figure.value <= self.want


def rows_of(results: Results, step: str, case: str | None = None) -> dict[str, Row]:
    """The rows of a step by library."""
    return {row["library"]: row for row in results[step] if case is None or row["case"] == case}


def seconds_of(row: Row) -> list[float]:
    """What a call costs beyond the way through Python: the overhead comes off in the peers' favour."""
    return [second - row.get("overhead_seconds", 0) for second in row["seconds"]]


def ratio(above: Sequence[float], below: Sequence[float], note: str = "") -> Figure:
    pairs = [a / b for a, b in zip(above, below)]
    return Figure(statistics.median(above) / statistics.median(below), min(pairs), max(pairs), note)


def fastest(rows: dict[str, Row], eligible: Callable[[Row], bool] = lambda row: True) -> Row | None:
    peers = [row for name, row in rows.items() if name != "waypost" and row["seconds"] and eligible(row)]
    return min(peers, key=lambda row: statistics.median(seconds_of(row)), default=None)


def against_fastest(step: str, case: str | None, eligible: Callable[[Row], bool] = lambda row: True):
    def figure(results: Results) -> Figure:
        rows = rows_of(results, step, case)
        peer = fastest(rows, eligible)
        if peer is None:
            return Figure(math.inf, math.inf, math.inf, "no peer reaches the quality")
        return ratio(seconds_of(peer), rows["waypost"]["seconds"], f"against {peer['library']}")

    return figure


def against(step: str, case: str, library: str):
    return against_fastest(step, case, lambda row: row["library"] == library)


def to_target(data: str, dimensions: int, reached: Callable[[str, str], bool]):
    """Seconds of training to the target's quality: only libraries that reach it are compared."""
    key = f"{data} {dimensions}"
    compare = against_fastest(f"train-{data}-{dimensions}", None, lambda row: reached(key, row["library"]))

    def figure(results: Results) -> Figure:
        found = compare(results)
        if reached(key, "waypost"):
            return found
        return dataclasses.replace(found, note="Waypost does not reach the target", valid=False)

    return figure


def at_quality(step: str):
    """Against the peer, where Waypost's ndcg@20 on test is at least the peer's."""

    def figure(results: Results) -> Figure:
        rows = rows_of(results, step)
        own, peer = (row for name, row in sorted(rows.items(), key=lambda item: item[0] != "waypost"))
        better = own["quality"]["ndcg@20"] >= peer["quality"]["ndcg@20"]
        note = f"against {peer['library']}, ndcg@20 {own['quality']['ndcg@20']:.4f} and {peer['quality']['ndcg@20']:.4f}"
        return dataclasses.replace(ratio(seconds_of(peer), seconds_of(own), note), valid=better)

    return figure


def of_roofline(results: Results) -> Figure:
    rows = rows_of(results, "roofline")
    share = ratio(rows["waypost"]["flops_per_second"], rows["numpy"]["flops_per_second"])
    return Figure(100 * share.value, 100 * share.low, 100 * share.high, "of NumPy's sgemm")


def seconds(step: str, library: str = "waypost"):
    def figure(results: Results) -> Figure:
        values = rows_of(results, step)[library]["seconds"]
        return Figure(statistics.median(values), min(values), max(values))

    return figure


def memory_share(step: str):
    """Against the smallest peer, not the fastest."""

    def figure(results: Results) -> Figure:
        rows = rows_of(results, step)
        key = "training_peak_rss_bytes" if "training_peak_rss_bytes" in rows["waypost"] else "peak_rss_bytes"
        peer = min((row for name, row in rows.items() if name != "waypost"), key=lambda row: row[key])
        share = rows["waypost"][key] / peer[key]
        return Figure(share, share, share, f"{rows['waypost'][key] / 1e6:.0f} MB against {peer['library']}'s "
                      f"{peer[key] / 1e6:.0f} MB")  # fmt: skip

    return figure


def string_ids(results: Results) -> Figure:
    integers = rows_of(results, "ingest-integers")["waypost"]["seconds"]
    return ratio(rows_of(results, "ingest-strings")["waypost"]["seconds"], integers)


def touched(results: Results) -> Figure:
    megabytes = rows_of(results, "open")["waypost"]["touched_bytes"] / 1e6
    return Figure(megabytes, megabytes, megabytes)


APPROXIMATE = ("faiss-ivf", "hnswlib", "usearch")
GROWTH = (1, 2, 4, 8, 16)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least-squares line through the logarithms."""
    x = [math.log(a) for a, _ in points]
    y = [math.log(b) for _, b in points]
    return statistics.linear_regression(x, y).slope


def growth_exponent(results: Results) -> Figure:
    rows = [rows_of(results, f"growth-{millions}")["waypost"] for millions in GROWTH]
    entries = [row["entries"] for row in rows]
    values = [slope(list(zip(entries, (pick(row["seconds"]) for row in rows))))
              for pick in (statistics.median, min, max)]  # fmt: skip
    return Figure(values[0], min(values), max(values))


def all_checks(reached: Callable[[str, str], bool]) -> list[Check]:
    def above(line: str, what: str, want: float, step: str, figure: Callable[[Results], Figure]) -> Check:
        return Check(line, what, "x", want, True, [step], figure)

    checks = []
    for dimensions, want in ((64, 1.5), (128, 2), (256, 4), (512, 6)):
        checks.append(above("1", f"iALS to the target, gowalla, d = {dimensions}", want, f"train-gowalla-{dimensions}",
                            to_target("gowalla", dimensions, reached)))  # fmt: skip
    checks.append(above("1", "iALS to the target, synthetic 12 million, d = 64", 1.5, "train-synthetic-64",
                        to_target("synthetic", 64, reached)))  # fmt: skip
    for dimensions, want in ((128, 8), (512, 80)):
        checks.append(above("2", f"one exact epoch, d = {dimensions}", want, f"epoch-{dimensions}",
                            against_fastest(f"epoch-{dimensions}", None)))  # fmt: skip
    checks.append(Check("3", "rows with n >= d, d = 128, share of sgemm", "%", 60, True, ["roofline"], of_roofline))
    exact = {("4", 10, 64): 40, ("4", 10, 128): 25, ("5", 100, 64): 5, ("5", 100, 128): 3}
    for (line, k, dimensions), want in exact.items():
        step = f"top-k-ials{dimensions}"
        checks.append(above(line, f"top-{k}, d = {dimensions}, against IndexFlatIP", want, step,
                            against(step, f"k={k}", "faiss-flat")))  # fmt: skip
    for dimensions in (64, 128):
        step = f"top-k-ials{dimensions}"
        checks.append(above("4", f"top-10, d = {dimensions}, against approximate search at recall 0.95", 1, step,
                            against_fastest(step, "k=10", lambda row: row["library"] in APPROXIMATE
                                            and row["recall"] >= 0.95)))  # fmt: skip
    for name, text in (("bpr64", "BPR"), ("cosine64", "cosine")):
        checks.append(above("6", f"top-10, {text} factors, d = 64, against IndexFlatIP", 4, f"top-k-{name}",
                            against(f"top-k-{name}", "k=10", "faiss-flat")))  # fmt: skip
    for count, want in ((20, 10), (100, 5)):
        checks.append(above("7", f"all users, n = {count}, d = 64", want, "recommend-all",
                            against_fastest("recommend-all", f"n={count}")))  # fmt: skip
    checks.append(above("8", "fold-in of 50 items, d = 128", 4, "fold-in", against_fastest("fold-in", None)))
    checks.append(above("9", "item kNN, cosine, 200 neighbours", 3, "item-knn", against_fastest("item-knn", None)))
    checks.append(Check("9", "item kNN, three exponents, all entries", "s", 1, False, ["item-knn-degree"],
                        seconds("item-knn-degree")))  # fmt: skip
    checks.append(above("10", "evaluation of all users", 5, "evaluate", against_fastest("evaluate", None)))
    checks.append(above("11", "10 million CSV lines", 2, "ingest-integers", against_fastest("ingest-integers", None)))
    checks.append(Check("11", "its memory, as a share of the smallest peer's", "x", 0.5, False, ["ingest-integers"],
                        memory_share("ingest-integers")))  # fmt: skip
    checks.append(Check("11", "string ids over integer ids", "x", 1.3, False, ["ingest-integers", "ingest-strings"],
                        string_ids))  # fmt: skip
    checks.append(above("12", "opening a model of 1,000,000 x 128", 200, "open", against_fastest("open", None)))
    checks.append(Check("12", "memory touched by opening and a first answer", "MB", 20, False, ["open"], touched))
    checks.append(Check("13", "peak memory of training, 12 million, share of the smallest peer's", "x", 1, False,
                        ["memory"], memory_share("memory")))  # fmt: skip
    checks.append(Check("14", "growth of an epoch's cost, exponent", "", 1.05, False,
                        [f"growth-{millions}" for millions in GROWTH], growth_exponent))  # fmt: skip
    for kind, want in (("bpr", 1.5), ("warp", 3)):
        checks.append(above("15", f"{kind.upper()}, interactions visited a second", want, f"pairs-{kind}",
                            at_quality(f"pairs-{kind}")))  # fmt: skip
    return checks
