"""Processes that a test starts: none of them outlives it, also where it fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """After the block it is at its end: killed if it still runs, and with it the group it leads."""
    with process:  # closes its pipes, and waits
        try:
            yield process
        finally:
            if process.poll() is None and os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            elif process.poll() is None:
                process.kill()
