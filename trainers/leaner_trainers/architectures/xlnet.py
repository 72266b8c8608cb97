"""XLNet as TinyHelen configures it (arXiv:2501.00522): two streams, relative positions, GELU."""

from __future__ import annotations

import torch
from transformers import XLNetConfig, XLNetLMHeadModel

from leaner_trainers.architectures import shape_of

# n_layer, n_embd, hidden units of the feed-forward part, n_head, dropout, spread of the first
# weights. A layer of "1M" has as many weights as LLaMA's: five projections of 128 x 128 and two of
# 128 x 704. For its dropout and spread see `bert`.
SIZES = {
    "1M": (4, 128, 704, 4, 0.0, 0.06),
    "14M": (8, 376, 1504, 8, 0.1, 0.02),
}


def build(size: str, vocab_size: int) -> XLNetLMHeadModel:
    """An untrained float32 model; its weights depend on torch's random state.

    Raises UnknownName for a size that is not in `SIZES`.
    """
    n_layer, n_embd, n_hidden, n_head, dropout, spread = shape_of("xlnet", size, SIZES)
    config = XLNetConfig(
        vocab_size=vocab_size,
        d_model=n_embd,
        n_layer=n_layer,
        n_head=n_head,
        d_inner=n_hidden,
        ff_activation="gelu",
        attn_type="bi",
        initializer_range=spread,
        dropout=dropout,
        mem_len=None,
        use_mems_eval=False,
        summary_type="first",  # the class token begins a text, see `leaner_trainers.tokens`
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
    )
    model = XLNetLMHeadModel(config).to(torch.float32)
    # These compare segments. Text of a single one cannot train them: their gradient would be none
    # (which several processes wait for in vain) or rounding noise (which Adam blows up).
    for layer in model.transformer.layer:
        layer.rel_attn.r_s_bias.requires_grad_(False)
        layer.rel_attn.seg_embed.requires_grad_(False)
    return model
