"""What a curriculum costs: changing a pool of ten million documents, scoring, and all the rest.

    python benchmarks/curricula.py pools [--documents 10000000]
    python benchmarks/curricula.py scoring --checkpoint DIR --data SOURCE [--genre wiki] [--bf16]
    python benchmarks/curricula.py overhead RUN

`pools` times, with synthetic scores, what happens when a stage of `iterative` ends: ranking, pool,
shuffle, and the first blocks; memory is the most the process ever had. `scoring` sets the loss of
a model on whole documents against TinyHelen's way, one document after another in segments of 1,024
tokens, at most four a batch, with the same model and dtype; wall time on a GPU or of several
threads, else CPU time; rounds interleaved. Neither has to tokenise. `overhead` reads, from a
finished run, the time that it spent on its curriculum beside scoring.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from leaner_trainers.curricula.iterative import Iterative
from leaner_trainers.document_loss import document_nats
from leaner_trainers.pools import Pool
from transformers import AutoModelForCausalLM, AutoTokenizer

from leaner_harness import Ranking, read_documents

SEGMENT, AT_ONCE = 1024, 4  # TinyHelen's
BLOCK = 256


def pools(count: int) -> None:
    """Time the change to each of some stages, static and nested."""
    draw = np.random.default_rng(0)
    weights = draw.integers(20, 1000, count)
    offsets = np.concatenate([[0], np.cumsum(weights)])
    for nested in (False, True):
        curriculum, before = Iterative(stages=20, nested=nested), np.empty(0, dtype=np.int64)
        for stage in (0, 9, 18, 19):
            scores = draw.standard_normal(count, dtype=np.float32)
            began = time.perf_counter()
            ranking = Ranking(scores, weights, before=before)
            before = curriculum.pool({"stage": stage}, ranking)
            pool = Pool(before, offsets, BLOCK, 0, stage)
            pool.places(np.arange(64))
            seconds = time.perf_counter() - began
            print(f"nested {nested}, stage {stage + 1}: {len(before):,} documents, {seconds:.2f} s")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"most memory of the process: {most:.2f} GiB")


def published(model: Any, documents: list[torch.Tensor], bf16: bool) -> None:
    """The mean loss of each document as TinyHelen's trainer computes it, after tokenising it."""
    for ids in documents:
        segments, total = ids.split(SEGMENT), 0.0
        for first in range(0, len(segments), AT_ONCE):
            some = segments[first : first + AT_ONCE]
            rows = torch.nn.utils.rnn.pad_sequence(some, batch_first=True).to(model.device)
            lengths = torch.tensor([len(each) for each in some], device=model.device)
            mask = torch.arange(rows.shape[1], device=model.device) < lengths[:, None]
            with torch.no_grad(), torch.autocast(rows.device.type, torch.bfloat16, enabled=bf16):
                logits = model(input_ids=rows, attention_mask=mask.long()).logits
            flat = logits[:, :-1].float().flatten(0, 1)
            losses = F.cross_entropy(flat, rows[:, 1:].flatten(), reduction="none")
            total += float((losses * mask[:, 1:].flatten()).sum())
        _ = total / len(ids)


def scoring(args: argparse.Namespace) -> None:
    """Tokens per second of both, and their ratio, by round."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint).eval().to(device)
    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
    documents = read_documents(args.data, "train", args.genre)
    texts = [document.text for document in itertools.islice(documents, args.documents)]
    start = tokenizer.eos_token_id
    encoded = tokenizer(texts, add_special_tokens=False).input_ids
    ids = np.array([x for each in encoded for x in (start, *each)] + [start], dtype=np.uint16)
    offsets = np.concatenate([[0], np.cumsum([len(each) + 1 for each in encoded])])
    ended = [torch.tensor([*each, start]) for each in encoded]
    ways = {
        "published": lambda: published(model, ended, args.bf16),
        "ours": lambda: document_nats(model, ids, offsets, BLOCK, bf16=args.bf16),
    }
    alone = device == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(args.rounds + 1):  # the first is a warm-up
        for name, way in ways.items():
            began = clock()
            way()
            if number:
                seconds[name].append(clock() - began)
    ratios = np.array(seconds["published"]) / np.array(seconds["ours"])
    rates = {name: len(ids) / np.median(each) for name, each in seconds.items()}
    print(
        f"{len(texts)} documents of {len(ids) / len(texts):.0f} tokens on average, {device}, "
        f"{'bfloat16' if args.bf16 else 'float32'}, {torch.get_num_threads()} threads: "
        f"published {rates['published']:,.0f}, ours {rates['ours']:,.0f} tokens/s; "
        f"{np.median(ratios):.2f} ({ratios.min():.2f}-{ratios.max():.2f}) times"
    )


def overhead(run: Path) -> None:
    """The share of a run's time that its curriculum took."""
    record = json.loads((run / "leaner.json").read_text())
    spent = record["curriculum"]["seconds"]
    stepping = record["seconds"] - spent["scoring"]
    print(
        f"{record['steps']:,} steps in {stepping:,.1f} s beside {spent['scoring']:.1f} s of "
        f"scoring: the curriculum took {spent['curriculum']:.3f} s, "
        f"{spent['curriculum'] / stepping:.3%} of a step"
    )


def main() -> None:
    """One of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("pools").add_argument("--documents", type=int, default=10_000_000)
    score = verbs.add_parser("scoring")
    score.add_argument("--checkpoint", required=True)
    score.add_argument("--data", default="mini")
    score.add_argument("--genre", action="append", default=[])
    score.add_argument("--documents", type=int, default=300)
    score.add_argument("--rounds", type=int, default=5)
    score.add_argument("--bf16", action="store_true")
    verbs.add_parser("overhead").add_argument("run", type=Path)
    args = parser.parse_args()
    if args.verb == "pools":
        pools(args.documents)
    elif args.verb == "scoring":
        scoring(args)
    else:
        overhead(args.run)


if __name__ == "__main__":
    main()
