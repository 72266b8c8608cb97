"""Training runs in several processes: small models leave a processor, or a GPU, mostly idle."""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from leaner_harness.errors import LeanerError
from leaner_harness.models.finetune.rows import TaskData
from leaner_harness.models.finetune.training import Run, train_run

_PER_GPU = 8
"""Processes that share one GPU: a 14M model's kernels cost more to launch than to run."""


def devices(asked: str) -> list[str]:
    """The devices to train on: `cuda` without a number stands for all GPUs.

    Stock `lm_eval` asks for `cuda:0` where nobody chose: without a GPU that is the processor.
    """
    import torch

    if asked.startswith("cuda") and not torch.cuda.is_available():
        return ["cpu"]
    if asked != "cuda":
        return [asked]
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def default_workers(found: Sequence[str]) -> int:
    """One process per processor core this process may use, or several per GPU."""
    if found[0].startswith("cuda"):
        return min(_PER_GPU * len(found), max(1, _cores()))
    return _cores()


def _cores() -> int:
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


def train_runs(
    left: Sequence[tuple[Run, TaskData]], workers: int, found: Sequence[str]
) -> Iterator[Run]:
    """Train all, yielding each as it finishes; in this process when one worker is enough."""
    workers = min(workers, len(left))
    if workers <= 1:
        for run, data in left:
            train_run(_on(run, found[0]), data)
            yield run
        return
    context = multiprocessing.get_context("spawn")  # fork does not mix with torch's threads
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _begin_worker)
    with pool:
        try:
            jobs = {
                pool.submit(train_run, _on(run, device), data): run
                for (run, data), device in zip(left, itertools.cycle(found), strict=False)
            }
            for job in concurrent.futures.as_completed(jobs):
                job.result()
                yield jobs[job]
        except BrokenProcessPool as error:
            raise LeanerError(
                "A process that fine-tunes died, most likely for lack of memory.",
                "Finished runs are kept; start it again with fewer: --model-args workers=1",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()  # its run has no outcome on disk and is made anew
            raise


def _on(run: Run, device: str) -> Run:
    return replace(run, setting=replace(run.setting, device=device))


def _begin_worker() -> None:
    import torch

    torch.set_num_threads(1)  # one process per core; threads would only fight
