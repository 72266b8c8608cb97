"""Runs of seconds: tiny models, a recipe and a text to test the training loop with."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from leaner_trainers import loop, training_text
from leaner_trainers.progress import Display
from leaner_trainers.recipe import Recipe
from transformers import (
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    XLNetConfig,
    XLNetLMHeadModel,
)

from leaner_harness import ArchitectureSpec, Document, ModelType

RECIPE = Recipe(
    architecture="tiny",
    vocab_size=300,
    block_size=32,
    batch_size=4,
    gradient_accumulation=2,
    steps=12,
    warmup=2,
    learning_rate=1e-2,
    eval_every=4,
    sample_every=6,
    device="cpu",
)


def build_tiny(size: str, vocab_size: int) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            bos_token_id=0,
            eos_token_id=0,
            # Makes a run depend on the random state, as resuming must.
            attention_dropout=DROPOUT[size],
        )
    )


def build_bert(size: str, vocab_size: int) -> BertForMaskedLM:
    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocab_size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            hidden_dropout_prob=DROPOUT[size],
            attention_probs_dropout_prob=DROPOUT[size],
        )
    )


def build_xlnet(size: str, vocab_size: int) -> XLNetLMHeadModel:
    config = XLNetConfig(
        vocab_size=vocab_size, d_model=32, d_inner=64, n_layer=2, n_head=2, dropout=DROPOUT[size]
    )
    model = XLNetLMHeadModel(config)
    for layer in model.transformer.layer:  # without segments these get no gradient
        layer.rel_attn.r_s_bias.requires_grad_(False)
        layer.rel_attn.seg_embed.requires_grad_(False)
    return model


GENRES = ("wiki", "textbook")
DROPOUT = {"1M": 0.1, "exact": 0.0}
ARCHITECTURES = {
    "tiny": ArchitectureSpec(
        "tiny", f"{__name__}:build_tiny", other_objectives=("sft",), sizes=tuple(DROPOUT)
    ),
    "llama": ArchitectureSpec("llama", "leaner_trainers.architectures.llama:build", any_size=True),
    "mlm": ArchitectureSpec(
        "mlm",
        f"{__name__}:build_bert",
        objective="mlm",
        other_objectives=("mntp",),
        tokenizer="byte-bpe-mask",
        model_type=ModelType("leaner-masked"),
        sizes=tuple(DROPOUT),
    ),
    "plm": ArchitectureSpec(
        "plm",
        f"{__name__}:build_xlnet",
        objective="plm",
        tokenizer="byte-bpe-mask",
        model_type=ModelType("leaner-permutation"),
        sizes=tuple(DROPOUT),
    ),
}


def documents(source, split="train", genres=(), words=None):
    draw = random.Random(split)
    names = "the a cat dog hen sees likes finds big small red .".split()
    for i in range(80 if split == "train" else 6):
        if source == "questions":
            things = draw.choices(names, k=4)
            prompt, answer = f"{' '.join(things)} ? ", " ".join(things[::-1])
            yield Document(str(i), "instruction", prompt + answer, len(prompt))
        else:
            yield Document(str(i), GENRES[i % 2], " ".join(draw.choices(names, k=50)))


@contextmanager
def surroundings() -> Iterator[None]:
    """The loop finds these architectures and this text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "get_architecture", ARCHITECTURES.__getitem__)
        patch.setattr(training_text, "read_documents", documents)
        held_out = lambda source, *_: list(documents(source, "validation"))  # noqa: E731
        patch.setattr(loop, "held_out_documents", held_out)
        yield


def interrupt(monkeypatch, at, how) -> None:
    """After so many steps, do something."""
    original = Display.step

    def step(self, number, loss):
        original(self, number, loss)
        if number == at:
            how()

    monkeypatch.setattr(Display, "step", step)


def weights(out) -> str:
    """Digest of a checkpoint's weights."""
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def log_of(out) -> list[dict]:
    """The entries of a run's log."""
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
