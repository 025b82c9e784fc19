"""What is run: each step alternates one command of each library."""

import dataclasses
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
THREADS = 2

# The libraries thread over rows themselves; a BLAS that threads too would fight with them.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "passive"}


@dataclasses.dataclass(frozen=True)
class Places:
    """Where programs and data are; `WAYPOST_PEERS`, `WAYPOST_PEERS_ENV` and `WAYPOST_PEERS_PROGRAM` override."""

    folder: Path
    python: Path
    program: Path

    @staticmethod
    def default() -> "Places":
        folder = Path(os.environ.get("WAYPOST_PEERS", ROOT / "build" / "peers"))
        environment = Path(os.environ.get("WAYPOST_PEERS_ENV", folder / "env"))
        program = Path(os.environ.get("WAYPOST_PEERS_PROGRAM", ROOT / "build" / "bench" / "bin" / "waypost_peers"))
        return Places(folder, environment / "bin" / "python", program)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def file(self, name: str) -> str:
        return str(self.data / name)

    def peer(self, script: str, *arguments: str) -> list[str]:
        python = self.folder / "env-buffalo" / "bin" / "python" if script == "buffalo" else self.python
        return [str(python), str(HERE / f"peer_{script}.py"), *arguments]

    def waypost(self, *arguments: str) -> list[str]:
        return [str(self.program), *arguments]


@dataclasses.dataclass(frozen=True)
class Job:
    """One library's command. `quality` is run once after the rounds: it measures what the command left in files."""

    library: str
    command: list[str]
    quality: list[str] | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    rounds: int | None = None  # at most
    stays: bool = False  # a ratio is asked against this very library: it does not leave for being slow


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    title: str
    jobs: list[Job]
    rounds: int = 5
    long: bool = False


def training_libraries(places: Places) -> list[str]:
    libraries = ["waypost", "irspack", "implicit", "cmfrec", "lightfm"]
    has_buffalo = (places.folder / "env-buffalo" / "complete").exists()
    return [*libraries, "buffalo"] if has_buffalo else libraries


