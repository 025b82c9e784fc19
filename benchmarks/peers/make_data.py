"""Makes the data that the lines run on, once: make_data.py FOLDER NAME...

gowalla     train, test, train cut into fit and validation (the last fifth of each row), search (validation of
            every 4th user), from the files of $WAYPOST_DATA/cf-gowalla or ../shared/data/cf-gowalla
synthetic   200,000 users x 40,000 items, 12 million interactions: low rank plus Zipf
growth      1, 2, 4, 8 and 16 million interactions, users in proportion, 40,000 items
csv         10 million lines "user,item,value,timestamp" of the synthetic interactions, with integer and with string ids
cosine      the trained items of gowalla, d = 64, scaled to length 1
vectors     factors of 1,000,000 items x 128 that resemble the trained ones of gowalla
Each prints the counts and checksums that the data cards of RESULTS.md show.
"""

import gzip
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from matrices import read_factors, read_matrix, write_factors, write_matrix

ROOT = Path(__file__).resolve().parents[2]
GOWALLA_SHAPE = (29_858, 40_981)
PARTS = ("train", "test", "fit", "validation", "search")  # the last: validation of some of the users
CLUSTERS, RANK = 512, 32


def source(name: str) -> Path:
    folder = os.environ.get("WAYPOST_DATA")
    return (Path(folder) if folder else ROOT.parent / "shared" / "data") / name


def read_rows(path: Path) -> list[tuple[int, list[int]]]:
    with gzip.open(path, "rt", encoding="ascii") as file:
        lines = [[int(word) for word in line.split()] for line in file]
    return [(line[0], line[1:]) for line in lines if len(line) > 1]


def to_matrix(rows: list[tuple[int, list[int]]], shape: tuple[int, int]) -> sp.csr_matrix:
    users = np.repeat([user for user, _ in rows], [len(items) for _, items in rows])
    items = np.concatenate([items for _, items in rows])
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    matrix.data[:] = 1  # a pair that is listed twice is one pair
    return matrix


