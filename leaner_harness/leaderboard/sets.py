"""Which results share a table: the same board, rows, protocol and judge, and never made with real.

A result file is anyone's: what it says beyond its required parts is read with `part`, `number` and
`text`, which take any JSON value and give nothing where it is of another kind.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness import scoring
from leaner_harness.data.glue import AVERAGED
from leaner_harness.judge.verdicts import SUM
from leaner_harness.leaderboard.entries import VERIFIED, Entry, Refused
from leaner_harness.leaderboard.ranks import Rank, Score, ranks
from leaner_harness.results import Record, answer_scores
from leaner_harness.results.untrusted import shown_path

WORD_BASELINES = {"jaccard": "word overlap", "words": "words"}
"""What counting words reaches, and what a table calls it."""
METRIC_NAMES = {"mcc": "MCC", "acc": "acc", "acc_f1": "acc/F1", "pearson_spearman": "r/ρ"}
"""What a column of a task is headed by."""
_LONGEST = 300
_MOST_REFUSED = 300


class Ranked(NamedTuple):
    """An entry and its place."""

    entry: Entry
    score: Score | None
    """The headline; None where a task or grades are missing."""
    rank: Rank | None
    """None also where nothing was verified: a number nobody can check pushes nobody down."""
    name: str
    """The model's name, with its run's where the table has that model twice."""


class Comparable(NamedTuple):
    """Results that share a table, the best first."""

    synthetic: bool
    rows: list[Ranked]

    @property
    def first(self) -> Record:
        """The record of one of them; they agree in board, data and protocol."""
        return self.rows[0].entry.result.record

    @property
    def source(self) -> str:
        """Where their rows came from; one result that trained on altered files makes it `local`."""
        found = {str(row.entry.result.record["data"]["source"]) for row in self.rows}
        return "local" if "local" in found else max(found)

    @property
    def ranked(self) -> bool:
        """Whether any of them has a rank: a table without is not what a reader came for."""
        return any(row.rank for row in self.rows)

    @property
    def verified_first(self) -> list[Record]:
        """The records, those first whose numbers were checked: what all share is said by these."""
        rows = sorted(self.rows, key=lambda row: row.entry.state != VERIFIED)
        return [row.entry.result.record for row in rows]

    def word_baseline(self, task: str, key: str) -> float | None:
        """What counting words reaches on these rows; unverified ones say it for want of others."""
        sides: tuple[list[Record], list[Record]] = ([], [])
        for row in self.rows:
            sides[row.entry.state != VERIFIED].append(row.entry.result.record)
        verified, others = (word_baseline(side, task, key) for side in sides)
        return others if verified is None else verified

    def constants(self) -> dict[str, float]:
        """What the best constant answer reaches on each task that anybody was asked."""
        tasks = [part(record, "tasks") for record in self.verified_first]
        said = {n: [number(part(t, n).get("majority_baseline")) for t in tasks] for n in AVERAGED}
        known = {name: [v for v in each if v is not None] for name, each in said.items()}
        return {name: each[0] for name, each in known.items() if each}

    @property
    def seeds(self) -> int | None:
        """The number of fine-tuning seeds, where it is the same of all tasks and results."""
        found = {
            number(part(task, "seeds").get("n"))
            for row in self.rows
            for task in part(row.entry.result.record, "tasks").values()
            if part(task, "metrics")
        }
        seeds = found.pop() if len(found) == 1 else None
        return None if seeds is None else round(seeds)

    @property
    def answers(self) -> bool:
        """Whether these are answers to LEANER-Eval."""
        return answer_scores.has_answers(self.rows[0].entry.result)


def comparable_sets(entries: Sequence[Entry]) -> list[Comparable]:
    """The tables: those of published rows first, of these the ones with ranks, then by name."""
    found: dict[tuple[bool, tuple[str, ...]], list[Entry]] = defaultdict(list)
    for entry in entries:
        # A file may say that it was asked as others were, and be of another judge or of none.
        key = (*map(str, entry.result.ranking), _judge(entry.result.record))
        found[is_synthetic(entry.result.record), key].append(entry)
    tables = [Comparable(made, _ranked(found[made, key])) for made, key in sorted(found)]
    return sorted(tables, key=lambda table: (table.synthetic, not table.ranked))


def _judge(record: Record) -> str:
    """Who graded, as a text; empty for nobody."""
    found = part(record, "judge", "fingerprint")
    return json.dumps(found, sort_keys=True) if found else ""


def is_synthetic(record: Record) -> bool:
    """Whether its rows were made up; one sign is enough."""
    data = record["data"]
    return bool(data["synthetic"]) or data["source"] == "mini" or record["board"].endswith("_mini")


def headline(record: Record) -> Score | None:
    """What a result is ranked by: the centred mean, or a judge's sum."""
    return mean(record, SUM if record["board"] in answer_scores.BOARDS else scoring.CENTRED)


