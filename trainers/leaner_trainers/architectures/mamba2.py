"""Mamba2 (Dao and Gu 2024, arXiv:2405.21060), a state-space model, as transformers has it.

TinyHelen's Mamba alternates two such blocks with gated MLPs, which transformers has not: this one
has no MLP and more blocks instead, so the two are alike in size only.
"""

from __future__ import annotations

import torch
from transformers import Mamba2Config, Mamba2ForCausalLM

from leaner_trainers.architectures import shape_of

# n_layer, n_embd, size of the state
SIZES = {
    "1M": (4, 192, 96),
    "14M": (11, 448, 128),
}
_EXPAND, _HEAD = 2, 64  # the paper's: inner width over n_embd, and width of a head


def build(size: str, vocab_size: int) -> Mamba2ForCausalLM:
    """An untrained float32 model; its weights depend on torch's random state.

    Raises UnknownName for a size that is not in `SIZES`.
    """
    n_layer, n_embd, n_state = shape_of("mamba2", size, SIZES)
    config = Mamba2Config(
        vocab_size=vocab_size,
        hidden_size=n_embd,
        state_size=n_state,
        num_hidden_layers=n_layer,
        expand=_EXPAND,
        head_dim=_HEAD,
        num_heads=_EXPAND * n_embd // _HEAD,
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
