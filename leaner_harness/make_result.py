"""Make a result from an lm_eval run: refuse what is partial, recompute it from its samples."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from leaner_harness import provenance, scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.lm_eval_output import Evaluation, Record, scored_sample
from leaner_harness.results import SCHEMA, Result, check_name
from leaner_harness.statistics import Array, centred, percentile_interval

# Paths say something about a machine, not about the model: of a text's only the last part stays.
_PATH_KEYS = ("data", "tokenizer")
_PATH_ARGUMENTS = ("pretrained", "path", "tokenizer", "peft", "delta")


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
    if missing and not partial:
        _refuse_partial(evaluation, missing)
    tasks, samples, draws = _score_tasks(evaluation)
    checkpoint = checkpoint or _checkpoint(evaluation.model_arguments())
    training = _training(checkpoint)
    shots = evaluation.shots()
    protocol = "zero-shot" if shots == 0 else f"{shots}-shot"
    record = {
        "schema": SCHEMA,
        "board": evaluation.board,
        "run": _run_name(protocol, evaluation.same("split"), training),
        "model": _model(evaluation, model, checkpoint, training),
        "protocol": {"name": protocol, "num_fewshot": shots},
        "data": _data(evaluation),
        "tasks": tasks,
        "mean": {} if missing else _means(tasks, draws),
        "missing": missing,
        "judge": None,
        "training": training,
        "provenance": _provenance(evaluation),
    }
    return Result(record), samples


def _refuse_partial(evaluation: Evaluation, missing: list[str]) -> None:
    reasons = [
        f"{task} ({evaluation.data[task]['state']}: {evaluation.data[task]['reason']})"
        if task in evaluation.data
        else f"{task} (not run)"
        for task in missing
    ]
    raise ResultError(
        f"A mean over part of the group would mislead. Missing: {'; '.join(reasons)}",
        "Run all eight tasks in one lm_eval command, or record these without a mean: "
        "leaner results add --partial",
    )


def _score_tasks(
    evaluation: Evaluation,
) -> tuple[dict[str, Record], list[Record], dict[str, Array]]:
    """Per task its record and bootstrap draws, and all samples."""
    tasks: dict[str, Record] = {}
    samples: list[Record] = []
    draws: dict[str, Array] = {}
    for name, data in evaluation.data.items():
        kept = {key: data[key] for key in ("state", "reason", "fingerprint", "defects", "labels")}
        tasks[name] = kept | {"version": evaluation.output["versions"][evaluation.key(name)]}
        if not evaluation.ran(name):
            continue
        found = list(evaluation.samples(name))
        rows = [scored_sample(TASKS[name], sample) for sample in found]
        metrics = scoring.values(TASKS[name], rows)
        evaluation.check(name, metrics)
        draws[name] = scoring.score_draws(TASKS[name], rows)
        constant = scoring.majority_baseline(TASKS[name], rows)
        tasks[name] |= _task_record(metrics, draws[name], constant, len(rows))
        samples += found
    return tasks, samples, draws


def _task_record(metrics: Mapping[str, float], draws: Array, constant: float, n: int) -> Record:
    low, high = percentile_interval(draws)
    return {
        "n": n,
        "metrics": {name: round(value, 9) for name, value in metrics.items()},
        "intervals": {
            scoring.SCORE: [round(low, 6), round(high, 6)],
            scoring.CENTRED: [round(centred(b, constant), 6) for b in (low, high)],
        },
        "majority_baseline": round(constant, 9),
    }


def _means(tasks: Mapping[str, Record], draws: Mapping[str, Array]) -> dict[str, Record]:
    constants = {name: tasks[name]["majority_baseline"] for name in AVERAGED}
    drawn = {
        scoring.SCORE: {name: draws[name] for name in AVERAGED},
        scoring.CENTRED: {n: (draws[n] - c) / (1 - c) for n, c in constants.items()},
    }
    found = {}
    for metric, by_task in drawn.items():
        value = sum(tasks[name]["metrics"][metric] for name in AVERAGED) / len(AVERAGED)
        interval = [round(bound, 6) for bound in scoring.group_interval(by_task)]
        found[metric] = {"value": round(value, 9), "interval": interval}
    return found


def _data(evaluation: Evaluation) -> Record:
    source = evaluation.source()
    fingerprints = [
        f"{task} {evaluation.data[task]['fingerprint']}"
        for task in AVERAGED
        if evaluation.ran(task)
    ]
    return {
        "split": evaluation.same("split"),
        "source": source,
        "synthetic": source == "mini",
        "fingerprint": hashlib.sha256("\n".join(fingerprints).encode()).hexdigest(),
    }


def _checkpoint(arguments: Mapping[str, str]) -> Path | None:
    paths = (Path(arguments[key]) for key in ("pretrained", "path") if key in arguments)
    return next((path for path in paths if path.is_dir()), None)


def _model(
    evaluation: Evaluation, name: str, checkpoint: Path | None, training: Record | None
) -> Record:
    config = evaluation.output["config"]
    arguments = evaluation.model_arguments()
    named = name or (checkpoint.resolve().name if checkpoint else "")
    named = named or str(evaluation.output.get("model_name", "")).rsplit("/", 1)[-1]
    return {
        "name": check_name(named, "model name"),
        "model_type": config["model"],
        "model_args": {k: v for k, v in arguments.items() if k not in _PATH_ARGUMENTS},
        "dtype": str(config.get("model_dtype", "")).removeprefix("torch."),
        "parameters": (training or {}).get("parameters", {}).get("total")
        or config.get("model_num_parameters"),
        "weights_sha256": provenance.weights_digest(checkpoint) if checkpoint else "",
    }


def _training(checkpoint: Path | None) -> Record | None:
    """What `leaner.json` says of the training: recipe, tokens, cost; None where there is none."""
    path = checkpoint / "leaner.json" if checkpoint else None
    if path is None or not path.is_file():
        return None
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    recipe = record.get("recipe", {})
    for key in _PATH_KEYS:
        if key in recipe:
            recipe[key] = Path(str(recipe[key])).name
    return record


def _run_name(protocol: str, split: str, training: Record | None) -> str:
    seed = ((training or {}).get("recipe") or {}).get("seed")
    return f"{protocol}-{split}" + (f"-seed{seed}" if seed is not None else "")


def _provenance(evaluation: Evaluation) -> Record:
    output = evaluation.output
    day = datetime.datetime.fromtimestamp(float(output["date"]), datetime.UTC).date()
    return {
        "evaluated": day.isoformat(),
        "harness": evaluation.same("harness"),
        "lm_eval": output["lm_eval_version"],
        "transformers": output["transformers_version"],
        "batch_size": output["config"].get("batch_size"),
        "seeds": {key: output["config"].get(key) for key in ("random_seed", "torch_seed")},
    }
