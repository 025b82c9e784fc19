"""Text search beside tantivy and bm25s: one corpus, one run, top 10 of each query.

    run.py --data FOLDER --program build/bench/bin/waypost_bench_text [--documents N] [--work FOLDER]

Needs `pip install tantivy bm25s numpy` in the environment that runs it. The corpus: each document joins 2 to 6 sentences
drawn at random (seed 1) from the questions of qa-cs-stackexchange, the English questions of qa-insurance-zh and the
titles of catalogue-udemy; the queries are 1,000 titles of qa-cs-stackexchange. Every engine runs in a process of its
own on one thread (tantivy's writer: one indexing thread; its merges run beside), answers each query once to warm up and
then in three rounds. tantivy: default tokenizer, frequencies without positions, nothing stored, one segment at the end.
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

K = 10
ROUNDS = 3


def make(data, folder, count):
    sentences, queries = [], []
    with gzip.open(data / "qa-cs-stackexchange/questions.jsonl.gz", "rt") as file:
        for line in file:
            row = json.loads(line)
            queries.append(row["title"])
            for sentence in re.split(r"(?<=[.?!])\s+", row["title"] + ". " + row["body"]):
                words = len(sentence.split())
                if 4 <= words <= 60:
                    sentences.append(" ".join(sentence.split()))
    with gzip.open(data / "qa-insurance-zh/questions.tsv.gz", "rt") as file:
        sentences += [row["question_en"] for row in csv.DictReader(file, delimiter="\t")]
    with gzip.open(data / "catalogue-udemy/udemy_courses.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            title = next((row[key] for key in row if "title" in key.lower()), "")
            if title:
                sentences.append(" ".join(title.split()))
    draw = random.Random(1)
    with open(folder / "documents.txt", "w") as out:
        for _ in range(count):
            out.write(" ".join(draw.choice(sentences) for _ in range(draw.randint(2, 6))) + "\n")
    (folder / "queries.txt").write_text("\n".join(draw.sample(queries, 1000)) + "\n")


def measure(answer, queries):
    """`answer(query)` once for each query to warm up, then in rounds."""
    for query in queries:
        answer(query)
    rounds, fastest = [], [1e9] * len(queries)
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for n, query in enumerate(queries):
            start = time.perf_counter()
            answer(query)
            fastest[n] = min(fastest[n], time.perf_counter() - start)
        rounds.append(time.perf_counter() - begin)
    rounds.sort()
    fastest.sort()
    return {"queries_per_s": len(queries) / rounds[0], "queries_per_s_median": len(queries) / rounds[len(rounds) // 2],
            "p50_us": 1e6 * fastest[len(fastest) // 2], "p99_us": 1e6 * fastest[len(fastest) * 99 // 100]}


def run_tantivy(folder):
    import tantivy
    documents = (folder / "documents.txt").read_text().splitlines()
    queries = (folder / "queries.txt").read_text().splitlines()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=False, tokenizer_name="default", index_option="freq")
    place = folder / "tantivy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    index = tantivy.Index(builder.build(), path=str(place))
    begin = time.perf_counter()
    writer = index.writer(heap_size=400_000_000, num_threads=1)
    for text in documents:
        writer.add_document(tantivy.Document(text=text))
    writer.commit()
    writer.wait_merging_threads()
    build = time.perf_counter() - begin
    index.reload()
    searcher = index.searcher()
    parse = [index.parse_query(" ".join(re.findall(r"[^\W_]+", query.lower())), ["text"]) for query in queries]
    result = measure(lambda query: searcher.search(query, K, count=False), parse)
    size = sum(file.stat().st_size for file in place.iterdir() if not file.name.endswith((".json", ".lock")))
    return {"engine": "tantivy " + tantivy.__version__, "documents": len(documents), "build_s": build,
            "index_bytes": size, "segments": searcher.num_segments, **result}


def run_bm25s(folder):
    import bm25s
    documents = (folder / "documents.txt").read_text().splitlines()
    queries = (folder / "queries.txt").read_text().splitlines()
    begin = time.perf_counter()
    model = bm25s.BM25(k1=1.2, b=0.75)
    model.index(bm25s.tokenize(documents, stopwords=None, show_progress=False), show_progress=False)
    build = time.perf_counter() - begin

    def answer(query):
        tokens = bm25s.tokenize([query], stopwords=None, show_progress=False, return_ids=False)
        return model.retrieve(tokens, k=K, show_progress=False, n_threads=1)

    result = measure(answer, queries[:100])  # slow
    size = sum(part.nbytes for part in model.scores.values() if hasattr(part, "nbytes"))
    return {"engine": "bm25s " + bm25s.__version__, "documents": len(documents), "build_s": build, "index_bytes": size,
            **result}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--documents", type=int, default=500_000)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/text-peers"))
    parser.add_argument("--only", choices=["make", "waypost", "tantivy", "bm25s"])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.only in ("tantivy", "bm25s"):
        print(json.dumps(globals()["run_" + options.only](options.work)))
        return
    if options.only in (None, "make"):
        make(options.data, options.work, options.documents)
    if options.only == "make":
        return
    lines = []
    for engine in [options.only] if options.only else ["waypost", "tantivy", "bm25s"]:
        command = ([options.program, options.work / "documents.txt", options.work / "queries.txt", "1", str(ROUNDS)]
                   if engine == "waypost"
                   else [sys.executable, __file__, "--data", options.data, "--program", options.program,
                         "--work", options.work, "--only", engine])
        environment = dict(os.environ, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True,
                                env=environment).stdout
        lines.append(json.loads(output.strip().splitlines()[-1]))
        print(json.dumps(lines[-1]), flush=True)
    print("\n| engine | build s | index MB | queries/s (best round) | median round | p50 us | p99 us |\n|---|---|---|---|---|---|---|")
    for line in lines:
        print(f"| {line['engine']} | {line['build_s']:.1f} | {line['index_bytes'] / 1e6:.1f} | {line['queries_per_s']:.0f}"
              f" | {line['queries_per_s_median']:.0f} | {line['p50_us']:.0f} | {line['p99_us']:.0f} |")


if __name__ == "__main__":
    main()