def mean(record: Record, metric: str) -> Score | None:
    """A mean with the interval that counts all chance that the record knows."""
    found = part(record, "mean", metric)
    return score(found.get("value"), found.get("interval_total", found.get("interval")))


def score(value: Any, interval: Any) -> Score | None:
    """A value with its interval; None unless these are numbers."""
    known = number(value)
    bounds = interval if isinstance(interval, list | tuple) and len(interval) == 2 else (None, None)
    low, high = map(number, bounds)
    if known is None or low is None or high is None or low > high:
        return None
    return Score(known, low, high)


def _ranked(entries: Sequence[Entry]) -> list[Ranked]:
    scores = {id(entry): headline(entry.result.record) for entry in entries}
    counted = [entry for entry in entries if entry.state == VERIFIED and scores[id(entry)]]
    places = ranks([known for entry in counted if (known := scores[id(entry)])])
    rank = {id(entry): place for entry, place in zip(counted, places, strict=True)}
    named = Counter(entry.result.record["model"]["name"] for entry in entries)
    found = []
    for entry in entries:
        name = entry.result.record["model"]["name"]
        name += f" ({entry.result.record['run']})" if named[name] > 1 else ""
        found.append(Ranked(entry, scores[id(entry)], rank.get(id(entry)), name))
    return sorted(found, key=_order)


def _order(row: Ranked) -> tuple[float, str]:
    value = -row.score.value if row.score else math.inf
    return value, row.entry.result.path.as_posix()


def part(record: Any, *keys: str) -> Record:
    """The object below these keys; empty where there is none."""
    for key in keys:
        record = record.get(key) if isinstance(record, dict) else None
    return record if isinstance(record, dict) else {}


def word_baseline(records: Sequence[Record], task: str, key: str) -> float | None:
    """What most of these results, of the same rows, say that counting words reaches.

    It does not follow from samples, so that one result alone must not set it. Of equally many, the
    first; None where none says it.
    """
    said = [number(part(record, "tasks", task, "baselines").get(key)) for record in records]
    known = [value for value in said if value is not None]
    if not known:
        return None
    usual = Counter(round(value, 3) for value in known).most_common(1)[0][0]
    return next(value for value in known if round(value, 3) == usual)


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer no float holds
        return None


def text(value: Any, longest: int = _LONGEST) -> str:
    """Any value as one short line."""
    shown = " ".join(str(value)[: 4 * longest].split())
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def sizes(record: Record) -> tuple[float | None, float | None, float | None]:
    """Parameters, training tokens and training FLOPs, where they are known.

    What a run began with was paid for, too.
    """
    training = part(record, "training")
    parameters = number(part(record, "model").get("parameters"))
    # Random weights have the checkpoint's shape, and have seen none of its text.
    if part(record, "model", "scorer").get("from_scratch"):
        return parameters, 0, 0
    began = part(training, "recipe").get("init_from") or part(training, "began_with")

    def spent(key: str) -> float | None:
        found = number(training.get(key))
        before = number(part(training, "began_with").get(key)) if began else 0
        return None if found is None or before is None else found + before

    return parameters, spent("tokens_seen"), spent("flops")


def shown_refused(refused: Sequence[Refused], folder: Path) -> list[list[str]]:
    """Path and reason of refused files, as many as anybody reads.

    Without the place of the folder, which tells of a machine.
    """
    return [
        [text(_below(folder, file.path)), text(file.reason.replace(f"{folder}/", ""))]
        for file in refused[:_MOST_REFUSED]
    ]


def _below(folder: Path, path: Path) -> str:
    return shown_path(path.relative_to(folder) if path.is_relative_to(folder) else path)
