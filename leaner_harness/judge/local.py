"""The judge `hf:PATH`: a causal model on this machine, read off its six digits, never sampled.

Each dimension is a question of its own that ends where a digit is due. The grade is the expected
value over the digits 0 to 5, by the model's own probabilities: no reply to parse, the same every
time. Shapes: B prompts, T tokens, V entries of the vocabulary.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.devices import usual_device
from leaner_harness.errors import CheckpointError
from leaner_harness.judge.rubric import VERSION, level_prompt, shown
from leaner_harness.judge.verdicts import (
    DIMENSIONS,
    HIGHEST,
    Item,
    Verdict,
    empty_verdict,
    is_empty,
)
from leaner_harness.llm.records import OK, TRUNCATED, UNPARSABLE
from leaner_harness.models.loading import Checked, check_files
from leaner_harness.provenance import weights_digest

_BATCH = 16
_CUE = "\nGrade="  # no space: most tokenizers would draw it to the digit
_DIGITS = [str(grade) for grade in range(HIGHEST + 1)]


class LocalJudge:
    """A checkpoint that grades; loaded at the first item."""

    def __init__(self, path: str) -> None:
        """Raises CheckpointError where the folder has no weights."""
        self._path = path
        self._digest = weights_digest(Path(path))
        if not self._digest:
            raise CheckpointError(
                f"The judge {path!r} has no weights.", "Name the folder of a model: hf:PATH"
            )
        check_files(Path(path))
        self._model: Any = None

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its grades depend on."""
        return {
            "kind": "hf", "model": Path(self._path).name, "weights_sha256": self._digest,
            "prompt_version": VERSION, "mode": "digits",
        }  # fmt: skip

    def judge(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """A verdict for each item; `truncated` where the model's context cannot hold it."""
        for batch in _batches(items):
            written = [item for item in batch if not is_empty(item.answer)]
            graded = self._grade(written) if written else {}
            for item in batch:
                yield graded.get(item.id) or empty_verdict(item)

    def _grade(self, items: list[Item]) -> dict[str, Verdict]:
        self._load()
        prompts = [self._prompt(item, name) for item in items for name in DIMENSIONS]
        # A chat template brings its special tokens along.
        is_chat = bool(self._tokenizer.chat_template)
        rows = [self._tokenizer(p, add_special_tokens=not is_chat).input_ids for p in prompts]
        fits = [len(row) <= self._context for row in rows]
        grades = iter(self._expected([row for row, fit in zip(rows, fits, strict=True) if fit]))
        found, step = {}, len(DIMENSIONS)
        for number, item in enumerate(items):
            whole = fits[number * step : (number + 1) * step]
            values = [next(grades) for fit in whole if fit]
            if all(whole):
                found[item.id] = _verdict(item.id, values)
            else:
                reason = f"longer than the judge's context of {self._context} tokens"
                found[item.id] = Verdict(item.id, TRUNCATED, reason=reason)
        return found

    def _prompt(self, item: Item, dimension: str) -> str:
        asked, cue = f"{level_prompt(dimension)}\n{shown(item)}", _CUE
        if not self._tokenizer.chat_template:
            return asked + cue
        messages = [{"role": "user", "content": asked}]
        chat: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return chat + cue.lstrip()

    def _expected(self, rows: list[list[int]]) -> list[float]:
        """The expected digit after each prompt."""
        import torch

        found: list[float] = []
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        for first in range(0, len(order), _BATCH):
            some = [rows[number] for number in order[first : first + _BATCH]]
            width = max(map(len, some))
            # Padded to the right: a causal model does not look there.
            ids = torch.tensor([row + [0] * (width - len(row)) for row in some])  # (B, T)
            last = torch.tensor([len(row) - 1 for row in some])
            with torch.inference_mode():
                logits = self._model(input_ids=ids.to(self._model.device)).logits  # (B, T, V)
            ends = logits[torch.arange(len(some)), last].float()[:, self._digits]  # (B, 6)
            weights = ends.softmax(dim=-1).cpu().double()
            found += (weights * torch.arange(HIGHEST + 1)).sum(dim=-1).tolist()
        places = {number: place for place, number in enumerate(order)}
        return [found[places[number]] for number in range(len(rows))]

    def _load(self) -> None:
        if self._model is not None:
            return
        from transformers import AutoModelForCausalLM, AutoTokenizer

        safe = {"trust_remote_code": False}  # not even asked for
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self._path, **safe)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"The judge {self._path!r} cannot be loaded: {error}") from error
        model = Checked(AutoModelForCausalLM).from_pretrained(self._path, **safe).eval()
        self._model = model.to(usual_device())
        context = getattr(model.config, "max_position_embeddings", None)
        # What it was trained on may be less than what it has room for.
        known = [n for n in (context, self._tokenizer.model_max_length) if n and n > 0]
        self._context = min([*known, 1 << 20])
        self._digits = [self._digit_id(digit) for digit in _DIGITS]
        if len(set(self._digits)) != len(_DIGITS):
            raise CheckpointError(
                f"The tokenizer of the judge {self._path!r} has no token for each digit.",
                "Take a model whose tokenizer splits numbers into digits.",
            )

    def _digit_id(self, digit: str) -> int:
        """The token that a digit becomes after the cue."""
        before = self._tokenizer(_CUE, add_special_tokens=False).input_ids
        whole = self._tokenizer(_CUE + digit, add_special_tokens=False).input_ids
        return int(whole[-1]) if whole[:-1] == before else -1


def _verdict(name: str, values: Sequence[float]) -> Verdict:
    if not all(map(math.isfinite, values)):
        return Verdict(name, UNPARSABLE, reason="the judge's logits are not finite")
    return Verdict(name, OK, dict(zip(DIMENSIONS, values, strict=True)))


def open_judge(argument: str, llm: object) -> LocalJudge:
    """The judge of a folder."""
    return LocalJudge(argument)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, _BATCH)):
        yield batch
