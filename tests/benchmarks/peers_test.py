"""Tests of the comparison with other libraries that need none of them: metrics, choice of settings, runs, report."""

import json
import math
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(sys.argv.pop(1)) / "benchmarks" / "peers"))

import checks  # noqa: E402  the folder is known only now
import metrics  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402
import search  # noqa: E402
import show  # noqa: E402
import steps  # noqa: E402


def row(library: str, seconds: list[float], **members: object) -> dict:
    line = {"library": library, "case": "all", "seconds": seconds, "cpu_seconds": [2 * s for s in seconds]}
    return line | {"threads": 2, "version": "1.0", "peak_rss_bytes": 50e6} | members


class MetricsTest(unittest.TestCase):
    def test_recall_divides_by_all_relevant_items(self) -> None:
        self.assertEqual(metrics.recall([5, 1, 7], {1, 7, 8, 9}, 3), 0.5)
        self.assertEqual(metrics.recall([5, 1, 7], {1, 7, 8, 9}, 2), 0.25)

    def test_ndcg_by_hand(self) -> None:
        ideal = 1 + 1 / math.log2(3)
        self.assertAlmostEqual(metrics.ndcg([5, 1, 7], {1, 7}, 3), (1 / math.log2(3) + 1 / math.log2(4)) / ideal)
        self.assertEqual(metrics.ndcg([3, 4], {3, 4, 5}, 2), 1)
        self.assertEqual(metrics.ndcg([1, 2], {3}, 2), 0)


class ChecksTest(unittest.TestCase):
    def test_ratio_is_of_medians_and_spread_of_pairs(self) -> None:
        figure = checks.ratio([4, 6, 8], [2, 2, 4])
        self.assertEqual((figure.value, figure.low, figure.high), (3, 2, 3))

    def test_the_fastest_eligible_peer_counts_without_its_overhead(self) -> None:
        rows = {"waypost": row("waypost", [1]), "a": row("a", [5], overhead_seconds=4), "b": row("b", [2])}
        self.assertEqual(checks.fastest(rows)["library"], "a")
        self.assertEqual(checks.fastest(rows, lambda r: r["library"] != "a")["library"], "b")

    def test_a_training_below_the_target_does_not_pass(self) -> None:
        done = {"train-gowalla-64": [row("waypost", [1]), row("a", [10])]}
        for waypost_reaches in (True, False):
            check = checks.all_checks(lambda key, library: library == "a" or waypost_reaches)[0]
            self.assertEqual(check.passed(check.figure(done)), waypost_reaches)

    def test_without_an_eligible_peer_the_ratio_is_infinite(self) -> None:
        figure = checks.against("step", "all", "b")({"step": [row("waypost", [1]), row("a", [10])]})
        self.assertEqual((figure.value, figure.note), (math.inf, "no peer reaches the quality"))

    def test_slope_of_a_power(self) -> None:
        self.assertAlmostEqual(checks.slope([(n, 3 * n**1.5) for n in (1, 2, 4, 8)]), 1.5)

    def test_every_check_names_steps_that_exist(self) -> None:
        known = {step.name for step in steps.all_steps(steps.Places.default())}
        for check in checks.all_checks(lambda key, library: True):
            self.assertLessEqual(set(check.steps), known, check.what)

    def test_memory_is_compared_with_the_smallest_peer(self) -> None:
        rows = [row("waypost", [1], peak_rss_bytes=30e6), row("a", [1], peak_rss_bytes=100e6),
                row("b", [9], peak_rss_bytes=60e6)]  # fmt: skip
        self.assertEqual(checks.memory_share("step")({"step": rows}).value, 0.5)


