"""The training loop: recipe in, checkpoint out. Read `train` top to bottom.

Shapes: B blocks in a forward pass, T tokens in a block.
"""

from __future__ import annotations

import math
import pkgutil
import time
from contextlib import closing, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from leaner_harness import (
    ArchitectureSpec,
    Checkpoint,
    LeanerError,
    ObjectiveSpec,
    UnknownName,
    compiled,
    get_architecture,
    get_objective,
    held_out_documents,
    quick_dropout,
)
from leaner_trainers.attention import quicken_attention
from leaner_trainers.checkpoint import (
    State,
    curriculum_arrays,
    forget_run,
    publish,
    restore_state,
    save_state,
    state_folder,
    stopped_run,
    text_folder,
)
from leaner_trainers.curriculum import choose
from leaner_trainers.curve import draw_curve
from leaner_trainers.devices import bfloat16_warning, hardware, make_accelerator, settled
from leaner_trainers.milestones import milestone_steps, missed
from leaner_trainers.model import check_model, make_model
from leaner_trainers.optimizers import make_optimizers
from leaner_trainers.order import RowRandom, process_seed
from leaner_trainers.progress import Display, Log, sample_text, stop_at_signal
from leaner_trainers.recipe import Recipe
from leaner_trainers.record import began_with, cost_record, model_line, text_record
from leaner_trainers.schedule import rate_share, time_is_up
from leaner_trainers.stages import Stages
from leaner_trainers.tokenizers import check_kind
from leaner_trainers.training_text import TrainingText, training_documents, write_text
from leaner_trainers.validation import Measure, read_validation

_LAST = 20  # steps whose mean is the reported training loss