def train_arguments(library: str, dimensions: int, epochs: int, arguments: dict[str, str]) -> list[str]:
    """The flags of a training: Waypost's own options are given by --set."""
    if library == "waypost":
        options = {"dimensions": str(dimensions), "epochs": str(epochs), **arguments}
        return [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    flags = {"dimensions": str(dimensions), "epochs": str(epochs), **arguments}
    return [word for name, value in flags.items() for word in (f"--{name}", value)]


def train_command(places: Places, library: str, command: str, *arguments: str) -> list[str]:
    return places.waypost(command, *arguments) if library == "waypost" else places.peer(library, command, *arguments)


def settings() -> dict[str, dict]:
    return json.loads((HERE / "settings.json").read_text(encoding="ascii"))


def evaluate_command(places: Places, data: str, part: str, factors: str, dimensions: int) -> list[str]:
    train = "train" if part == "test" else "fit"
    return places.waypost(
        "evaluate", "--train", places.file(f"{data}.{train}.csr"), "--test", places.file(f"{data}.{part}.csr"),
        "--users", f"{factors}.users.f32", "--items", f"{factors}.items.f32", "--dimensions", str(dimensions),
        "--threads", str(THREADS),
    )  # fmt: skip


def training(places: Places, data: str, dimensions: int, *, repeats: int, long: bool) -> Step:
    jobs = []
    chosen = settings().get(f"{data} {dimensions}", {"libraries": {}})["libraries"]
    for library in training_libraries(places):
        if library not in chosen:
            continue
        factors = places.file(f"{library}.{data}.{dimensions}")
        setting = chosen[library]
        command = train_command(
            places, library, "train", "--train", places.file(f"{data}.train.csr"), "--factors", factors,
            "--threads", str(THREADS), "--repeats", str(repeats),
            *train_arguments(library, dimensions, setting["epochs"], setting["arguments"]),
        )  # fmt: skip
        rounds = 1 if library == "lightfm" else None  # ten times slower than the others, at a lower quality
        quality = evaluate_command(places, data, "test", factors, dimensions)
        jobs.append(Job(library, command, quality, rounds=rounds))
    return Step(f"train-{data}-{dimensions}", f"iALS to the target, {data}, d = {dimensions}", jobs, long=long)


def epoch(places: Places, dimensions: int, *, sampled: bool) -> Step:
    train = ["--train", places.file("gowalla.train.csr"), "--threads", str(THREADS)]
    peer = ["--solver", "exact", "--dimensions", str(dimensions), "--epochs", "3"]
    jobs = [
        Job("waypost", places.waypost("epoch", *train, "--set", f"dimensions={dimensions}", "--set", "epochs=3",
                                      "--set", "solver=exact")),
        Job("irspack", places.peer("irspack", "epoch", *train, *peer, "--rows-step", "20" if sampled else "1")),
    ]  # fmt: skip
    return Step(f"epoch-{dimensions}", f"one exact iALS epoch, gowalla, d = {dimensions}", jobs, long=sampled)


def pairs(places: Places, kind: str) -> Step:
    """Sampled pairs, 64 dimensions: Waypost with its defaults, the peer with what its users take.

    WARP draws at most as many negatives for an interaction as LightFM by default.
    """
    own, peer, script, flags = {
        "bpr": ([], "implicit", "implicit",
                ["--epochs", "60", "--learning-rate", "0.05", "--regularization", "0.01"]),
        "warp": (["--set", "max_trials=10"], "lightfm", "lightfm", ["--epochs", "20", "--learning-rate", "0.05"]),
    }[kind]  # fmt: skip
    common = ["--train", places.file("gowalla.train.csr"), "--threads", str(THREADS)]

    def factors(library: str) -> str:
        return places.file(f"{library}.{kind}")

    def quality(library: str) -> list[str]:
        return evaluate_command(places, "gowalla", "test", factors(library), 64)

    jobs = [
        Job("waypost", places.waypost("pairs", "--kind", kind, *common, *own, "--factors", factors("waypost")),
            quality("waypost")),
        Job(peer, places.peer(script, "pairs", *common, "--dimensions", "64", "--factors", factors(peer), *flags),
            quality(peer)),
    ]  # fmt: skip
    return Step(f"pairs-{kind}", f"{kind.upper()}, gowalla, d = 64, seconds an epoch", jobs, rounds=3)


def roofline(places: Places) -> Step:
    jobs = [
        Job("waypost", places.waypost("roofline", "--train", places.file("gowalla.train.csr"), "--set",
                                      "dimensions=128", "--threads", str(THREADS), "--repeats", "5")),
        Job("numpy", places.peer("numpy", "sgemm", "--repeats", "5", "--threads", str(THREADS)),
            environment={"OPENBLAS_NUM_THREADS": str(THREADS)}),
    ]  # fmt: skip
    return Step("roofline", "rows with n >= d, d = 128, against sgemm", jobs, rounds=2)


def top_k(places: Places, name: str, dimensions: int, counts: str, *, approximate: bool) -> Step:
    common = ["--k", counts, "--queries", "500"]
    peer = ["--factors", places.file(name), "--dimensions", str(dimensions), *common]
    jobs = [
        Job("waypost", places.waypost("top-k", "--model", places.file(f"{name}.waypost"), *common, "--repeats", "5")),
        Job("faiss-flat", places.peer("vectors", "top-k", "--index", "faiss-flat", *peer, "--repeats", "5"),
            stays=True),
    ]
    if approximate:
        for index in ("faiss-flat-reservoir", "faiss-ivf", "hnswlib", "usearch"):
            command = places.peer("vectors", "top-k", "--index", index, *peer, "--repeats", "10")
            jobs.append(Job(index, command, rounds=1))
    return Step(f"top-k-{name}", f"top-k, one query, one thread, {name}", jobs, rounds=2)


def recommend_all(places: Places) -> Step:
    train = ["--train", places.file("gowalla.train.csr"), "--k", "20,100", "--threads", str(THREADS)]
    jobs = [
        Job("waypost", places.waypost("recommend-all", "--model", places.file("ials64.waypost"), *train,
                                      "--repeats", "2")),
        Job("implicit", places.peer("implicit", "recommend-all", "--factors", places.file("ials64"), *train,
                                    "--repeats", "2")),
    ]  # fmt: skip
    return Step("recommend-all", "all users, training items left out, d = 64", jobs)


def fold_in(places: Places) -> Step:
    train = ["--train", places.file("gowalla.train.csr"), "--items", "50"]
    peer = [*train, "--factors", places.file("ials128"), "--dimensions", "128", "--repeats", "5"]
    jobs = [
        Job("waypost", places.waypost("fold-in", "--model", places.file("ials128.waypost"), *train, "--repeats", "5")),
        Job("implicit", places.peer("implicit", "fold-in", *peer)),
        Job("irspack", places.peer("irspack", "fold-in", *peer, "--histories", "20"), rounds=1),
    ]
    return Step("fold-in", "fold-in of 50 items, d = 128, one thread", jobs, rounds=2)


def item_knn(places: Places) -> Step:
    train = ["--train", places.file("gowalla.train.csr"), "--threads", str(THREADS)]
    test = ["--test", places.file("gowalla.test.csr")]

    def quality(name: str) -> list[str]:
        return places.waypost("evaluate", *train, *test, "--similarity", places.file(name))

    jobs = [
        Job("waypost", places.waypost("item-knn", *train, *test, "--set", "similarity=cosine", "--set",
                                      "neighbours=200", "--repeats", "2")),
        Job("implicit", places.peer("implicit", "item-knn", *train, "--similarity",
                                    places.file("implicit.similarity.csr"), "--repeats", "2"),
            quality("implicit.similarity.csr")),
        Job("irspack", places.peer("irspack", "item-knn", *train, "--similarity",
                                   places.file("irspack.similarity.csr"), "--repeats", "2"),
            quality("irspack.similarity.csr")),
    ]  # fmt: skip
    return Step("item-knn", "item kNN, cosine, 200 neighbours, gowalla", jobs)


def item_knn_degree(places: Places) -> Step:
    command = places.waypost(
        "item-knn", "--train", places.file("gowalla.train.csr"), "--test", places.file("gowalla.test.csr"),
        "--set", "user_exponent=1", "--set", "source_exponent=0.7", "--set", "target_exponent=0.2",
        "--threads", str(THREADS), "--repeats", "2",
    )  # fmt: skip
    return Step("item-knn-degree", "item kNN, three exponents, all neighbours, gowalla", [Job("waypost", command)])


def evaluate(places: Places) -> Step:
    data = ["--train", places.file("gowalla.train.csr"), "--test", places.file("gowalla.test.csr"),
            "--threads", str(THREADS)]  # fmt: skip
    peer = [*data, "--factors", places.file("ials64"), "--dimensions", "64"]
    jobs = [
        Job("waypost", places.waypost("evaluate", "--model", places.file("ials64.waypost"), *data, "--repeats", "2")),
        Job("implicit", places.peer("implicit", "evaluate", *peer, "--repeats", "2")),
        Job("irspack", places.peer("irspack", "evaluate", *peer, "--repeats", "2")),
        Job("numpy", places.peer("numpy", "evaluate", *peer), rounds=1),
    ]
    return Step("evaluate", "recall@20 and ndcg@20 of all users, d = 64", jobs)


def ingest(places: Places, ids: str) -> Step:
    csv = places.file(f"events.{ids}.csv")
    jobs = [Job("waypost", places.waypost("ingest", "--csv", csv, "--case", ids))]
    for reader in ("pyarrow", "pandas", "polars"):
        jobs.append(Job(reader, places.peer("tables", "ingest", "--reader", reader, "--csv", csv, "--case", ids)))
    return Step(f"ingest-{ids}", f"10 million CSV lines, {ids} as ids", jobs, rounds=10)


def opening(places: Places) -> Step:
    jobs = [
        Job("waypost", places.waypost("open", "--model", places.file("million.waypost"))),
        Job("implicit", places.peer("implicit", "open", "--model", places.file("million.npz"))),
    ]
    return Step("open", "opening a model of 1,000,000 x 128", jobs, rounds=10, long=True)


def memory(places: Places) -> Step:
    """Two epochs of 64 dimensions: the peak does not grow with further ones."""
    train = ["--train", places.file("synthetic.train.csr"), "--threads", str(THREADS)]
    jobs = []
    for library in training_libraries(places):
        if library == "lightfm":  # no iALS
            continue
        flags = train_arguments(library, 64, 2, {})
        jobs.append(Job(library, train_command(places, library, "train", *train, *flags)))
    return Step("memory", "peak memory of training, 12 million interactions, d = 64", jobs, rounds=1, long=True)


def growth(places: Places, millions: int) -> Step:
    command = places.waypost(
        "epoch", "--train", places.file(f"growth.{millions}m.csr"), "--set", "dimensions=64", "--set", "epochs=4",
        "--threads", str(THREADS),
    )  # fmt: skip
    return Step(f"growth-{millions}", f"one epoch, {millions} million interactions", [Job("waypost", command)],
                rounds=3, long=True)  # fmt: skip


def all_steps(places: Places) -> list[Step]:
    return [
        training(places, "gowalla", 64, repeats=2, long=False),
        training(places, "gowalla", 128, repeats=2, long=False),
        epoch(places, 128, sampled=False),
        roofline(places),
        top_k(places, "ials64", 64, "10,100", approximate=True),
        top_k(places, "ials128", 128, "10,100", approximate=True),
        top_k(places, "bpr64", 64, "10", approximate=False),
        top_k(places, "cosine64", 64, "10", approximate=False),
        recommend_all(places),
        fold_in(places),
        item_knn(places),
        item_knn_degree(places),
        evaluate(places),
        pairs(places, "bpr"),
        pairs(places, "warp"),
        ingest(places, "integers"),
        ingest(places, "strings"),
        training(places, "gowalla", 256, repeats=1, long=True),
        training(places, "gowalla", 512, repeats=1, long=True),
        training(places, "synthetic", 64, repeats=1, long=True),
        epoch(places, 512, sampled=True),
        opening(places),
        memory(places),
        *(growth(places, millions) for millions in (1, 2, 4, 8, 16)),
    ]


if __name__ == "__main__":
    for step in all_steps(Places.default()):
        sys.stdout.write(f"{step.name}{' (long)' if step.long else ''}: {step.title}\n")
