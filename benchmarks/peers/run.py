"""Runs the steps of steps.py, the libraries in turn (A B A B), and keeps each finished one in results/NAME.json.

  run.py [--long] [--simd avx2] [--again] [NAME...]

Only steps whose result is missing are run, unless --again is given; NAMEs pick steps whose name begins so. Runs under
5 s are repeated 10 times, under 60 s 3 times, longer ones once. A library that is slower than 1.5 times the fastest
peer in every case leaves after 3 runs. WAYPOST_BENCH_PREFIX is a command that runs each timed step, e.g. a lock;
WAYPOST_BENCH_RUNS (10) is the most runs of anything, for a first look.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

import machine
import prepare
import steps
from steps import ENVIRONMENT, Job, Places, Step

MOST_RUNS = int(os.environ.get("WAYPOST_BENCH_RUNS", "10"))
LEAVES_AFTER = 3
LEAVES_BEYOND = 1.5
LISTS = ("seconds", "mean_seconds", "cpu_seconds", "flops_per_second", "first_answer_seconds")


def run_command(command: list[str], environment: dict[str, str]) -> list[dict]:
    """Returns the JSON lines that a command prints."""
    prefix = shlex.split(os.environ.get("WAYPOST_BENCH_PREFIX", ""))
    done = subprocess.run(
        [*prefix, *command], env=os.environ | ENVIRONMENT | environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{shlex.join(command)}: no result\n{done.stdout[-2000:]}")
    return lines


def wanted_runs(seconds: float) -> int:
    if seconds < 5:
        return MOST_RUNS
    return min(3, MOST_RUNS) if seconds < 60 else 1


class Rounds:
    """The runs of one step so far, by library and case."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict] = {}

    def add(self, library: str, lines: list[dict]) -> None:
        for line in lines:
            row = self.rows.setdefault((library, line["case"]), line | {"library": library} | {k: [] for k in LISTS})
            for name in LISTS:
                row[name] = row[name] + line.get(name, [])
            for name in ("peak_rss_bytes", "training_peak_rss_bytes", "touched_bytes"):
                if name in line:
                    row[name] = max(row[name], line[name])

    def runs(self, library: str) -> int:
        return min(len(row["seconds"]) for (name, _), row in self.rows.items() if name == library)

    def seconds(self, library: str) -> dict[str, float]:
        return {
            case: statistics.median(row["seconds"])
            for (name, case), row in self.rows.items()
            if name == library and row["seconds"]
        }

    def leaves(self, library: str) -> bool:
        if library == "waypost" or self.runs(library) < LEAVES_AFTER:
            return False
        peers = {name for name, _ in self.rows if name != "waypost"}
        mine = self.seconds(library)
        best = {case: min(s for p in peers for c, s in self.seconds(p).items() if c == case) for case in mine}
        return all(mine[case] > LEAVES_BEYOND * best[case] for case in mine)

    def done(self, job: Job, step: Step, number: int) -> bool:
        """Whether a job is not run in round `number` any more."""
        if number >= (job.rounds or step.rounds):
            return True
        if number == 0:
            return False
        seconds = self.seconds(job.library)
        if not seconds or self.runs(job.library) >= wanted_runs(max(seconds.values())):
            return True
        return not job.stays and self.leaves(job.library)


def run_step(step: Step, simd: str) -> dict:
    if not step.jobs:
        raise RuntimeError("no settings: scripts/bench --settings DATA:DIMENSIONS finds them")
    rounds = Rounds()
    environment = {"WAYPOST_SIMD": simd} if simd else {}
    number = 0
    while any(active := [not rounds.done(job, step, number) for job in step.jobs]):
        for job, wanted in zip(step.jobs, active):
            if wanted:
                lines = run_command(job.command, environment | job.environment)
                rounds.add(job.library, lines)
                for line in lines:
                    shown = ", ".join(f"{s:.6g}" for s in line.get("seconds", []))
                    print(f"  {step.name} {job.library} {line['case']}: {shown}", flush=True)
        number += 1
    for job in step.jobs:
        if job.quality:
            quality = run_command(job.quality, environment)[0]["quality"]
            for (library, _), row in rounds.rows.items():
                if library == job.library:
                    row["quality"] = quality
    return {
        "step": step.name,
        "title": step.title,
        "simd": simd,
        "machine": machine.card(),
        "rows": list(rounds.rows.values()),
        "commands": {job.library: [Path(word).name for word in job.command] for job in step.jobs},
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--simd", default="")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    places = Places.default()
    results = places.folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    failed = 0
    for step in steps.all_steps(places):
        named = any(step.name.startswith(name) for name in options.names)
        if not named and (options.names or step.long != options.long):
            continue
        file = results / f"{step.name}{'.' + options.simd if options.simd else ''}.json"
        if file.exists() and not options.again:
            continue
        print(f"== {step.title}", flush=True)
        try:
            prepare.prepare(places, step.name)
            result = run_step(step, options.simd)
        except RuntimeError as error:
            print(f"bench: {step.name}: {error}", file=sys.stderr)
            failed += 1
            continue
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
