"""BERT as TinyHelen configures it (arXiv:2501.00522): learned positions, GELU, tied head."""

from __future__ import annotations

import torch
from transformers import BertConfig, BertForMaskedLM

from leaner_trainers.architectures import shape_of

# n_layer, n_embd, hidden units of the feed-forward part, n_head, dropout, spread of the first
# weights. In "1M", two matrices of 768 hold what LLaMA's three of 512 do; it sees its text about
# once, so it drops nothing; and so narrow a model hardly moves from weights as small as 0.02.
SIZES = {
    "1M": (4, 128, 768, 4, 0.0, 0.06),
    "14M": (8, 384, 1536, 8, 0.1, 0.02),
}
CONTEXT = 1024


def build(size: str, vocab_size: int) -> BertForMaskedLM:
    """An untrained float32 model; its weights depend on torch's random state.

    Raises UnknownName for a size that is not in `SIZES`.
    """
    n_layer, n_embd, n_hidden, n_head, dropout, spread = shape_of("bert", size, SIZES)
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=n_embd,
        intermediate_size=n_hidden,
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        max_position_embeddings=CONTEXT,
        hidden_act="gelu",
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        type_vocab_size=2,
        initializer_range=spread,
        pad_token_id=None,  # an id here is never trained, and a tokenizer may use it for a word
    )
    model = BertForMaskedLM(config).to(torch.float32)
    positions = model.bert.embeddings.position_embeddings.weight
    with torch.no_grad():
        positions.copy_(2**0.5 * spread * _waves(*positions.shape))
    return model


def _waves(n_positions: int, width: int) -> torch.Tensor:
    """(n_positions, width): sines and cosines of the positions (Vaswani et al. 2017, section 3.5).

    Learned positions that begin so save a fifth of the first 500 steps ("1M", embedded text).
    """
    rates = 10_000 ** (-torch.arange(width // 2, dtype=torch.float32) / (width // 2))
    angles = torch.arange(n_positions, dtype=torch.float32)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
