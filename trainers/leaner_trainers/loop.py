"""The training loop: recipe in, checkpoint out. Read `train` top to bottom.

Shapes: B blocks in a forward pass, T tokens in a block.
"""

from __future__ import annotations

import math
import pkgutil
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from transformers import PreTrainedModel
from transformers.utils import logging

from leaner_harness import (
    ArchitectureSpec,
    Checkpoint,
    DataError,
    LeanerError,
    ObjectiveSpec,
    UnknownName,
    UsageError,
    get_architecture,
    get_objective,
    read_documents,
)
from leaner_trainers.checkpoint import (
    State,
    find_state,
    forget_state,
    publish,
    restore_state,
    save_state,
)
from leaner_trainers.optimizers import make_optimizers
from leaner_trainers.order import RowRandom, block_numbers, read_blocks
from leaner_trainers.progress import Display, Log, sample_text, stop_at_signal
from leaner_trainers.recipe import Recipe
from leaner_trainers.record import cost_record, hardware, text_record
from leaner_trainers.tokens import (
    check_kind,
    load_tokenizer,
    read_tokens,
    train_tokenizer,
    write_tokens,
)
from leaner_trainers.validation import read_validation

_LAST = 20  # steps whose mean is the reported training loss


def train(recipe: Recipe, out: Path) -> Checkpoint:  # noqa: C901, PLR0915 (one story, told once)
    """Train a model as the recipe says and leave it in `out`.

    `out` also gets `log.jsonl` and, until the run is done, `state/` and `data/` to resume from.
    Raises UsageError for a recipe that does not fit the architecture, the machine or the stopped
    run in `out`; DataError for too little text; LeanerError when the loss is no longer a number;
    KeyboardInterrupt after Ctrl-C or SIGTERM, once the state is saved.
    """
    logging.disable_progress_bar()  # transformers' own, at each save
    spec = _architecture(recipe)
    objective = _objective(recipe, spec)
    collate, loss_of = map(pkgutil.resolve_name, (objective.collate, objective.loss))
    accelerator = _accelerator(recipe)
    device, is_main = accelerator.device, accelerator.is_main_process

    # The text, tokenised on disk. A resumed run takes the files of the stopped one.
    with accelerator.main_process_first():
        found = _stopped_run(recipe, out)
        if found is None and is_main:
            forget_state(out)
            _write_text(recipe, spec.tokenizer, out / "data")
        tokenizer = load_tokenizer(out / "data" / "tokenizer", spec.tokenizer)
        tokens = read_tokens(out / "data" / "tokens")
    documents = read_documents(recipe.data, "validation", recipe.genres, recipe.validation_words)
    validation = read_validation(documents, tokenizer, recipe.block_size, objective)
    n_blocks = (len(tokens.ids) - 1) // recipe.block_size
    if n_blocks < 1:
        raise DataError(
            f"The training text has {len(tokens.ids)} tokens, less than one block.",
            f"Give more text, or a block_size below {recipe.block_size}.",
        )

    # The model, with weights that depend on the seed alone, and the optimiser.
    torch.manual_seed(recipe.seed)
    model: PreTrainedModel = pkgutil.resolve_name(spec.build)(recipe.size, len(tokenizer))
    context = getattr(model.config, "max_position_embeddings", -1)  # -1: as long as one likes
    if 0 < context < recipe.block_size:
        raise UsageError(f"block_size is {recipe.block_size}; the model sees at most {context}.")
    tokenizer.model_max_length = recipe.block_size
    model.to(device).train()
    optimizers = make_optimizers(model, recipe)
    state = State(step=0, seconds=0.0, losses=[])
    if found is not None:
        state = found
        restore_state(out, model, optimizers, device)
    parallel = accelerator.prepare(model)

    def save() -> None:
        if is_main:
            save_state(out, state, asdict(recipe), model, tokenizer, optimizers)

    accumulation, rows = recipe.gradient_accumulation, recipe.batch_size
    tokens_per_step = accumulation * rows * recipe.block_size
    began = time.monotonic() - state.seconds
    log = Log(out / "log.jsonl", state.step) if is_main else None
    with stop_at_signal() as asked, Display(recipe.steps, state.step, is_main) as display:
        while state.step < recipe.steps and not _time_is_up(recipe, began):
            share = _schedule(recipe, state.step, began)
            for group in (group for each in optimizers for group in each.param_groups):
                group["lr"] = share * group["initial_lr"]

            # One step. Which blocks, and what is masked in them, are pure functions of the seed
            # and the place in training.
            total = torch.zeros(3, device=device)  # losses, targets, processes asked to stop
            for part in range(accumulation):
                first = (state.step * accumulation + part) * rows
                places = np.arange(first, first + rows)
                mine = places[accelerator.process_index :: accelerator.num_processes]
                numbers = block_numbers(mine, n_blocks, recipe.seed)
                blocks = read_blocks(tokens.ids, numbers, recipe.block_size)  # (B, T + 1)
                batch = collate(blocks, tokenizer, RowRandom(mine, recipe.seed))
                batch = {key: value.to(device) for key, value in batch.items()}
                is_last = part == accumulation - 1
                with (
                    nullcontext() if is_last else accelerator.no_sync(parallel),
                    torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16),
                ):
                    loss, n_targets = loss_of(parallel, batch)
                    accelerator.backward(loss)
                total[0] += loss.detach()
                total[1] += n_targets
            # Every process has to see the same loss, and to stop at the same step.
            total[2] = float(asked.is_set())
            losses, targets, stopping = accelerator.reduce(total, "sum").tolist()
            step_loss = losses / max(targets, 1)
            # The gradient of the mean over all targets; so far it is the processes' mean of sums.
            _scale_gradient(model, accelerator.num_processes / max(targets, 1))
            norm = float(
                torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip or math.inf)
            )
            if not (math.isfinite(step_loss) and math.isfinite(norm)):
                raise _diverged(state.step + 1, step_loss, out)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

            state.step += 1
            state.seconds = time.monotonic() - began
            state.targets += int(targets)
            state.losses = [*state.losses[1 - _LAST :], step_loss]
            entry: dict[str, Any] = {
                "step": state.step,
                "loss": step_loss,
                "learning_rate": share * recipe.learning_rate,
                "gradient_norm": norm,
                "tokens_seen": state.step * tokens_per_step,
                "seconds": round(state.seconds, 3),
            }
            if state.step % recipe.eval_every == 0:
                entry[validation.key] = validation.loss(model, device)
                display.evaluated(entry[validation.key], validation.unit)
                save()
            sampling = objective.causal and recipe.sample_every and is_main
            if sampling and state.step % recipe.sample_every == 0:
                entry["sample"] = sample_text(model, tokenizer, recipe.sample_prompt, recipe.seed)
                display.sample(state.step, entry["sample"])
            display.step(state.step, step_loss)
            if log is not None:
                log.write(**entry)
            if stopping:
                save()
                raise KeyboardInterrupt

    record = {
        **text_record(tokens, tokenizer, state.step * tokens_per_step, state.targets),
        **cost_record(model, state.step * tokens_per_step),
        "steps": state.step,
        "seconds": round(state.seconds, 1),
        "train_loss": sum(state.losses) / len(state.losses),
        validation.key: validation.loss(model, device),
        "hardware": hardware(accelerator),
    }
    if is_main:
        publish(model, tokenizer, out)
        forget_state(out)
    accelerator.wait_for_everyone()
    # Beyond the length it was trained on, a model guesses; lm-eval shall not go there.
    arguments = {"max_length": str(recipe.block_size), **objective.model_args}
    return Checkpoint(out, spec.model_type.name, arguments, record=record)


