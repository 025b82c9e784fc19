"""Finds each library's settings on the same validation part within equal seconds, and writes settings.json.

  search.py [DATA:DIMENSIONS...]      e.g. gowalla:64; by default gowalla with 64 and 128 dimensions

Seconds are processor seconds of training, so that other work on the machine takes nothing away from a library. From a
usual setting the two numbers that matter (weight and ridge) are moved on a log scale, whatever improves the best
ndcg@20 of any epoch on some of the validation users is kept; the last third of the seconds goes to the solver's own
options. The best trials are run again from several seeds and measured on all of them (libraries far below the rest are
not): a trial's quality is the mean over seeds, for one seed moves it more than the last steps of the search. The target
is the best that a peer reaches; a library's setting is the one that gets there in the fewest seconds, or, where none
does, its best.

Every trial is kept in the folder `search` beside the data, so that an interrupted search goes on; a library's files
there must be deleted for it to be searched anew.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import prepare
import steps
from steps import ENVIRONMENT, HERE, THREADS, Places

SECONDS = {64: 20, 128: 40, 256: 60, 512: 120}  # of each library
LARGER = {"synthetic": 6}  # times that for larger data
CHECKPOINTS = (1, 2, 3, 4, 5, 6, 8, 12, 20)  # epochs after which quality is measured
FOR_QUALITY = 0.65
FACTORS = (1.6, 1.25, 1.12)  # steps of the two numbers, coarse to fine
CONFIRMED = 2
SEEDS = {64: 5, 128: 5, 256: 2, 512: 2}  # the seeds 1, 2, ...; fewer where a run takes long
FASTEST = ("waypost", "irspack", "implicit")  # alone on larger data and from LONG dimensions on
LONG = 256
FAR_BELOW = 0.98  # of the best peer
TOLERANCE = 0.001  # of the target, for every library: below the standard error of a mean over SEEDS


@dataclasses.dataclass(frozen=True)
class Space:
    """A library's options: where the two numbers start, and what of its solver is tried beside the first."""

    numbers: dict[str, float]
    solvers: tuple[dict[str, str], ...]
    epochs: int


def space(library: str, dimensions: int) -> Space:
    if library in ("waypost", "irspack"):
        separator = "_" if library == "waypost" else "-"
        weight, ridge = {64: (0.016, 0.0044), 128: (0.0125, 0.0047)}.get(dimensions, (0.01, 0.006))
        numbers = {f"unobserved{separator}weight": weight, "regularization": ridge}
        steps_name = f"cg{separator}steps"
        if library == "waypost":
            solvers = ({"solver": "exact"}, {"solver": "cg", steps_name: "2"}, {"solver": "cg"},
                       {"solver": "cg", steps_name: "1"})  # fmt: skip
        else:
            solvers = ({"solver": "cg"}, {"solver": "cg", steps_name: "2"}, {"solver": "cg", steps_name: "5"},
                       {"solver": "block"}, {"solver": "cg", steps_name: "4"})  # fmt: skip
        return Space(numbers, solvers, 8)
    numbers = {"alpha": 20.0 if dimensions < 128 else 40.0, "regularization": 5.0}
    if library == "lightfm":
        return Space({"learning-rate": 0.05}, ({},), 20)
    if library == "buffalo":
        return Space(numbers, ({"solver": "block"}, {"solver": "cg"}), 12)
    return Space(numbers, ({"solver": "cg"}, {"solver": "cg", "cg-steps": "2"}, {"solver": "cg", "cg-steps": "5"}), 12)


@dataclasses.dataclass
class Trial:
    arguments: dict[str, str]
    epochs: list[int]
    ndcg: list[float]
    cpu_seconds: list[float]

    def best(self) -> float:
        return max(self.ndcg)


