"""What each table of RESULTS.md is about, and what it does not show."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Section:
    steps: tuple[str, ...]  # a step belongs to the first section one of whose names it begins with
    title: str
    text: str
    not_shown: str


SECTIONS = (
    Section(
        ("train-",),
        "Training to the same quality (line 1)",
        "Seconds of a whole training, from the matrix in memory to the factors, with as many epochs as the library "
        "needs for the target: the best ndcg@20 that another library reaches on the validation part. Settings and "
        "epochs come from `settings.json` (below); here all of train is trained on and the test part is measured, "
        "once. The ratio is against the fastest library that reaches the target on validation. Waypost begins with two "
        "subspace iterations on the sparse matrix (its default), which count in its seconds, the others with random "
        "vectors, as they come: what this start saves in epochs is a large part of the ratio; line 2 compares epochs.",
        "Spread over seeds: here each library trains from one (validation takes the mean of five, of two where a run "
        "takes long). The losses differ: irspack's is Waypost's; implicit, cmfrec and buffalo have a constant ridge; "
        "LightFM ranks by WARP (run once: it takes much longer). buffalo "
        "trains by iALS++ from 128 dimensions on, whatever solver is asked for, and its copy of the matrix into a "
        "file of its own is not timed. From 256 dimensions on, and on the larger data, only irspack and implicit are "
        "searched and trained: the two whose epochs are shortest.",
    ),
    Section(
        ("epoch-",),
        "One exact epoch (line 2)",
        "Every row of both sides at its optimum: Waypost `solver=exact`, irspack `CHOLESKY`. Differences between the "
        "ends of successive epochs; the first is left out. For 512 dimensions irspack solves every 20th row of each "
        "side (a fixed 5 % sample); the time beyond that of a single row is multiplied by 20.",
        "Which solver one would choose: an exact epoch is not the cheapest way to a given quality for every library.",
    ),
    Section(
        ("roofline",),
        "Share of the machine's matrix product rate (line 3)",
        "Rows with at least 128 entries, both sides, d = 128, solved exactly: n d (d + 1) / 2 + d^3 / 6 multiply-adds "
        "a row, two operations each, over the rate of NumPy's float32 product of 4096 x 4096 matrices, same threads.",
        "Rows shorter than d, which are most: they are solved another way and count in the tables above. Gathering "
        "and solving the triangles take time that the count of operations leaves out.",
    ),
    Section(
        ("top-k-",),
        "Best items for one query (lines 4 to 6)",
        "One thread, one query vector a call, 500 evenly spaced users, 41,000 items; the median call of each pass. "
        "`ials64`, `ials128`: iALS factors of gowalla; `bpr64`: BPR factors of implicit; `cosine64`: iALS items scaled "
        "to length 1. Waypost's calls go through `Scorer::TopKInto`, the peers' through Python: what a call on an "
        "index of k + 1 vectors costs is taken off in the peers' favour. Waypost's answers are compared with brute "
        "force: `recall` is the share of queries whose answer is the same to the bit. The approximate peers use the "
        "first of growing settings that reaches recall 0.95.",
        "Time to build an index, filters, several queries at once (next table), catalogues of millions. The gain "
        "over a full scan comes from the skew of the norms of iALS factors; the last two sets show what is left "
        "without it. Nor a processor without VNNI: with AVX2 forced the scan takes AVX-VNNI where the machine's card "
        "lists avx_vnni.",
    ),
    Section(
        ("recommend-all",),
        "Recommendations for all users (line 7)",
        "All 29,858 users in one call, their training items left out, both libraries with the same factors; the sums "
        "of all scores agree (`score_sum` in the results).",
        "Other filters; writing the lists anywhere.",
    ),
    Section(
        ("fold-in",),
        "Fold-in of a history (line 8)",
        "The vector of a user known by 50 items only, one call each, the same 1,000 histories, median call. implicit: "
        "`recalculate_user`; irspack: `compute_user_embedding` (20 histories).",
        "What Python costs in the peers' calls, some microseconds; histories of other lengths.",
    ),
    Section(
        ("item-knn",),
        "Item-item neighbours (line 9)",
        "From the matrix in memory to the table of similarities. Quality is that of each library's own table under "
        "Waypost's scoring and evaluation.",
        "Queries; the peers have no similarity with three exponents, so that line has no peer.",
    ),
    Section(
        ("evaluate",),
        "Evaluation (line 10)",
        "recall@20 and ndcg@20 of all users over all items, factors given. implicit computes precision, map, ndcg and "
        "auc in its one pass, irspack its whole list of metrics. NumPy is a plain evaluator of the first 500 users "
        "that checks the figures (see above); it is not timed.",
        "Intervals, which Waypost adds on request; metrics beyond these.",
    ),
    Section(
        ("pairs-",),
        "BPR and WARP (line 15)",
        "Seconds of a whole training over its epochs, each of which visits every interaction once (implicit draws as "
        "many), 64 dimensions, the item's bias included. Waypost's seconds include its start and the last fold-in of "
        "every user; it takes its defaults, which were chosen on a held-out tenth of train, the peers the learning "
        "rates of their documentation and as many epochs as they take to settle. Quality is on test.",
        "The best that the peers reach with a search of their own; other data.",
    ),
    Section(
        ("ingest-",),
        "From CSV to ids and a matrix (line 11)",
        "10 million lines `user,item,value,timestamp`; the timestamp is not used. Peers: read the three columns, "
        "number the ids, build SciPy's matrix; each the fastest way found (polars hands its columns to pyarrow for "
        "the ids). Each run is a process of its own, so that the peak memory is its own (the libraries' code included: "
        "some 100 MB for the peers). String ids: `u123`, `i123`.",
        "A cold file: the file is in the system's cache.",
    ),
    Section(
        ("open",),
        "Opening a model (line 12)",
        "A model of 1,000,000 items and 1,000 users x 128: Waypost maps the file with `OpenCheck::kStructure`, "
        "implicit loads its .npz. `touched`: resident memory after the first answer less that before opening.",
        "A cold file; the check of all values, `OpenCheck::kFull`, which reads the whole file once and is the default.",
    ),
    Section(
        ("memory",),
        "Peak memory of training (line 13)",
        "A process that reads the matrix from a file and trains two epochs with 64 dimensions; peak resident memory at "
        "the end of training.",
        "How much of it is the library's code and its interpreter's: some 60 to 100 MB for the peers.",
    ),
    Section(
        ("growth-",),
        "Growth of an epoch's cost (line 14)",
        "One epoch with 64 dimensions, 40,000 items, the first users of one large simulated set.",
        "Growing catalogues, other dimensions.",
    ),
)
