"""Checkpoints and resumable states on disk: whole or not at all, safetensors only.

A run keeps what it resumes from in `out/resume`: the tokenised text and its newest state. The
folder is removed when the checkpoint and its record are whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, load_model, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from leaner_harness import RESUME, CheckpointError, UsageError
from leaner_trainers.recipe import Recipe

_CURRICULUM = "curriculum.safetensors"
_CHECKPOINT = (
    *("model.safetensors.index.json", "model-*-of-*.safetensors", "generation_config.json"),
    *("special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
)
"""What some checkpoints hold: an older one's would be read as the new one's. Nothing else is taken
away, for the folder may hold files of its owner."""


def publish(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    milestones: Collection[str] = (),
) -> None:
    """Put a checkpoint into `out`, among other files; `config.json`, which makes it one, last.

    While files of an older checkpoint are replaced, `out` is none at all; what it had besides goes,
    and so do milestones other than those named.
    """
    partial = out / ".checkpoint.partial"
    _write_folder(partial, lambda folder: _save(model, tokenizer, folder))
    for name in ("leaner.json", "config.json"):
        (out / name).unlink(missing_ok=True)
    new = {path.name for path in partial.iterdir()}
    for path in (path for pattern in _CHECKPOINT for path in out.glob(pattern)):
        if path.name not in new:
            path.unlink()
    for path in (record.parent for record in out.glob("milestones/*/leaner.json")):
        if path.name not in milestones:
            shutil.rmtree(path, ignore_errors=True)
    for path in sorted(partial.iterdir(), key=lambda path: path.name == "config.json"):
        path.replace(out / path.name)
    partial.rmdir()
    _fsync(out)


@dataclass
class State:
    """Where a run stands after a step, besides weights and optimiser."""

    step: int
    seconds: float
    """Time spent up to here, over all parts of an interrupted run."""
    losses: list[float]
    """Training losses of the last steps."""
    targets: int = 0
    """Tokens the model had to predict up to here."""
    milestones: dict[str, Any] = field(default_factory=dict)
    """The records of the milestones up to here, by name."""
    curriculum: dict[str, Any] = field(default_factory=dict)
    """Where the run stands in its curriculum, if it has one."""
    optimizers: list[dict[str, Any]] = field(default_factory=list)
    """What each optimiser keeps besides tensors."""


def save_state(
    out: Path,
    state: State,
    recipe: Mapping[str, Any],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    optimizers: Sequence[torch.optim.Optimizer],
    curriculum: Mapping[str, torch.Tensor],
) -> None:
    """Write a state: a checkpoint like any other, with all that the next step depends on.

    `curriculum` are its arrays, if there is one.
    """

    def fill(folder: Path) -> None:
        _save(model, tokenizer, folder)
        tensors, state.optimizers = optimizer_parts(optimizers)
        save_file(tensors | _random_states(), folder / "optimizer.safetensors")
        if curriculum:
            save_file(dict(curriculum), folder / _CURRICULUM)
        content = {"recipe": recipe, **vars(state)}
        (folder / "state.json").write_text(json.dumps(content, indent=1))

    # The two renames are not one: in between, the former state lies in `.state.old`.
    home, old, new = state_folder(out), out / RESUME / ".state.old", out / RESUME / ".state.partial"
    _write_folder(new, fill)
    if home.exists():
        shutil.rmtree(old, ignore_errors=True)
        home.rename(old)
    new.rename(home)
    _fsync(out / RESUME)
    shutil.rmtree(old, ignore_errors=True)


def find_state(out: Path) -> tuple[State, dict[str, Any]] | None:
    """The state a stopped run left, and its recipe; None when there is none.

    Raises CheckpointError when it cannot be read.
    """
    home, old = state_folder(out), out / RESUME / ".state.old"
    if not home.exists() and old.exists():
        old.rename(home)
    if not home.exists():
        return None
    try:
        content = json.loads((home / "state.json").read_text())
        recipe = content.pop("recipe")
        return State(**content), recipe
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{home} cannot be read: {error}.", "Delete it, or set resume = false."
        ) from error


def stopped_run(recipe: Recipe, out: Path) -> State | None:
    """The state to go on from, if the recipe wants that.

    Raises UsageError when it was made with another recipe.
    """
    found = find_state(out) if recipe.resume else None
    if found is None:
        return None
    state, before = found
    now, default = (
        {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(each).items()}
        for each in (recipe, Recipe())
    )
    before = default | before  # a key that is newer than the stopped run
    changed = [key for key in now if key != "resume" and before.get(key) != now[key]]
    if changed:
        named = ", ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in changed)
        raise UsageError(
            f"The run stopped at step {state.step} in {out} had another recipe: {named}.",
            "Go on with the same recipe, start over with resume = false, or use another folder.",
        )
    return state


def restore_state(
    out: Path,
    state: State,
    model: PreTrainedModel,
    optimizers: Sequence[torch.optim.Optimizer],
    device: torch.device,
) -> None:
    """Put weights, optimisers and random states back as `save_state` found them."""
    load_model(model, str(state_folder(out) / "model.safetensors"), device=str(device))
    tensors = load_file(state_folder(out) / "optimizer.safetensors")
    torch.set_rng_state(tensors.pop("random.cpu"))
    for kind, module in (("cuda", torch.cuda), ("mps", torch.mps)):
        found = tensors.pop(f"random.{kind}", None)
        if found is not None and device.type == kind:
            module.set_rng_state(found)
    for which, optimizer in enumerate(optimizers):
        kept = state.optimizers[which] if state.optimizers else {"state": {}, "groups": []}
        by_number: dict[int, dict[str, Any]] = defaultdict(dict)
        for name, value in (tensors | kept["state"]).items():
            owner, number, key = name.split(".", 2)
            if owner == str(which):
                by_number[int(number)][key] = value
        groups = optimizer.state_dict()["param_groups"]
        for group, before in zip(groups, kept["groups"], strict=False):
            # JSON has lists for tuples: what is as it was stays the object that it is.
            group |= {key: v for key, v in before.items() if v != _listed(group.get(key))}
        optimizer.load_state_dict({"state": by_number, "param_groups": groups})


def curriculum_arrays(out: Path) -> dict[str, torch.Tensor]:
    """The arrays of the curriculum that `save_state` wrote."""
    return load_file(state_folder(out) / _CURRICULUM)


def forget_run(out: Path) -> None:
    """Remove what a stopped run left to resume from: a run starts anew."""
    shutil.rmtree(out / RESUME, ignore_errors=True)


def state_folder(out: Path) -> Path:
    """Where a run keeps its newest state."""
    return out / RESUME / "state"


def text_folder(out: Path) -> Path:
    """Where a run keeps its tokeniser and its tokenised text."""
    return out / RESUME / "text"


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    model.save_pretrained(folder)  # safetensors is transformers' only format since 5.0
    tokenizer.save_pretrained(folder)


def optimizer_parts(
    optimizers: Sequence[torch.optim.Optimizer],
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """What optimisers keep: tensors by optimiser, parameter and name; and by optimiser the rest.

    Raises UsageError for what neither safetensors nor JSON can hold.
    """
    tensors: dict[str, torch.Tensor] = {}
    values: list[dict[str, Any]] = []
    for which, optimizer in enumerate(optimizers):
        kept = optimizer.state_dict()
        named = {
            f"{which}.{number}.{key}": value
            for number, state in kept["state"].items()
            for key, value in state.items()
        }
        found = {name: v.contiguous() for name, v in named.items() if isinstance(v, torch.Tensor)}
        groups = [
            {key: value for key, value in group.items() if key != "params"}
            for group in kept["param_groups"]
        ]
        rest = {name: value for name, value in named.items() if name not in found}
        for key, value in [*rest.items(), *(item for group in groups for item in group.items())]:
            _check_savable(optimizer, key, value)
        tensors |= found
        values.append({"state": rest, "groups": groups})
    return tensors, values


def _check_savable(optimizer: torch.optim.Optimizer, key: str, value: object) -> None:
    try:
        same = json.loads(json.dumps(value)) == _listed(value)
    except TypeError:
        same = False
    if not same:
        raise UsageError(
            f"{type(optimizer).__name__} keeps {key} = {value!r}, which cannot be saved: a stopped "
            "run would go on with another.",
            "Use an optimiser that keeps numbers, texts, lists of them, and tensors by parameter.",
        )


def _listed(value: object) -> object:
    """As JSON gives it back: a list for a tuple."""
    return [_listed(each) for each in value] if isinstance(value, (list, tuple)) else value


def _random_states() -> dict[str, torch.Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["random.mps"] = torch.mps.get_rng_state()
    return states


def _write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new folder, and see that it is on the disk before anything refers to it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    fill(path)
    for file in path.iterdir():
        file.chmod(0o644)  # transformers writes weights for their owner alone
        _fsync(file)
    _fsync(path)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
