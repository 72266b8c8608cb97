"""What the data path holds in memory: the peak of a process that tokenises much text.

    python benchmarks/memory.py [--megabytes 1000] [--against 32] [--json]

Each size is a fresh process that reads the text from a compressed file, trains a tokenizer on it,
writes its tokens and verifies them; what it needs before it reads any text is told apart. Words are
made up: few of them are frequent and new ones keep coming, as in real text.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow

GOAL = 50
"""MB that the larger text may take more than the smaller one."""
_SYLLABLES = [first + second for first in "tnshrdlcmb" for second in "eaoiu"]


def lines(megabytes: float) -> Iterator[bytes]:
    """Documents of two hundred words as JSON lines, a thousand at a time, of that many MB."""
    random = np.random.Generator(np.random.PCG64(0))
    left = megabytes * 1e6
    while left > 0:
        numbers = np.minimum(random.zipf(1.3, (1000, 200)), 10**7).tolist()
        some = "".join(f'{{"text": "{" ".join(map(word, row))}."}}\n' for row in numbers)
        left -= len(some)
        yield some.encode()


@lru_cache(100_000)
def word(number: int) -> str:
    """A spelling of a number from 1 up; no two are alike."""
    spelled = ""
    while number:
        number, syllable = divmod(number, len(_SYLLABLES))
        spelled += _SYLLABLES[syllable]
    return spelled


def write(path: Path, megabytes: float) -> None:
    """Leave that much text in a compressed file."""
    with pyarrow.CompressedOutputStream(str(path), "zstd") as file:
        for some in lines(megabytes):
            file.write(some)


def peak() -> float:
    """The largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tokenise(path: Path, folder: Path) -> dict[str, float]:
    """Train, write, verify; returns the peak memory before and after, in MB."""
    from leaner_trainers.tokenizers import train_tokenizer
    from leaner_trainers.tokens import read_tokens, write_tokens

    from leaner_harness import read_documents

    before = peak()
    tokenizer = train_tokenizer((d.text for d in read_documents(str(path))), 2000)
    write_tokens(read_documents(str(path)), tokenizer, folder)
    tokens = len(read_tokens(folder).ids)
    return {"before": before, "after": peak(), "tokens": tokens}


def measure(megabytes: float) -> dict[str, float]:
    """What `tokenise` says, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.jsonl.zst"
        write(path, megabytes)
        command = [sys.executable, __file__, "--child", str(path)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=1000)
    parser.add_argument("--against", type=float, default=32)
    parser.add_argument("--json", action="store_true", help="one JSON value")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(tokenise(arguments.child, arguments.child.parent / "tokens")))
        return
    sizes = (arguments.against, arguments.megabytes)
    found = {f"{size:g} MB": measure(size) for size in sizes}
    small, large = found.values()
    more = round(large["after"] - small["after"], 1)
    figures = {**found, "more for the larger, MB": more, "goal": GOAL, "holds": more <= GOAL}
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(f"{key}: {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
