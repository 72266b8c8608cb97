"""Mamba2 (Dao and Gu 2024, arXiv:2405.21060), a state-space model, as transformers has it.

TinyHelen's Mamba alternates two such blocks with gated MLPs, which transformers has not: this one
has no MLP and more blocks instead, so the two are alike in size only.
"""

from __future__ import annotations

import torch
from transformers import Mamba2Config, Mamba2ForCausalLM

from leaner_trainers.architectures.sizes import Shape, find_shape

# Heads follow from the width. "paper" has the paper's size but not its shape: two layers, where the
# other architectures have eight, would make a difference in depth look like one of architecture.
SIZES = {"1M": Shape(4, 192, 96, 1), "paper": Shape(11, 448, 128, 1)}
_EXPAND, _HEAD = 2, 64  # the paper's: inner width over n_embd, and width of a head


def build(size: str, vocab_size: int) -> Mamba2ForCausalLM:
    """An untrained float32 model; its weights depend on torch's random state.

    Raises UnknownName for what is no size, UsageError for one that no shape fits.
    """
    return _build(find_shape("mamba2", size, SIZES, lambda shape: _build(shape, 1), 32), vocab_size)


def _build(shape: Shape, vocab_size: int) -> Mamba2ForCausalLM:
    config = Mamba2Config(
        vocab_size=vocab_size,
        hidden_size=shape.n_embd,
        state_size=shape.n_inner,
        num_hidden_layers=shape.n_layer,
        expand=_EXPAND,
        head_dim=_HEAD,
        num_heads=_EXPAND * shape.n_embd // _HEAD,
        n_groups=1,
        # How the scan is cut up, without effect on what it gives: where no kernel is installed,
        # time and memory grow with it, and short blocks are padded to it.
        chunk_size=32,
        initializer_range=0.02,  # with transformers' 0.1 the first loss lies far above chance
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Mamba2ForCausalLM(config).to(torch.float32)
