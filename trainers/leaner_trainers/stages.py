"""A run's way through its curriculum: which pool is read, since when, and what that cost.

The curriculum says what may be read and when to go on; this keeps the pool, the scores, the time
and the bill. Shapes: n documents, B blocks, T tokens of a block.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from numpy.typing import NDArray

from leaner_harness import (
    ADVANCE,
    KEEP,
    RESCORE,
    Blocks,
    CurriculumState,
    Examples,
    PluginError,
    Progress,
    Ranking,
    UsageError,
)
from leaner_trainers.curriculum import Chosen
from leaner_trainers.document_loss import document_nats
from leaner_trainers.pools import Ids, Pool
from leaner_trainers.scores import Scores, score
from leaner_trainers.training_text import TrainingText


@dataclass
class Standing:
    """Where a run stands in its curriculum: all that a resumed one has to know, but for arrays."""

    memory: CurriculumState
    first_scores: str
    """Digest of the scores before the first step."""
    stage: int = 0
    began: int = 0
    """The step after which the stage began."""
    is_pending: bool = True
    """Whether the stage has begun, but not its pool: documents may have to be scored first."""
    wants_scores: bool = False
    """With `is_pending`, whether the curriculum asked for new scores."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One record a stage."""
    scored_tokens: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"scoring": 0.0, "curriculum": 0.0})


