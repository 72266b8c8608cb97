"""The commands that make a result again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.leaderboard.sets import number, part, text
from leaner_harness.results import Record, Result, answer_scores

RESULTS = Path("results")
RECIPE = "recipe.toml"
_FINETUNE = "leaner-finetune"
_EVALUATED = ("leaner", _FINETUNE)
"""The model types that `leaner evaluate` scores with."""


def train(record: Record) -> str:
    """How it was trained, from its recipe in a file; empty where the recipe is not known."""
    if not part(record, "training", "recipe"):
        return ""
    return shlex.join(["leaner", "train", RECIPE, "--out", _checkpoint(record)])


def score(record: Record) -> str:
    """How it was scored: with stock lm_eval where `leaner evaluate` would score another way."""
    few = number(record["protocol"].get("num_fewshot"))
    if record["model"]["pretrained"] or few or record["model"]["model_type"] not in _EVALUATED:
        return _stock(record, int(few or 0))
    command = ["leaner", "evaluate", _checkpoint(record), "--tasks", _tasks(record)]
    if record["board"] in answer_scores.BOARDS:
        command += _judge(record)
    else:
        command += ["--protocol", _line(record["protocol"]["name"])]
        command += ["--split", _line(record["data"]["split"])]
    if arguments := _arguments(record):
        command += ["--model-args", arguments]
    return shlex.join([*command, *_data(record), "--model", record["model"]["name"]])


def verify(record: Record, folder: Path = RESULTS) -> str:
    """How its numbers are computed again from the samples beside it, in a results folder."""
    path = folder / Result(record).path
    command = ["leaner", "results", "verify", path.as_posix()]
    return shlex.join([*command, *(["--results", folder.as_posix()] if folder != RESULTS else [])])


def place(folder: Path) -> Path:
    """A results folder as seen from the project's: nothing above `results` is anyone's business."""
    parts = folder.resolve().parts
    if "results" not in parts:
        return RESULTS
    return Path(*parts[len(parts) - 1 - parts[::-1].index("results") :])


def _stock(record: Record, few: int) -> str:
    model = record["model"]
    known = _line(model["pretrained"]) or _checkpoint(record)
    tuned = model["model_type"] == _FINETUNE
    protocol = f"protocol={_line(record['protocol']['name'])}" if tuned else ""
    arguments = ",".join(filter(None, [f"pretrained={known}", protocol, _arguments(record)]))
    command = ["lm_eval", "--model", _line(model["model_type"]), "--model_args", arguments]
    command += ["--tasks", _tasks(record), *(["--num_fewshot", str(few)] if few else [])]
    if asked := _metadata(record):
        command += ["--metadata", json.dumps(asked)]
    command += ["--batch_size", "64", "--log_samples", "--output_path", "out"]
    filed = ["leaner", "results", "add", "out", "--model", model["name"]]
    filed += ["--partial"] if _tasks(record) != record["board"] else []
    return f"{shlex.join(command)}\n{shlex.join(filed)}"


def _metadata(record: Record) -> dict[str, str]:
    """What a stock command is told beside the model: split, folder of rows, judge."""
    has_answers = record["board"] in answer_scores.BOARDS
    split = _line(record["data"]["split"])
    said = {
        "leaner_split": "" if has_answers or split == "test" else split,
        "leaner_data": "".join(_data(record)[1:]),
        "leaner_judge": "".join(_judge(record)[1:]) if has_answers else "",
    }
    return {key: value for key, value in said.items() if value}


def _tasks(record: Record) -> str:
    """The board's group, or, where it was another choice, the tasks that were asked for."""
    board: str = record["board"]
    asked = [name for name in TASKS if name in record["tasks"]]
    if board in answer_scores.BOARDS or not asked or asked == [n for n in TASKS if n in AVERAGED]:
        return board
    return ",".join(f"{board}_{name}" for name in asked)


def _checkpoint(record: Record) -> str:
    name: str = record["model"]["name"]
    # Random weights of a checkpoint's shape are made from that checkpoint.
    return f"runs/{name.removesuffix('-from-scratch')}"


def _arguments(record: Record) -> str:
    """What was asked of the model type; of fine-tuning also what `bf16=auto` came to."""
    model = record["model"]
    arguments = part(model, "model_args")
    if "tokenizer" in arguments:  # a digest
        arguments = arguments | {"tokenizer": "FOLDER"}
    scorer = part(model, "scorer")
    told = {name: "true" for name in ("bf16", "compile") if scorer.get(name) is True}
    return ",".join(f"{_line(k)}={_line(v)}" for k, v in sorted((told | arguments).items()))


def _judge(record: Record) -> list[str]:
    judge = part(record, "judge", "fingerprint")
    named = ":".join(_line(judge[key]) for key in ("kind", "model") if key in judge)
    return ["--judge", named] if named else []


def _data(record: Record) -> list[str]:
    return ["--data", "FOLDER"] if record["data"]["source"] == "local" else []


def _line(value: Any) -> str:
    """A value as a word of a command: one printable line."""
    return "".join(character for character in text(value, 120) if character.isprintable())