def gowalla(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"gowalla.{name}.csr" for name in PARTS}
    train = read_rows(source("cf-gowalla") / "train.txt.gz")
    test = read_rows(source("cf-gowalla") / "test.txt.gz")
    kept = [(user, items[: len(items) - len(items) // 5]) for user, items in train]
    held_out = [(user, items[len(items) - len(items) // 5 :]) for user, items in train]
    parts = {"train": train, "test": test, "fit": kept, "validation": held_out, "search": held_out[::4]}
    for name, rows in parts.items():
        write_matrix(files[name], to_matrix(rows, GOWALLA_SHAPE))
    return files


def simulate(users: int, items: int, entries: int, seed: int) -> np.ndarray:
    """Distinct pairs user * items + item, ascending. Each user mixes three of 512 clusters of items with the items'
    popularity (Zipf, exponent 0.9); histories are lognormal."""
    random = np.random.default_rng(seed)
    popularity = 1 / (np.arange(items) + 20.0) ** 0.9
    popularity /= popularity.sum()
    cluster = random.integers(0, CLUSTERS, items)
    tastes = random.standard_normal((CLUSTERS, RANK)).astype(np.float32)
    activity = np.exp(random.normal(0, 1.0, users))
    activity = np.minimum(np.maximum(5, activity / activity.sum() * entries * 1.8).astype(np.int64), 3000)
    favourites = np.empty((users, 3), np.int64)
    for begin in range(0, users, 20_000):
        count = min(20_000, users - begin)
        liking = random.standard_normal((count, RANK)).astype(np.float32) @ tastes.T
        liking += 1.5 * random.gumbel(size=liking.shape)
        favourites[begin : begin + count] = np.argpartition(-liking, 3, 1)[:, :3]
    order = np.argsort(cluster, kind="stable")
    start = np.searchsorted(cluster[order], np.arange(CLUSTERS + 1))
    mass = np.concatenate([[0], np.cumsum(popularity[order])])
    user = np.repeat(np.arange(users), activity)
    chosen = favourites[user, random.integers(0, 3, len(user))]
    low, high = mass[start[chosen]], mass[start[chosen + 1]]
    drawn = np.searchsorted(mass, low + random.random(len(user)) * (high - low), side="right") - 1
    item = order[np.clip(drawn, 0, items - 1)]
    popular = random.random(len(user)) < 0.35
    anywhere = np.searchsorted(np.cumsum(popularity), random.random(int(popular.sum())))
    item[popular] = np.clip(anywhere, 0, items - 1)
    pairs = np.unique(user * np.int64(items) + random.permutation(items)[item])
    return pairs if len(pairs) <= entries else np.sort(random.choice(pairs, entries, replace=False))


def pairs_matrix(pairs: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    users, items = pairs // shape[1], pairs % shape[1]
    return sp.csr_matrix((np.ones(len(pairs), np.float32), (users, items)), shape=shape)


def synthetic(folder: Path) -> dict[str, Path]:
    shape = (200_000, 40_000)
    files = {name: folder / f"synthetic.{name}.csr" for name in PARTS}
    pairs = simulate(*shape, 13_334_000, seed=7)
    random = np.random.default_rng(8)
    in_test = random.random(len(pairs)) < 0.1
    in_validation = ~in_test & (random.random(len(pairs)) < 0.1)
    parts = {"train": ~in_test, "test": in_test, "fit": ~in_test & ~in_validation, "validation": in_validation}
    parts["search"] = parts["validation"] & (pairs // shape[1] % 16 == 0)
    for name, part in parts.items():
        write_matrix(files[name], pairs_matrix(pairs[part], shape))
    return files


def growth(folder: Path) -> dict[str, Path]:
    """Every size is the first users of the largest."""
    users, items = 266_000, 40_000
    pairs = simulate(users, items, 16_000_000, seed=9)
    files = {}
    for millions in (1, 2, 4, 8, 16):
        count = users * millions // 16
        files[f"{millions}m"] = folder / f"growth.{millions}m.csr"
        write_matrix(files[f"{millions}m"], pairs_matrix(pairs[pairs < count * items], (count, items)))
    return files


def csv(folder: Path) -> dict[str, Path]:
    matrix = read_matrix(folder / "synthetic.train.csr").tocoo()
    random = np.random.default_rng(1)
    rows = random.permutation(matrix.nnz)[:10_000_000]
    users = matrix.row[rows].astype(np.int64) * 7919 % 1_000_003 + 1
    items = matrix.col[rows].astype(np.int64) + 1
    values = random.integers(1, 11, len(rows)) / 2
    times = random.integers(800_000_000, 1_500_000_000, len(rows))
    files = {"integers": folder / "events.integers.csv", "strings": folder / "events.strings.csv"}
    forms = {"integers": "%d,%d,%.1f,%d\n", "strings": "u%d,i%d,%.1f,%d\n"}
    for name, form in forms.items():
        with open(files[name], "w", encoding="ascii") as file:
            file.write("user,item,value,timestamp\n")
            for begin in range(0, len(rows), 100_000):
                part = slice(begin, begin + 100_000)
                columns = (users[part].tolist(), items[part].tolist(), values[part].tolist(), times[part].tolist())
                file.write("".join(form % row for row in zip(*columns)))
    return files


def vectors(folder: Path) -> dict[str, Path]:
    """Directions of trained items, disturbed within their covariance, with the norms of trained items."""
    random = np.random.default_rng(7)
    trained = read_factors(folder / "ials128.items.f32", 128)
    users = read_factors(folder / "ials128.users.f32", 128)
    norms = np.linalg.norm(trained, axis=1)
    directions = trained / (norms[:, None] + 1e-9)
    spread = np.linalg.cholesky(np.cov(directions.T) + 1e-6 * np.eye(128)).astype(np.float32)
    base = random.integers(0, len(trained), 1_000_000)
    items = directions[base] + 0.7 * (random.standard_normal((len(base), 128), dtype=np.float32) @ spread.T)
    items *= (norms[base] / np.linalg.norm(items, axis=1))[:, None]
    files = {"items": folder / "million.items.f32", "users": folder / "million.users.f32"}
    write_factors(files["items"], items)
    write_factors(files["users"], users[:1000])
    return files


def cosine(folder: Path) -> dict[str, Path]:
    """Trained items scaled to length 1: a table without the skew of norms that ALS has."""
    items = read_factors(folder / "ials64.items.f32", 64)
    files = {"items": folder / "cosine64.items.f32", "users": folder / "cosine64.users.f32"}
    write_factors(files["items"], items / np.maximum(np.linalg.norm(items, axis=1, keepdims=True), 1e-9))
    write_factors(files["users"], read_factors(folder / "ials64.users.f32", 64))
    return files


def card(path: Path) -> dict[str, object]:
    with open(path, "rb") as file:
        facts: dict[str, object] = {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    if path.suffix == ".csr":
        rows, columns, entries, _ = (int(n) for n in np.fromfile(path, np.uint64, 4))
        facts |= {"users": rows, "items": columns, "interactions": entries}
    return facts | {"bytes": path.stat().st_size}


MAKERS = {"gowalla": gowalla, "synthetic": synthetic, "growth": growth, "csv": csv, "vectors": vectors,
          "cosine": cosine}  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        cards = {file.name: card(file) for file in MAKERS[name](folder).values()}
        (folder / f"{name}.card.json").write_text(json.dumps(cards, indent=1) + "\n", encoding="ascii")
        print(json.dumps(cards))


if __name__ == "__main__":
    main()
