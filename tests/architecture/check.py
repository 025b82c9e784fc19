"""Checks of the source tree that no compiler makes. One check a call:

    check.py includes|sizes|ascii|forbidden|itself SOURCE_FOLDER
    check.py symbols TARGET OBJECT_FILE...      (TARGET: avx2 or avx512)

Prints each violation with its file and line and exits 1 where there is one; the last line says how much was checked.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# Which folders a folder of include/waypost may include beside itself. A name with a slash allows that one header.
BELOW = {
    "base": [],
    "event": ["base"],
    "matrix": ["base", "event"],
    "text": ["base", "event", "matrix", "file/file_io.hpp", "file/guard.hpp"],
    "model": ["base", "event", "matrix"],
    "file": ["base", "event", "matrix", "text", "model"],
    "store": ["base", "event", "file/file_io.hpp", "file/guard.hpp"],
    "rank": ["base", "event", "matrix", "model/scorer.hpp", "text/types.hpp"],
    "eval": ["base", "event", "matrix", "model/scorer.hpp", "text/types.hpp", "rank"],
    "insight": ["base", "event"],
    "report": ["base", "event", "matrix", "model/scorer.hpp", "text/types.hpp", "rank", "eval", "insight"],
}
BELOW["serve"] = sorted(set(BELOW))

MAX_LINES = 800
MAX_COLUMNS = 120
CODE = {".hpp", ".cpp", ".h", ".c"}

# What the library never does: print, end the process, draw entropy, read a clock.
FORBIDDEN = [
    (r"std::c(out|err|log)\b", "prints"),
    (r"(?<![\w:.>])(std::)?(printf|fprintf|vprintf|vfprintf|puts|putchar|fputs|perror)\s*\(", "prints"),
    (r"(?<![\w:.>])(std::)?(abort|exit|_exit|quick_exit|terminate)\s*\(", "ends the process"),
    (r"(?<![\w:.>])(std::)?(rand|srand|rand_r|drand48)\s*\(", "draws from the system's random numbers"),
    (r"std::(random_device|mt19937\w*|default_random_engine|\w+_distribution)\b", "draws other random numbers"),
    (r"(?<![\w:.>])(std::)?(time|clock|gettimeofday|clock_gettime|localtime|localtime_r)\s*\(", "reads a clock"),
    (r"\b(system_clock|steady_clock|high_resolution_clock)\b", "reads a clock"),
    (r"\bstd::(thread|async|jthread)\b(?!::)", "starts a thread of its own"),
    (r"#\s*include\s*<(iostream|thread|random)>", "includes a header of what the library never does"),
    (r"\busing\s+namespace\b", "opens a namespace"),
]


def library_files(source):
    for folder in ("include/waypost", "src", "bindings/c"):
        for path in sorted((source / folder).rglob("*")):
            if path.suffix in CODE and "src/cli" not in path.as_posix():
                yield path


def without_comments_and_strings(text):
    """The text with comments and literals blanked, line breaks kept."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^(]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def check_includes(source):
    problems, count = [], 0
    for path in library_files(source):
        relative = path.relative_to(source)
        parts = relative.parts
        if parts[0] == "bindings":
            continue  # stands on everything
        folder = parts[2] if parts[0] == "include" else parts[1]
        if folder not in BELOW and len(parts) > (3 if parts[0] == "include" else 2):
            problems.append(f"{relative}:1: the folder '{folder}' has no place in the order of folders")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*["<](waypost/)?([a-z_]+)/([\w./]+)[">]', line)
            if not include or include.group(2) not in BELOW:
                continue
            count += 1
            target, header = include.group(2), include.group(2) + "/" + include.group(3)
            if folder not in BELOW:
                continue  # an umbrella header
            if target != folder and target not in BELOW[folder] and header not in BELOW[folder]:
                problems.append(f"{relative}:{number}: '{folder}' may not include '{header}'")
    return problems, f"{count} includes point downward"


def check_sizes(source):
    problems, count = [], 0
    for folder in ("include", "src", "bindings", "tests", "examples", "benchmarks", "scripts"):
        for path in sorted((source / folder).rglob("*")):
            if path.suffix not in CODE | {".py", ".cmake"}:
                continue
            count += 1
            lines = path.read_text().splitlines()
            if len(lines) > MAX_LINES:
                problems.append(
                    f"{path.relative_to(source)}:{MAX_LINES}: want at most {MAX_LINES} lines, got {len(lines)}")
            for number, line in enumerate(lines, 1):
                if path.suffix in CODE and len(line) > MAX_COLUMNS:
                    problems.append(
                        f"{path.relative_to(source)}:{number}: want at most {MAX_COLUMNS} columns, got {len(line)}")
    return problems, f"{count} files have at most {MAX_LINES} lines, of at most {MAX_COLUMNS} columns where they are code"


