"""The executor for one machine."""

from __future__ import annotations

from typing import Any

import multiprocess
import multiprocess.connection
from datatrove.executor.local import LocalPipelineExecutor

from leaner_harness.errors import DataError

_NAMED = 8


class LocalExecutor(LocalPipelineExecutor):  # type: ignore[misc]
    """datatrove's executor for one machine, with a process for each rank.

    One that is killed or fails leaves the others at their work, and is named at the end. The pool
    of processes that datatrove has would wait for it for ever.
    """

    def run(self) -> None:
        """Run the ranks that are not done, `workers` at once. Raises DataError where one fails."""
        mine = range(self.local_rank_offset, self.local_rank_offset + self.local_tasks)
        waiting = self.get_incomplete_ranks(mine)
        context = multiprocess.get_context(self.start_method)
        if self.start_method == "forkserver":
            context.set_forkserver_preload(["leaner_harness.dataset.scale"])  # imported once
        running: dict[Any, Any] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    rank = waiting.pop(0)
                    process = context.Process(target=self._run_for_rank, args=(rank, rank))
                    process.start()
                    running[process.sentinel] = process
                for ended in multiprocess.connection.wait(list(running)):
                    running.pop(ended).join()
        finally:
            for process in running.values():
                process.terminate()
        if lost := self.get_incomplete_ranks(mine, skip_completed=True):
            named = ", ".join(map(str, lost[:_NAMED])) + (", ..." if len(lost) > _NAMED else "")
            raise DataError(
                f"{len(lost)} of {len(mine)} ranks are not at their end: {named}.",
                f"What they say: {self.logging_dir.resolve_paths('logs')}. Run it again: each goes "
                "on where it stopped.",
            )
        self._launched = True