class SearchTest(unittest.TestCase):
    trials = [
        search.Trial({"a": "1"}, [1, 2, 3], [0.1, 0.3, 0.2], [1, 2, 3]),
        search.Trial({"a": "2"}, [1, 2, 3], [0.1, 0.2, 0.4], [0.5, 1, 1.5]),
    ]

    def test_the_fastest_to_the_target_is_chosen(self) -> None:
        chosen = search.choose(self.trials, 0.3)
        self.assertEqual((chosen["arguments"], chosen["epochs"], chosen["reaches_target"]), ({"a": "2"}, 3, True))

    def test_where_none_reaches_it_the_best_is_chosen(self) -> None:
        chosen = search.choose(self.trials[:1], 0.5)
        self.assertEqual((chosen["epochs"], chosen["reaches_target"], chosen["validation_ndcg"]), (2, False, 0.3))


class RunTest(unittest.TestCase):
    def test_a_slow_peer_leaves_and_the_fastest_stays(self) -> None:
        rounds = run.Rounds()
        for library, seconds in (("waypost", 1.0), ("fast", 2.0), ("slow", 4.0)):
            rounds.add(library, [row(library, [seconds] * 3)])
        self.assertEqual([rounds.leaves(name) for name in ("waypost", "fast", "slow")], [False, False, True])

    def test_longer_runs_are_repeated_less(self) -> None:
        self.assertEqual([run.wanted_runs(seconds) for seconds in (4.9, 5, 59, 60)], [run.MOST_RUNS, 3, 3, 1])

    def test_commands_alternate_and_their_lines_are_kept(self) -> None:
        def job(library: str, seconds: float) -> steps.Job:
            line = json.dumps(row(library, [seconds]))
            return steps.Job(library, [sys.executable, "-c", f"print('noise'); print('''{line}''')"])

        step = steps.Step("step", "title", [job("waypost", 10), job("other", 20)])
        done = run.run_step(step, "")
        self.assertEqual([r["seconds"] for r in done["rows"]], [[10, 10, 10], [20, 20, 20]])

    def test_a_command_that_fails_is_an_error(self) -> None:
        with self.assertRaises(RuntimeError):
            run.run_command([sys.executable, "-c", "raise SystemExit(3)"], {})
        with self.assertRaises(RuntimeError):
            run.run_command([sys.executable, "-c", ""], {})


class ReportTest(unittest.TestCase):
    def test_a_row_shows_median_spread_and_marks_unused_threads(self) -> None:
        cells = results.row_cells("evaluate", row("a", [1, 2, 3], cpu_seconds=[1, 2, 3], quality={"ndcg@20": 0.25}))
        self.assertEqual(cells[3:7], ["2 s", "1 s to 3 s (3)", "0.50 (!)", "ndcg@20 0.2500"])
        self.assertEqual(results.row_cells("evaluate", row("a", [0.002]))[5], "1.00")

    def test_times_have_three_digits_and_a_unit(self) -> None:
        texts = [results.time_text(seconds) for seconds in (12.3456, 0.0123456, 1.23456e-5, 4e-8)]
        self.assertEqual(texts, ["12.3 s", "12.3 ms", "12.3 us", "40 ns"])

    def test_the_document_tells_what_passed_and_what_was_not_run(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            places = steps.Places(folder, folder / "python", folder / "program")
            (folder / "results").mkdir()
            fold_in = {"rows": [row("waypost", [1e-5]), row("implicit", [1e-4])], "machine": {"memory": "1 GB"}}
            (folder / "results" / "fold-in.json").write_text(json.dumps(fold_in), encoding="ascii")
            text = results.document(places)
            lines = show.check_lines(show.read_results(folder / "results", ""), {})
        verdicts = {line[1]: (line[3], line[5]) for line in lines}
        self.assertEqual(verdicts["fold-in of 50 items, d = 128"], ("10 x", "PASS"))
        self.assertEqual(verdicts["evaluation of all users"], ("", "not run"))
        self.assertIn("| 8 | fold-in of 50 items, d = 128 | at least 4 x | 10 x | 10 to 10 | PASS |", text)
        self.assertIn("| memory | 1 GB |", text)


if __name__ == "__main__":
    os.environ.pop("WAYPOST_BENCH_PREFIX", None)
    unittest.main()
