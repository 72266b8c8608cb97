"""What plugins provide and exchange: frozen specs, and the records they return.

A spec names its code as `"module:attribute"`; it is imported at first use, so listing every
plugin costs no torch. `API_VERSION` changes when a spec changes in a way old plugins cannot meet;
a plugin module may state the version it was written for as `LEANER_API_VERSION`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from leaner_harness.errors import PluginError

API_VERSION = 1

RESUME = "resume"
"""Folder inside a checkpoint's in which a trainer keeps what a stopped run goes on from. It is
removed when the checkpoint and its `leaner.json` are whole."""


@dataclass(frozen=True, slots=True)
class ModelType:
    """An lm-eval `--model` name; `target` is its class, or empty when lm-eval ships it."""

    name: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class ArchitectureSpec:
    """How to build an untrained model, and how its checkpoints are scored."""

    name: str
    """Unique within the plugin; lower case."""
    build: str
    """`build(size: str, vocab_size: int) -> transformers.PreTrainedModel`: float32, untrained."""
    objective: str = "clm"
    """The training objective it has if a recipe names no other; `clm` is next-token prediction."""
    other_objectives: tuple[str, ...] = ()
    """Objectives that suit it, too, with the same tokenizer and model type."""
    tokenizer: str = "byte-bpe"
    """The tokenizer kind a trainer makes for it: `byte-bpe`, or `byte-bpe-mask`, which also has
    class, separator and mask tokens."""
    model_type: ModelType = ModelType("hf")
    """The lm-eval model type that scores its checkpoints."""
    model_class: str = ""
    """Class that loads its checkpoints for fine-tuning, a transformers model whose body,
    `base_model`, takes `input_ids`; empty when the class that transformers finds will do."""
    sequence_classifier: str = ""
    """A whole classifier of its own for fine-tuning, which takes `num_labels` and answers with
    `logits`; empty to have our head, a pooled row and one linear layer, on the model's body."""
    sizes: tuple[str, ...] = ("1M",)
    """Sizes `build` accepts; the first is the one the conformance kit builds."""
    any_size: bool = False
    """Whether `build` fits a shape to any other number of parameters, such as `3M`, too, or takes
    the path of a published configuration, `PATH.json`."""
    packs: bool = True
    """Whether the model keeps apart the documents that share a row, as the objective tells it to: a
    causal one by `position_ids` that begin again at 0. The conformance kit holds it to that. If
    not, a trainer lets documents see each other and records it."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Training text as an objective gets it. Shapes: B rows, T tokens of a block."""

    ids: Any
    """int64 tensor (B, T + 1): each block and the token after it."""
    documents: Any
    """int64 tensor (B, T + 1): to which document of its row a token belongs, counted from 0; None
    where documents may see each other. A document begins with its start token."""
    kinds: Any
    """uint8 tensor (B, T + 1): `PADDING`, `PROMPT` or `TEXT`, which is all of plain text."""


PADDING, PROMPT, TEXT = 0, 1, 2
"""Kinds of tokens: what fills a block up, what an answer is an answer to, and all else."""


@dataclass(frozen=True, slots=True)
class ObjectiveSpec:
    """What a model learns to predict. Shapes: B rows, T tokens of a block."""

    name: str
    collate: str
    """`collate(blocks, tokenizer, rng, **options) -> dict[str, torch.Tensor]`: a batch.

    `blocks` are `Blocks`. `rng.random(*shape)` draws uniformly from [0, 1): a float64 tensor
    (B, *shape), each row from the seed and the row's place in training alone. With no other chance
    in it, a resumed run repeats the batch."""
    loss: str
    """`loss(model, batch) -> (sum of the losses in nats, number of targets)`: both 0-d tensors. A
    trainer divides by the targets of the whole step, over all its batches and processes."""
    causal: bool = False
    """Whether tokens are predicted from those before them: then a trainer can measure bits per byte
    and sample text. Otherwise the measure is nats per target."""
    model_args: Mapping[str, str] = field(default_factory=dict)
    """lm-eval model arguments that score what was trained so, such as `scoring=mntp`."""
    answers: bool = False
    """Whether it learns to answer prompts: then no example is cut by the border of a block, and
    bits per byte are those of the answers."""
    options: tuple[str, ...] = ()
    """Keys of a recipe that `collate` takes as keyword arguments."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Some documents of the training text, as a difficulty gets them. Shapes: n documents."""

    documents: Sequence[Document] = ()
    """Their texts, for a difficulty that sees `text`."""
    nats: Any = None
    """float64 array (n,): the negative log-likelihood of each document, for any other."""
    tokens: Any = None
    """int64 array (n,): what that is the sum over, in tokens of the model in training."""


