"""The result of a LEANER-Eval run: checks of the answers, and a judge's grades."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.answers_run import Answers
from leaner_harness.from_lm_eval.scored_model import (
    find_checkpoint,
    model_record,
    provenance_record,
    run_name,
    training_record,
)
from leaner_harness.llm.settings import OPENAI
from leaner_harness.provenance import without_paths
from leaner_harness.results import SCHEMA, Record, Result, answer_scores
from leaner_harness.results.answer_scores import TASK

_SPLIT = "questions"


def make_result(
    run: Answers, *, model: str = "", checkpoint: Path | None = None
) -> tuple[Result, list[Record]]:
    """The result and its samples; it has a mean only where a judge graded enough of the answers."""
    samples = run.samples()
    tasks, mean = answer_scores.score(samples)
    checkpoint = find_checkpoint(run, checkpoint)
    training = training_record(checkpoint)
    judge = judge_record(run.judge)
    protocol = _protocol(run, judge)
    kept = {key: run.data[key] for key in ("state", "fingerprint", "reason")}
    tasks[TASK] |= kept | {"version": run.output["versions"][run.board]}
    record = {
        "schema": SCHEMA,
        "board": run.board,
        "run": run_name(protocol["name"], _SPLIT, training),
        "model": model_record(run, model, checkpoint, training),
        "protocol": protocol,
        "data": {
            "split": _SPLIT,
            **{key: run.data[key] for key in ("source", "synthetic", "fingerprint")},
        },
        "tasks": tasks,
        "mean": mean,
        "missing": [] if judge is None or mean else ["grades of 98 % of the answers"],
        "judge": judge,
        "training": training,
        "provenance": provenance_record(run, run.data["harness"]),
    }
    return Result(record), samples


def judge_record(account: Record | None) -> Record | None:
    """Which judge it was, and its card; no address of a server that is nobody's business.

    Raises ResultError for grades of several.
    """
    if account is None:
        return None
    found = dict(account["judge"])
    if len(seen := found.get("models_seen") or []) > 1:
        raise ResultError(
            f"Several judges graded these answers: {', '.join(map(str, seen))}.",
            "Grades of two judges are not comparable; judge again with a name that stays one "
            "model, such as a dated one: leaner judge OUTPUT --judge NAME:MODEL",
        )
    endpoint = found.pop("endpoint", None)
    if endpoint is not None:
        digest = hashlib.sha256(endpoint.encode()).hexdigest()[:12]
        found["endpoint"] = endpoint if endpoint == OPENAI else f"sha256:{digest}"
    shown = without_paths(found)
    if shown != found:  # two models in folders of one name are two judges
        whole = json.dumps(found, sort_keys=True)
        shown["sha256"] = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return {
        "fingerprint": shown,
        "card": account.get("card"),
        "grades_by": account.get("grades_by", {}),
        "cost": account.get("cost"),
    }


def _protocol(run: Answers, judge: Record | None) -> Record:
    """How the model was asked, and by whom it was judged: others are not comparable."""
    config = run.output["configs"][run.board]
    asked = {
        "prompt": run.data["prompt"],
        "generation": config.get("generation_kwargs"),
        "system": [run.output.get(key) for key in ("system_instruction_sha", "chat_template_sha")],
        "judge": None if judge is None else judge["fingerprint"],
        # A server may not say how probable digits were: expected grades are not whole ones.
        "grades_by": None if judge is None else _commonest(judge["grades_by"]),
    }
    text = json.dumps(asked, sort_keys=True)
    return {
        "name": "checks" if judge is None else _named(judge["fingerprint"]),
        "num_fewshot": 0,
        "definition": asked,
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }


def _commonest(counts: Mapping[str, int]) -> str | None:
    return max(sorted(counts), key=counts.__getitem__, default=None)


def _named(fingerprint: Record) -> str:
    """The judge in a file's name, as in `judged-openai-gpt-x`."""
    named = "-".join(str(fingerprint[key]) for key in ("kind", "model") if key in fingerprint)
    return "judged-" + re.sub(r"[^A-Za-z0-9._-]+", "-", named).strip("-.")
