"""LEANER-Eval in an lm_eval run: its answers, and what a judge said of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.glue_run import BOARDS as GROUPS
from leaner_harness.from_lm_eval.run import Run, read_output, task_account
from leaner_harness.judge.samples import digest, read_samples, summary_place
from leaner_harness.judge.surface import EMPTY, check
from leaner_harness.judge.verdicts import DIMENSIONS, is_empty
from leaner_harness.results import Record
from leaner_harness.results.answer_scores import BOARDS, TASK

_CURE = "Judge them again: leaner judge OUTPUT --judge NAME:MODEL"


@dataclass
class Answers(Run):
    """A run of one LEANER-Eval task."""

    data: Record = field(default_factory=dict)
    """What the task said of its questions (`Questions.record`)."""
    judge: Record | None = None
    """The judge's account: fingerprint and card; None where there was none."""
    verdicts: dict[str, Record] = field(default_factory=dict)
    """Question -> state and grades."""

    def samples(self) -> list[Record]:
        """A row for each answer, by id: its checks, and its state and grades where judged.

        No text of question or answer is in it.
        """
        rows = []
        for item, kind in read_samples(self.samples_file(self.board)):
            row: Record = {"task": TASK, "id": item.id, "kind": kind}
            row["checks"] = check(item.question, item.answer)
            row["checks"][EMPTY] = float(is_empty(item.answer))
            if self.judge is not None:
                verdict = self.verdicts[item.id]
                row |= {"state": verdict["state"], "grades": verdict["grades"]}
            rows.append(row)
        self.refuse_cut(self.board, len(rows))
        return sorted(rows, key=lambda row: str(row["id"]))


def read_answers(path: Path) -> Answers:
    """Read a results file of lm_eval that has one of our tasks of questions.

    Grades that `leaner judge` put beside it come before those of the run itself. Raises ResultError
    where there are other tasks of ours, for a part of the questions, and for grades of other
    answers.
    """
    output, tasks = read_output(path)
    boards = [board for board in BOARDS if board in tasks]
    ours = (*BOARDS, *(f"{group}_" for group in GROUPS))
    if others := sorted(key for key in tasks if key.startswith(ours) and key != boards[0]):
        raise ResultError(
            f"{path.name} has {boards[0]} and {', '.join(others)}; a result is of one board, and "
            "nothing is left out in silence.",
            "Run lm_eval once for each.",
        )
    run = Answers(path, output, boards[0])
    run.data = task_account(run.board, tasks[run.board])
    run.refuse_part(run.board)
    if run.data["state"] != "ok":
        raise ResultError(f"{run.board} did not run ({run.data['state']}: {run.data['reason']})")
    later = _judged_later(run.samples_file(run.board))
    run.judge, run.verdicts = later or (run.data.get("judge"), _judged_within(run))
    asked = {str(item.id) for item, _ in read_samples(run.samples_file(run.board))}
    if run.judge is not None and tuple(run.judge["scale"]) != DIMENSIONS:
        raise ResultError(
            f"{path.name} was judged on another scale than LEANER-Eval's: "
            f"{', '.join(run.judge['scale'])}.",
            "Results hold surface checks anyway, and the grades of judges that give LEANER-Eval's; "
            "judge again, or remove the judged_ file beside the samples.",
        )
    if run.judge is not None and (lacking := asked - run.verdicts.keys()):
        raise ResultError(
            f"{len(lacking)} answers of {path.name} have no verdict, among them {min(lacking)}.",
            _CURE,
        )
    return run


def _judged_within(run: Answers) -> dict[str, Record]:
    """The verdicts that the judge's filter logged."""
    logged = (row for row in run.logged(run.board) if row.get("filter") == "judge")
    verdicts = (json.loads(row["filtered_resps"][0]) for row in logged)
    return {str(verdict["id"]): verdict for verdict in verdicts}


def _judged_later(samples: Path) -> tuple[Record, dict[str, Record]] | None:
    """What `leaner judge` wrote beside the samples, if it did."""
    place = summary_place(samples)
    if not place.is_file():
        return None
    try:
        account: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        content = place.with_name(account["verdicts"]).read_bytes()
        verdicts = {str(row["id"]): row for row in map(json.loads, content.splitlines())}
        judged, known = account["samples_sha256"], account["verdicts_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{place} holds no grades: {error!r}.") from error
    if known != hashlib.sha256(content).hexdigest():
        raise ResultError(
            f"{place.name} and {account['verdicts']} are not of one run of a judge.", _CURE
        )
    if judged != digest(samples):
        raise ResultError(f"{place.name} grades other answers than {samples.name} holds.", _CURE)
    return account, verdicts