@dataclass(frozen=True, slots=True)
class DifficultySpec:
    """How hard a document is to learn."""

    name: str
    score: str
    """`score(examples) -> float32 array (n,)`: larger is harder. `examples` are `Examples`, some
    of the documents at a time: what one scores does not depend on the others. The same documents
    have the same scores, whenever they are asked for."""
    sees: str = "text"
    """What it is computed from: `text`; or the loss of `self`, the model in training, at each
    stage anew; or of a `reference` that the recipe names. A trainer scores with the model, counts
    the tokens, and keeps what `text` and `reference` gave."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, as a curriculum is told after each step."""

    step: int
    """Optimiser updates done."""
    steps: int
    """Those of the whole run."""
    loss: float | None = None
    """At an evaluation, the loss on text that is neither trained on nor reported; else None."""


KEEP, ADVANCE, RESCORE = "keep", "advance", "rescore"
"""What a curriculum wants after a step: the same stage, the next, or the next with new scores
where these depend on the model."""

CurriculumState = Mapping[str, Any]
"""What a curriculum remembers: small, and the same after a round trip through JSON."""


class Curriculum(Protocol):
    """Which documents may be read, and until when: three pure functions. Shapes: n documents.

    A trainer owns the rest: the order within a stage, the scores, the budget. One that needs the
    loss of `Progress`, which costs forward passes, has an attribute `watches_loss` that is true.
    """

    def start(self, n: int, weights: Any, seed: int) -> CurriculumState:
        """The state before the first step; `weights` are an int64 array (n,) of tokens."""

    def pool(self, state: CurriculumState, ranking: Any) -> Any:
        """The documents of this stage, an ascending int64 array of ids below n, never empty.

        `ranking` is a `leaner_harness.Ranking`: scores, tokens, and the ids of the stage before.
        """

    def observe(self, state: CurriculumState, progress: Progress) -> tuple[CurriculumState, str]:
        """The state after a step, and one of `KEEP`, `ADVANCE` and `RESCORE`."""


@dataclass(frozen=True, slots=True)
class CurriculumSpec:
    """What to show a model, and when."""

    name: str
    curriculum: str
    """A frozen dataclass that is a `Curriculum`: its fields are the options a recipe may set."""
    ranks: bool = True
    """Whether its pools depend on how difficult a document is."""
    rescores: bool = False
    """Whether it answers `RESCORE`. Only then can a difficulty be the model's own loss."""
    subset: bool = False
    """Whether it may end before all documents were shown. Otherwise the last stage has all, and
    the conformance kit holds it to that."""