def train(recipe: Recipe, out: Path) -> Checkpoint:  # noqa: C901, PLR0915 (one story, told once)
    """Train a model as the recipe says and leave it in `out`.

    `out` also gets `log.jsonl`, `learning_curve.png`, `milestones/` and, to go on from, `resume/`.
    Raises UsageError for a recipe that does not fit the architecture, the machine or the stopped
    run in `out`; DataError for too little text; LeanerError when the loss is no longer a number;
    KeyboardInterrupt after Ctrl-C or SIGTERM, once the state is saved.
    """
    logging.disable_progress_bar()  # transformers' own, at each save
    spec = _architecture(recipe)
    objective = _objective(recipe, spec)
    options = {name: getattr(recipe, name) for name in objective.options}
    collate, loss_of = map(pkgutil.resolve_name, (objective.collate, objective.loss))
    check_model(recipe, spec)
    before = began_with(recipe)
    chosen = choose(recipe, objective)
    accelerator = make_accelerator(recipe)
    device, is_main = accelerator.device, accelerator.is_main_process
    recipe = settled(recipe, device)
    in_bfloat16 = bool(recipe.bf16)

    # The text, tokenised on disk. A resumed run takes the files of the stopped one.
    with accelerator.main_process_first():
        found = stopped_run(recipe, out)
        if found is None and is_main:
            forget_run(out)
            write_text(recipe, spec, objective, text_folder(out))
        text = TrainingText.open(recipe, spec, text_folder(out))
        scored = chosen and chosen.first_scores(
            training_documents(recipe), text.tokens, text.tokenizer
        )

    def held_out(part: int) -> Measure:
        words = held_out_documents(recipe.data, recipe.genres, recipe.validation_words, part)
        return read_validation(
            words, text.tokenizer, recipe.block_size, objective, options, text.start is not None
        )

    validation = held_out(0)
    # What decides when a curriculum goes on is not what is reported.
    development = held_out(1) if chosen is not None and chosen.watches_loss else None

    # The model, with weights that depend on the seed alone, and the optimiser.
    torch.manual_seed(recipe.seed)
    model = make_model(recipe, spec, text.tokenizer).to(device).train()
    quicken_attention(model, recipe, device)
    optimizers = make_optimizers(model, recipe)
    state = found or State(step=0, seconds=0.0, losses=[])
    if found is not None:
        restore_state(out, found, model, optimizers, device)
    parallel = accelerator.prepare(model)
    if recipe.compile:
        loss_of = compiled(loss_of, device)

    accumulation, rows = recipe.gradient_accumulation, recipe.batch_size
    tokens_per_step = accumulation * rows * recipe.block_size
    stages = None
    if chosen is not None and scored is not None:
        stages = Stages(chosen, text, *scored, accelerator, accumulation * rows, in_bfloat16)
        if found is not None:
            stages.restore(found.curriculum, curriculum_arrays(out))
        elif chosen.scored_by_reference:
            stages.count("reference", int(text.tokens.offsets[-1]))
    milestones = milestone_steps(
        recipe.checkpoint_at, tokens_per_step, text.words_per_token, recipe.steps
    )
    # Beyond the length it was trained on, a model guesses; lm-eval shall not go there.
    arguments = {"max_length": str(recipe.block_size), **objective.model_args}
    result = Checkpoint(out, spec.model_type.name, arguments)

    def save() -> None:
        state.curriculum, arrays = ({}, {}) if stages is None else stages.state()
        if is_main:
            save_state(out, state, asdict(recipe), model, text.tokenizer, optimizers, arrays)

    def record(measured: dict[str, Any]) -> dict[str, Any]:
        seen = state.step * tokens_per_step
        cost = cost_record(model, seen)
        read = {} if stages is None else stages.record(state.step, seen, cost["flops"])
        return {
            **text_record(text, seen, state.targets),
            **cost,
            **({"began_with": before} if before else {}),
            "steps": state.step,
            "seconds": round(state.seconds, 1),
            "train_loss": sum(state.losses) / max(len(state.losses), 1),
            **({"curriculum": read} if read else {}),
            **measured,
            "hardware": hardware(accelerator, recipe),
        }

    source = text if stages is None else stages
    began = time.monotonic() - state.seconds
    log = Log(out / "log.jsonl", state.step, recipe.tensorboard) if is_main else None
    with (
        stop_at_signal() as asked,
        Display(recipe.steps, state.step, is_main) as display,
        nullcontext() if log is None else closing(log),
    ):
        display.say(model_line(recipe, model), bfloat16_warning(recipe, device), validation.warning)

        def tell(stages: Stages) -> None:
            now = stages.entry()
            display.reading(stages.line(text.tokenizer), now["stage"], now["pool_share"])

        if stages is not None and not stages.is_pending:  # a stopped run goes on inside a stage
            tell(stages)
        while state.step < recipe.steps and not time_is_up(recipe, state.seconds):
            if stages is not None and stages.is_pending:
                display.say("Scoring the text anew." if stages.needs_scoring else "")
                stages.enter(model)
                tell(stages)
            share = rate_share(recipe, state.step, state.seconds)
            for group in (group for each in optimizers for group in each.param_groups):
                group["lr"] = share * group["initial_lr"]

            # One step. Which blocks, and what is masked in them, are pure functions of the seed
            # and the place in training.
            if not is_main:  # else each process would drop the same as the first
                torch.manual_seed(process_seed(recipe.seed, accelerator.process_index, state.step))
            total = torch.zeros(3, device=device)  # losses, targets, processes asked to stop
            for part in range(accumulation):
                first = (state.step * accumulation + part) * rows
                places = np.arange(first, first + rows)
                mine = places[accelerator.process_index :: accelerator.num_processes]
                chance = RowRandom(mine, recipe.seed)
                batch = collate(source.blocks(mine), text.tokenizer, chance, **options)
                batch = {key: value.to(device) for key, value in batch.items()}
                is_last = part == accumulation - 1
                with (
                    nullcontext() if is_last else accelerator.no_sync(parallel),
                    torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16),
                    quick_dropout(model, device),
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
                lost = f"loss {step_loss}, or its gradient, is not finite"
                raise _diverged(state.step + 1, lost, out)
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
            if stages is not None:
                entry |= stages.entry()
                if development is not None and state.step % recipe.eval_every == 0:
                    entry["development_loss"] = development.loss(model, device)
                    _check_finite(entry["development_loss"], state.step, out)
                    stages.count("development", development.tokens)
                stages.observe(state.step, recipe.steps, entry.get("development_loss"))
            reached = milestones.get(state.step, ())
            if reached or state.step % recipe.eval_every == 0:
                measured = validation.entry(model, device)
                _check_finite(measured[validation.key], state.step, out)
                entry |= measured
                display.evaluated(measured[validation.key], validation.unit)
            sampling = objective.causal and recipe.sample_every and is_main
            if sampling and state.step % recipe.sample_every == 0:
                entry["sample"] = sample_text(
                    model, text.tokenizer, recipe.sample_prompt, recipe.seed
                )
                display.sample(state.step, entry["sample"])
            display.step(state.step, step_loss)
            if log is not None:
                log.write(**entry)
            for name in reached:
                state.milestones[name] = record(measured)
                if is_main:
                    publish(model, text.tokenizer, out / "milestones" / name)
            # A stage that begins with scoring the text begins from a saved state.
            is_long = stages is not None and stages.needs_scoring
            if stopping or is_long or state.step % recipe.eval_every == 0:
                save()
            if stopping:
                raise KeyboardInterrupt

    display.say("" if stages is None else stages.warning(), missed(milestones, state.step))
    measured = validation.entry(model, device)
    _check_finite(measured[validation.key], state.step, out)
    save()  # should anything fail from here on, nothing is trained twice
    if is_main:
        publish(model, text.tokenizer, out, state.milestones)
    if log is not None:
        draw_curve(log.path, out / "learning_curve.png")
    accelerator.wait_for_everyone()
    kept = [
        replace(result, path=out / "milestones" / name, record=each)
        for name, each in state.milestones.items()
    ]
    return replace(result, record=record(measured), milestones=tuple(kept))


def _architecture(recipe: Recipe) -> ArchitectureSpec:
    spec: ArchitectureSpec = get_architecture(recipe.architecture)
    if recipe.size not in spec.sizes and not spec.any_size:  # else `build` judges it
        raise UnknownName(f"size of architecture {spec.name!r}", recipe.size, spec.sizes)
    check_kind(spec.tokenizer)
    return spec


def _objective(recipe: Recipe, spec: ArchitectureSpec) -> ObjectiveSpec:
    suited = (spec.objective, *spec.other_objectives)
    if recipe.objective and recipe.objective not in suited:
        raise UnknownName(f"objective of architecture {spec.name!r}", recipe.objective, suited)
    return get_objective(recipe.objective or spec.objective)


def _scale_gradient(model: PreTrainedModel, factor: float) -> None:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    torch._foreach_mul_(gradients, factor)


def _check_finite(loss: float, step: int, out: Path) -> None:
    """Raise where a validation loss is no number: before a good state is replaced by such a one."""
    if not math.isfinite(loss):
        raise _diverged(step, f"the validation loss is {loss}", out)


def _diverged(step: int, what: str, out: Path) -> LeanerError:
    kept = state_folder(out)
    where = f"The last good checkpoint is {kept}." if kept.exists() else "No checkpoint was saved."
    return LeanerError(
        f"Training stopped at step {step}: {what}. {where}",
        "Lower learning_rate, or lengthen warmup; then start over with resume = false.",
    )
