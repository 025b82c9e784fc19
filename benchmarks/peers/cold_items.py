"""Courses and films without any event: Waypost's feature map beside LightFM and beside features alone.

    cold_items.py movielens|mooccube --data FOLDER --tool PATH_OF_WAYPOST [--seed N]

A fifth of the items lose all their events. Every method ranks these items, and only these, for every user who is left
with a history and has taken one of them; recall@20 is the share found, of at most 20. Of what is left a tenth of the
pairs is held out too: on them the model is measured as it is served, all items together, with and without features.
Settings of all methods are chosen on items that were taken from the training in the same way, never on the test.
"""
import argparse
import csv
import gzip
import itertools
import json
import pathlib
import re
import subprocess
import tempfile

import numpy as np
from lightfm import LightFM
from scipy import sparse

CUT = 20


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def movielens(folder):
    """Pairs of ratings of 4 and more; titles, genres and tags of films."""
    folder = folder / "cf-movielens-latest-small"
    items = {}
    for row in rows_of(folder / "movies.csv.gz"):
        items[row["movieId"]] = {"id": row["movieId"], "title": row["title"], "tags": row["genres"].split("|")}
    for row in rows_of(folder / "tags.csv.gz"):
        items[row["movieId"]]["tags"].append(row["tag"])
    pairs = {(row["userId"], row["movieId"]) for row in rows_of(folder / "ratings.csv.gz") if float(row["rating"]) >= 4}
    return sorted(pairs), items


def mooccube(folder):
    """Enrolments; schools and teachers of courses."""
    folder = folder / "course-mooccube-zh"
    items = {}
    pairs = {(row["user"], row["course"]) for row in rows_of(folder / "user_course_sample.csv.gz")}
    for _, course in sorted(pairs):
        items.setdefault(course, {"id": course, "title": "", "tags": []})
    for field in ("school", "teacher"):
        for row in rows_of(folder / f"{field}_course.csv.gz"):
            items.setdefault(row["course"], {"id": row["course"], "title": "", "tags": []})
            items[row["course"]]["tags"].append(f"{field} {row[field]}")
    return sorted(pairs), items


def features_of(item):
    words = {"title:" + word for word in re.findall(r"\w+", item["title"].lower())}
    return sorted(words | {"tag:" + tag.lower() for tag in item["tags"]})


