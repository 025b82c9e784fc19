"""Predicted ratings: root mean squared errors on MovieLens latest-small, five folds, the same for every library.

  ratings.py DATA_FOLDER

Each peer's figure is the best of its settings by these very folds, which flatters it; Waypost runs with its defaults.
An error is taken over the test ratings whose user and film stand in the fold's training part; predictions are brought
into 0.5..5. Prints a table and writes ratings.json beside the data.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from steps import ROOT, THREADS, Places

FOLDS = 5
SEED = 2

Fold = tuple[np.ndarray, np.ndarray]  # rows of the table: to train on, to test on


def read(folder: Path) -> np.ndarray:
    """User, film and rating of each row, users and films by number."""
    path = folder / "cf-movielens-latest-small" / "ratings.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    users = np.unique([row["userId"] for row in rows], return_inverse=True)[1]
    films = np.unique([row["movieId"] for row in rows], return_inverse=True)[1]
    return np.column_stack([users, films, [float(row["rating"]) for row in rows]])


def folds(table: np.ndarray) -> Iterator[Fold]:
    number = np.random.default_rng(SEED).permutation(len(table)) % FOLDS
    for fold in range(FOLDS):
        train, test = table[number != fold], table[number == fold]
        known = np.isin(test[:, 0], train[:, 0]) & np.isin(test[:, 1], train[:, 1])
        yield train, test[known]


def error(predicted: np.ndarray, test: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.clip(predicted, 0.5, 5) - test[:, 2]) ** 2)))


def surprise_models() -> dict[str, Callable[[], object]]:
    import surprise

    models: dict[str, Callable[[], object]] = {
        "BaselineOnly": lambda: surprise.BaselineOnly(verbose=False),
        "KNNBaseline": lambda: surprise.KNNBaseline(
            k=60, sim_options={"name": "pearson_baseline", "user_based": False, "shrinkage": 50}, verbose=False
        ),
        "SVDpp, defaults": lambda: surprise.SVDpp(random_state=1, cache_ratings=True),
    }
    for factors, epochs, ridge in ((100, 20, 0.02), (50, 40, 0.08), (100, 60, 0.1), (20, 40, 0.1)):
        models[f"SVD {factors} {epochs} {ridge}"] = lambda f=factors, e=epochs, r=ridge: surprise.SVD(
            n_factors=f, n_epochs=e, reg_all=r, random_state=1
        )
    return models


def run_surprise(make: Callable[[], object], train: np.ndarray, test: np.ndarray) -> float:
    import pandas
    from surprise import Dataset, Reader

    frame = pandas.DataFrame({"user": train[:, 0].astype(int), "film": train[:, 1].astype(int), "rating": train[:, 2]})
    model = make()
    model.fit(Dataset.load_from_df(frame, Reader(rating_scale=(0.5, 5))).build_full_trainset())
    return error(np.array([model.predict(int(user), int(film)).est for user, film, _ in test]), test)


def cmfrec_settings() -> list[dict[str, object]]:
    settings: list[dict[str, object]] = [{"k": 40, "lambda_": 10.0}, {"k": 80, "lambda_": 10.0}]
    for k in (40, 80):
        for ridge in (9.0, 12.0, 15.0):
            settings.append({"k": k, "lambda_": ridge, "add_implicit_features": True})
    return settings


def run_cmfrec(settings: dict[str, object], train: np.ndarray, test: np.ndarray) -> float:
    import cmfrec
    import pandas

    frame = pandas.DataFrame({"UserId": train[:, 0].astype(int), "ItemId": train[:, 1].astype(int), "Rating": train[:, 2]})
    model = cmfrec.CMF(nthreads=THREADS, verbose=False, **settings).fit(frame)
    return error(model.predict(user=test[:, 0].astype(int), item=test[:, 1].astype(int)), test)


def run_waypost(train: np.ndarray, test: np.ndarray) -> float:
    tool = os.environ.get("WAYPOST_TOOL", str(ROOT / "build" / "release" / "bin" / "waypost"))
    with tempfile.TemporaryDirectory() as folder:
        for name, part in (("train", train), ("test", test)):
            with open(f"{folder}/{name}.csv", "w", encoding="ascii") as file:
                file.write("user,item,value\n")
                file.writelines(f"{int(user)},{int(film)},{rating}\n" for user, film, rating in part)
        command = [tool, "evaluate", "--train", f"{folder}/train.csv", "--test", f"{folder}/test.csv", "--model",
                   "explicit-als", "--value-transform", "linear", "--metrics", "rmse", "--json", "--threads",
                   str(THREADS)]  # fmt: skip
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["metrics"]["rmse"]


def main() -> None:
    parts = list(folds(read(Path(sys.argv[1]))))
    jobs: list[tuple[str, str, Callable[[np.ndarray, np.ndarray], float]]] = [("Waypost", "explicit-als", run_waypost)]
    for name, make in surprise_models().items():
        jobs.append(("Surprise", name, lambda train, test, make=make: run_surprise(make, train, test)))
    for settings in cmfrec_settings():
        text = ", ".join(f"{name} {value}" for name, value in settings.items())
        jobs.append(("cmfrec", text, lambda train, test, settings=settings: run_cmfrec(settings, train, test)))
    rows = []
    for library, name, run in jobs:
        begin = time.perf_counter()
        errors = [run(train, test) for train, test in parts]
        row = {"library": library, "model": name, "rmse": float(np.mean(errors)), "folds": errors,
               "seconds": time.perf_counter() - begin}  # fmt: skip
        rows.append(row)
        print(f"{library} {name}: {row['rmse']:.4f}, {row['seconds']:.0f} s", flush=True)
    places = Places.default()
    places.folder.mkdir(parents=True, exist_ok=True)
    (places.folder / "ratings.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="ascii")
    print("| library | model | RMSE | the folds |\n|---|---|---|---|")
    for row in sorted(rows, key=lambda row: row["rmse"]):
        print(f"| {row['library']} | {row['model']} | {row['rmse']:.4f} | {' '.join(f'{e:.4f}' for e in row['folds'])} |")


if __name__ == "__main__":
    main()
