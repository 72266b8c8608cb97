"""The life of an architecture in small: build, train a step, save, load, classify, score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from leaner_harness.conformance import invariance
from leaner_harness.conformance.invariance import Step
from leaner_harness.contracts import (
    PROMPT,
    TEXT,
    ArchitectureSpec,
    Blocks,
    ObjectiveSpec,
    resolve,
)
from leaner_harness.files import write_json
from leaner_harness.registry import get_objective, load_registry

VOCABULARY = 300
MASKED = ("mlm", "mntp")


def architecture_steps(spec: ArchitectureSpec, folder: Path) -> Iterator[Step]:
    """The checks of an architecture, each of which stands on those before it."""
    life = _Life(spec, folder)
    yield "builds", life.build
    for objective in map(get_objective, (spec.objective, *spec.other_objectives)):
        yield f"trains a step of {objective.name}", partial(life.step, objective)
    if spec.packs and get_objective(spec.objective).causal:
        yield "keeps documents apart", life.documents_apart
    elif spec.packs and spec.objective in MASKED:
        yield "keeps documents apart", life.masked_documents_apart
    yield "saves", life.save
    yield "loads", life.load
    yield "classifies", life.classify
    scored_by = "leaner" if spec.model_type.name == "hf" else spec.model_type.name
    yield from invariance.steps(scored_by, folder, chain_rule=spec.objective in ("clm", "plm"))
    if spec.model_type.name == "hf":
        yield "equals hf", lambda: invariance.equals_hf(folder)


class _Life:
    """One model, from its first weights to a checkpoint in a folder."""

    def __init__(self, spec: ArchitectureSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._model: Any = None

    def build(self) -> str:
        import torch

        torch.manual_seed(0)
        self._model = resolve(self._spec.build)(self._spec.sizes[0], VOCABULARY)
        kinds = {str(parameter.dtype) for parameter in self._model.parameters()}
        assert kinds == {"torch.float32"}, f"weights must be float32, found {sorted(kinds)}"
        return f"{sum(p.numel() for p in self._model.parameters()):,} parameters, float32"

    def step(self, objective: ObjectiveSpec) -> str:
        import torch

        batch = collated(objective, packs=self._spec.packs)
        losses = []
        optimizer = torch.optim.SGD(self._model.parameters(), lr=0.1)
        torch.manual_seed(0)
        self._model.eval()  # dropout would hide what a step did
        for _ in range(2):
            total, targets = resolve(objective.loss)(self._model, batch)
            (total / targets).backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append((total / targets).item())
        first, second = losses
        assert math.isfinite(first) and second < first, f"loss went from {first} to {second}"
        return f"loss {first:.3f} -> {second:.3f}"

    def documents_apart(self) -> str:
        """Two rows differ in their first document alone; their second begins at position 0."""
        import torch

        ids = torch.randint(10, 250, (2, 32), generator=torch.Generator().manual_seed(0))
        ids[1, 12:] = ids[0, 12:]
        positions = torch.cat([torch.arange(12), torch.arange(20)]).expand(2, 32)
        with torch.no_grad():
            logits = self._model(input_ids=ids, position_ids=positions, use_cache=False).logits
        gap = float((logits[0, 12:] - logits[1, 12:]).abs().max())
        assert gap <= invariance.TOLERANCE, f"another document changes logits by {gap:.1e}"
        return f"another document changes logits by {gap:.1e}"

    def masked_documents_apart(self) -> str:
        """Of two documents in a row, the second is read as it is alone, which is how it is scored.

        Positions may begin elsewhere than at 0 where a model counts them itself.
        """
        import torch

        ids = torch.randint(10, 250, (1, 33), generator=torch.Generator().manual_seed(0))
        documents = (torch.arange(33) >= 12).long()[None]
        blocks = Blocks(ids, documents, torch.full((1, 33), TEXT, dtype=torch.uint8))
        objective = get_objective(self._spec.objective)
        batch = resolve(objective.collate)(blocks, byte_tokenizer(), _Random(1))
        del batch["targets"]
        with torch.no_grad():
            packed = self._model(**batch).logits[:, 12:]
            alone = self._model(input_ids=batch["input_ids"][:, 12:]).logits
        gap = float((packed - alone).abs().max())
        assert gap <= invariance.TOLERANCE, (
            f"logits differ by {gap:.1e} from those of the document alone: it sees another one, or "
            "its positions do not begin at 0; a spec may say packs = False"
        )
        return f"logits differ by {gap:.1e} from those of the document alone"

    def save(self) -> str:
        self._model.eval().save_pretrained(self._folder)
        byte_tokenizer().save_pretrained(self._folder)
        self._say_what_scores_it()
        assert list(self._folder.glob("*.safetensors")), "save_pretrained wrote no safetensors"
        return "safetensors"

    def _say_what_scores_it(self) -> None:
        """`leaner.json`, as after training: fine-tuning reads there who scores a checkpoint."""
        scorer = {"model": self._spec.model_type.name, "model_args": {"pretrained": "."}}
        said = {"recipe": {"architecture": self._spec.name}, "lm_eval": scorer}
        write_json(self._folder / "leaner.json", said)

    def load(self) -> str:
        import torch
        import transformers

        name = "AutoModelForMaskedLM" if self._spec.objective in MASKED else "AutoModelForCausalLM"
        again = getattr(transformers, name).from_pretrained(self._folder)
        ids = torch.arange(16)[None]
        with torch.no_grad():
            gap = (again(ids).logits - self._model(ids).logits).abs().max().item()
        assert gap <= invariance.TOLERANCE, f"logits differ by {gap} after saving and loading"
        return f"stock {name}, logits differ by {gap:.1e}"

    def classify(self) -> str:
        from leaner_harness.models.finetune import check

        return check.classifies(self._folder, self._spec)


def objective_loss(objective: ObjectiveSpec) -> str:
    """Its loss on a batch, and on the same rows twice: finite, a sum, and with a gradient."""
    import torch

    model = _model_for(objective).eval()  # dropout would tell equal rows apart
    once = collated(objective)
    twice = {name: torch.cat([tensor, tensor]) for name, tensor in once.items()}
    (total, targets), (double, both) = (resolve(objective.loss)(model, b) for b in (once, twice))
    nats = float(total.detach())
    assert math.isfinite(nats), f"the loss is {nats}"
    times, counted = float(double.detach()) / nats, float(both / targets)
    assert abs(times - 2) < 0.01, f"it is no sum: of twice the rows it is {times:.3f} times as much"
    assert counted == 2, f"twice the rows have {counted:.3f} times as many targets"
    total.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients, "the loss has no gradient"
    assert all(bool(g.isfinite().all()) for g in gradients), "the gradient is not finite"
    assert any(bool(g.any()) for g in gradients), "the gradient is zero"
    return f"{nats / int(targets):.3f} nats for each of {int(targets)} targets"


def _model_for(objective: ObjectiveSpec) -> Any:
    """The smallest of an architecture that learns so; where none is registered, a tiny one."""
    import torch
    import transformers

    torch.manual_seed(0)
    for spec in (entry.spec for entry in load_registry().of_kind("architecture")):
        if objective.name in (spec.objective, *spec.other_objectives):
            return resolve(spec.build)(spec.sizes[0], VOCABULARY)
    shape = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64}
    shape |= {"num_hidden_layers": 1, "num_attention_heads": 2}
    if objective.causal:
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape))
    return transformers.BertForMaskedLM(transformers.BertConfig(**shape))


class _Random:
    """The random numbers an objective gets: the same ones every time."""

    def __init__(self, rows: int) -> None:
        import torch

        self._rows, self._generator = rows, torch.Generator().manual_seed(0)

    def random(self, *shape: int) -> Any:
        """(rows, *shape) numbers from [0, 1)."""
        import torch

        return torch.rand(self._rows, *shape, generator=self._generator, dtype=torch.float64)


def collated(
    objective: ObjectiveSpec, *, packs: bool = True, rows: int = 4, length: int = 32, **options: Any
) -> dict[str, Any]:
    """The objective's batch of random blocks, of documents of 12 tokens, the last one cut."""
    import torch

    ids = torch.randint(10, 250, (rows, length + 1), generator=torch.Generator().manual_seed(0))
    ids[:, ::12] = byte_tokenizer().eos_token_id
    documents = torch.arange(length + 1).div(12, rounding_mode="floor").expand(rows, length + 1)
    kinds = torch.full((rows, length + 1), TEXT, dtype=torch.uint8)
    kinds[:, 13:18] = PROMPT
    blocks = Blocks(ids, documents if packs else None, kinds)
    collate = resolve(objective.collate)
    batch: dict[str, Any] = collate(blocks, byte_tokenizer(), _Random(rows), **options)
    return batch


def byte_tokenizer() -> Any:
    """A byte-level tokenizer of at most VOCABULARY entries, so that scoring needs no download."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = {"cls_token": "<|class|>", "mask_token": "<|mask|>"}
    tokens = ["<|endoftext|>", *alphabet, *special.values()]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special |= dict.fromkeys(("bos_token", "eos_token", "pad_token"), "<|endoftext|>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
