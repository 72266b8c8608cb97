"""The conformance kit: does a plugin keep its contract? Each check is run, named and reported."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leaner_harness.contracts import (
    ArchitectureSpec,
    TaskFolder,
    TrainerSpec,
    resolve,
    resolve_folder,
)
from leaner_harness.errors import UnknownName
from leaner_harness.registry import Entry, Registry

Step = tuple[str, Callable[[], str]]
"""A check's name, and what runs it: returns a detail, or raises."""

VOCABULARY = 300
_TEXT = "the cat sat on the mat and the dog ran to the cat"


class Check(NamedTuple):
    """One check of one spec."""

    spec: str
    name: str
    passed: bool
    detail: str


def check_plugin(registry: Registry, name: str) -> Iterator[Check]:
    """Check every spec of a distribution, or the one spec of that name, yielding as they finish.

    Raises UnknownName when neither exists.
    """
    entries = [
        entry
        for entry in registry.entries
        if name in (entry.distribution, entry.full_name, entry.spec.name)
    ]
    failures = [f for f in registry.failures if name in (f.distribution, f.entry_point)]
    if not entries and not failures:
        known = {e.distribution for e in registry.entries} | {e.full_name for e in registry.entries}
        raise UnknownName("plugin", name, known, "See what is installed: leaner plugins")
    for failure in failures:
        yield Check(failure.distribution, "loads", False, failure.reason)
    for entry in entries:
        yield from _check_entry(entry)


def _check_entry(entry: Entry) -> Iterator[Check]:
    by_kind: dict[type, Callable[[Any, Path], Iterator[Step]]] = {
        ArchitectureSpec: _architecture_steps,
        TaskFolder: _task_steps,
        TrainerSpec: _trainer_steps,
    }
    steps = by_kind[type(entry.spec)]
    with tempfile.TemporaryDirectory() as folder:
        for name, step in steps(entry.spec, Path(folder)):
            try:
                detail = step()
            except Exception as error:  # whatever a stranger's code raises is the finding
                yield Check(entry.full_name, name, False, f"{type(error).__name__}: {error}")
                return  # later steps stand on this one
            yield Check(entry.full_name, name, True, detail)


def _architecture_steps(spec: ArchitectureSpec, folder: Path) -> Iterator[Step]:
    """Build, one training step, save, load, score: the life of a checkpoint in small."""
    state: dict[str, Any] = {}

    def build() -> str:
        import torch

        torch.manual_seed(0)
        state["model"] = model = resolve(spec.build)(spec.sizes[0], VOCABULARY)
        kinds = {str(parameter.dtype) for parameter in model.parameters()}
        assert kinds == {"torch.float32"}, f"weights must be float32, found {sorted(kinds)}"
        return f"{sum(p.numel() for p in model.parameters()):,} parameters, float32"

    def step() -> str:
        import torch

        ids = torch.randint(0, VOCABULARY, (2, 16), generator=torch.Generator().manual_seed(0))
        loss = state["model"](input_ids=ids, labels=ids).loss
        loss.backward()
        torch.optim.SGD(state["model"].parameters(), lr=0.1).step()
        with torch.no_grad():
            second = state["model"](input_ids=ids, labels=ids).loss.item()
        first = loss.item()
        assert math.isfinite(first) and second < first, f"loss went from {first} to {second}"
        return f"loss {first:.3f} -> {second:.3f}"

    def save() -> str:
        state["model"].eval().save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)
        assert list(folder.glob("*.safetensors")), "save_pretrained wrote no safetensors"
        return "safetensors"

    def load() -> str:
        import torch
        from transformers import AutoModelForCausalLM

        again = AutoModelForCausalLM.from_pretrained(folder)
        ids = torch.arange(16)[None]
        with torch.no_grad():
            gap = (again(ids).logits - state["model"](ids).logits).abs().max().item()
        assert gap == 0, f"logits differ by {gap} after saving and loading"
        return "stock AutoModel, equal logits"

    def score() -> str:
        alone, batched = _score(spec, folder, 1), _score(spec, folder, 4)
        gap = max(abs(a - b) for a, b in zip(alone, batched, strict=True))
        assert all(map(math.isfinite, alone)), f"log-likelihoods are not finite: {alone}"
        assert gap < 1e-3, f"log-likelihoods change by {gap} with the batch size"
        return f"{spec.model_type.name}, batch 1 and 4 agree within {gap:.0e}"

    yield "builds", build
    if spec.objective == "clm":
        yield "trains a step", step
    yield "saves", save
    if spec.objective == "clm":
        yield "loads", load
    yield "scores", score


def byte_tokenizer() -> Any:
    """A byte-level tokenizer of at most VOCABULARY entries, so that scoring needs no download."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<|endoftext|>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = dict.fromkeys(("bos_token", "eos_token", "pad_token"), "<|endoftext|>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _score(spec: ArchitectureSpec, folder: Path, batch_size: int) -> list[float]:
    """Log-likelihoods of three continuations under the architecture's lm-eval model type."""
    from lm_eval.api.instance import Instance
    from lm_eval.api.registry import get_model

    from leaner_harness.lm_eval_plugin import install

    install()  # makes plugins' model types known
    model = get_model(spec.model_type.name).create_from_arg_obj(
        {"pretrained": str(folder)}, {"batch_size": batch_size, "device": "cpu"}
    )
    pairs = [(_TEXT[:cut], _TEXT[cut : cut + 8]) for cut in (3, 15, 30)]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    return [float(answer[0]) for answer in model.loglikelihood(requests)]


def _task_steps(spec: TaskFolder, folder: Path) -> Iterator[Step]:
    """The folder is there, lm-eval indexes it, and every task in it builds a prompt."""
    state: dict[str, Any] = {}

    def index() -> str:
        from lm_eval.tasks import TaskManager

        path = resolve_folder(spec.path)
        state["manager"] = TaskManager(include_path=str(path), include_defaults=False)
        names = state["manager"].all_subtasks
        assert names, f"lm_eval finds no task in {path}"
        return ", ".join(names)

    def prompts() -> str:
        manager = state["manager"]
        loaded = manager.load(manager.all_subtasks)["tasks"]
        for name, task in loaded.items():
            doc = task.eval_docs[0]
            assert task.doc_to_text(doc), f"{name}: the first prompt is empty"
        return f"{len(loaded)} tasks build a prompt"

    yield "is indexed", index
    yield "builds prompts", prompts


def _trainer_steps(spec: TrainerSpec, folder: Path) -> Iterator[Step]:
    """The trainer imports, its recipe class is a frozen dataclass, its ready recipes are valid."""

    def importable() -> str:
        assert callable(resolve(spec.train)), f"{spec.train} cannot be called"
        return spec.train

    def recipe() -> str:
        found = resolve(spec.recipe)
        assert dataclasses.is_dataclass(found), f"{spec.recipe} is no dataclass"
        frozen = getattr(found, "__dataclass_params__").frozen  # noqa: B009  no typed way to ask
        assert frozen, f"{spec.recipe} must be frozen"
        return ", ".join(field.name for field in dataclasses.fields(found))

    def recipes() -> str:
        found = sorted(resolve_folder(spec.recipes).glob("*.toml"))
        for path in found:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            values.pop("trainer", None)
            resolve(spec.recipe)(**values)
        return ", ".join(path.stem for path in found)

    yield "imports", importable
    yield "has a recipe class", recipe
    if spec.recipes:
        yield "ships valid recipes", recipes