@dataclass(frozen=True, slots=True)
class TrainerSpec:
    """How to turn a recipe into a checkpoint."""

    name: str
    train: str
    """`train(recipe, out: Path) -> Checkpoint`; `recipe` is an instance of the `recipe` class. A
    trainer that can resume keeps what it needs for that in `out/resume`."""
    recipe: str
    """A frozen dataclass: its fields are the keys a recipe file may have besides `trainer`."""
    recipes: str = ""
    """Folder of ready TOML recipes, as `"package:folder"`."""
    model_types: tuple[ModelType, ...] = ()
    """lm-eval model types its checkpoints need and lm-eval does not ship."""
    stages: str = ""
    """`stages(recipe) -> list[dict]`: the curriculum of a recipe, one entry a stage, without
    training; empty where a trainer has no curricula."""


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """Who grades answers."""

    name: str
    open: str
    """`open(argument, llm, **options) -> judge`: `argument` is what a user wrote after the colon,
    as in `hf:PATH`; `llm` is the shared engine, or None. The judge has `judge(items)`, an iterator
    of one `Verdict` for each `Item`, and `fingerprint`, a mapping of all that its grades depend
    on: runs of different ones are not compared.

    It may have more: `scale`, a `Scale`, where its grades are not LEANER-Eval's;
    `requests(item)`, what it would ask, for estimates; `retest(items)`, the same asked anew;
    `judge_ballots(ballots)`, the grades of answers that share a prompt, with
    `ballot_request(ballot)` and `ballot_fingerprint` for it."""
    llm: bool = False
    """Whether it asks a model over HTTP, through the engine that is handed in."""
    argument: str = "MODEL"
    """What the argument is called; empty where it takes none."""
    options: tuple[str, ...] = ()
    """Arguments that a user may set, besides those of the engine."""


@dataclass(frozen=True, slots=True)
class RewriterSpec:
    """Who makes texts simpler."""

    name: str
    open: str
    """`open(argument, llm, **options) -> rewriter`, as a judge's. The rewriter has
    `rewrite(assignments)`, an iterator of one `Rewrite` for each `Assignment`, in any order, and
    `fingerprint`, a mapping of all that its texts depend on. It may have `request(assignment)`,
    what it would ask, for estimates."""
    llm: bool = False
    """Whether it asks a model over HTTP, through the engine that is handed in."""
    argument: str = "MODEL"
    """What the argument is called; empty where it takes none."""
    options: tuple[str, ...] = ()
    """Arguments that a user may set, besides those of the engine."""


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A folder of lm-eval task YAML, as `"package:folder"`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model on disk: the directory, and the lm-eval model type that scores it."""

    path: Path
    model_type: str
    model_args: Mapping[str, str]
    """lm-eval model arguments besides the path, which `path_arg` names."""
    path_arg: str = "pretrained"
    record: Mapping[str, Any] = field(default_factory=dict)
    """What goes into `leaner.json` beside the recipe. The board reads `parameters` (with `total`)
    and `tokens_seen`; the rest, such as data digests and cost, is the trainer's to choose."""
    milestones: tuple[Checkpoint, ...] = ()
    """Checkpoints of the same run after less training, in folders of their own."""


@dataclass(frozen=True, slots=True)
class Document:
    """One training text."""

    id: str
    genre: str
    text: str
    prompt: int = 0
    """How many characters at the start of `text` are a prompt; what follows is the answer to it."""


def resolve(target: str) -> Any:
    """Import `"module:attribute"`.

    Raises PluginError when the module or the attribute is missing.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"{target!r} cannot be imported: {error}.",
            'A target is written "module:attribute" and must be importable.',
        ) from error


def resolve_folder(target: str) -> Path:
    """The path of a `"package:folder"` inside an installed package."""
    package, _, folder = target.partition(":")
    try:
        module = importlib.import_module(package)
    except Exception as error:  # anything may go wrong in a plugin
        raise PluginError(
            f"{target!r}: package {package!r} cannot be imported: {error}."
        ) from error
    home = next(iter(getattr(module, "__path__", ())), None)
    if home is None:
        raise PluginError(
            f"{target!r}: {package!r} is a module of one file, which holds no folder.",
            f"Make it a package: {package}/__init__.py, and the folder beside that.",
        )
    path = Path(home) / folder
    if not path.is_dir():
        raise PluginError(f"{target!r}: {path} is no folder. Is it in the plugin's wheel?")
    return path
