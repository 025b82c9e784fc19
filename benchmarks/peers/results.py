"""Writes RESULTS.md from the kept results, and the plots where Matplotlib is there: results.py [OUT.md]"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import checks
import show
import steps
from notes import SECTIONS, Section
from steps import HERE, Places

FULL_USE = 0.9  # of the threads: below it a row is marked


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def time_text(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 0.9995:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def use_of_threads(row: dict) -> float:
    """Processor time over wall time and threads: 1 where all threads worked all the time."""
    walls = row.get("mean_seconds") or row["seconds"]
    return sum(row["cpu_seconds"]) / sum(walls) / row["threads"]


def quality_text(row: dict) -> str:
    parts = [f"{name} {value:.4f}" for name, value in sorted(row.get("quality", {}).items())]
    if "recall" in row:
        parts.append(f"recall {row['recall']:.3f}")
    return ", ".join(parts)


def row_cells(step: str, row: dict) -> list[str]:
    values = checks.seconds_of(row)
    use = use_of_threads(row)
    marks = [f"1 of {1 / row['sampled_rows']:.0f} rows, scaled"] if "sampled_rows" in row else []
    if row.get("setting"):
        marks.append(row["setting"])
    if "flops_per_second" in row and row["flops_per_second"]:
        marks.append(f"{statistics.median(row['flops_per_second']) / 1e9:.0f} GFLOP/s")
    if "touched_bytes" in row:
        marks.append(f"first answer after {time_text(min(row['first_answer_seconds']))}, "
                     f"{row['touched_bytes'] / 1e6:.1f} MB touched")  # fmt: skip
    if len(values) == 1:
        marks.append("one run")
    memory = row.get("training_peak_rss_bytes", row["peak_rss_bytes"]) / 1e6
    return [
        step.removeprefix("train-"),
        row["library"],
        row["case"],
        time_text(statistics.median(values)),
        f"{time_text(min(values))} to {time_text(max(values))} ({len(values)})",
        f"{use:.2f}{'' if use >= FULL_USE else ' (!)'}",
        quality_text(row),
        f"{memory:.0f}",
        "; ".join(marks),
    ]


HEAD = ("step", "library", "case", "median", "from, to (runs)", "use of threads", "quality", "peak MB", "remarks")


def section_lines(section: Section, done: dict[str, dict]) -> list[str]:
    mine = [name for name in done if name.startswith(section.steps)]
    lines = [f"## {section.title}", "", section.text, ""]
    if not mine:
        return [*lines, "Not run.", ""]
    rows = [row_cells(name, row) for name in mine for row in done[name]["rows"] if row["seconds"]]
    lines += table(HEAD, rows)
    lines += [f"    scripts/bench {' '.join(mine)}", "", f"Not shown: {section.not_shown}", ""]
    return lines


def ratios(results: Path, settings: dict) -> list[str]:
    forced = show.check_lines(show.read_results(results, "avx2"), settings)
    rows = []
    for line, again in zip(show.check_lines(show.read_results(results, ""), settings), forced):
        rows.append([*line[:6], f"{again[3]} {again[5]}".strip(), line[6]])
    head = ("line", "work", "asked", "reached", "runs in pairs", "", "with AVX2 forced for Waypost", "")
    return table(head, rows)


def evaluator_check(done: dict[str, dict]) -> list[str]:
    rows = {row["library"]: row for row in done.get("evaluate", {"rows": []})["rows"]}
    if not {"waypost", "numpy"} <= rows.keys():
        return []
    ours, plain = rows["waypost"]["sample_quality"], rows["numpy"]["sample_quality"]
    text = ", ".join(f"{name} {ours[name]:.10f} and {plain[name]:.10f}" for name in sorted(plain))
    return [f"Waypost's evaluator measures every library's factors. The first {rows['numpy']['users']} users by it and "
            f"by a plain one in NumPy: {text}.", ""]  # fmt: skip


def settings_lines(settings: dict) -> list[str]:
    lines = ["## Settings", "",
             "Found by `scripts/bench --settings` on the validation part, the same processor seconds of training for "
             "each library; `benchmarks/peers/settings.json` has every trial. `target`: the best ndcg@20 on validation "
             "that a library other than Waypost reaches. A library's setting is the one that reaches it in the fewest "
             "seconds, or else its best.", ""]  # fmt: skip
    rows = []
    for key, found in settings.items():
        for library, one in found["libraries"].items():
            options = ", ".join(f"{name} {value}" for name, value in one["arguments"].items())
            rows.append([key, f"{found['target']:.4f}", library, options, str(one["epochs"]),
                         f"{one.get('validation_ndcg', 0):.4f}", "yes" if one.get("reaches_target") else "no",
                         f"{len(one.get('tried', []))} in {one.get('search_cpu_seconds', 0):.0f} s"])  # fmt: skip
    head = ("data, d", "target", "library", "setting", "epochs", "ndcg@20, validation", "reaches it", "trials")
    return [*lines, *table(head, rows)]


def cards(places: Places, done: dict[str, dict]) -> list[str]:
    lines = ["## Machine, build, versions", ""]
    machines = {tuple(step.get("machine", {}).items()) for step in done.values()}
    for machine in machines:
        lines += table(("", ""), machine) if machine else []
    versions = {row["library"]: row["version"] for step in done.values() for row in step["rows"]}
    lines += [", ".join(f"{library} {version}" for library, version in sorted(versions.items())) + ".", ""]
    lines += ["## Data", ""]
    rows = []
    for file in sorted(places.data.glob("*.card.json")):
        for name, facts in json.loads(file.read_text(encoding="ascii")).items():
            rows.append([name, str(facts.get("users", "")), str(facts.get("items", "")),
                         str(facts.get("interactions", "")), str(facts["bytes"]), facts["sha256"]])  # fmt: skip
    lines += table(("file", "users", "items", "interactions", "bytes", "sha256"), rows)
    lines += ["`benchmarks/peers/make_data.py` makes all of them; `fit` and `validation` are train cut at the last "
              "fifth of each user's row, `search` the validation part of some users.", ""]  # fmt: skip
    return lines


INTRODUCTION = """# Waypost beside other libraries