def take_items(pairs, seed):
    """Cuts a fifth of the items out: (what is left, the pairs of the items taken)."""
    items = sorted({item for _, item in pairs})
    rng = np.random.default_rng(seed)
    taken = set(rng.choice(items, len(items) // 5, replace=False).tolist())
    return [pair for pair in pairs if pair[1] not in taken], [pair for pair in pairs if pair[1] in taken]


def take_pairs(pairs, seed):
    rng = np.random.default_rng(seed)
    chosen = rng.random(len(pairs)) < 0.1
    return ([pair for pair, out in zip(pairs, chosen) if not out], [pair for pair, out in zip(pairs, chosen) if out])


class Task:
    """A training part and what is asked of it, for every method the same."""

    def __init__(self, train, test, catalogue):
        self.train, self.catalogue = train, catalogue
        self.users = sorted({user for user, _ in train})
        self.items = sorted({item for _, item in train})
        self.cold = sorted({item for _, item in test})
        known = set(self.users)
        self.wanted = {}
        for user, item in test:
            if user in known:
                self.wanted.setdefault(user, set()).add(item)
        self.asked = sorted(self.wanted)
        user_at = {user: n for n, user in enumerate(self.users)}
        self.all_items = self.items + self.cold
        item_at = {item: n for n, item in enumerate(self.all_items)}
        cells = np.array([(user_at[user], item_at[item]) for user, item in train])
        self.matrix = sparse.csr_matrix((np.ones(len(cells), np.float32), cells.T),
                                        shape=(len(self.users), len(self.all_items)))
        self.rows = np.array([user_at[user] for user in self.asked])
        self.features = self.feature_matrix()

    def feature_matrix(self):
        """Features that two items of the training have, as Waypost takes them."""
        names, cells = {}, []
        for n, item in enumerate(self.all_items):
            for feature in features_of(self.catalogue[item]):
                cells.append((n, names.setdefault(feature, len(names))))
        cells = np.array(cells)
        matrix = sparse.csr_matrix((np.ones(len(cells), np.float32), cells.T),
                                   shape=(len(self.all_items), len(names)))
        counts = np.asarray(matrix[: len(self.items)].sum(axis=0)).ravel()
        return matrix[:, counts >= 2].tocsr()

    def recalls(self, lists):
        values = []
        for user, best in zip(self.asked, lists):
            wanted = self.wanted[user]
            values.append(len(wanted.intersection(best)) / min(CUT, len(wanted)))
        return np.array(values)

    def recalls_of_scores(self, scores):
        best = np.argsort(-scores, axis=1, kind="stable")[:, :CUT]
        return self.recalls([[self.cold[n] for n in row] for row in best])


def content(task):
    """The cosine of features weighted by their rarity, summed over the history."""
    features = task.features
    rarity = np.log(1 + features.shape[0] / np.maximum(1, np.asarray(features.sum(axis=0)).ravel()))
    weighted = features @ sparse.diags(rarity)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.maximum(length, 1e-9)) @ weighted
    likeness = unit @ unit[len(task.items):].T
    return task.recalls_of_scores((task.matrix[task.rows] @ likeness).toarray())


def feature_popularity(task):
    """The mean popularity of the items that share a feature, averaged over the features: the same for every user."""
    taken = np.asarray(task.matrix.sum(axis=0)).ravel()
    known = task.features[: len(task.items)]
    mean = (known.T @ taken[: len(task.items)]) / np.maximum(1, np.asarray(known.sum(axis=0)).ravel())
    scores = task.features[len(task.items):] @ mean
    return task.recalls_of_scores(np.tile(scores, (len(task.rows), 1)))


def lightfm(task, dimensions, penalty, epochs):
    """WARP with a vector of each item beside those of its features: the recalls after each of these numbers of epochs."""
    features = sparse.hstack([sparse.identity(len(task.all_items), dtype=np.float32), task.features]).tocsr()
    features = (sparse.diags(1 / np.asarray(features.sum(axis=1)).ravel()) @ features).astype(np.float32).tocsr()
    model = LightFM(no_components=dimensions, loss="warp", item_alpha=penalty, user_alpha=penalty, random_state=1)
    first, found = len(task.items), {}
    for number in range(1, max(epochs) + 1):
        model.fit_partial(task.matrix.tocoo(), item_features=features, epochs=1, num_threads=1)
        if number in epochs:
            item_bias, item_vectors = model.get_item_representations(features)
            _, user_vectors = model.get_user_representations()
            scores = user_vectors[task.rows] @ item_vectors[first:].T + item_bias[first:]
            found[number] = task.recalls_of_scores(scores)
    return found


def tuned_lightfm(validation, task):
    """The recalls of the settings that are best on the validation items, and these settings."""
    scored = []
    for dimensions, penalty in itertools.product([16, 64], [0, 1e-4]):
        for epochs, values in lightfm(validation, dimensions, penalty, [1, 2, 3, 5, 10, 20, 40]).items():
            scored.append((float(values.mean()), {"dimensions": dimensions, "penalty": penalty, "epochs": epochs}))
            print(f"  validation {scored[-1][0]:.4f} lightfm {scored[-1][1]}", flush=True)
    best = max(scored, key=lambda entry: entry[0])[1]
    return lightfm(task, best["dimensions"], best["penalty"], [best["epochs"]])[best["epochs"]], best


class Tool:
    """Waypost's command line in a folder of its own."""

    def __init__(self, tool, task, folder):
        self.tool, self.task, self.folder = tool, task, pathlib.Path(folder)
        with open(self.folder / "train.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("user", "item"), *task.train])
        with open(self.folder / "catalogue.jsonl", "w", encoding="utf-8") as file:
            for item in task.all_items:
                file.write(json.dumps(task.catalogue[item], ensure_ascii=False) + "\n")
        (self.folder / "cold.txt").write_text("\n".join(task.cold) + "\n", encoding="utf-8")

    def run(self, *arguments):
        return subprocess.run([self.tool, *arguments], check=True, capture_output=True, text=True, cwd=self.folder).stdout

    def train(self, settings, *more):
        flags = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        return json.loads(self.run("train", "--train", "train.csv", "--catalog", "catalogue.jsonl", "--model", "ials",
                                   "--out", "model.waypost", "--json", *flags, *more))

    def lists(self, *more):
        found = json.loads(self.run("recommend", "--model", "model.waypost", "--all", "-n", str(CUT), "--json", *more))
        return {result["user"]: [item["item"] for item in result["items"]] for result in found["results"]}

    def cold(self, settings):
        self.train(settings)
        lists = self.lists("--include", "@cold.txt")
        return self.task.recalls([lists.get(user, []) for user in self.task.asked])


def best_of(grid, measure):
    """The settings with the best mean recall on the validation items."""
    scored = [(float(measure(**dict(zip(grid, values))).mean()), dict(zip(grid, values)))
              for values in itertools.product(*grid.values())]
    for score, settings in scored:
        print(f"  validation {score:.4f} {settings}", flush=True)
    return max(scored, key=lambda entry: entry[0])[1]


def interval(values, seed=1):
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(2000)]
    return f"{values.mean():.4f} [{np.quantile(means, 0.025):.4f}, {np.quantile(means, 0.975):.4f}]"


def served_lists(tool, served):
    lists = tool.lists()
    return [lists.get(user, []) for user in served.asked]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["movielens", "mooccube"])
    parser.add_argument("--data", dest="folder", type=pathlib.Path, required=True)
    parser.add_argument("--tool", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    pairs, catalogue = {"movielens": movielens, "mooccube": mooccube}[arguments.data](arguments.folder)
    left, cold = take_items(pairs, arguments.seed)
    train, warm = take_pairs(left, arguments.seed)
    task = Task(train, cold, catalogue)
    validation = Task(*take_items(train, arguments.seed + 1), catalogue)
    print(f"{arguments.data}: {len(task.users)} users, {len(task.items)} items to train on, {len(task.cold)} without "
          f"events, {task.features.shape[1]} features; {len(task.asked)} users asked", flush=True)
    tool_path = arguments.tool.resolve()
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(tool_path, validation, folder)
        ials = best_of({"dimensions": [64, 128], "regularization": [0.02, 0.1]},
                       lambda **settings: tool.cold(settings))
    results = {"content": content(task), "feature popularity": feature_popularity(task)}
    results["lightfm"], peer = tuned_lightfm(validation, task)
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(tool_path, task, folder)
        results["ials"] = tool.cold(ials)
        print("chosen:", ials, peer)
        print(f"\nrecall@{CUT} of items without events, and how far ials is above")
        for name, values in results.items():
            print(f"  {name:20} {interval(values):26} {'' if name == 'ials' else interval(results['ials'] - values)}")
        served = Task(train, warm, catalogue)
        known = set(served.items)
        for user in list(served.wanted):  # items that training does not know are misses of both
            served.wanted[user] &= known
        served.asked = [user for user in served.asked if served.wanted[user]]
        with_features = served.recalls(served_lists(tool, served))
        tool.train(ials, "--no-features")
        without = served.recalls(served_lists(tool, served))
    print(f"\nrecall@{CUT} of held-out pairs of the others, all items together")
    print(f"  with features {interval(with_features)}, without {interval(without)}, ratio "
          f"{with_features.mean() / without.mean():.4f}")


if __name__ == "__main__":
    main()
