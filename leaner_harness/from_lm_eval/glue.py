"""The result of a LEANER-GLUE run: refuse what is partial, recompute it from its samples."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval.glue_run import Evaluation
from leaner_harness.from_lm_eval.scored_model import (
    find_checkpoint,
    model_record,
    provenance_record,
    run_name,
    training_record,
)
from leaner_harness.provenance import without_paths
from leaner_harness.results import SCHEMA, Record, Result, recompute
from leaner_harness.results.rules import rows_fingerprint


def make_result(
    evaluation: Evaluation,
    *,
    model: str = "",
    checkpoint: Path | None = None,
    partial: bool = False,
) -> tuple[Result, list[Record]]:
    """The result and its samples.

    Raises ResultError for a `--limit` run, a mix of splits or data sources, a metric that its
    samples do not give, and, unless `partial`, for a group with tasks missing. A partial result has
    no mean.
    """
    evaluation.refuse_limit()
    missing = [task for task in AVERAGED if not evaluation.ran(task)]
    if missing and (not partial or len(missing) == len(AVERAGED)):
        _refuse_partial(evaluation, missing)
    tasks, mean, samples = _score(evaluation)
    checkpoint = find_checkpoint(evaluation, checkpoint)
    training = training_record(checkpoint)
    protocol = _protocol(evaluation)
    record = {
        "schema": SCHEMA,
        "board": evaluation.board,
        "run": run_name(protocol["name"], evaluation.same("split"), training),
        "model": model_record(evaluation, model, checkpoint, training),
        "protocol": protocol,
        "data": _data(evaluation),
        "tasks": tasks,
        "mean": mean,
        "missing": missing,
        "judge": None,
        "training": training,
        "provenance": provenance_record(evaluation, evaluation.same("harness")),
    }
    return Result(record), samples


def _refuse_partial(evaluation: Evaluation, missing: list[str]) -> None:
    """Raise ResultError that says why each task is missing."""
    known = {
        task: f"{task} ({evaluation.data[task]['state']}: {evaluation.data[task]['reason']})"
        for task in missing
        if task in evaluation.data
    }
    if known and not any(map(evaluation.ran, evaluation.data)):
        raise ResultError(f"No task has a score: {'; '.join(known.values())}")
    reasons = [known.get(task, f"{task} (not run)") for task in missing]
    raise ResultError(
        f"A mean over part of the group would mislead. Missing: {'; '.join(reasons)}",
        "Run all eight tasks in one lm_eval command, or record these without a mean: "
        "leaner results add --partial",
    )


def _score(evaluation: Evaluation) -> tuple[dict[str, Record], dict[str, Record], list[Record]]:
    """The tasks' records, the means, and all samples."""
    ran = [task for task in evaluation.data if evaluation.ran(task)]
    samples = [sample for task in ran for sample in evaluation.samples(task)]
    samples.sort(key=recompute.order)
    scores, mean = recompute.score_samples(samples)
    for task, score in scores.items():
        evaluation.check(task, score["metrics"])
    tasks = {}
    for task, data in evaluation.data.items():
        kept = {key: data[key] for key in ("state", "fingerprint", "defects", "labels")}
        version = evaluation.output["versions"][evaluation.key(task)]
        reason = without_paths(data["reason"])
        tasks[task] = kept | {"reason": reason, "version": version} | scores.get(task, {})
        tasks[task]["baselines"] = data.get("baselines", {})
        if evaluation.ran(task) and (finetuning := evaluation.finetuning(task)):
            tasks[task]["finetuning"] = finetuning
    return tasks, mean, samples


def _data(evaluation: Evaluation) -> Record:
    source = evaluation.source()
    return {
        "split": evaluation.same("split"),
        "source": source,
        "synthetic": source == "mini",
        "fingerprint": rows_fingerprint(evaluation.data),
    }


def _averaged(evaluation: Evaluation) -> list[str]:
    """The tasks by which runs are told apart: wnli beside them makes no other comparison."""
    return sorted(filter(evaluation.ran, AVERAGED))


def _protocol(evaluation: Evaluation) -> Record:
    """How the model was asked; runs whose fingerprints differ were asked differently."""
    if "protocol" in evaluation.scorer():
        return _finetuning_protocol(evaluation)
    output, shots = evaluation.output, evaluation.shots()
    ran = _averaged(evaluation)
    system = {key: output.get(key) for key in _SYSTEM}
    # Without a chat template there are no turns: lm_eval's command leaves it open, its API says no.
    if not system["chat_template_sha"]:
        system["fewshot_as_multiturn"] = False
    asked = {
        "prompts": {t: [output["configs"][evaluation.key(t)].get(k) for k in _PROMPT] for t in ran},
        "system": list(system.values()),
        "fewshot": [shots, output["config"].get("fewshot_seed")] if shots else [],
        "train": [evaluation.data[task].get("train_fingerprint") for task in ran] if shots else [],
    }
    text = json.dumps(asked, sort_keys=True)
    return {
        "name": "zero-shot" if shots == 0 else f"{shots}-shot",
        "num_fewshot": shots,
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }


def _finetuning_protocol(evaluation: Evaluation) -> Record:
    """How the model was fine-tuned, and on which rows; prompts play no part."""
    scorer, ran = evaluation.scorer(), _averaged(evaluation)
    rows = ("train_fingerprint", "selection_fingerprint")
    asked: list[Any] = [
        scorer["protocol_fingerprint"],
        scorer["bf16"],
        [[evaluation.finetuning(task)[key] for key in rows] for task in ran],
    ]
    # A model's own limit is the model's; another one asked for is another way to ask.
    if "max_length" in evaluation.model_arguments():
        asked.append({"max_length": scorer["max_length"]})
    return {
        "name": scorer["protocol"]["name"],
        "num_fewshot": 0,
        "definition": scorer["protocol"],
        "fingerprint": hashlib.sha256(json.dumps(asked).encode()).hexdigest(),
    }


_PROMPT = ("description", "doc_to_text", "doc_to_choice", "target_delimiter", "fewshot_delimiter")
_SYSTEM = ("system_instruction_sha", "chat_template_sha", "fewshot_as_multiturn")