class Stages:
    """What a run reads, from its first step to its last."""

    def __init__(
        self,
        chosen: Chosen,
        text: TrainingText,
        scores: Scores,
        seconds: float,
        accelerator: Accelerator,
        blocks_per_step: int,
        bf16: bool,
    ) -> None:
        """`scores` (n,) are those before the first step, which took so many `seconds`."""
        self._chosen, self._text, self._accelerator = chosen, text, accelerator
        self._blocks_per_step, self._bf16 = blocks_per_step, bf16
        self._offsets: Ids = np.asarray(text.tokens.offsets)
        self._weights: Ids = np.diff(self._offsets)
        self._scores = scores
        self._seen = np.zeros(len(scores), dtype=bool)  # documents of earlier stages that were read
        self._pool: Pool | None = None
        memory = chosen.curriculum.start(len(scores), self._weights, chosen.seed)
        self._standing = Standing(memory, first_scores=hashlib.sha256(scores.tobytes()).hexdigest())
        self._standing.seconds["scoring_before"] = seconds

    @property
    def is_pending(self) -> bool:
        """Whether `enter` has to be called before the next step."""
        return self._standing.is_pending

    @property
    def needs_scoring(self) -> bool:
        """Whether the text has to be scored before the next step."""
        standing = self._standing
        return standing.is_pending and standing.wants_scores and self._chosen.sees_self

    def blocks(self, places: Ids) -> Blocks:
        """The blocks at some places (B,) of the run, which are counted from its first step."""
        standing = self._standing
        with self._timed("curriculum"):
            numbers = places - standing.began * self._blocks_per_step
            found = self._current.places(numbers)
        return self._text.read(found)

    def observe(self, step: int, steps: int, loss: float | None) -> None:
        """Tell the curriculum how far the run is, and leave the stage if it wants to."""
        standing = self._standing
        if loss is not None:  # every process has to decide alike
            loss = broadcast_object_list([loss])[0]
        with self._timed("curriculum"):
            progress = Progress(step, steps, loss)
            memory, wish = self._chosen.curriculum.observe(standing.memory, progress)
            standing.memory = memory
            if wish == KEEP:
                return
            if wish not in (ADVANCE, RESCORE):
                raise PluginError(
                    f"Curriculum {self._chosen.spec.name!r} answered {wish!r} to progress; it must "
                    f"be {KEEP!r}, {ADVANCE!r} or {RESCORE!r}."
                )
            self._seen[self._read(step)] = True
            standing.stage, standing.began = standing.stage + 1, step
            standing.is_pending, standing.wants_scores = True, wish == RESCORE

    def enter(self, model: torch.nn.Module) -> None:
        """Begin the stage: score the text where that is called for, and choose the pool."""
        standing = self._standing
        if self.needs_scoring:
            with self._timed("scoring"):
                self._scores = self._chosen.controlled(self._score(model))
            self.count("self", int(self._weights.sum()))
        with self._timed("curriculum"):
            before = {} if self._pool is None else {"before": self._pool.documents}
            ranking = Ranking(self._scores, self._weights, **before)
            chosen = self._chosen.curriculum.pool(standing.memory, ranking)
            self._pool = self._make_pool(self._checked(chosen))
            standing.history.append(self._stage_record())
            standing.is_pending = standing.wants_scores = False

    def count(self, what: str, tokens: int) -> None:
        """Put tokens on the bill that were scored and not trained on."""
        scored = self._standing.scored_tokens
        scored[what] = scored.get(what, 0) + tokens

    def entry(self) -> dict[str, Any]:
        """What the log says of a step: the stage, and the share of the text that may be read."""
        now = self._standing.history[-1]
        return {"stage": now["stage"], "pool_share": now["share"]}

    def line(self, tokenizer: Any) -> str:
        """What is being read, for people: the pool, and the hardest of it."""
        now = self._standing.history[-1]
        said = (
            f"Stage {now['stage'] + 1}, step {now['step']:,}: {now['share']:.0%} of the text, "
            f"{now['documents']:,} documents, {now['tokens']:,} tokens"
        )
        if self._chosen.difficulty is None:  # nothing is the last where nothing is ranked
            return said
        hardest = int(self._current.documents[np.argmax(self._scores[self._current.documents])])
        first, last = self._offsets[hardest : hardest + 2]
        words = tokenizer.decode(self._text.tokens.ids[first : min(last, first + 30)].tolist())
        words = " ".join(
            words.replace(tokenizer.decode([self._text.tokens.ids[first]]), "").split()
        )
        return f"{said}; the last: {words[:60]}..."

    def warning(self) -> str:
        """What to say of a run that never came to read from the whole text; empty else."""
        share = self._standing.history[-1]["share"]
        if share == 1 or self._chosen.spec.subset:
            return ""
        return f"The run ended before the whole text could be read: at {share:.0%} of it."

    def record(self, step: int, tokens_seen: int, flops: float) -> dict[str, Any]:
        """The stages, what was read, and the whole bill of a run that computed so much."""
        chosen, standing = self._chosen, self._standing
        seen = self._seen.copy()
        seen[self._read(step)] = True
        weight = chosen.reference_weight(flops / max(tokens_seen, 1))
        reference = chosen.reference_tokens
        scored = sum(
            tokens * (weight if by == "reference" else 1.0)
            for by, tokens in standing.scored_tokens.items()
        )
        return {
            "stages": [dict(stage) for stage in standing.history],
            "is_subset": chosen.spec.subset,
            "reference": "" if chosen.reference is None else chosen.reference.digest,
            "documents_read": int(seen.sum()),
            "unique_tokens": int(self._weights[seen].sum()),
            "bill": {
                "training_tokens": tokens_seen,
                "scored_tokens": dict(standing.scored_tokens),
                "reference_training_tokens": reference,
                "reference_weight": round(weight, 4),
                # Unknown where the reference does not say what it cost.
                "token_equivalents": (
                    None
                    if reference is None
                    else tokens_seen + round(scored / 3 + reference * weight)
                ),
                "rule": "training tokens + a third of the scored ones + those the reference was "
                "trained on, once for each run; a reference's count by what they cost to compute",
            },
            "seconds": {key: round(value, 3) for key, value in standing.seconds.items()},
        }

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """What `restore` needs: JSON, and arrays."""
        arrays = {"seen": torch.from_numpy(np.packbits(self._seen))}
        if self._pool is not None:
            chosen = np.zeros(len(self._seen), dtype=bool)
            chosen[self._pool.documents] = True
            arrays["pool"] = torch.from_numpy(np.packbits(chosen))
        if self._chosen.sees_self:
            arrays["scores"] = torch.from_numpy(self._scores)
        return asdict(self._standing), arrays

    def restore(self, content: dict[str, Any], arrays: dict[str, torch.Tensor]) -> None:
        """Go on where `state` was taken.

        Raises UsageError where documents are scored otherwise than when the run began.
        """
        if content["first_scores"] != self._standing.first_scores:
            raise UsageError(
                "The run that was stopped here had other scores of difficulty: the reference, or "
                "the code of the difficulty, has changed.",
                "Put it back as it was, or start over with resume = false.",
            )
        self._standing, n = Standing(**content), len(self._scores)
        self._seen = _unpacked(arrays["seen"], n)
        if "scores" in arrays:
            self._scores = arrays["scores"].numpy()
        if "pool" in arrays:
            # Where a stage is pending, it is the one before's, of which only the ids matter.
            self._pool = self._make_pool(np.flatnonzero(_unpacked(arrays["pool"], n)))

    @property
    def _current(self) -> Pool:
        assert self._pool is not None, "no stage was entered"
        return self._pool

    def _read(self, step: int) -> Ids:
        """The documents of this stage that the run has read after a step."""
        steps = step - self._standing.began
        return self._current.read_by(steps * self._blocks_per_step)

    def _make_pool(self, documents: Ids) -> Pool:
        text, stage = self._text, self._standing.stage
        return Pool(documents, self._offsets, text.block_size, text.seed, stage)

    def _checked(self, chosen: Any) -> Ids:
        """The pool that the curriculum chose, if it is one."""
        found, n = np.asarray(chosen), len(self._scores)
        is_ids = found.ndim == 1 and len(found) and np.issubdtype(found.dtype, np.integer)
        if not is_ids or found[0] < 0 or found[-1] >= n or (np.diff(found) < 1).any():
            raise PluginError(
                f"Curriculum {self._chosen.spec.name!r} chose no pool: it must be ascending ids "
                f"below {n}, at least one."
            )
        return found.astype(np.int64)

    def _stage_record(self) -> dict[str, Any]:
        pool, standing = self._current, self._standing
        return {
            "stage": standing.stage,
            "step": standing.began,
            "documents": len(pool.documents),
            "tokens": pool.tokens,
            "share": pool.tokens / int(self._weights.sum()),
            "pool": hashlib.sha256(pool.documents.tobytes()).hexdigest(),
        }

    def _score(self, model: torch.nn.Module) -> Scores:
        """The difficulty of every document for the model as it is, (n,); each process does part."""
        accelerator, tokens = self._accelerator, self._text.tokens
        share = (accelerator.process_index, accelerator.num_processes)
        nats = document_nats(
            model, tokens.ids, self._offsets, self._text.block_size, bf16=self._bf16, share=share
        )
        whole = torch.from_numpy(nats)
        if accelerator.num_processes > 1:
            device = accelerator.device
            whole = accelerator.reduce(whole.to(device), "sum").cpu()
        assert self._chosen.difficulty is not None
        examples = Examples(nats=whole.numpy(), tokens=self._weights)
        return score(self._chosen.difficulty, examples, len(nats))

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._standing.seconds[what] += time.perf_counter() - began


def _unpacked(bits: torch.Tensor, n: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits.numpy(), count=n).astype(bool)
