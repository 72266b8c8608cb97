"""Figures of two texts that models are trained on: sizes, entropies, and what each costs in tokens.

Every tokenizer favours the text that it was made from, so each text is tokenised by both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.contracts import Document
from leaner_harness.data.text import read_documents
from leaner_harness.entropy.report import by_genre, report
from leaner_harness.entropy.units import load_tokenizer
from leaner_harness.files import write_json

_BATCH = 1000


def write_figures(
    sources: Mapping[str, str],
    tokenizers: Mapping[str, Path],
    out: Path,
    *,
    genres: Sequence[str] = (),
    words: Mapping[str, int] | None = None,
) -> None:
    """Write `{texts: {side: {documents, words, bytes, tokens: {tokenizer: n}}}, entropy}`.

    `sources` are the two sides' training texts, by side; `words` cuts some of them. The entropies
    are at equal sizes, `a` the first side and `b` the second. Raises what reading text raises.
    """
    texts = {
        side: list(read_documents(source, "train", genres, (words or {}).get(side)))
        for side, source in sources.items()
    }
    loaded = {name: load_tokenizer(folder) for name, folder in tokenizers.items()}
    one, other = (by_genre(documents) for documents in texts.values())
    found = {
        "sides": list(sources),
        "genres": sorted(one),
        "texts": {side: _sizes(documents, loaded) for side, documents in texts.items()},
        "entropy": report(one, other, compression=False),
    }
    write_json(out, found)


def _sizes(documents: Sequence[Document], tokenizers: Mapping[str, Any]) -> dict[str, Any]:
    texts = [document.text for document in documents]
    return {
        "documents": len(texts),
        "words": sum(len(text.split()) for text in texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "tokens": {name: _tokens(texts, tokenizer) for name, tokenizer in tokenizers.items()},
    }


def _tokens(texts: Sequence[str], tokenizer: Any) -> int:
    total = 0
    for start in range(0, len(texts), _BATCH):
        batch = list(texts[start : start + _BATCH])
        found = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        total += sum(len(each.ids) for each in found)
    return total
