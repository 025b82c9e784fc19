"""Makes what a step reads and is not there yet: data, trained factors, model files. Nothing here is timed."""

import os
import subprocess
from pathlib import Path

from steps import ENVIRONMENT, HERE, Places

# The factors that the serving lines share: Waypost's, trained with these options.
MODELS = {64: {"unobserved_weight": 0.02, "regularization": 0.0035, "epochs": 6},
          128: {"unobserved_weight": 0.02, "regularization": 0.0047, "epochs": 8}}  # fmt: skip
NEEDS = {
    "train-gowalla": ["gowalla"],
    "train-synthetic": ["synthetic"],
    "epoch": ["gowalla"],
    "roofline": ["gowalla"],
    "top-k-ials64": ["ials64"],
    "top-k-ials128": ["ials128"],
    "top-k-bpr64": ["bpr64"],
    "top-k-cosine64": ["cosine64"],
    "recommend-all": ["ials64"],
    "fold-in": ["ials128"],
    "item-knn": ["gowalla"],
    "evaluate": ["ials64"],
    "ingest": ["csv"],
    "open": ["million"],
    "memory": ["synthetic"],
    "growth": ["growth"],
}


def call(command: list[str]) -> None:
    done = subprocess.run(
        command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}")


def make_data(places: Places, name: str) -> None:
    call([str(places.python), str(HERE / "make_data.py"), str(places.data), name])


def make_trained(places: Places, dimensions: int) -> None:
    need(places, "gowalla")
    options = {"dimensions": dimensions, **MODELS[dimensions]}
    sets = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    name = places.file(f"ials{dimensions}")
    call(places.waypost("train", "--train", places.file("gowalla.train.csr"), "--factors", name, "--model",
                        name + ".waypost", *sets))  # fmt: skip


def make_model(places: Places, name: str, dimensions: int) -> None:
    factors = places.file(name)
    call(places.waypost("make-model", "--users", factors + ".users.f32", "--items", factors + ".items.f32",
                        "--dimensions", str(dimensions), "--out", factors + ".waypost"))  # fmt: skip


def make_bpr(places: Places) -> None:
    need(places, "gowalla")
    call(places.peer("implicit", "bpr", "--train", places.file("gowalla.train.csr"), "--factors",
                     places.file("bpr64"), "--dimensions", "64"))  # fmt: skip
    make_model(places, "bpr64", 64)


def make_cosine(places: Places) -> None:
    need(places, "ials64")
    call([str(places.python), str(HERE / "make_data.py"), str(places.data), "cosine"])
    make_model(places, "cosine64", 64)


def make_million(places: Places) -> None:
    need(places, "ials128")
    if not Path(places.file("million.npz")).exists():
        make_data(places, "vectors")
        call(places.peer("implicit", "make-model", "--factors", places.file("million"), "--dimensions", "128", "--out",
                         places.file("million.npz")))  # fmt: skip
    make_model(places, "million", 128)


def make_csv(places: Places) -> None:
    need(places, "synthetic")
    make_data(places, "csv")


MAKERS = {
    "gowalla": (lambda places: make_data(places, "gowalla"), "gowalla.card.json"),
    "synthetic": (lambda places: make_data(places, "synthetic"), "synthetic.card.json"),
    "growth": (lambda places: make_data(places, "growth"), "growth.card.json"),
    "csv": (make_csv, "csv.card.json"),
    "ials64": (lambda places: make_trained(places, 64), "ials64.waypost"),
    "ials128": (lambda places: make_trained(places, 128), "ials128.waypost"),
    "bpr64": (make_bpr, "bpr64.waypost"),
    "cosine64": (make_cosine, "cosine64.waypost"),
    "million": (make_million, "million.waypost"),
}


def need(places: Places, name: str) -> None:
    """Makes what is missing, and a model file that is older than the program: what it holds may have changed."""
    make, last_file = MAKERS[name]
    file = Path(places.file(last_file))
    old = file.suffix == ".waypost" and file.exists() and file.stat().st_mtime < places.program.stat().st_mtime
    if old or not file.exists():
        print(f"  making {name}", flush=True)
        make(places)


def prepare(places: Places, step: str) -> None:
    places.data.mkdir(parents=True, exist_ok=True)
    for prefix, names in NEEDS.items():
        if step.startswith(prefix):
            for name in names:
                need(places, name)
