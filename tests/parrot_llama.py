"""A LLaMA that always says the same: its weights are set by hand, not trained.

Each token's successor depends on that token alone: attention and MLP write nothing, the embedding
is one-hot, and the head turns a token into its successor.
"""

from __future__ import annotations

from pathlib import Path

from leaner_harness.conformance.architecture import byte_tokenizer

_CUE = "<|reply|>"
_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}" + _CUE + "{% endif %}"
)


def save(folder: Path, reply: str, context: int = 8192) -> Path:
    """Write a checkpoint with a chat template that answers everything with `reply`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([_CUE, reply], special_tokens=False)
    tokenizer.chat_template = _TEMPLATE
    tokenizer.model_max_length = context
    cue, said = tokenizer.convert_tokens_to_ids([_CUE, reply])
    size = len(tokenizer)
    config = LlamaConfig(
        vocab_size=size, hidden_size=2 * ((size + 1) // 2), intermediate_size=8,
        num_hidden_layers=1, num_attention_heads=1, max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
        model.model.norm.weight.fill_(1)
        one_hot = torch.eye(size, config.hidden_size)
        model.model.embed_tokens.weight.copy_(one_hot)
        model.lm_head.weight[said] = one_hot[cue]
        model.lm_head.weight[tokenizer.eos_token_id] = one_hot[said]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
