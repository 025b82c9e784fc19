"""Ranking metrics of one user, written from their definitions: the check of Waypost's evaluator."""

import math
from collections.abc import Sequence, Set


def recall(ranked: Sequence[int], relevant: Set[int], cut: int) -> float:
    """Relevant items among the first `cut`, divided by all relevant items."""
    return sum(item in relevant for item in ranked[:cut]) / len(relevant)


def ndcg(ranked: Sequence[int], relevant: Set[int], cut: int) -> float:
    """Discounted gain of the first `cut`, divided by that of a list that begins with relevant items."""
    gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(ranked[:cut]) if item in relevant)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(cut, len(relevant))))
    return gain / ideal
