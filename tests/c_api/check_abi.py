#!/usr/bin/env python3
"""Compares the exported symbols and the structure sizes of the C library with bindings/c/abi.txt.

A difference is a change of the promise of binary stability: a line that is missing or changed breaks callers; a new
line is added to abi.txt with the change that brings it.
"""
import argparse
import re
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser()
    for name in ("nm", "library", "sizes", "abi"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--header", required=True, action="append")
    arguments = parser.parse_args()

    nm = subprocess.run([arguments.nm, "-D", "--defined-only", arguments.library], capture_output=True, text=True,
                        check=True).stdout
    symbols = set()
    for line in nm.splitlines():
        fields = line.split()
        if fields[-2] == "A":
            continue  # the name of the version itself
        symbols.add(re.sub(r"@.*", "", fields[-1]))
    found = {"function " + symbol for symbol in symbols}
    sizes = subprocess.run([arguments.sizes], capture_output=True, text=True, check=True).stdout.splitlines()
    found |= set(sizes)

    problems = []
    header = ""
    for path in arguments.header:
        with open(path, encoding="ascii") as file:
            header += file.read()
    declared = set(re.findall(r"\b(waypost_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S)))
    problems += [f"declared but not exported: {name}" for name in sorted(declared - symbols)]
    problems += [f"exported but not declared: {name}" for name in sorted(symbols - declared)]
    structs = {name for name in re.findall(r"^typedef struct (waypost_\w+) \{", header, flags=re.M)}
    printed = {line.split()[1] for line in sizes}
    problems += [f"no size is printed for {name}: sizes.c" for name in sorted(structs - printed)]

    with open(arguments.abi, encoding="ascii") as file:
        wanted = {line.strip() for line in file if line.strip() and not line.startswith("#")}
    problems += [f"in abi.txt, not in the library: {line}" for line in sorted(wanted - found)]
    problems += [f"in the library, not in abi.txt: {line}" for line in sorted(found - wanted)]
    for problem in problems:
        print(problem)
    print(f"{len(symbols)} functions, {len(sizes)} structures, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
