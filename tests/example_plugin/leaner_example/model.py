"""A GPT-NeoX of about a million parameters."""

from transformers import GPTNeoXConfig, GPTNeoXForCausalLM


def build(size, vocab_size):
    config = GPTNeoXConfig(
        vocab_size=vocab_size,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPTNeoXForCausalLM(config)
