"""Sentences a second by pseudo-log-likelihood: `leaner-masked` against minicons 0.3.39.

    pip install minicons==0.3.39
    python benchmarks/masked.py [--json]

A BERT of random weights (`--size`) scores sentences of the mini text in their natural order, in
float32 on one thread. minicons' batch counts sentences, each of which makes a row per token; ours
(`pll_batch`) counts rows. So each is timed at 1, 4, 16 and 64 of its own units, and ours also at as
many rows as minicons' sentences make. Ratios are of CPU time, of runs that follow each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any

from lm_eval.api.instance import Instance

from leaner_harness.data.mini.text import documents

SIZES = {"1m": (4, 128), "14m": (8, 384)}
BATCHES = (1, 4, 16, 64)
SCORINGS = ("original", "within_word_l2r")
Run = Callable[[], list[float]]


def sentences() -> Iterator[str]:
    """Sentences of the mini text: short and simple ones, and their longer twins."""
    sides = (documents("simple", "validation"), documents("harder", "validation"))
    for turn, pair in enumerate(zip(*sides, strict=True)):
        lines = pair[turn % 2].text.replace("? ", "?\n").replace(". ", ".\n").split("\n")
        yield from (line for line in lines[turn % 3 :: 3] if line.strip())


def word_pieces() -> Any:
    """A tokenizer like BERT's, of 2,000 pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=2000, special_tokens=list(special.values()), show_progress=False
    )
    texts = (
        document.text for side in ("simple", "harder") for document in documents(side, words=50_000)
    )
    inner.train_from_iterator(texts, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {f"{name}_token": token for name, token in special.items()}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def bert(size: str) -> Any:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    layers, hidden = SIZES[size]
    config = BertConfig(
        vocab_size=2000,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        intermediate_size=4 * hidden,
        pad_token_id=0,
    )
    return BertForMaskedLM(config).eval()


def ours(model: Any, tokenizer: Any, texts: list[str], scoring: str, batch: int) -> Run:
    from leaner_harness.models.masked import MaskedLM

    lm = MaskedLM(model, tokenizer=tokenizer, scoring=scoring, pll_batch=batch)
    requests = [Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)]
    return lambda: lm.loglikelihood_rolling(requests, disable_tqdm=True)


def minicons(model: Any, tokenizer: Any, texts: list[str], scoring: str, batch: int) -> Run:
    from minicons.scorer import MaskedLMScorer

    # transformers 5 has lost this name of __call__, which minicons 0.3.39 uses.
    type(tokenizer).batch_encode_plus = type(tokenizer).__call__
    scorer = MaskedLMScorer(model, "cpu", tokenizer=tokenizer)
    parts = [texts[start : start + batch] for start in range(0, len(texts), batch)]
    return lambda: [
        score
        for part in parts
        for score in scorer.sequence_score(
            part, reduction=lambda likely: likely.sum().item(), PLL_metric=scoring
        )
    ]


def seconds(run: Run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def compare(theirs: Run, mine: Run, number: int, rounds: int) -> dict[str, Any]:
    """Median sentences a second of both, and the ratio: median, least and most."""
    apart = max(abs(a - b) for a, b in zip(theirs(), mine(), strict=True))
    assert apart < 1e-3, f"scores differ by {apart}"
    pairs = [(seconds(theirs), seconds(mine)) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    return {
        "minicons_per_s": round(number / statistics.median(a for a, _ in pairs), 1),
        "leaner_per_s": round(number / statistics.median(b for _, b in pairs), 1),
        "ratio": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
    }


def measure(size: str, number: int, rounds: int) -> Iterator[dict[str, Any]]:
    tokenizer, model = word_pieces(), bert(size)
    texts = list(islice(sentences(), number))
    tokens = sum(len(tokenizer.tokenize(text)) for text in texts) / number
    for scoring in SCORINGS:
        for batch in BATCHES:
            theirs = minicons(model, tokenizer, texts, scoring, batch)
            for rows in (batch, round(batch * tokens)):
                mine = ours(model, tokenizer, texts, scoring, rows)
                about = {"scoring": scoring, "minicons_sentences": batch, "leaner_rows": rows}
                yield about | compare(theirs, mine, number, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--size", choices=SIZES, default="1m")
    parser.add_argument("--sentences", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if find_spec("minicons") is None:
        print("minicons is not installed: pip install minicons==0.3.39")
        sys.exit()
    import torch

    torch.set_num_threads(1)
    found = []
    for line in measure(options.size, options.sentences, options.rounds):
        found.append(line)
        if not options.json:
            print("  ".join(f"{name} {value}" for name, value in line.items()), flush=True)
    best = {
        scoring: round(
            max(x["leaner_per_s"] for x in found if x["scoring"] == scoring)
            / max(x["minicons_per_s"] for x in found if x["scoring"] == scoring),
            2,
        )
        for scoring in SCORINGS
    }
    if options.json:
        print(
            json.dumps({"size": options.size, "runs": found, "best_against_best": best}, indent=1)
        )
    else:
        print("each at its best:", best)


if __name__ == "__main__":
    main()
