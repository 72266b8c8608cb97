"""A LLaMA checkpoint of a few thousand random weights that stock transformers loads."""

from __future__ import annotations

from pathlib import Path

from leaner_harness.conformance.architecture import VOCABULARY, byte_tokenizer


def save(folder: Path, context: int = 512) -> Path:
    """Write the checkpoint; the same weights every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=context,
        bos_token_id=0,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder
