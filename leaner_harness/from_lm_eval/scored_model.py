"""Who was scored: weights, training and versions of an lm_eval run, as every result says them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from leaner_harness import learning_curve, provenance
from leaner_harness.errors import CheckpointError, ResultError
from leaner_harness.from_lm_eval.run import Run
from leaner_harness.models.loading import tokenizer_digest
from leaner_harness.provenance import without_paths
from leaner_harness.results import Record, check_name
from leaner_harness.results.arguments import MODEL_ARGUMENTS

_ELSEWHERE = ("tasks", "protocol", "protocol_fingerprint", "weights_sha256")
"""Parts of a scorer's account that stand in other places of a result."""

_ADAPTERS = ("peft", "delta")


def recorded_arguments(arguments: Record) -> Record:
    """What a result says of lm_eval's model arguments; another tokenizer by its digest.

    Raises ResultError for weights that are put on top of a checkpoint's.
    """
    for name in _ADAPTERS:
        if arguments.get(name):
            raise ResultError(
                f"A result names its weights by the checkpoint's files, and {name} changes them.",
                "Merge it into the checkpoint and save that: merge_and_unload, save_pretrained.",
            )
    found = {k: without_paths(v) for k, v in arguments.items() if k in MODEL_ARGUMENTS}
    other, own = (arguments.get(key) for key in ("tokenizer", "pretrained"))
    if isinstance(other, str) and other and Path(other) != Path(str(own)):
        digest = tokenizer_digest(other)
        if digest != tokenizer_digest(str(own)):
            found["tokenizer"] = without_paths(digest)
    return found


def find_checkpoint(run: Run, chosen: Path | None) -> Path | None:
    """The checkpoint's folder: the chosen one, else the one lm_eval was given if it is local.

    Raises CheckpointError when the chosen one is none, ResultError when weights are younger than
    the scores.
    """
    if chosen is not None:
        if not chosen.is_dir():
            raise CheckpointError(f"--checkpoint {chosen} is no folder.")
        return chosen
    arguments = run.model_arguments()
    paths = (Path(arguments[key]) for key in ("pretrained", "path") if key in arguments)
    found = next((path for path in paths if path.is_dir()), None)
    # A scorer that says which weights it saw is held to that, which is more than a time.
    told = "weights_sha256" in run.scorer()
    if found and not told and provenance.weights_changed(found) > float(run.output["date"]):
        raise ResultError(
            f"The weights in {found} are younger than the scores.",
            "Score them again; if they were only copied, say so: --checkpoint DIR",
        )
    return found


def _weights(run: Run, checkpoint: Path | None) -> str:
    """The digest of the scored weights: what the scorer saw, else what lies there now."""
    scored: str = run.scorer().get("weights_sha256", "")
    now = provenance.weights_digest(checkpoint) if checkpoint else ""
    if scored and now and scored != now:
        raise ResultError(
            f"{checkpoint} holds other weights than were scored.",
            "Score it again, or name the scored checkpoint: --checkpoint DIR",
        )
    return scored or now


def model_record(run: Run, name: str, checkpoint: Path | None, training: Record | None) -> Record:
    """Which model it was: `name` on the board, weights, arguments, parameters."""
    config = run.output["config"]
    arguments = run.model_arguments()
    named = name or (checkpoint.resolve().name if checkpoint else "")
    named = named or str(run.output.get("model_name", "")).rsplit("/", 1)[-1]
    scorer = run.scorer()
    if scorer.get("from_scratch") and not name:
        named += "-from-scratch"
    return {
        "name": check_name(named, "model name"),
        "scorer": {key: scorer[key] for key in scorer if key not in _ELSEWHERE},
        "model_type": config["model"],
        # A local path tells of a machine; a name on the hub tells which model it is.
        "pretrained": "" if checkpoint else without_paths(str(run.output["model_name"])),
        "model_args": recorded_arguments(arguments),
        "dtype": str(config.get("model_dtype", "")).removeprefix("torch."),
        "parameters": _parameters(config.get("model_num_parameters"), training),
        "weights_sha256": _weights(run, checkpoint),
    }


def _parameters(counted: Any, training: Record | None) -> int | None:
    """What `leaner.json` says, else what lm_eval counted; raises ResultError where they differ."""
    said = (training or {}).get("parameters", {}).get("total")
    # lm_eval writes -1 where it could not count.
    known = counted if isinstance(counted, int) and counted > 0 else None
    if said and known and said != known:
        raise ResultError(
            f"leaner.json says {said} parameters; the model that was scored has {known}.",
            "Name the scored checkpoint: --checkpoint DIR",
        )
    return said or known


def training_record(checkpoint: Path | None) -> Record | None:
    """What `leaner.json` says of the training: recipe, tokens, cost; None where there is none.

    With `curve`, its learning curve, where the log of its training is there.
    """
    path = checkpoint / "leaner.json" if checkpoint else None
    if path is None or not path.is_file():
        return None
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
        dict(record.get("recipe", {})), dict(record.get("parameters", {}))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error!r}.") from error
    cleaned: Record = without_paths(record)
    cleaned.pop("curve", None)  # another trainer may call something else so
    log = learning_curve.log_of(path.parent)
    points = learning_curve.read(log, cleaned) if log else []
    return cleaned | ({"curve": points} if points else {})


def run_name(protocol: str, split: str, training: Record | None) -> str:
    """The name of the result's file: the same run of the same training has the same."""
    seed = (training or {}).get("recipe", {}).get("seed")
    return f"{protocol}-{split}" + (f"-seed{seed}" if isinstance(seed, int) else "")


def provenance_record(run: Run, harness: str) -> Record:
    """When and with which versions it was scored; `harness` is that of this package."""
    output = run.output
    day = datetime.datetime.fromtimestamp(float(output["date"]), datetime.UTC).date()
    return {
        "evaluated": day.isoformat(),
        "harness": harness,
        "lm_eval": output["lm_eval_version"],
        "transformers": output["transformers_version"],
        "batch_size": output["config"].get("batch_size"),
        "seeds": {key: output["config"].get(key) for key in ("random_seed", "torch_seed")},
    }
