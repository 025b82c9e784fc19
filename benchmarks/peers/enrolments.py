"""Courses for learners: what each library reaches on course-mooccubex-enrolments with settings it finds in equal time.

  enrolments.py DATA_FOLDER [PROCESSOR_SECONDS]      300 for each library by default

Every library draws settings of each of its models in turn, at random (half of its time), then near that model's best,
and is measured by hit-rate@10 on the same 8,192 learners: their last course but one, which training does not see (the last one
of the published train part is an artefact, docs/results.md). The processor seconds of training and of measuring count,
so that other work on the machine takes nothing away from a library. Waypost's blend joins the best settings of three of
its models, with the weights that it learns. The best setting of each model is then trained on the whole train part and measured on test, all learners by one function. Of each library the model that is best by
validation and the one that is best on test are compared with Waypost's over the same learners (paired bootstrap); the
second choice flatters every library alike. Prints a table and writes enrolments.json beside the data.
"""

import contextlib
import dataclasses
import gzip
import io
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from steps import ROOT, THREADS, Places

PLACES = 10  # of the list
USERS = 8192  # of the search
NEAR = 1.35  # how far the second half of a search moves a number, at most
BATCH = 2048
BLENDED = ("item-knn", "ease", "ials")


@dataclasses.dataclass(frozen=True)
class Number:
    low: float
    high: float
    whole: bool = False
    linear: bool = False

    def draw(self, source: random.Random) -> float:
        if self.linear:
            return self.fit(source.uniform(self.low, self.high))
        return self.fit(math.exp(source.uniform(math.log(self.low), math.log(self.high))))

    def near(self, value: float, source: random.Random) -> float:
        if self.linear:
            return self.fit(value + source.uniform(-0.12, 0.12) * (self.high - self.low))
        return self.fit(value * NEAR ** source.uniform(-1, 1))

    def fit(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else float(f"{value:.3g}")


Settings = dict[str, float]
Lists = Callable[[Settings, str, np.ndarray], np.ndarray]  # settings, part to train on, users -> their lists


@dataclasses.dataclass(frozen=True)
class Model:
    library: str
    name: str
    space: dict[str, Number]
    lists: Lists


class Data:
    """Learners and courses by number. `fit` and `validation` cut `train`; `train` goes with `test`."""

    def __init__(self, folder: Path) -> None:
        rows = {part: read_rows(folder / "course-mooccubex-enrolments" / f"{part}.txt.gz") for part in ("train", "test")}
        users = {user: n for n, user in enumerate(rows["train"])}
        courses: dict[str, int] = {}
        for items in rows["train"].values():
            for item in items:
                courses.setdefault(item, len(courses))
        self.user_ids, self.course_ids = list(users), list(courses)
        self.shape = (len(users), len(courses))
        fit = {user: items[:-2] + items[-1:] if len(items) > 1 else items for user, items in rows["train"].items()}
        held = {user: items[-2:-1] for user, items in rows["train"].items() if len(items) > 1}
        self.rows = {"fit": fit, "train": rows["train"]}
        self.matrices = {part: self.matrix(part_rows, users, courses) for part, part_rows in self.rows.items()}
        self.answers = {"fit": self.matrix(held, users, courses), "train": self.matrix(rows["test"], users, courses)}
        # A course that stands in a learner's row twice is no test of the other time.
        self.answers["fit"] = self.answers["fit"] - self.answers["fit"].multiply(self.matrices["fit"])
        self.answers["fit"].eliminate_zeros()

    def matrix(self, rows: dict[str, list[str]], users: dict[str, int], courses: dict[str, int]) -> sp.csr_matrix:
        pairs = [(users[user], courses[item]) for user, items in rows.items() for item in items if item in courses]
        matrix = sp.csr_matrix((np.ones(len(pairs)), np.array(pairs).T), shape=self.shape)
        matrix.data[:] = 1
        return matrix

    def hits(self, part: str, users: np.ndarray, lists: np.ndarray) -> np.ndarray:
        """1 for each learner whose held-out course is in the list; learners without one are left out."""
        answers = self.answers[part][users]
        known = np.flatnonzero(np.diff(answers.indptr))
        return np.array([np.isin(answers[row].indices, lists[row]).any() for row in known], dtype=np.float64)

    def asked(self, part: str, count: int | None = None) -> np.ndarray:
        users = np.flatnonzero(np.diff(self.answers[part].indptr))
        return users if count is None else users[np.arange(count) * len(users) // count]


def read_rows(path: Path) -> dict[str, list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return {row[0]: row[1:] for row in rows if len(row) > 1}


def best_of_scores(scores: Callable[[np.ndarray], np.ndarray], seen: sp.csr_matrix, users: np.ndarray) -> np.ndarray:
    """The lists of users by scores of all courses, those of the training left out."""
    lists = []
    for begin in range(0, len(users), BATCH):
        batch = users[begin : begin + BATCH]
        dense = np.asarray(scores(batch), np.float64)
        dense[seen[batch].nonzero()] = -np.inf
        lists.append(np.argpartition(-dense, PLACES, axis=1)[:, :PLACES])
    return np.vstack(lists)


def irspack_models(data: Data) -> list[Model]:
    from irspack import recommenders

    def model(name: str, space: dict[str, Number], **fixed: object) -> Model:
        def lists(settings: Settings, part: str, users: np.ndarray) -> np.ndarray:
            matrix = data.matrices[part]
            with contextlib.redirect_stdout(io.StringIO()):
                trained = getattr(recommenders, name + "Recommender")(matrix, **settings, **fixed).learn()
            return best_of_scores(trained.get_score, matrix, users)

        return Model("irspack", name, space, lists)

    top_k, threads = {"top_k": Number(50, 3000, whole=True)}, {"n_threads": THREADS}
    shrinkage = {"shrinkage": Number(0.1, 300)}
    return [
        model("AsymmetricCosineKNN", {"alpha": Number(0, 1, linear=True), **shrinkage, **top_k}, **threads),
        model("TverskyIndexKNN", {"alpha": Number(0, 2, linear=True), "beta": Number(0, 2, linear=True), **shrinkage,
                                  **top_k}, **threads),
        model("RP3beta", {"alpha": Number(0.3, 2), "beta": Number(0, 1, linear=True), **top_k}, **threads),
        model("DenseSLIM", {"reg": Number(10, 3000)}),
        model("EDLAE", {"reg": Number(1, 3000), "dropout_p": Number(0.05, 0.9, linear=True)}),
        model("IALS", {"n_components": Number(64, 256, whole=True), "alpha0": Number(0.003, 0.3),
                       "reg": Number(0.0005, 0.05), "train_epochs": Number(3, 16, whole=True)}, **threads),
    ]  # fmt: skip


def implicit_models(data: Data) -> list[Model]:
    from implicit import nearest_neighbours
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    def fitted(make: Callable[..., object], name: str, space: dict[str, Number], **fixed: object) -> Model:
        def lists(settings: Settings, part: str, users: np.ndarray) -> np.ndarray:
            matrix = data.matrices[part].astype(np.float32)
            trained = make(**settings, **fixed)
            trained.fit(matrix, show_progress=False)
            return trained.recommend(users, matrix[users], N=PLACES, filter_already_liked_items=True)[0]

        return Model("implicit", name, space, lists)

    neighbours, threads = {"K": Number(50, 3000, whole=True)}, {"num_threads": THREADS}
    factors = {"factors": Number(64, 256, whole=True), "regularization": Number(0.001, 30)}
    return [
        fitted(nearest_neighbours.CosineRecommender, "cosine", neighbours, **threads),
        fitted(nearest_neighbours.TFIDFRecommender, "tfidf", neighbours, **threads),
        fitted(nearest_neighbours.BM25Recommender, "bm25",
               {**neighbours, "K1": Number(0.2, 200), "B": Number(0, 1, linear=True)}, **threads),
        fitted(AlternatingLeastSquares, "als",
               {**factors, "alpha": Number(3, 300), "iterations": Number(3, 16, whole=True)}, random_state=1, **threads),
        fitted(BayesianPersonalizedRanking, "bpr",
               {**factors, "learning_rate": Number(0.01, 0.2), "iterations": Number(20, 100, whole=True)},
               random_state=1, **threads),
    ]  # fmt: skip


def lightfm_models(data: Data) -> list[Model]:
    from lightfm import LightFM

    def lists(settings: Settings, part: str, users: np.ndarray) -> np.ndarray:
        options = dict(settings)
        epochs = options.pop("epochs")
        matrix = data.matrices[part]
        trained = LightFM(loss="warp", random_state=1, **options).fit(matrix.tocoo(), epochs=epochs, num_threads=THREADS)
        items = trained.item_embeddings.T
        return best_of_scores(lambda batch: trained.user_embeddings[batch] @ items + trained.item_biases, matrix, users)

    space = {"no_components": Number(32, 128, whole=True), "learning_rate": Number(0.01, 0.2),
             "item_alpha": Number(1e-7, 1e-4), "epochs": Number(3, 20, whole=True)}  # fmt: skip
    return [Model("lightfm", "warp", space, lists)]


class WaypostModels:
    """Waypost's models through its tool: files in, lists out."""

    def __init__(self, data: Data, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.tool = os.environ.get("WAYPOST_TOOL", str(ROOT / "build" / "release" / "bin" / "waypost"))
        self.course = {item: n for n, item in enumerate(data.course_ids)}
        for part, rows in data.rows.items():
            with open(folder / f"{part}.txt", "w", encoding="utf-8") as file:
                file.writelines(f"{user} {' '.join(items)}\n" for user, items in rows.items())

    def call(self, *arguments: str) -> str:
        return subprocess.run([self.tool, *arguments], check=True, capture_output=True, text=True).stdout

    def model(self, name: str, space: dict[str, Number], **fixed: object) -> Model:
        def lists(settings: Settings, part: str, users: np.ndarray) -> np.ndarray:
            file = str(self.folder / "model.waypost")
            options = [word for key, value in (settings | fixed).items() for word in ("--set", f"{key}={value}")]
            self.call("train", "--train", str(self.folder / f"{part}.txt"), "--model", name, "--threads", str(THREADS),
                      "--out", file, *options)  # fmt: skip
            everybody = len(users) > USERS
            who = ["--all"] if everybody else ["--user", *(self.data.user_ids[user] for user in users)]
            answer = json.loads(self.call("recommend", "--model", file, "-n", str(PLACES), "--json", "--threads",
                                          str(THREADS), *who))["results"]  # fmt: skip
            found = {row["user"]: [self.course[item["item"]] for item in row["items"]] for row in answer}
            return np.array([found[self.data.user_ids[user]] for user in users])

        return Model("waypost", name, space, lists)

    def all(self) -> list[Model]:
        unit = {"linear": True}
        exponents = {"user_exponent": Number(0, 1.5, **unit), "source_exponent": Number(0, 1.5, **unit),
                     "target_exponent": Number(0, 1, **unit)}  # fmt: skip
        ials = {"dimensions": Number(64, 256, whole=True), "unobserved_weight": Number(0.003, 0.3),
                "regularization": Number(0.0005, 0.05), "epochs": Number(1, 16, whole=True)}  # fmt: skip
        return [
            self.model("item-knn", exponents),
            self.model("rp3beta", {"alpha": Number(0.3, 2), "beta": Number(0, 1, **unit)}),
            self.model("ials", ials),
            self.model("ease", {"regularization": Number(10, 3000)}),
            self.model("gf-cf", {"dimensions": Number(16, 512, whole=True), "low_pass_weight": Number(0.01, 3)}),
        ]


@dataclasses.dataclass
class Found:
    settings: Settings
    hit_rate: float


def add_blend(waypost: WaypostModels, data: Data, models: list[Model], best: list[Found | None]) -> None:
    parts = []
    for model, found in zip(models, best):
        if model.name in BLENDED:
            parts.append(f"{model.name}({','.join(f'{name}={value}' for name, value in found.settings.items())})")
    blend = waypost.model("blend", {}, parts=" + ".join(parts))
    users = data.asked("fit", USERS)
    hit_rate = data.hits("fit", users, blend.lists({}, "fit", users)).mean()
    print(f"  waypost blend of {' + '.join(parts)}: {hit_rate:.4f}", flush=True)
    models.append(blend)
    best.append(Found({}, hit_rate))


def seconds_used() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def search(data: Data, models: list[Model], seconds: float) -> tuple[list[Found | None], int]:
    """The best setting of each model, and how many were tried."""
    source, users = random.Random(1), data.asked("fit", USERS)
    best: list[Found | None] = [None] * len(models)
    begin, trials = seconds_used(), 0
    while (used := seconds_used() - begin) < seconds or trials < len(models):
        number = trials % len(models)
        model, known = models[number], best[number]
        if used > seconds / 2 and known:
            settings = {name: part.near(known.settings[name], source) for name, part in model.space.items()}
        else:
            settings = {name: part.draw(source) for name, part in model.space.items()}
        hit_rate = data.hits("fit", users, model.lists(settings, "fit", users)).mean()
        trials += 1
        print(f"  {model.library} {model.name} {settings}: {hit_rate:.4f}, {seconds_used() - begin:.0f} s", flush=True)
        if known is None or hit_rate > known.hit_rate:
            best[number] = Found(settings, hit_rate)
    return best, trials


def interval(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    source = np.random.default_rng(1)
    means = [values[source.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def main() -> None:
    folder = Path(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 300.0
    data = Data(folder)
    rows: list[dict] = []
    hits_of: dict[tuple[str, int], np.ndarray] = {}
    with tempfile.TemporaryDirectory() as work:
        waypost = WaypostModels(data, Path(work))
        libraries = {"implicit": implicit_models(data), "irspack": irspack_models(data),
                     "lightfm": lightfm_models(data), "waypost": waypost.all()}  # fmt: skip
        everybody = data.asked("train")
        for library, models in libraries.items():
            best, trials = search(data, models, seconds)
            if library == "waypost":
                add_blend(waypost, data, models, best)
            chosen = max(range(len(models)), key=lambda n: best[n].hit_rate)
            for number, (model, found) in enumerate(zip(models, best)):
                hits = data.hits("train", everybody, model.lists(found.settings, "train", everybody))
                rows.append({"library": library, "model": model.name, "settings": found.settings, "trials": trials,
                             "validation": found.hit_rate, "test": hits.mean(), "chosen": number == chosen,
                             "number": number})  # fmt: skip
                print(f"{library} {model.name}: test {hits.mean():.4f}", flush=True)
                hits_of[library, number] = hits
    for part in ("validation", "test"):
        best_rows = {library: max((row for row in rows if row["library"] == library), key=lambda row: row[part])
                     for library in libraries}  # fmt: skip
        own = hits_of["waypost", best_rows["waypost"]["number"]]
        for library, row in best_rows.items():
            if library == "waypost":
                continue
            less = own - hits_of[library, row["number"]]
            low, high = row[f"waypost_less_this_by_{part}"] = interval(less)
            print(f"best by {part}: waypost {best_rows['waypost']['model']} less {library} {row['model']}: "
                  f"{less.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
    places = Places.default()
    places.folder.mkdir(parents=True, exist_ok=True)
    (places.folder / "enrolments.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="ascii")
    print("| library | model | trials | validation | test |\n|---|---|---|---|---|")
    for row in sorted(rows, key=lambda row: -row["test"]):
        mark = "**" if row["chosen"] else ""
        print(f"| {row['library']} | {mark}{row['model']}{mark} | {row['trials']} | {row['validation']:.4f} | {row['test']:.4f} |")


if __name__ == "__main__":
    main()
