"""Asks hnswlib, faiss and usearch what the bench `vectors` asked, in the same run on the same machine.

    cargo bench --bench vectors -- --home DIR --queries FILE --export NPY  # once: vectors and queries as .npy
    python benches/opponents.py NPY --home DIR --queries FILE              # needs numpy, hnswlib, faiss-cpu, usearch

Prints one JSON object. Every library answers with one thread, one query a call, as a server would; the first pass over the
queries warms, then every library and this program take turns for three rounds, and the median of the rounds' medians counts.
recall@10 is the share of returned vectors that are as near as the true tenth. Graphs are built once and kept beside the
vectors.
"""

import json
import os
import subprocess
import sys
import time

import faiss
import hnswlib
import numpy as np
from usearch.index import Index

ROUNDS = 3
COUNT = 10
LINKS, BUILD = 16, 200


def main(folder, arguments):
    vectors = np.load(f"{folder}/vectors.npy")
    queries = np.load(f"{folder}/queries.npy")
    size = vectors.shape[1]
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(size)
    flat.add(vectors)
    tenth = np.sort(queries @ vectors.T, axis=1)[:, -COUNT]
    built = {}

    def build(name, make, load, save):
        path = f"{folder}/{name}.index"
        if os.path.exists(path):
            return load(path)
        start = time.process_time()
        index = make()
        built[name] = round(time.process_time() - start, 1)
        save(index, path)
        return index

    def make_hnswlib():
        index = hnswlib.Index("ip", size)
        index.init_index(len(vectors), ef_construction=BUILD, M=LINKS)
        index.add_items(vectors)
        return index

    def load_hnswlib(path):
        index = hnswlib.Index("ip", size)
        index.load_index(path)
        return index

    def make_faiss():
        index = faiss.IndexHNSWFlat(size, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD
        faiss.omp_set_num_threads(os.cpu_count())
        index.add(vectors)
        faiss.omp_set_num_threads(1)
        return index

    def make_usearch():
        index = Index(ndim=size, metric="ip", dtype="f16", connectivity=LINKS, expansion_add=BUILD)
        index.add(np.arange(len(vectors)), vectors, threads=os.cpu_count())
        return index

    small = build("hnswlib", make_hnswlib, load_hnswlib, lambda index, path: index.save_index(path))
    small.set_num_threads(1)
    graph = build("faiss-hnsw", make_faiss, faiss.read_index, lambda index, path: faiss.write_index(index, path))
    half = build("usearch-f16", make_usearch, Index.restore, lambda index, path: index.save(path))

    def hnswlib_at(width):
        def ask(query):
            small.set_ef(width)
            return small.knn_query(query, k=COUNT, num_threads=1)[0][0]
        return ask

    def faiss_at(width):
        def ask(query):
            graph.hnsw.efSearch = width
            return graph.search(query.reshape(1, -1), COUNT)[1][0]
        return ask

    def usearch_at(width):
        def ask(query):
            half.expansion_search = width
            return half.search(query, COUNT, threads=1).keys
        return ask

    ways = {"faiss flat": lambda query: flat.search(query.reshape(1, -1), COUNT)[1][0]}
    for width in (64, 128, 200, 256, 400):
        ways[f"hnswlib ef {width}"] = hnswlib_at(width)
        ways[f"faiss-hnsw ef {width}"] = faiss_at(width)
        ways[f"usearch-f16 ef {width}"] = usearch_at(width)

    times = {name: [] for name in ways}
    recall = {}
    ours = []
    for turn in range(ROUNDS + 1):
        for name, ask in ways.items():
            spent, found = [], 0
            for query, least in zip(queries, tenth):
                start = time.perf_counter()
                ids = ask(query)
                spent.append(time.perf_counter() - start)
                if turn == 0:
                    ids = np.asarray(ids, dtype=np.int64)
                    found += min(COUNT, int((vectors[ids[ids >= 0]] @ query >= least - 1e-6).sum()))
            if turn == 0:
                recall[name] = round(found / (len(queries) * COUNT), 4)
            else:
                times[name].append(float(np.median(spent)) * 1e6)
        if turn > 0:
            out = subprocess.run(["cargo", "bench", "--quiet", "--bench", "vectors", "--", "--json", *arguments], capture_output=True, check=True)
            ours.append(json.loads(out.stdout))
    rows = {name: {"recall_10": recall[name], "p50_us": round(float(np.median(times[name])))} for name in ways}
    for name in ("quick", "exact"):
        spent = float(np.median([report[name]["us"]["p50"] for report in ours]))
        rows[f"claude-memory {name}"] = {"recall_10": ours[0][name]["recall_10"], "p50_us": round(spent)}
    last = ours[-1]
    print(json.dumps({
        "vectors": len(vectors), "queries": len(queries), "rows": rows, "build_cpu_seconds": built,
        "claude_memory": {key: last[key] for key in ("build_seconds", "insert_us", "open_us", "first_search_us",
                                                      "bytes_per_vector", "memory_gb_s", "exact_of_memory")},
        "filtered": {"recall_10": last["filtered"]["recall_10"], "p50_us": last["filtered"]["us"]["p50"]},
        "versions": {"hnswlib": getattr(hnswlib, "__version__", "0.8"), "faiss": faiss.__version__},
    }, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
