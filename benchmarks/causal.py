"""How much faster `leaner-causal` scores than lm-eval's `hf`: side by side, the same requests.

Both score the same random-weight LLaMA in float32, one thread, in the batch size that suits `hf`
best, with its default `logits_cache`. Each round times one and then the other, in turn first; the
figures are process CPU time of `loglikelihood`, tokenizing included, after a round to warm up. (In
that round `leaner-causal` also tries out whether it may share contexts; that is timed by itself.)

    python benchmarks/causal.py [--data DIR] [--tokenizer DIR] [--documents N] [--rounds N] [--json]

Rows are the embedded mini set's, or those of `--data`. The requests of mnli come twice: with the
choices of the task, and with those of lm-eval's own mnli, which are several tokens each. That
decides what there is to share: the context of one-token choices `hf` too computes once.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from leaner_trainers.architectures import llama
from leaner_trainers.tokenizers import train_tokenizer
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer

from leaner_harness import read_documents
from leaner_harness.contracts import resolve_folder
from leaner_harness.models.causal import CausalLM
from leaner_harness.models.passes import sharing_pass

VOCABULARY = 2000
BATCH_SIZES = (1, 8, 32, 64)


class Kind(NamedTuple):
    """A kind of requests."""

    task: str
    goal: float | None
    """What the ratio of the times should reach."""
    choices: dict[str, str] = {}
    """Other words for the task's choices."""


KINDS = {
    "cola": Kind("cola", 1.1),
    "mnli": Kind("mnli", None),
    "mnli, True/Neither/False": Kind(
        "mnli", 2.5, {" Yes": " True", " Maybe": " Neither", " No": " False"}
    ),
}


def requests(kind: Kind, data: str | None, documents: int) -> list[Instance]:
    """The first documents' requests: rows are interleaved by class."""
    name = f"leaner_glue_{kind.task}" if data else f"leaner_glue_mini_{kind.task}"
    metadata = {"leaner_split": "validation"} | ({"leaner_data": data} if data else {})
    folder = str(resolve_folder("leaner_harness:tasks"))
    manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
    task = manager.load([name])["tasks"][name]
    task.build_all_requests(limit=documents)
    return [
        Instance("loglikelihood", one.doc, (context, kind.choices.get(choice, choice)), one.idx)
        for one in task.instances
        for context, choice in [one.args]
    ]


def seconds(run: Callable[[], Any]) -> float:
    """CPU time of the process."""
    start = time.process_time()
    run()
    return time.process_time() - start


def measure(model: Any, tokenizer: Any, asked: list[Instance], rounds: int) -> dict[str, Any]:
    """Seconds of both, round by round, and how far their answers lie apart."""
    makers = {"hf": HFLM, "leaner-causal": CausalLM}
    peers = {name: make(model, tokenizer=tokenizer) for name, make in makers.items()}

    def score(name: str, some: list[Instance] = asked) -> list[tuple[float, bool]]:
        return list(peers[name].loglikelihood(some, disable_tqdm=True))

    trials = {}
    for size in BATCH_SIZES:
        peers["hf"].batch_size_per_gpu = size
        trials[size] = seconds(lambda: score("hf", asked[:192]))
    for peer in peers.values():
        peer.batch_size_per_gpu = min(trials, key=trials.__getitem__)
    answers = {name: score(name) for name in peers}
    times: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        for name in sorted(peers, reverse=bool(number % 2)):
            times[name].append(seconds(lambda name=name: score(name)))
    longest = max(len(tokenizer.encode("".join(one.args))) for one in asked)
    pairs = list(zip(answers["hf"], answers["leaner-causal"], strict=True))
    return {
        "batch_size": peers["hf"].batch_size,
        "seconds": times,
        "ratio": [a / b for a, b in zip(times["hf"], times["leaner-causal"], strict=True)],
        "trial_seconds": seconds(lambda: sharing_pass(model, longest)),
        "log_likelihood_gap": max(abs(a[0] - b[0]) for a, b in pairs),
        "greedy_differs": sum(a[1] != b[1] for a, b in pairs),
    }


def spread(values: list[float], unit: str) -> str:
    return f"{median(values):.2f}{unit} ({min(values):.2f}-{max(values):.2f})"


def report(size: str, name: str, found: dict[str, Any]) -> str:
    goal = found["goal"]
    verdict = f"goal {goal}: {'holds' if found['holds'] else 'NOT reached'}" if goal else "no goal"
    times = found["seconds"]
    return (
        f"{size} {name}: {found['requests']} requests, tokens a choice {found['choice_tokens']}, "
        f"batch size {found['batch_size']}\n"
        f"  hf {spread(times['hf'], ' s')}, leaner-causal {spread(times['leaner-causal'], ' s')}, "
        f"ratio {spread(found['ratio'], '')}, {verdict}\n"
        f"  log-likelihoods differ by {found['log_likelihood_gap']:.1e} at most, is_greedy for "
        f"{found['greedy_differs']} requests; trying out the sharing {found['trial_seconds']:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with the published rows")
    parser.add_argument("--tokenizer", help="a folder with a tokenizer (default: of the mini text)")
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lm_eval").setLevel("ERROR")
    if arguments.tokenizer:
        tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer)
    else:
        texts = (document.text for document in read_documents("mini", words=100_000))
        tokenizer = train_tokenizer(texts, VOCABULARY)
    figures: dict[str, dict[str, Any]] = {}
    for size in ("1M", "14M"):
        torch.manual_seed(0)
        model = llama.build(size, len(tokenizer)).eval()
        for name, kind in KINDS.items():
            asked = requests(kind, arguments.data, arguments.documents)
            tokens = {len(tokenizer.encode(one.args[1])) for one in asked}
            found = measure(model, tokenizer, asked, arguments.rounds)
            holds = kind.goal is None or median(found["ratio"]) >= kind.goal
            found |= {"requests": len(asked), "choice_tokens": sorted(tokens)}
            found |= {"goal": kind.goal, "holds": holds}
            figures[f"{size} {name}"] = found
            if not arguments.json:
                print(report(size, name, found), flush=True)
    if arguments.json:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
