"""Forward passes over rows: one branch a row, all branches as a tree, or each from a kept state.

Shapes: B rows, T tokens of the longest, N places of all rows together, V entries of the vocabulary.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any

import torch

from leaner_harness.models.positions import logits_at
from leaner_harness.models.sharing import Row, Tokens, apart, one_row

log = logging.getLogger("lm_eval.leaner_harness")

Pass = Callable[[Any, Sequence[Row]], torch.Tensor]
"""`run(model, rows)`: (N, V) float32 logits at the rows' places, row after row."""

_ABSOLUTE, _RELATIVE = 1e-5, 5e-6
"""How far float32 log-probabilities may lie apart that are mathematically the same: some 40 times
float32's precision. A mask or position that a model does not respect shows at 1e-3 and above."""


def straight(model: Any, rows: Sequence[Row]) -> torch.Tensor:
    """Rows of one branch: nothing but causal attention, so padding on the right needs no mask."""
    tokens = [row.context + row.branches[0] for row in rows]
    return _logits(model, rows, input_ids=_padded(tokens, model))


def tree(model: Any, rows: Sequence[Row]) -> torch.Tensor:
    """All branches of a row end to end; each sees the context and itself, and counts on from it.

    Exact for models that take all they know of order and past from `position_ids` and a
    four-dimensional `attention_mask`.
    """
    tokens, positions, parts = [], [], []
    for row in rows:
        start = len(row.context)
        tokens.append(row.context + tuple(chain(*row.branches)))
        after = [start + n for branch in row.branches for n in range(len(branch))]
        positions.append([*range(start), *after])
        number = [n for n, branch in enumerate(row.branches, start=1) for _ in branch]
        parts.append([0] * start + number)
    part = _padded(parts, model)  # (B, T), 0 is the context and what fills a row up
    size = part.shape[1]
    earlier = torch.ones(size, size, dtype=torch.bool, device=part.device).tril()
    same = part[:, :, None] == part[:, None, :]
    seen = earlier & ((part == 0)[:, None, :] | same)
    mask = torch.zeros(seen.shape, dtype=model.dtype, device=part.device)
    mask.masked_fill_(~seen, torch.finfo(model.dtype).min)
    return _logits(
        model,
        rows,
        input_ids=_padded(tokens, model),
        position_ids=_padded(positions, model),
        attention_mask=mask[:, None],
    )


@torch.inference_mode()
def from_state(model: Any, rows: Sequence[Row]) -> torch.Tensor:
    """The contexts once; then every branch goes on from a copy of its context's state.

    For recurrent models, whose state (`cache_params`) is small. Contexts are padded on the left:
    what fills a row up leaves a state of zeros as it is.
    """
    contexts = [row.context for row in rows]
    output = model(
        input_ids=_padded(contexts, model, left=True),
        attention_mask=_padded([(1,) * len(context) for context in contexts], model, left=True),
        use_cache=True,
        logits_to_keep=1,
    )
    found = [output.logits[:, -1]]  # (B, V)
    state = output.cache_params
    owners = [n for n, row in enumerate(rows) for _ in row.branches]
    state.reorder_cache(torch.tensor(owners, device=model.device))
    steps = _padded([branch for row in rows for branch in row.branches], model)
    for tokens in steps.T:
        output = model(input_ids=tokens[:, None], cache_params=state, use_cache=True)
        found.append(output.logits[:, -1])  # (branches, V)
    return torch.cat(found)[_order(rows, len(owners))].float()


def _order(rows: Sequence[Row], branches: int) -> list[int]:
    """Where the rows' places are, when contexts come first, then all branches' tokens by step."""
    order, branch = [], 0
    for number, row in enumerate(rows):
        order.append(number)
        for tokens in row.branches:
            order += [len(rows) + step * branches + branch for step in range(len(tokens))]
            branch += 1
    return order


