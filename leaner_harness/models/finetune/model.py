"""The lm-eval model type `leaner-finetune`: fine-tunes per task, answers with its classes.

An answer is `(log-probability, is_greedy, [log-probability of each seed])`: lm-eval and the result
keep every seed's predictions, so that the spread over seeds and the spread over items stay apart.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from tqdm import tqdm

from leaner_harness import files, provenance
from leaner_harness.data import sources
from leaner_harness.data.glue import TASKS
from leaner_harness.devices import refuse_absent, use_bfloat16
from leaner_harness.errors import CheckpointError, UnknownName, UsageError
from leaner_harness.lm_eval_plugin.glue_task import UNSCORED
from leaner_harness.models.finetune import workers as processes
from leaner_harness.models.finetune.protocol import get_protocol
from leaner_harness.models.finetune.rows import TaskData, load_task, positions
from leaner_harness.models.finetune.runs import Grid, Predictions, grid_folder, train_all
from leaner_harness.models.finetune.training import Setting, checked
from leaner_harness.models.loading import check_files, load_configuration, load_tokenizer

# A child of lm-eval's logger, so that its verbosity and format apply.
log = logging.getLogger("lm_eval.leaner_harness")

Answer = tuple[float, bool, list[float]] | tuple[float, bool]

_ARGUMENTS = (
    "pretrained", "tokenizer", "protocol", "from_scratch", "max_length", "workers", "work", "bf16",
    "compile", "scratch_seed", "leaner_split", "leaner_data",
)  # fmt: skip


class FinetuneLM(LM):  # type: ignore[misc]
    """`lm_eval --model leaner-finetune --model_args pretrained=DIR,protocol=quick`."""

    def __init__(
        self,
        pretrained: str,
        tokenizer: str = "",
        protocol: str = "quick",
        from_scratch: bool = False,
        max_length: int | None = None,
        workers: int | None = None,
        work: str = "",
        bf16: bool | str = False,
        compile: bool = False,  # noqa: A002 (as recipes call it)
        scratch_seed: int = 0,
        leaner_split: str | None = None,
        leaner_data: str | None = None,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        """`work` keeps finished runs (default: below LEANER_HOME). lm-eval's batch size is unused:
        the protocol has its own. `bf16=auto` is bfloat16 where that is quicker, as in recipes.
        `scratch_seed` is for controls of a protocol with one seed: from_scratch=true draws other
        random weights for each number."""
        super().__init__()
        for name in unknown:
            raise UnknownName("argument of leaner-finetune", name, _ARGUMENTS)
        refuse_absent(device)
        _refuse_several_processes()
        if scratch_seed and not from_scratch:
            raise UsageError(
                f"scratch_seed={scratch_seed} draws random weights, and from_scratch is not set.",
                "Give from_scratch=true, too.",
            )
        path = Path(pretrained)
        if not path.is_dir():
            raise CheckpointError(f"{pretrained} is no folder.", "Fine-tune a local checkpoint.")
        check_files(path, Path(tokenizer) if tokenizer else None)
        chosen = get_protocol(protocol)
        words = tokenizer or pretrained
        limit = min(chosen.max_length, _context(pretrained, words, max_length))
        self._devices = processes.devices(device or "cuda")
        setting = Setting(
            pretrained, words, bool(from_scratch), chosen, limit,
            self._devices[0], use_bfloat16(bf16, self._devices[0]), bool(compile),
            int(scratch_seed),
        )  # fmt: skip
        self.setting = checked(setting, TASKS["cola"])
        self.workers = workers or processes.default_workers(self._devices)
        self._work = Path(work).expanduser() if work else files.home() / "finetune"
        self._weights = provenance.weights_digest(path)
        self._split, self._folder = sources.chosen_split(leaner_split), leaner_data
        self._records: dict[str, dict[str, Any]] = {}

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Answer]:
        """An answer per request: the log-probability of the class whose number is `request.idx`.

        Requests of a task that cannot be fine-tuned get NaN; its state is in the model info.
        """
        by_task: dict[str, list[Instance]] = defaultdict(list)
        for request in requests:
            by_task[request.task_name].append(request)
        loaded = {name: load_task(name, self._split, self._folder) for name in by_task}
        places = {name: _places(loaded[name], by_task[name]) for name in by_task}
        grids = {name: self._grid(data) for name, data in loaded.items() if data.state == "ok"}
        self._train(list(grids.values()), disable_tqdm)
        answers: dict[int, Answer] = {}
        for name, asked in by_task.items():
            predictions = self._finish(name, loaded[name], grids.get(name))
            for request, place in zip(asked, places[name], strict=True):
                answers[id(request)] = _answer(predictions, place, request.idx)
        return [answers[id(request)] for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        """Raises UsageError: a classifier gives no likelihood of a text."""
        raise _NO_TEXT

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        """Raises UsageError: a classifier writes no text."""
        raise _NO_TEXT

    def get_model_info(self) -> dict[str, Any]:
        """The protocol and, per task, its rows, winning rate, selection scores and cost."""
        setting = self.setting
        return {
            "model_dtype": "float32",
            "leaner": {
                "scorer": "finetune",
                "protocol": setting.protocol.record(),
                "protocol_fingerprint": setting.protocol.fingerprint,
                "from_scratch": setting.from_scratch,
                "max_length": setting.max_length,
                "bf16": setting.bf16,
                "compile": setting.compile,
                **({"scratch_seed": setting.scratch_seed} if setting.scratch_seed else {}),
                "weights_sha256": self._weights,
                "tasks": self._records,
            },
        }

    def left(self, data: TaskData) -> int:
        """How many training runs of a task are not on disk yet."""
        return len(self._grid(data).left())

    def _grid(self, data: TaskData) -> Grid:
        return Grid(self.setting, data, grid_folder(self._work, self.setting, self._weights, data))

    def _train(self, grids: list[Grid], quiet: bool) -> None:
        total = sum(len(grid.runs) for grid in grids)
        done = total - sum(len(grid.left()) for grid in grids)
        with tqdm(total=total, initial=done, disable=quiet, desc="Fine-tuning runs") as bar:

            def train(left: Any) -> Any:
                for run in processes.train_runs(left, self.workers, self._devices):
                    bar.set_postfix_str(f"{run.task} rate {run.rate:g} seed {run.seed}")
                    bar.update()
                    yield run

            train_all(grids, train)

    def _finish(self, name: str, data: TaskData, grid: Grid | None) -> Predictions | None:
        record = data.record() if grid is None else grid.record()
        self._records[name] = record
        if grid is None or record["state"] != "ok":
            log.warning("%s gets no score (%s): %s", name, record["state"], record["reason"])
            return None
        return grid.predictions()


def _answer(predictions: Predictions | None, place: int, choice: int) -> Answer:
    if predictions is None:
        return math.nan, False
    by_seed = [rows[place] for rows in predictions]
    means = [sum(values) / len(values) for values in zip(*by_seed, strict=True)]
    chosen = [row[choice] for row in by_seed]
    return means[choice], means[choice] == max(means), chosen


def _places(data: TaskData, asked: list[Instance]) -> list[int]:
    """Where each request's row stands; -1 for the placeholder of a task that found none."""
    docs = [request.doc for request in asked]
    if not data.reported and all(doc.get(UNSCORED) for doc in docs):
        return [-1] * len(docs)
    return positions(data, docs)


def _context(checkpoint: str, tokenizer: str, asked: int | None) -> int:
    """How many tokens the model sees: the argument, else its own or the tokenizer's limit."""
    stated = getattr(load_configuration(checkpoint), "max_position_embeddings", 0) or 0
    limit = int(load_tokenizer(tokenizer).model_max_length)
    limits = [int(value) for value in (asked, stated, limit) if value and int(value) > 0]
    return min(limits)


def _refuse_several_processes() -> None:
    import os

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "leaner-finetune spreads its runs over processes and devices itself.",
            "Start one lm_eval process, with --model_args ...,workers=N",
        )


_NO_TEXT = UsageError(
    "leaner-finetune answers classification tasks only: leaner_glue and leaner_glue_mini.",
    "Score texts with --model leaner.",
)
