"""Entropies of runs of 1 to 3 against a loop over collections.Counter, side by side.

    python benchmarks/entropy.py [--data SOURCE] [--split validation] [--repeat 3]

Twice: on token ids that are there already, and on words, the splitting of the text included. The
loop is the usual one, `Counter.update(zip(ids, ids[1:], ids[2:]))` for each document.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from leaner_harness.data.text import default_words, read_documents
from leaner_harness.entropy.blocks import Tokens, counts, plug_in, runs, spectrum
from leaner_harness.entropy.units import WORD, Words, make_tokenizer, tokens


def ours(found: Tokens) -> list[float]:
    return [plug_in(spectrum(counts(each.keys))) for each in runs(found, 3)]


def loop(documents: Sequence[Sequence[Any]]) -> list[float]:
    entropies = []
    for length in (1, 2, 3):
        found: Counter[Any] = Counter()
        for each in documents:
            found.update(zip(*(each[n:] for n in range(length)), strict=False))
        total = sum(found.values())
        entropies.append(-sum(n / total * math.log2(n / total) for n in found.values()))
    return entropies


def seconds(way: Callable[[], list[float]]) -> tuple[float, list[float]]:
    began = time.perf_counter()
    found = way()
    return time.perf_counter() - began, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mini")
    parser.add_argument("--split", default="train")
    parser.add_argument("--words", type=int)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    read = read_documents(
        options.data, options.split, (), options.words or default_words(options.data)
    )
    texts = [document.text for document in read]
    ids = tokens(texts, make_tokenizer(texts[:2000]))
    borders = np.flatnonzero(np.diff(ids.documents)) + 1
    listed = [part.tolist() for part in np.split(ids.ids, borders)]
    ways: dict[str, tuple[Callable[[], list[float]], Callable[[], list[float]]]] = {
        "token ids": (lambda: ours(ids), lambda: loop(listed)),
        "words": (
            lambda: ours(Words().read(texts)),
            lambda: loop([WORD.findall(text.lower()) for text in texts]),
        ),
    }
    result: dict[str, Any] = {"characters": ids.characters, "tokens": len(ids)}
    for name, (own, peer) in ways.items():
        own()  # the first use of a page costs more than the counting
        ratios = []
        for _ in range(options.repeat):
            fast, found = seconds(own)
            slow, expected = seconds(peer)
            assert np.allclose(found, expected, atol=1e-9), (found, expected)
            ratios.append(slow / fast)
        result[name] = {"ratio": [min(ratios), statistics.median(ratios), max(ratios)],
                        "seconds": fast, "entropies": found}  # fmt: skip
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
