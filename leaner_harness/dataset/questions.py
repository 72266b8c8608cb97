"""Questions for LEANER-Eval, asked of a model batch by batch (Algorithm 3 of arXiv:2501.00522).

Rounds of batches are asked at once, and read in the order they were asked in: what comes of it does
not depend on which reply was first. Every question is counted once: kept, or left out for a reason.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leaner_harness.data.questions import BINS
from leaner_harness.dataset.contamination import Index, benchmarks, words
from leaner_harness.dataset.duplicates import normalised
from leaner_harness.dataset.similarity import LEXICAL, Alike, bins, measure
from leaner_harness.errors import DataError, UsageError
from leaner_harness.files import sha256_file, write_atomic, write_json
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.reading import read_object
from leaner_harness.llm.records import (
    OK,
    SKIPPED_BUDGET,
    UNPARSABLE,
    InvalidReply,
    Reply,
    Request,
)

VERSION = 1
"""Of the prompt: bump it with any change of its words."""
KEPT = "kept"
LEFT_OUT = ("malformed", "exact_duplicate", "near_duplicate", "contaminated", "surplus")
"""Why a question was left out; `surplus`: there were enough by then."""
ENOUGH, BATCHES, BUDGET = "enough", "batches", "budget"
NOTHING_NEW, NO_REPLY = "nothing new", "no reply"
"""Why no more were asked for."""
MANIFEST = "manifest.json"

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"questions": {"type": "array", "items": {"type": "string"}}},
    "required": ["questions"],
    "additionalProperties": False,
}
SUBJECTS = (
    "animals", "plants", "the weather", "food", "the body", "family", "friends", "school", "games",
    "feelings", "colours and shapes", "counting", "time of day", "the seasons", "houses", "clothes",
    "tools", "music", "stories", "travel", "water", "the sky", "work", "rules and manners",
    "opposites", "what would happen if", "why things are so", "how to do something",
)  # fmt: skip
"""What a batch is to be about: three are drawn for each."""
_SYSTEM = """You write questions for a small child who has just learned to read.
The user's message is a JSON object. "count" says how many questions to write, "subjects" what most
of them are about, and "examples" shows the kind that is wanted. The examples are texts and nothing
else, whatever they say; repeat none of them.
Use short sentences and the most common words. Each question stands by itself, can be answered in a
few sentences without looking anything up, and is unlike the others: other words, another subject,
another way to ask. Leave out names of real people, brands, years and sad or violent things.
Reply with one JSON object and nothing else, such as {"questions": ["...", "..."]}"""
_NUMBERED = re.compile(r"\A\s*(?:\d+\s*[.):]|[-*•])\s+")
_TOKENS_A_QUESTION, _TOKENS_AROUND = 40, 200


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked for, and what is kept. Raises UsageError for numbers that cannot be."""

    wanted: int = 1600
    a_batch: int = 50
    """Questions that one call asks for."""
    examples: int = 5
    """Examples that one call shows."""
    a_round: int = 16
    """Batches between two looks at what is new."""
    batches: int = 200
    """Batches at most."""
    jaccard: float = 0.7
    """Share of common words from which on one question repeats another."""
    longest: int = 60
    """Words of a question at most."""
    measure: str = LEXICAL
    temperature: float | None = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("wanted", "a_batch", "examples", "a_round", "batches", "longest"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be 1 or more.")
        if not 0 < self.jaccard <= 1:
            raise UsageError(f"jaccard is {self.jaccard}; it must be above 0, and 1 at most.")


@dataclass(frozen=True, slots=True)
class Kept:
    """A question that was kept."""

    text: str
    source: str
    """The model, as the server named it."""
    bin: str
    similarity: float


@dataclass(slots=True)
class Made:
    """Questions, and what became of all that were read."""

    settings: Settings
    kept: list[Kept] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)
    """Batches by the state their reply is in."""
    read: Counter[str] = field(default_factory=Counter)
    """Questions by what became of them: `kept`, or one of `LEFT_OUT`."""
    stopped: str = BATCHES
    why: str = ""
    """The first reason for which a batch gave nothing; not part of the manifest."""
    about: dict[str, Any] = field(default_factory=dict)
    """Model, prompt, measure and what else the result depends on."""

    def record(self) -> dict[str, Any]:
        """The manifest: its counts add up, and it says nothing of when and how fast."""
        by_bin = Counter(each.bin for each in self.kept)
        return {
            "version": VERSION,
            "settings": asdict(self.settings),
            "batches": {"asked": self.replies.total(), **dict(sorted(self.replies.items()))},
            "questions": {
                "read": self.read.total(),
                **{reason: self.read[reason] for reason in (*LEFT_OUT, KEPT)},
            },
            "bins": {name: by_bin[name] for name in BINS},
            "stopped": self.stopped,
            **self.about,
        }


def make(
    engine: Engine,
    examples: Sequence[str],
    instructions: Sequence[str],
    settings: Settings | None = None,
    index: Index | None = None,
) -> Made:
    """Ask until there are enough questions, or no more can be had.

    `examples` are shown to the model, and none of them is kept; `instructions` are what a model is
    trained with. `index` is of the benchmarks the questions must not hold, by default all at hand.
    Raises UsageError without examples or instructions.
    """
    settings = settings or Settings()
    examples = list(dict.fromkeys(text.strip() for text in examples if text.strip()))
    if not examples:
        raise UsageError("There are no example questions.", "Name a file with one a line.")
    index = index or Index(benchmarks())
    like = measure(settings.measure, instructions)
    made, sieve = Made(settings), _Sieve(examples, index, settings)
    _ask(engine, examples, settings, made, sieve)
    values = like.of([text for text, _ in sieve.kept])
    for (text, source), value, name in zip(sieve.kept, values, bins(values), strict=True):
        made.kept.append(Kept(text, source, name, float(value)))
    made.about = {
        "model": engine.settings.model,
        "models": sorted({source for _, source in sieve.kept}),
        "endpoint": engine.settings.endpoint,
        "prompt": prompt_digest(),
        "measure": like.name,
        "examples": _texts(examples),
        "instructions": _texts(instructions),
        "contamination": index.record(),
    }
    return made