def sharing_pass(model: Any, length: int) -> Pass | None:
    """The pass that gives rows of several branches, up to `length` tokens, their exact scores.

    Found by trial on made-up tokens, against `straight`. Exactness is a matter of the
    architecture, so weights of half precision are tried as a float32 copy: their own rounding
    would hide a wrong mask. None when no pass is exact.
    """
    try:
        if model.dtype in (torch.float16, torch.bfloat16):
            model = copy.deepcopy(model).float()
        rows = _made_up(length, model.get_input_embeddings().weight.shape[0])
        expected = torch.cat([_apart_logits(model, row) for row in rows]).log_softmax(-1)
    except Exception as error:  # whatever a strange model raises, it can be scored row by row
        log.info("Contexts are not shared between choices: %r", error)
        return None
    for run in (tree, from_state):
        try:
            found = run(model, rows).log_softmax(-1)
        except Exception as error:
            log.info("Contexts are not shared by %s: %r", run.__name__, error)
            continue
        if torch.allclose(found, expected, rtol=_RELATIVE, atol=_ABSOLUTE):
            log.info("Contexts are shared between choices by %s.", run.__name__)
            return run
    log.info("Contexts are not shared between choices.")
    return None


@torch.inference_mode()
def reads_ahead(model: Any, length: int) -> bool:
    """Whether a later token changes what a model says of an earlier one, tried on made-up tokens.

    Such a model has seen what it scores. One that cannot be tried is taken at its word.
    """
    size = min(length, 16)
    draw = torch.Generator().manual_seed(0)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    tokens = torch.randint(vocabulary, (2, size), generator=draw)
    kept = size // 2
    tokens[1, :kept] = tokens[0, :kept]
    try:
        logits = model(input_ids=tokens.to(model.device)).logits[:, :kept]
    except Exception as error:
        log.info("Whether the model reads ahead was not tried: %r", error)
        return False
    found = logits.float().log_softmax(-1)
    half = logits.dtype in (torch.float16, torch.bfloat16)
    return bool(((found[0] - found[1]).abs() > (0.1 if half else 1e-4)).any())


def _made_up(length: int, vocabulary: int) -> list[Row]:
    """Two rows of several branches: one of `length` tokens, and one that padding must fill up."""
    draw = torch.Generator().manual_seed(0)

    def tokens(count: int) -> Tokens:
        return tuple(torch.randint(vocabulary, (count,), generator=draw).tolist())

    choices = (2, 3, 4)  # tokens; 6 of them are in branches
    contexts = (max(1, length - 6), 3)
    return [one_row(tokens(n), [(i, tokens(k)) for i, k in enumerate(choices)]) for n in contexts]


def _apart_logits(model: Any, row: Row) -> torch.Tensor:
    """The (places, V) logits of one row, from rows of one branch each."""
    single = list(apart(row))
    ends = list(accumulate(part.places for part in single))
    logits = straight(model, single).tensor_split(ends[:-1])
    return torch.cat([logits[0], *(part[1:] for part in logits[1:])])


def _logits(model: Any, rows: Sequence[Row], **inputs: torch.Tensor) -> torch.Tensor:
    """Logits at the rows' places, which lie next to each other from the context's last token on."""
    places = [(n, place) for n, row in enumerate(rows) for place in range(row.places)]
    number, column = torch.tensor(
        [(n, len(rows[n].context) - 1 + place) for n, place in places], device=model.device
    ).T
    options = {"use_cache": False} if _takes_use_cache(model) else {}
    return logits_at(model, number, column, **inputs, **options)


def _takes_use_cache(model: Any) -> bool:
    return "use_cache" in inspect.signature(model.forward).parameters


def _padded(rows: Sequence[Sequence[int]], model: Any, left: bool = False) -> torch.Tensor:
    """(B, T) integers, filled up with 0."""
    size = max(map(len, rows))
    fill = [[0] * (size - len(row)) for row in rows]
    filled = [
        [*zeros, *row] if left else [*row, *zeros] for row, zeros in zip(rows, fill, strict=True)
    ]
    return torch.tensor(filled, device=model.device)