def check_ascii(source):
    problems, count = [], 0
    for folder in ("include", "src", "bindings", "tests", "examples", "benchmarks"):
        for path in sorted((source / folder).rglob("*")):
            if path.suffix not in CODE | {".py"} and path.name != "CMakeLists.txt":
                continue
            count += 1
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                if any(byte >= 0x80 for byte in line):
                    problems.append(f"{path.relative_to(source)}:{number}: want ASCII, got {line[:60]!r}")
    return problems, f"{count} files are ASCII"


def check_forbidden(source):
    problems, count = [], 0
    for path in library_files(source):
        count += 1
        lines = without_comments_and_strings(path.read_text()).splitlines()
        for number, line in enumerate(lines, 1):
            for pattern, what in FORBIDDEN:
                if what == "reads a clock" and path.parts[-2] == "serve":
                    continue  # the engine answers for now and times its calls; what is below is told the time
                if re.search(pattern, line):
                    problems.append(f"{path.relative_to(source)}:{number}: {what}: {line.strip()}")
    return problems, f"{count} library files do nothing that the library never does"


def check_symbols(target, objects):
    """Every symbol that the linker may merge with one of another object must carry its instruction set in its name."""
    own = re.compile(rf"4simd\d+{target}|waypost_eigen_{target}|N_AVX2" if target == "avx2"
                     else rf"4simd\d+{target}|waypost_eigen_{target}|N_AVX3")
    problems, count = [], 0
    for path in objects:
        symbols = subprocess.run(["nm", "--defined-only", path], check=True, capture_output=True, text=True).stdout
        for line in symbols.splitlines():
            kind, name = line.split()[-2:]
            if kind not in "TWVuBDRC" or not name.startswith("_Z"):
                if kind in "TWVuBDRC" and name != "DW.ref.__gxx_personality_v0" and "__asan" not in name \
                        and "__odr_asan" not in name:
                    problems.append(f"{path}: {kind} {name}")
                continue
            count += 1
            if not own.search(name):
                problems.append(f"{path}: {kind} {name}")
    return problems, f"{count} global symbols of {len(objects)} objects belong to {target} alone"


# A file that breaks each rule, and the rule.
PLANTED = [
    ("includes", "include/waypost/base/a.hpp", '#include "waypost/model/scorer.hpp"\n'),
    ("includes", "include/waypost/eval/a.hpp", '#include "waypost/model/ials.hpp"\n'),
    ("includes", "src/strange/a.cpp", "\n"),
    ("sizes", "src/base/a.cpp", "\n" * (MAX_LINES + 1)),
    ("sizes", "src/base/a.cpp", "// " + "x" * MAX_COLUMNS + "\n"),
    ("ascii", "src/base/a.cpp", "// \u00fc\n"),
    ("forbidden", "src/base/a.cpp", "void F() { std::cout << 1; }\n"),
    ("forbidden", "src/base/a.cpp", "void F() { abort(); }\n"),
    ("forbidden", "include/waypost/base/a.hpp", "int F() { return rand(); }\n"),
    ("forbidden", "src/base/a.cpp", "long F() { return time(nullptr); }\n"),
]
ALLOWED = [
    ("includes", "include/waypost/rank/a.hpp", '#include "waypost/model/scorer.hpp"\n'),
    ("forbidden", "src/base/a.cpp", '// abort() and rand()\nconst char* kText = "exit(1)"; int x = row.time(1);\n'),
    ("forbidden", "src/cli/a.cpp", "void F() { std::cout << 1; }\n"),
    ("forbidden", "src/serve/a.cpp", "auto F() { return std::chrono::steady_clock::now(); }\n"),
]


def check_itself(_):
    problems = []
    for expected, planted in ((1, PLANTED), (0, ALLOWED)):
        for rule, name, text in planted:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True)
                path.write_text(text)
                found, _summary = globals()["check_" + rule](pathlib.Path(folder))
                if len(found) != expected:
                    problems.append(f"check.py:1: {rule}: want {expected} violations in {text!r}, got {found}")
    return problems, f"{len(PLANTED)} planted violations are found, {len(ALLOWED)} harmless files pass"


def main():
    if sys.argv[1] == "symbols":
        problems, summary = check_symbols(sys.argv[2], sys.argv[3:])
    else:
        problems, summary = globals()["check_" + sys.argv[1]](pathlib.Path(sys.argv[2]))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} violations" if problems else summary)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
