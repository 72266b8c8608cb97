"""Make a result from an lm_eval run: refuse what is partial, recompute it from its samples."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path

from leaner_harness import provenance, recompute
from leaner_harness.data.glue import AVERAGED
from leaner_harness.errors import CheckpointError, ResultError
from leaner_harness.lm_eval_output import Evaluation
from leaner_harness.provenance import without_paths
from leaner_harness.results import SCHEMA, Record, Result, check_name

# An allow-list: other arguments hold paths and keys, which are nobody's business.
_ELSEWHERE = ("tasks", "protocol", "protocol_fingerprint", "weights_sha256")
"""Parts of a scorer's account that stand in other places of a result."""

_MODEL_ARGUMENTS = (
    "dtype", "revision", "max_length", "add_bos_token", "prefix_token_id", "truncation",
    "attn_implementation", "backend", "softmax_dtype", "scoring", "from_scratch",
)  # fmt: skip


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
    checkpoint = _checkpoint(evaluation, checkpoint)
    training = _training(checkpoint)
    protocol = _protocol(evaluation)
    record = {
        "schema": SCHEMA,
        "board": evaluation.board,
        "run": _run_name(protocol["name"], evaluation.same("split"), training),
        "model": _model(evaluation, model, checkpoint, training),
        "protocol": protocol,
        "data": _data(evaluation),
        "tasks": tasks,
        "mean": mean,
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


def _protocol(evaluation: Evaluation) -> Record:
    """How the model was asked; runs whose fingerprints differ were asked differently."""
    if "protocol" in evaluation.scorer():
        return _finetuning_protocol(evaluation)
    output, shots = evaluation.output, evaluation.shots()
    ran = sorted(filter(evaluation.ran, evaluation.data))
    asked = {
        "prompts": {t: [output["configs"][evaluation.key(t)].get(k) for k in _PROMPT] for t in ran},
        "system": [output.get(key) for key in _SYSTEM],
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
    scorer = evaluation.scorer()
    ran = sorted(filter(evaluation.ran, evaluation.data))
    rows = ("train_fingerprint", "selection_fingerprint")
    asked = [
        scorer["protocol_fingerprint"],
        scorer["bf16"],
        [[evaluation.finetuning(task)[key] for key in rows] for task in ran],
    ]
    return {
        "name": scorer["protocol"]["name"],
        "num_fewshot": 0,
        "definition": scorer["protocol"],
        "fingerprint": hashlib.sha256(json.dumps(asked).encode()).hexdigest(),
    }


_PROMPT = ("description", "doc_to_text", "doc_to_choice", "target_delimiter", "fewshot_delimiter")
_SYSTEM = ("system_instruction_sha", "chat_template_sha", "fewshot_as_multiturn")


def _checkpoint(evaluation: Evaluation, chosen: Path | None) -> Path | None:
    """The checkpoint's folder: the chosen one, else the one lm_eval was given if it is local.

    Raises CheckpointError when the chosen one is none, ResultError when weights are younger than
    the scores.
    """
    if chosen is not None:
        if not chosen.is_dir():
            raise CheckpointError(f"--checkpoint {chosen} is no folder.")
        return chosen
    arguments = evaluation.model_arguments()
    paths = (Path(arguments[key]) for key in ("pretrained", "path") if key in arguments)
    found = next((path for path in paths if path.is_dir()), None)
    if found and provenance.weights_changed(found) > float(evaluation.output["date"]):
        raise ResultError(
            f"The weights in {found} are younger than the scores.",
            "Score them again; if they were only copied, say so: --checkpoint DIR",
        )
    return found


def _weights(evaluation: Evaluation, checkpoint: Path | None) -> str:
    """The digest of the scored weights: what the scorer saw, else what lies there now."""
    scored: str = evaluation.scorer().get("weights_sha256", "")
    now = provenance.weights_digest(checkpoint) if checkpoint else ""
    if scored and now and scored != now:
        raise ResultError(
            f"{checkpoint} holds other weights than were scored.",
            "Score it again, or name the scored checkpoint: --checkpoint DIR",
        )
    return scored or now


def _model(
    evaluation: Evaluation, name: str, checkpoint: Path | None, training: Record | None
) -> Record:
    config = evaluation.output["config"]
    arguments = evaluation.model_arguments()
    named = name or (checkpoint.resolve().name if checkpoint else "")
    named = named or str(evaluation.output.get("model_name", "")).rsplit("/", 1)[-1]
    scorer = evaluation.scorer()
    if scorer.get("from_scratch") and not name:
        named += "-from-scratch"
    return {
        "name": check_name(named, "model name"),
        "scorer": {key: scorer[key] for key in scorer if key not in _ELSEWHERE},
        "model_type": config["model"],
        # A local path tells of a machine; a name on the hub tells which model it is.
        "pretrained": "" if checkpoint else without_paths(str(evaluation.output["model_name"])),
        "model_args": {k: v for k, v in arguments.items() if k in _MODEL_ARGUMENTS},
        "dtype": str(config.get("model_dtype", "")).removeprefix("torch."),
        "parameters": (training or {}).get("parameters", {}).get("total")
        or config.get("model_num_parameters"),
        "weights_sha256": _weights(evaluation, checkpoint),
    }


def _training(checkpoint: Path | None) -> Record | None:
    """What `leaner.json` says of the training: recipe, tokens, cost; None where there is none."""
    path = checkpoint / "leaner.json" if checkpoint else None
    if path is None or not path.is_file():
        return None
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
        dict(record.get("recipe", {})), dict(record.get("parameters", {}))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error!r}.") from error
    cleaned: Record = without_paths(record)
    return cleaned


def _run_name(protocol: str, split: str, training: Record | None) -> str:
    seed = (training or {}).get("recipe", {}).get("seed")
    return f"{protocol}-{split}" + (f"-seed{seed}" if isinstance(seed, int) else "")


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