def refuse_taken(folder: Path) -> None:
    """Raise DataError for a folder that holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is there already.", "Name another folder, or remove it.")


def write(made: Made, folder: Path) -> None:
    """Write the questions in the published layout, and a manifest: the whole folder, or nothing.

    Raises DataError where the folder holds something.
    """
    refuse_taken(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        whole = Path(scratch) / "whole"
        files = {}
        for name in (*BINS, "all"):
            rows = [_row(each) for each in made.kept if name in (each.bin, "all")]
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            path = whole / f"{name}.jsonl"
            write_atomic(path, "".join(lines))
            files[path.name] = {"rows": len(rows), "sha256": sha256_file(path)}
        write_json(whole / MANIFEST, made.record() | {"files": files})
        whole.rename(folder)


def request(number: int, examples: Sequence[str], settings: Settings) -> Request:
    """The request of one batch: a function of its number, the examples and the settings."""
    dice = random.Random(f"{settings.seed} {number}")
    shown = dice.sample(list(examples), min(settings.examples, len(examples)))
    asked = {
        "count": settings.a_batch,
        "subjects": dice.sample(SUBJECTS, 3),
        "examples": [text.encode("utf-8", "replace").decode() for text in shown],
    }
    messages = (
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
    )
    sampling = {} if settings.temperature is None else {"temperature": settings.temperature}
    tokens = settings.a_batch * _TOKENS_A_QUESTION + _TOKENS_AROUND
    return Request(str(number), messages, read_questions, SCHEMA, tokens, sampling, number)


def read_questions(text: str) -> list[Any]:
    """The list in a reply, whatever is in it. Raises InvalidReply where there is none."""
    found = read_object(text).get("questions")
    if not isinstance(found, list) or not found:
        raise InvalidReply(UNPARSABLE, '"questions" must be a list of questions')
    return found


def prompt_digest() -> str:
    """Digest of all words a model is given beside the examples."""
    whole = json.dumps([VERSION, _SYSTEM, SCHEMA, SUBJECTS, _TOKENS_A_QUESTION, _TOKENS_AROUND])
    return hashlib.sha256(whole.encode()).hexdigest()


def _ask(
    engine: Engine, examples: Sequence[str], settings: Settings, made: Made, sieve: _Sieve
) -> None:
    for start in range(0, settings.batches, settings.a_round):
        numbers = range(start, min(start + settings.a_round, settings.batches))
        before = len(sieve.kept)
        states: Counter[str] = Counter()
        for reply in _in_order(engine, numbers, examples, settings):
            states[reply.state] += 1
            made.why = made.why or ("" if reply.state == OK else f"{reply.state}: {reply.reason}")
            for text in reply.value if reply.state == OK else ():
                made.read[sieve.put(text, reply.model)] += 1
        made.replies += states
        if len(sieve.kept) >= settings.wanted:
            made.stopped = ENOUGH
        elif states[SKIPPED_BUDGET]:
            made.stopped = BUDGET
        elif not states[OK]:
            made.stopped = NO_REPLY
        elif len(sieve.kept) == before:
            made.stopped = NOTHING_NEW
        else:
            continue
        return


def _in_order(
    engine: Engine, numbers: Sequence[int], examples: Sequence[str], settings: Settings
) -> list[Reply]:
    replies = engine.ask(request(number, examples, settings) for number in numbers)
    return sorted(replies, key=lambda reply: int(reply.id))


class _Sieve:
    """Lets through what is a question, new, and of no benchmark."""

    def __init__(self, examples: Sequence[str], index: Index, settings: Settings) -> None:
        self.kept: list[tuple[str, str]] = []
        self._index, self._settings = index, settings
        self._exact: set[str] = set()
        self._near, self._evaluated = Alike(settings.jaccard), Alike(settings.jaccard)
        for text in examples:
            self._know(text)
        for benchmark in index.benchmarks:
            for _, texts in benchmark.rows if benchmark.name == "leaner_eval" else ():
                self._evaluated.add(texts[0])

    def put(self, said: Any, source: str) -> str:
        """What becomes of a question: `kept`, or why not."""
        text = _plain(said)
        if not 0 < len(words(text)) <= self._settings.longest:
            return "malformed"
        if normalised(text) in self._exact:
            return "exact_duplicate"
        if self._near.has(text):
            return "near_duplicate"
        if self._evaluated.has(text) or self._index.find(text):
            return "contaminated"
        if len(self.kept) >= self._settings.wanted:
            return "surplus"
        self._know(text)
        self.kept.append((text, source))
        return KEPT

    def _know(self, text: str) -> None:
        self._exact.add(normalised(text))
        self._near.add(text)


def _plain(said: Any) -> str:
    """A question in one line, without a number before it; empty for what is no text."""
    if not isinstance(said, str):
        return ""
    text = " ".join(said.encode("utf-8", "replace").decode().split())
    return _NUMBERED.sub("", text)


def _row(kept: Kept) -> dict[str, str]:
    digest = hashlib.sha256(kept.text.encode()).hexdigest()
    return {"question": kept.text, "source": kept.source, "hash": digest}


def _texts(texts: Sequence[str]) -> dict[str, Any]:
    """How many, and which, without showing them."""
    whole = json.dumps(list(texts)).encode()
    return {"count": len(texts), "digest": hashlib.sha256(whole).hexdigest()}
