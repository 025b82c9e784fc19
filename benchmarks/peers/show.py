"""Prints each line of the table of ratios as PASS, FAIL or "not run" with its figure: show.py [--simd avx2]"""

import argparse
import json
import sys
from pathlib import Path

import checks
import steps
from steps import Places


def read_results(folder: Path, simd: str) -> checks.Results:
    """The rows of each finished step; with a forced path, those that were run so."""
    ending = f".{simd}.json" if simd else ".json"
    results = {}
    for file in sorted(folder.glob("*.json")):
        name = file.name.removesuffix(ending)
        if file.name.endswith(ending) and "." not in name:
            results[name] = json.loads(file.read_text(encoding="utf-8"))["rows"]
    return results


def reached(settings: dict[str, dict]):
    """Whether a library's setting reaches the target of validation; true where none was measured."""

    def answer(key: str, library: str) -> bool:
        return settings.get(key, {}).get("libraries", {}).get(library, {}).get("reaches_target", True)

    return answer


def number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def check_lines(results: checks.Results, settings: dict[str, dict]) -> list[list[str]]:
    """Line, work, asked, reached, spread, verdict, note."""
    lines = []
    for check in checks.all_checks(reached(settings)):
        asked = f"{'at least' if check.at_least else 'at most'} {check.want:g} {check.unit}".rstrip()
        if any(step not in results for step in check.steps):
            lines.append([check.line, check.what, asked, "", "", "not run", ""])
            continue
        figure = check.figure(results)
        verdict = "PASS" if check.passed(figure) else "FAIL"
        spread = f"{number(figure.low)} to {number(figure.high)}"
        reached_text = f"{number(figure.value)} {check.unit}".rstrip()
        lines.append([check.line, check.what, asked, reached_text, spread, verdict, figure.note])
    return lines


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--simd", default="")
    options = parser.parse_args()
    results = read_results(Places.default().folder / "results", options.simd)
    failed = 0
    for line, what, asked, figure, spread, verdict, note in check_lines(results, steps.settings()):
        failed += verdict == "FAIL"
        print(f"{verdict:8}{line:>3}  {what:58} {asked:16} {figure:>9}  {spread:18} {note}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