class Search:
    """The trials of one library on one data set."""

    def __init__(self, places: Places, library: str, data: str, dimensions: int) -> None:
        self.places, self.library, self.data, self.dimensions = places, library, data, dimensions
        self.seeds = 2 if data in LARGER else SEEDS[dimensions]
        self.trials: list[Trial] = []
        self.spent = 0.0
        self.file = places.folder / "search" / f"{library}.{data}.{dimensions}.json"
        self.kept: dict[str, dict] = json.loads(self.file.read_text("ascii")) if self.file.exists() else {}

    def run(self, arguments: dict[str, str], part: str, epochs: int) -> Trial:
        """A trial measured on a part of the data, or what was kept of it."""
        key = f"{part} {epochs} {sorted(arguments.items())}"
        if key not in self.kept:
            self.kept[key] = dataclasses.asdict(self.train(arguments, part, epochs))
            self.file.parent.mkdir(exist_ok=True)
            self.file.write_text(json.dumps(self.kept, indent=1) + "\n", encoding="ascii")
        return Trial(**self.kept[key])

    def confirm(self, arguments: dict[str, str], epochs: int) -> Trial:
        """The mean over seeds, on all validation users."""
        trials = [self.run(arguments | {"seed": str(seed)}, "validation", epochs) for seed in range(1, self.seeds + 1)]
        ndcg = [statistics.fmean(values) for values in zip(*(trial.ndcg for trial in trials))]
        cpu_seconds = [statistics.fmean(values) for values in zip(*(trial.cpu_seconds for trial in trials))]
        return Trial(arguments, trials[0].epochs, ndcg, cpu_seconds)

    def train(self, arguments: dict[str, str], part: str, epochs: int) -> Trial:
        train = self.places.file(f"{self.data}.fit.csr")
        test = self.places.file(f"{self.data}.{part}.csr")
        common = ["--train", train, "--threads", str(THREADS)]
        measured = [epoch for epoch in CHECKPOINTS if epoch <= epochs]
        flags = steps.train_arguments(self.library, self.dimensions, epochs, arguments)
        if self.library == "waypost":
            line = call(self.places.waypost("train", *common, *flags, "--test", test, "--trajectory",
                                              ",".join(str(epoch) for epoch in measured)))[0]  # fmt: skip
            return Trial(arguments, measured, line["epoch_ndcg"], line["epoch_cpu_seconds"])
        with tempfile.TemporaryDirectory() as folder:
            factors = folder + "/f"
            lines = call(self.places.peer(self.library, "trajectory", *common, *flags, "--factors", factors))
            lines = [line for line in lines if line["epoch"] in measured]
            ndcg = [
                call(self.places.waypost(
                    "evaluate", "--train", train, "--test", test, "--users", f"{factors}.{line['epoch']}.users.f32",
                    "--items", f"{factors}.{line['epoch']}.items.f32", "--dimensions", str(self.dimensions),
                ))[0]["quality"]["ndcg@20"]
                for line in lines
            ]  # fmt: skip
        return Trial(arguments, [line["epoch"] for line in lines], ndcg, [line["cpu_seconds"] for line in lines])

    def attempt(self, numbers: dict[str, float], solver: dict[str, str], epochs: int) -> Trial:
        arguments = {name: f"{value:.3g}" for name, value in numbers.items()} | solver
        for trial in self.trials:
            if trial.arguments == arguments:
                return trial
        trial = self.run(arguments, "search", epochs)
        self.trials.append(trial)
        self.spent += sum(trial.cpu_seconds) if self.library == "cmfrec" else trial.cpu_seconds[-1]
        print(f"  {self.library} {arguments}: {trial.best():.5f}, {self.spent:.0f} s", flush=True)
        return trial

    def climb(self, seconds: float) -> None:
        options = space(self.library, self.dimensions)
        numbers, solver = dict(options.numbers), options.solvers[0]
        best = self.attempt(numbers, solver, options.epochs).best()
        for factor in FACTORS:
            improved = True
            while improved and self.spent < FOR_QUALITY * seconds:
                improved = False
                for name in numbers:
                    for step in (factor, 1 / factor):
                        moved = numbers | {name: numbers[name] * step}
                        if self.spent < FOR_QUALITY * seconds and (
                            reached := self.attempt(moved, solver, options.epochs).best()
                        ) > best:
                            numbers, best, improved = moved, reached, True
                            break
        for solver in options.solvers[1:]:
            if self.spent < seconds:
                self.attempt(numbers, solver, options.epochs)


def call(command: list[str]) -> list[dict]:
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def seconds_to(trial: Trial, target: float) -> tuple[float, int] | None:
    """Processor seconds and epochs until a trial reaches the target, within TOLERANCE."""
    for epoch, ndcg, seconds in zip(trial.epochs, trial.ndcg, trial.cpu_seconds):
        if ndcg >= target * (1 - TOLERANCE):
            return seconds, epoch
    return None


