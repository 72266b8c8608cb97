"""Runs the command of one cell and leaves its mark: it outlives a driver that is killed.

`python -m leaner_harness.experiments.one_cell MARK DESCRIPTION LOCK WORD...`: the mark's path, what
it says in JSON, the descriptor of the cell's lock, and the command. Ends as the command does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from leaner_harness.files import write_json


def main(words: Sequence[str]) -> int:
    """Run it; both hold the lock, so that no other driver begins it again."""
    mark, description, lock, *command = words
    # The command hears Ctrl-C too, and ends by itself: a handler is not handed on to it.
    signal.signal(signal.SIGINT, lambda *_: None)
    begun = time.monotonic()
    code = subprocess.run(command, pass_fds=[int(lock)]).returncode
    if code == 0:
        seconds = round(time.monotonic() - begun, 1)
        said = {**json.loads(description), "ended": time.time(), "seconds": seconds}
        write_json(Path(mark), said)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