Written by `scripts/bench --report` from what `scripts/bench` and `scripts/bench --long` measured; nothing here is typed
by hand. The libraries run in turn (A B A B), each run in a process of its own; runs under 5 s are repeated 10 times,
under 60 s 3 times, longer ones once. A library that is 1.5 times slower than the fastest peer leaves after 3 runs. A
figure is the median of its runs; a ratio is a ratio of medians, with the smallest and largest ratio of runs taken in
pairs. `use of threads` is processor time over wall time and threads; below 0.9 it is marked (!): the library did not
use its threads, or something else ran on the machine. The peers run with OPENBLAS_NUM_THREADS=1, as they thread over
rows themselves, but for NumPy's product.
"""


def document(places: Places) -> str:
    results = places.folder / "results"
    settings = steps.settings()
    done = {}
    for step in steps.all_steps(places):
        file = results / f"{step.name}.json"
        if file.exists():
            done[step.name] = json.loads(file.read_text(encoding="utf-8"))
    lines = [INTRODUCTION, *ratios(results, settings)]
    lines += evaluator_check(done)
    if (places.folder / "no-buffalo").exists():
        lines += ["buffalo did not build here and is left out.", ""]
    for section in SECTIONS:
        lines += section_lines(section, done)
    lines += settings_lines(settings) + cards(places, done)
    lines += ["## Plots", "", *(f"![{file.stem}](plots/{file.name})\n" for file in sorted(PLOTS.glob("*.svg")))]
    return "\n".join(lines).rstrip() + "\n"


PLOTS = HERE.parent / "plots"


def main() -> None:
    places = Places.default()
    if places.python.exists():
        subprocess.run([str(places.python), str(HERE / "plots.py"), str(PLOTS)], check=True)
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "RESULTS.md"
    out.write_text(document(places), encoding="utf-8")


if __name__ == "__main__":
    main()
