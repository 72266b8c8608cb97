"""What starting costs: `leaner --help`, `import leaner_harness`, and the start-up file.

Each is the CPU time of a whole process less that of `python -c pass`, the least of several runs;
the start-up file is timed inside one process, because 0.1 ms drowns in a process's own noise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import timeit
from pathlib import Path

RUNS = 7
BRIDGE = Path(__file__).parent.parent / "leaner_harness/lm_eval_plugin/startup"


def cpu_seconds(*words: str) -> float:
    """User and system time of a finished process."""
    before = os.times()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (
        after.children_user
        + after.children_system
        - (before.children_user + before.children_system)
    )


def least(*words: str) -> float:
    return min(cpu_seconds(*words) for _ in range(RUNS))


def start_up_file() -> float:
    source = BRIDGE / "leaner_lm_eval_bridge.py"
    code = compile(source.read_text(), str(source), "exec")
    names = {"__name__": "leaner_lm_eval_bridge"}
    return min(timeit.repeat(lambda: exec(code, dict(names)), number=50, repeat=7)) / 50


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    nothing = least("-c", "pass")
    figures = {
        "python -c pass, s CPU": nothing,
        "leaner --help, s CPU more": least("-m", "leaner_harness.cli", "--help") - nothing,
        "import leaner_harness, s CPU more": least("-c", "import leaner_harness") - nothing,
        "start-up file outside lm_eval, s": start_up_file(),
    }
    print(json.dumps({name: round(value, 6) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
