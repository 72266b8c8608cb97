"""Mamba2 (Dao and Gu 2024, arXiv:2405.21060), a state-space model: transformers', with our scan.

TinyHelen's Mamba alternates two such blocks with gated MLPs, which transformers has not: this one
has no MLP and more blocks instead, so the two are alike in size only.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn
from transformers import Mamba2Config
from transformers.modeling_outputs import CausalLMOutput
from transformers.models.mamba2.modeling_mamba2 import Mamba2Output

from leaner_harness import UsageError
from leaner_trainers.architectures import ssd
from leaner_trainers.architectures.published import is_published, read_config
from leaner_trainers.architectures.sizes import Shape, find_shape

# Heads follow from the width. "paper" has the paper's size but not its shape: two layers, where the
# other architectures have eight, would make a difference in depth look like one of architecture.
SIZES = {"1M": Shape(4, 192, 96, 1), "paper": Shape(11, 448, 128, 1)}
_EXPAND, _HEAD = 2, 64  # the paper's: inner width over n_embd, and width of a head
_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


class Mamba2ForCausalLM(transformers.Mamba2ForCausalLM):
    """The stock model, under its own name in checkpoints, which keeps documents of a row apart.

    Stock's scan hands its state on from one document of a row to the next, and is slower.
    """

    def __init__(self, config: Mamba2Config) -> None:
        """Weights are drawn as stock's are."""
        super().__init__(config)
        self.backbone.__class__ = Mamba2Model

    def forward(
        self, input_ids: Tensor | None = None, use_cache: bool | None = None, **others: Any
    ) -> Any:
        """Logits (B, T, V) of `input_ids` (B, T), with `use_cache=False`; anything else is stock's.

        Optional `position_ids` (B, T) are 0 where a document starts. Raises UsageError when they
        are given with a cache or another argument: stock knows no documents.
        """
        position_ids = others.pop("position_ids", None)
        others = {name: value for name, value in others.items() if value is not None}
        if self.backbone.scans(input_ids, use_cache, position_ids, others):
            found = self.backbone(input_ids, use_cache=False, position_ids=position_ids)
            return CausalLMOutput(logits=self.lm_head(found.last_hidden_state).float())
        return super().forward(input_ids, use_cache=use_cache, **others)


class Mamba2Model(transformers.Mamba2Model):
    """The stock body, with our scan."""

    def forward(
        self, input_ids: Tensor | None = None, use_cache: bool | None = None, **others: Any
    ) -> Any:
        """Last hidden states (B, T, width); the rest as Mamba2ForCausalLM's."""
        # No argument of its own: `generate`, whose cache makes it stock's, would pass it then.
        position_ids = others.pop("position_ids", None)
        if input_ids is None or not self.scans(input_ids, use_cache, position_ids, others):
            return super().forward(input_ids, use_cache=use_cache, **others)
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        documents = ssd.find_documents(position_ids)
        stream = self.embeddings(input_ids)
        for block in self.layers:
            stream = stream + _mix(block.mixer, block.norm(stream), documents)
        return Mamba2Output(last_hidden_state=self.norm_f(stream))

    def scans(
        self,
        input_ids: Tensor | None,
        use_cache: bool | None,
        position_ids: Tensor | None,
        others: dict[str, Any],
    ) -> bool:
        """Whether a call asks for nothing but what our scan computes; UsageError as in forward."""
        if use_cache is None:
            use_cache = self.config.use_cache and not self.training
        more = [name for name, value in others.items() if value is not None]
        if input_ids is not None and not use_cache and not more:
            return True
        if position_ids is None:
            return False
        raise UsageError(
            "Mamba2 takes position_ids with input_ids and use_cache=False alone, not with "
            f"{', '.join(['use_cache'] * use_cache + more)}.",
            "Without position_ids a row is one document.",
        )


def _mix(mixer: nn.Module, hidden: Tensor, documents: ssd.Documents) -> Tensor:
    """What a stock mixer does, with our convolution and scan: (B, T, width) to the same."""
    inner, n_state = mixer.intermediate_size, mixer.n_groups * mixer.ssm_state_size
    gate, mixed, step = mixer.in_proj(hidden).split([inner, mixer.conv_dim, mixer.num_heads], -1)
    taps = mixer.conv1d.weight.squeeze(1)
    mixed = mixer.act(ssd.convolve(mixed, taps, mixer.conv1d.bias, documents))
    x, write, read = mixed.split([inner, n_state, n_state], -1)
    x = x.unflatten(-1, (mixer.num_heads, mixer.head_dim))
    write, read = (each.unflatten(-1, (mixer.n_groups, -1)) for each in (write, read))
    step = F.softplus(step.float() + mixer.dt_bias.float()).clamp(*mixer.time_step_limit)
    scanned = ssd.scan(x, step, -mixer.A_log.float().exp(), write, read, documents)
    scanned = torch.addcmul(scanned, x, mixer.D[:, None]).flatten(2)
    result: Tensor = mixer.out_proj(mixer.norm(scanned, gate).to(hidden.dtype))
    return result


def build(size: str, vocab_size: int) -> Mamba2ForCausalLM:
    """An untrained float32 model; its weights depend on torch's random state.

    `size` may be the path of a configuration as transformers writes them. Raises UnknownName for
    what is no size, UsageError for one that no shape fits, or for a configuration that does not.
    """
    if is_published(size):
        config = read_config(size, Mamba2Config, vocab_size, **_TOKENS)
        return Mamba2ForCausalLM(config).to(torch.float32)
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
        # How stock cuts its scan up, without effect on what it gives: where no kernel is installed,
        # time and memory grow with it, and short blocks are padded to it.
        chunk_size=32,
        initializer_range=0.02,  # with transformers' 0.1 the first loss lies far above chance
        tie_word_embeddings=False,
        **_TOKENS,
    )
    return Mamba2ForCausalLM(config).to(torch.float32)
