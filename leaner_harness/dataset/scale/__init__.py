"""Scale: the stages of a build as blocks of datatrove, on one machine, on Slurm or on Ray.

Each rank (a task of datatrove) has its share of the documents and a ledger of its own, does with
them what `leaner build pretrain` does, and goes on where it stopped when it is started again. The
ledgers are then merged, and the data set is assembled: byte for byte that of one process.

Every rank has an engine of its own: `workers * concurrency` calls are in flight, and `max_cost` and
`max_requests` hold for one rank. A text that stands twice in the source is found when the ledgers
are merged; where two ranks had it, both have asked about it.

Needs the extra `scale`; datatrove (https://github.com/huggingface/datatrove) is used here alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leaner_harness.errors import UnknownName, UsageError

try:
    from datatrove.executor.base import PipelineExecutor
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.executor.ray import RayPipelineExecutor
    from datatrove.executor.slurm import SlurmPipelineExecutor
    from datatrove.pipeline.base import PipelineStep
except ImportError as missing:
    raise UsageError(
        f"A build by many workers needs datatrove: {missing}.",
        "pip install 'leaner-harness[scale]'",
    ) from missing

from leaner_harness.dataset.pretrain import Settings
from leaner_harness.dataset.scale.blocks import AssembleBlock, ReadBlock, RewriteBlock
from leaner_harness.dataset.scale.local import LocalExecutor
from leaner_harness.dataset.scale.ranks import RANKS, check_tasks

__all__ = ["AssembleBlock", "LocalExecutor", "ReadBlock", "RewriteBlock", "executors"]

KINDS = ("local", "slurm", "ray")


def executors(
    settings: Settings,
    folder: Path | str,
    tasks: int,
    workers: int = -1,
    kind: str = "local",
    *,
    reader: PipelineStep | None = None,
    overrides: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[PipelineExecutor, PipelineExecutor]:
    """The executor that rewrites, in `tasks` ranks, and the one that assembles after it.

    `run()` of the second runs both. Made and run again, they do what is not done yet. At most
    `workers` ranks run at once (-1: all). `options` are arguments of datatrove's executor for
    that kind, such as `time` and `partition` for Slurm; both get them. `reader` is a block that
    reads in the place of `ReadBlock`. `overrides` are arguments of the rewriter for this time, for
    each rank, such as `max_cost`. All hosts must see the folder, under the same path.

    Raises UsageError where the folder was begun with other tasks or by one process, UnknownName
    for another kind.
    """
    if kind not in KINDS:
        raise UnknownName("kind of executor", kind, KINDS)
    home, is_local = Path(folder).resolve(), kind == "local"
    check_tasks(home, tasks)
    rewriting = _executor(
        LocalExecutor if is_local else kind,
        "rewrite",
        home,
        [
            reader or ReadBlock(settings.source),
            RewriteBlock(settings, home, overrides, own_replies=not is_local),
        ],
        {"tasks": tasks, "workers": workers, **options},
    )
    assembling = _executor(
        LocalPipelineExecutor if is_local else kind,
        "assemble",
        home,
        [AssembleBlock(settings, home)],
        {"tasks": 1, "workers": 1, "depends": rewriting, **options},
    )
    return rewriting, assembling


def _executor(
    made_by: Any, name: str, home: Path, pipeline: list[PipelineStep], options: dict[str, Any]
) -> PipelineExecutor:
    options = {"logging_dir": str(home / RANKS / name), **options}
    if made_by == "slurm":
        _need_slurm(options)
        return SlurmPipelineExecutor(pipeline, **{"job_name": f"leaner-{name}", **options})
    if made_by == "ray":
        if importlib.util.find_spec("ray") is None:
            raise UsageError("A build on Ray needs Ray, which is not installed.", "pip install ray")
        return RayPipelineExecutor(pipeline, **options)
    return made_by(pipeline, **options)


def _need_slurm(options: Mapping[str, Any]) -> None:
    if missing := [name for name in ("time", "partition") if name not in options]:
        raise UsageError(
            f"Slurm needs to know: {', '.join(missing)}.",
            'executors(..., kind="slurm", time="20:00:00", partition="cpu")',
        )
