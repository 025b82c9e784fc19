"""Checks what the documents say: check.py blocks|links|defaults|commands SOURCE_FOLDER [TOOL]

    blocks     a code block below `<!-- FILE [REGION] -->` equals the marked region of that file
    links      every relative link leads to a file
    defaults   what the C header says of an unset number is the default of the C++ options
    commands   every command of a block below `<!-- commands -->` runs, in order, in an empty folder; every script that a
               document names exists
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile


def documents(source):
    return [source / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted((source / "docs").glob("*.md"))


def check_blocks(source, _tool):
    problems, count = [], 0
    for document in documents(source):
        for name, region, block in re.findall(r"<!-- (\S+) \[(\w+)\] -->\n```\w*\n(.*?)```", document.read_text(), re.S):
            count += 1
            text = (source / name).read_text()
            marked = re.search(rf"// \[{region}\]\n(.*?)// \[/{region}\]", text, re.S)
            if not marked or marked.group(1) != block:
                problems.append(f"{document.name}: the block of {name} [{region}] differs from the file")
    return problems if count else ["no block is marked"], f"{count} blocks equal their files"


def check_links(source, _tool):
    problems, count = [], 0
    for document in documents(source):
        text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            count += 1
            if not (document.parent / target).exists():
                problems.append(f"{document.name}: no file {target}")
    return problems, f"{count} links lead to files"


def check_defaults(source, _tool):
    problems, count = [], 0
    options = (source / "include/waypost/model/item_knn_options.hpp").read_text()
    for name, said in re.findall(r"float (\w+);\s*/\*[^*]*?unset: ([\d.]+)", (source / "bindings/c/waypost.h").read_text()):
        count += 1
        constant = "kDefault" + "".join(word.capitalize() for word in name.split("_"))
        default = re.search(rf"\b{constant} = ([\d.]+)f;", options)
        if not default or float(default.group(1)) != float(said):
            problems.append(f"waypost.h: {name}: unset is said to be {said}, {constant} is {default and default.group(1)}")
    return problems if count else ["waypost.h names no default"], f"{count} defaults are those of the library"


def check_commands(source, tool):
    problems, count = [], 0
    for document in documents(source):
        text = document.read_text()
        for script in re.findall(r"(?<![\w./])(?:\./)?(scripts/[\w.-]+|\.ci/run)", text):
            if not (source / script).exists():
                problems.append(f"{document.name}: no {script}")
        for block in re.findall(r"<!-- commands -->\n```\w*\n(.*?)```", text, re.S):
            with tempfile.TemporaryDirectory() as folder:
                for line in block.splitlines():
                    words = shlex.split(line, comments=True)
                    if not words:
                        continue
                    count += 1
                    result = subprocess.run([tool] + words[1:], cwd=folder, capture_output=True, text=True)
                    if words[0] != "waypost" or result.returncode != 0:
                        problems.append(f"{document.name}: {line}: exit status {result.returncode}: {result.stderr[-300:]}")
    return problems, f"{count} commands run"


def main():
    tool = str(pathlib.Path(sys.argv[3]).resolve()) if len(sys.argv) > 3 else ""
    problems, summary = globals()["check_" + sys.argv[1]](pathlib.Path(sys.argv[2]), tool)
    print("\n".join(problems) if problems else summary)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
