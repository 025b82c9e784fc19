"""Plots of what was measured: time against quality, against dimensions, against data size. plots.py FOLDER"""

import json
import statistics
import sys
from pathlib import Path

import matplotlib

import steps
from checks import GROWTH, slope
from steps import Places

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  after the choice of the backend

COLOURS = {"waypost": "#c0392b", "irspack": "#2c6fbb", "implicit": "#2e8b57", "cmfrec": "#8e6bbf", "buffalo": "#b8860b",
           "lightfm": "#555555"}  # fmt: skip


def figure(title: str, x: str, y: str):
    shown, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return shown, axes


def save(shown, file: Path) -> None:
    shown.savefig(file, metadata={"Date": None})
    plt.close(shown)


def time_against_quality(folder: Path, settings: dict[str, dict]) -> None:
    """Each library's chosen setting: processor seconds of training and ndcg@20 on validation, epoch by epoch."""
    for key, found in settings.items():
        data, dimensions = key.split()
        shown, axes = figure(f"{data}, d = {dimensions}", "processor seconds of training (2 threads)",
                             "ndcg@20 on validation")  # fmt: skip
        for library, one in found["libraries"].items():
            trials = [t for t in one["confirmed"] + one["tried"] if t["arguments"] == one["arguments"]]
            if not trials:
                continue
            trial = trials[0]
            axes.plot(trial["cpu_seconds"], trial["ndcg"], marker="o", markersize=3, label=library,
                      color=COLOURS[library])  # fmt: skip
        axes.axhline(found["target"], color="grey", linewidth=0.8, linestyle="--", label="target")
        axes.set_xscale("log")
        axes.legend()
        save(shown, folder / f"quality-{data}-{dimensions}.svg")


def rows(places: Places, step: str) -> list[dict]:
    file = places.folder / "results" / f"{step}.json"
    return json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []


def time_against_dimensions(folder: Path, places: Places) -> None:
    points: dict[str, list[tuple[int, float]]] = {}
    for dimensions in (64, 128, 256, 512):
        for row in rows(places, f"train-gowalla-{dimensions}"):
            points.setdefault(row["library"], []).append((dimensions, statistics.median(row["seconds"])))
    if not points:
        return
    shown, axes = figure("gowalla, training to the target or to the library's best", "dimensions", "seconds")
    for library, line in points.items():
        axes.plot(*zip(*line), marker="o", label=library, color=COLOURS[library])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.legend()
    save(shown, folder / "time-dimensions.svg")


def time_against_size(folder: Path, places: Places) -> None:
    points = [
        (row["entries"], statistics.median(row["seconds"]))
        for millions in GROWTH
        for row in rows(places, f"growth-{millions}")
    ]
    if len(points) < 2:
        return
    shown, axes = figure("simulated, 40,000 items, d = 64", "interactions", "seconds an epoch")
    axes.plot(*zip(*points), marker="o", color=COLOURS["waypost"], label=f"waypost, exponent {slope(points):.2f}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend()
    save(shown, folder / "time-size.svg")


def main() -> None:
    folder, places = Path(sys.argv[1]), Places.default()
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams["svg.hashsalt"] = "waypost"
    time_against_quality(folder, steps.settings())
    time_against_dimensions(folder, places)
    time_against_size(folder, places)


if __name__ == "__main__":
    main()
