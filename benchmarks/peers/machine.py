"""The card of the machine and of the build that figures were measured with: no name, no date."""

import os
import platform
import subprocess

from steps import ROOT


def first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout else "unknown"


def processor() -> dict[str, str]:
    """Model, caches and the vector instructions that matter, from lscpu."""
    done = subprocess.run(["lscpu"], capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    facts = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    known = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "neon", "asimd", "sve")
    flags = [flag for flag in known if flag in facts.get("Flags", "").split()]
    caches = ", ".join(f"{name.split()[0]} {facts[name]}" for name in ("L1d cache", "L2 cache", "L3 cache")
                       if name in facts)  # fmt: skip
    return {"processor": facts.get("Model name", platform.machine()), "caches": caches, "vectors": " ".join(flags)}


def memory_gigabytes() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def build_flags() -> str:
    cache = ROOT / "build" / "bench" / "CMakeCache.txt"
    if not cache.exists():
        return "unknown"
    lines = cache.read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith(("#", "//")))
    kind = values.get("CMAKE_BUILD_TYPE:STRING", "Release")
    return f"{kind}, {values.get(f'CMAKE_CXX_FLAGS_{kind.upper()}:STRING', '')}, kernels also -O3 by instruction set"


def card() -> dict[str, str]:
    return processor() | {
        "threads used": f"2 of {os.cpu_count()}",
        "memory": f"{memory_gigabytes()} GB",
        "system": f"{platform.system()} {platform.release()}",
        "compiler": first_line(["c++", "--version"]),
        "flags": build_flags(),
        "revision": first_line(["git", "rev-parse", "--short=12", "HEAD"]),
    }
