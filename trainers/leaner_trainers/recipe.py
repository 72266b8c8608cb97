"""The recipe of the `accelerate` trainer: every key of the TOML file, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from leaner_harness import default_words
from leaner_trainers.kinds import check_kind, wrong_value
from leaner_trainers.milestones import parse_milestone

# Smallest value each number may have; "above" bounds are not allowed themselves.
_AT_LEAST = {
    "vocab_size": 257,  # 256 bytes and the end of a document; some tokenizers need more
    "block_size": 2,
    "batch_size": 1,
    "gradient_accumulation": 1,
    "steps": 1,
    "words": 1,
    "validation_words": 1,
    "warmup": 0,
    "weight_decay": 0,
    "clip": 0,
    "momentum": 0,
    "beta2": 0,
    "seed": 0,
    "eval_every": 1,
    "sample_every": 0,
    "prompt_loss_weight": 0,
    "processes": 1,
}
_ABOVE = {"learning_rate": 0, "decay": 0, "embedding_rate": 0, "minutes": 0}
_BELOW = {"momentum": 1, "beta2": 1, "decay": 1}
_AT_MOST = {"vocab_size": 2**16, "prompt_loss_weight": 1}  # ids are stored in 16 bits
_CHOICES = {
    "schedule": ("cosine", "linear", "wsd"),
    "device": ("auto", "cpu", "cuda", "mps"),
    "control": ("", "reversed", "random"),
}


@dataclass(frozen=True)
class Recipe:
    """All that decides a run. Raises UsageError, naming the key, for a value that cannot work."""

    architecture: str = "llama"
    """A registered architecture; `leaner plugins` lists them."""
    size: str = "1M"
    """A size the architecture offers, any `<number>M` it can be fitted to, or the path of a
    published configuration, `PATH.json`."""
    init_from: str = ""
    """A checkpoint folder whose weights, and tokenizer, the run begins with; empty for new ones."""
    objective: str = ""
    """What it learns to predict; empty for the architecture's own."""
    data: str = "mini"
    """Training text: `mini`, `mini-harder`, `mini-instruct`, `mini-instruct-harder`, or a path."""
    genres: tuple[str, ...] = ()
    """Genres of the text to use; empty for all."""
    words: int | None = None
    """How many words of text to read; empty for all, or for a million of the endless mini text."""
    validation_words: int = 10_000
    """How many words of the validation split to score at each evaluation, the genres sharing."""
    separate_documents: bool = True
    """Whether documents that share a block do not see each other."""
    prompt_loss_weight: float = 0.0
    """With `sft`, how much a prompt's token counts beside an answer's: 1 is TinyHelen's."""
    curriculum: str = ""
    """What is read when, a registered curriculum; empty for the same blocks in every pass."""
    curriculum_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the curriculum, a table: `{stages = 10}`."""
    difficulty: str = ""
    """What the curriculum tells easy documents from hard ones by."""
    control: str = ""
    """In place of easy first: `reversed`, hard first; or `random`, pools of the same sizes."""
    follow: str = ""
    """With a control, the folder of the finished run it is one of: pools as large, after as many
    steps. Empty for a pace of its own."""
    reference: str = ""
    """The folder of the checkpoint whose loss `lm_loss` is; its training is on the bill."""
    tokenizer: str = "train"
    """`train` for a new byte-level BPE, or the path of a folder with one."""
    vocab_size: int = 2000
    """Entries of a new tokenizer; little text may give fewer."""
    block_size: int = 256
    """Tokens of context in training (T)."""
    batch_size: int = 16
    """Blocks in one forward pass, over all processes together (B)."""
    gradient_accumulation: int = 1
    """Forward passes in one step."""
    steps: int = 1000
    """Optimiser updates in the whole run; the learning rate reaches zero at the last."""
    minutes: float | None = None
    """Wall-clock budget: ends the run early, learning rate decayed. Makes it unrepeatable."""
    optimizer: str = "adamw"
    """`adamw`; `muon` for matrices, AdamW for the rest; or another's `module:attribute`."""
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    """What an optimiser by `module:attribute` gets besides the parameters: `{momentum = 0.9}`."""
    learning_rate: float = 1e-3
    """Highest learning rate, reached after the warmup."""
    embedding_rate: float | None = None
    """The same for embeddings, head, norms and biases; empty for `learning_rate`."""
    momentum: float = 0.95
    """Muon's."""
    beta2: float = 0.95
    """AdamW's memory of squared gradients."""
    schedule: str = "cosine"
    """How the learning rate falls to zero: `cosine`, `linear`, or `wsd`, level and then linear."""
    decay: float = 0.2
    """With `wsd`, the share of the steps after the warmup in which it falls."""
    warmup: int = 50
    """Steps in which the learning rate rises linearly."""
    weight_decay: float = 0.1
    """Decoupled; on matrices, embeddings and head."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 for no limit."""
    seed: int = 0
    """Decides the first weights, the order of the blocks and what is masked in them."""
    bf16: bool | str = False
    """Compute in bfloat16 where it is safe; the weights stay float32. `auto`: where
    the device has units for it."""
    compile: bool = False
    """Compile the forward pass with torch.compile: faster after a minute or so."""
    eval_every: int = 100
    """Steps between two scorings of the validation text; the resumable state is saved then, too."""
    checkpoint_at: tuple[str, ...] = ()
    """Milestones to keep a checkpoint of, counted as seen in training, passes over the same text
    included: `"10M words"`, `"500k tokens"`, `"2000 steps"`."""
    sample_every: int = 100
    """Steps between two samples of text from a causal model; 0 for none."""
    sample_prompt: str = "Once"
    """How a sample begins."""
    tensorboard: bool = False
    """Write the log for TensorBoard, too."""
    device: str = "auto"
    """`cpu`, `cuda`, `mps`, or `auto` for the best there is."""
    processes: int | None = None
    """Refuse to run with another number of processes; empty for any."""
    resume: bool = True
    """Go on where a run in the same folder was stopped; false starts over."""

    def __post_init__(self) -> None:
        for name in ("genres", "checkpoint_at"):
            if isinstance(getattr(self, name), list):  # what TOML has for a tuple
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("curriculum_options", "optimizer_options"):
            if isinstance(options := getattr(self, name), dict):  # as a stopped run gives them back
                listed = {k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}
                object.__setattr__(self, name, listed)
        for each in fields(self):
            _check(each.name, str(each.type), getattr(self, each.name))
        if self.words is None:
            object.__setattr__(self, "words", default_words(self.data))
        for milestone in self.checkpoint_at:
            parse_milestone(milestone)
        if self.warmup >= self.steps:
            raise wrong_value("warmup", self.warmup, f"less than steps, which is {self.steps}")


def _check(key: str, annotation: str, value: object) -> None:
    """Hold one value against its type and bounds."""
    check_kind(key, annotation, value)
    if isinstance(value, (int, float)):
        if key in _AT_LEAST and value < _AT_LEAST[key]:
            raise wrong_value(key, value, f"at least {_AT_LEAST[key]}")
        if key in _ABOVE and not value > _ABOVE[key]:
            raise wrong_value(key, value, f"above {_ABOVE[key]}")
        if key in _BELOW and not value < _BELOW[key]:
            raise wrong_value(key, value, f"below {_BELOW[key]}")
        if key in _AT_MOST and value > _AT_MOST[key]:
            raise wrong_value(key, value, f"at most {_AT_MOST[key]}")
        if not math.isfinite(value):
            raise wrong_value(key, value, "a finite number")
    if key == "bf16" and isinstance(value, str) and value != "auto":
        raise wrong_value(key, value, "true, false or 'auto'")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise wrong_value(key, value, "one of " + ", ".join(map(repr, _CHOICES[key])))