def _architecture(recipe: Recipe) -> ArchitectureSpec:
    spec: ArchitectureSpec = get_architecture(recipe.architecture)
    if recipe.size not in spec.sizes and not spec.any_size:
        raise UnknownName(f"size of architecture {spec.name!r}", recipe.size, spec.sizes)
    check_kind(spec.tokenizer)
    return spec


def _objective(recipe: Recipe, spec: ArchitectureSpec) -> ObjectiveSpec:
    suited = (spec.objective, *spec.other_objectives)
    if recipe.objective and recipe.objective not in suited:
        raise UnknownName(f"objective of architecture {spec.name!r}", recipe.objective, suited)
    return get_objective(recipe.objective or spec.objective)


def _accelerator(recipe: Recipe) -> Accelerator:
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device is 'cuda', but torch finds no GPU.", "Use device = 'auto'.")
    accelerator = Accelerator(cpu=recipe.device == "cpu")
    if recipe.batch_size % accelerator.num_processes:
        raise UsageError(
            f"batch_size is {recipe.batch_size}, shared by {accelerator.num_processes} processes.",
            "Choose a multiple of the number of processes.",
        )
    if recipe.minutes and accelerator.num_processes > 1:
        raise UsageError("`minutes` works with one process only: clocks differ.", "Use `steps`.")
    return accelerator


def _stopped_run(recipe: Recipe, out: Path) -> State | None:
    """The state to go on from, if the recipe wants that.

    Raises UsageError when it was made with another recipe.
    """
    found = find_state(out) if recipe.resume else None
    if found is None:
        return None
    state, before = found
    now = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(recipe).items()}
    changed = [key for key in now if key != "resume" and before.get(key) != now[key]]
    if changed:
        named = ", ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in changed)
        raise UsageError(
            f"The run stopped at step {state.step} in {out} had another recipe: {named}.",
            "Go on with the same recipe, start over with resume = false, or use another folder.",
        )
    return state


def _write_text(recipe: Recipe, kind: str, folder: Path) -> None:
    """Make or load the tokenizer, and tokenise the training text with it."""
    source = (recipe.data, "train", recipe.genres, recipe.words)
    if recipe.tokenizer == "train":
        texts = (document.text for document in read_documents(*source))
        tokenizer = train_tokenizer(texts, recipe.vocab_size, kind)
    else:
        tokenizer = load_tokenizer(Path(recipe.tokenizer).expanduser(), kind)
    write_tokens(read_documents(*source), tokenizer, folder / "tokens")
    tokenizer.save_pretrained(folder / "tokenizer")


def _scale_gradient(model: PreTrainedModel, factor: float) -> None:
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.mul_(factor)


def _schedule(recipe: Recipe, step: int, began: float) -> float:
    """The share of the highest learning rate at a step: up in the warmup, then down to zero."""
    if step < recipe.warmup:
        return (step + 1) / (recipe.warmup + 1)
    done = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    if recipe.minutes:
        done = min(1.0, max(done, (time.monotonic() - began) / (60 * recipe.minutes)))
    if recipe.schedule == "wsd":
        return min(1.0, (1 - done) / recipe.decay)
    return 1 - done if recipe.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def _time_is_up(recipe: Recipe, began: float) -> bool:
    return bool(recipe.minutes) and time.monotonic() - began > 60 * (recipe.minutes or 0)


def _diverged(step: int, loss: float, out: Path) -> LeanerError:
    kept = out / "state"
    where = f"The last good checkpoint is {kept}." if kept.exists() else "No checkpoint was saved."
    return LeanerError(
        f"Training stopped at step {step}: loss {loss}, or its gradient, is not finite. {where}",
        "Lower learning_rate, or lengthen warmup; then start over with resume = false.",
    )