def shortlist(trials: list[Trial], target: float) -> list[Trial]:
    """The best by quality, and the fastest to the target."""
    by_quality = sorted(trials, key=lambda trial: -trial.best())
    reaching = [trial for trial in trials if seconds_to(trial, target)]
    by_speed = sorted(reaching, key=lambda trial: seconds_to(trial, target)[0])
    chosen: list[Trial] = []
    for trial in [*by_quality[:1], *by_speed, *by_quality[1:]]:
        if trial not in chosen and len(chosen) < CONFIRMED:
            chosen.append(trial)
    return chosen


def choose(trials: list[Trial], target: float) -> dict:
    """The setting of a library: the fastest to the target, or the best where none reaches it."""
    reaching = [trial for trial in trials if seconds_to(trial, target)]
    if reaching:
        trial = min(reaching, key=lambda trial: seconds_to(trial, target)[0])
        epoch = seconds_to(trial, target)[1]
    else:
        trial = max(trials, key=Trial.best)
        epoch = trial.epochs[trial.ndcg.index(trial.best())]
    return {
        "arguments": trial.arguments,
        "epochs": epoch,
        "reaches_target": bool(reaching),
        "validation_ndcg": round(trial.ndcg[trial.epochs.index(epoch)], 6),
    }


def as_json(trial: Trial) -> dict:
    return {
        "arguments": trial.arguments,
        "epochs": trial.epochs,
        "ndcg": [round(value, 5) for value in trial.ndcg],
        "cpu_seconds": [round(value, 2) for value in trial.cpu_seconds],
    }


def search(places: Places, data: str, dimensions: int) -> dict:
    libraries = steps.training_libraries(places)
    if data in LARGER or dimensions >= LONG:
        libraries = [library for library in libraries if library in FASTEST]
    searches = [Search(places, library, data, dimensions) for library in libraries]
    for one in searches:
        one.climb(SECONDS[dimensions] * LARGER.get(data, 1))
    peers = [one for one in searches if one.library != "waypost"]
    rough = max(trial.best() for one in peers for trial in one.trials)
    confirmed: dict[str, list[Trial]] = {}
    for one in searches:
        epochs = space(one.library, dimensions).epochs
        listed = shortlist(one.trials, rough)
        hopeless = max(trial.best() for trial in listed) < FAR_BELOW * rough
        confirmed[one.library] = [
            trial if hopeless else one.confirm(trial.arguments, epochs) for trial in listed
        ]
    target = max(trial.best() for library, trials in confirmed.items() if library != "waypost" for trial in trials)
    found = {}
    for one in searches:
        found[one.library] = choose(confirmed[one.library], target) | {
            "search_cpu_seconds": round(one.spent, 1),
            "confirmed": [as_json(trial) for trial in confirmed[one.library]],
            "tried": [as_json(trial) for trial in one.trials],
        }
    return {"target": round(target, 6), "libraries": found}


def write_settings(settings: dict[str, dict]) -> None:
    """A line a trial."""
    text = json.dumps(settings, indent=1)
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        stripped = line.strip()
        if depth > 0:
            lines[-1] += ("" if lines[-1].endswith(("{", "[")) or stripped[0] in "]}" else " ") + stripped
        else:
            lines.append(line)
        indent = len(line) - len(line.lstrip())
        opens = stripped.endswith(("{", "["))
        if depth > 0:
            depth += opens - (stripped[0] in "]}")
        elif opens and (indent >= 6 or stripped.startswith('"arguments"')):
            depth = 1
    (HERE / "settings.json").write_text("\n".join(lines) + "\n", encoding="ascii")


def main() -> None:
    places = Places.default()
    for name in sys.argv[1:] or ["gowalla:64", "gowalla:128"]:
        data, dimensions = name.split(":")
        prepare.need(places, data)
        print(f"== {data}, d = {dimensions}", flush=True)
        found = search(places, data, int(dimensions))
        settings = steps.settings() if (Path(HERE) / "settings.json").exists() else {}
        write_settings(settings | {f"{data} {dimensions}": found})


if __name__ == "__main__":
    main()
