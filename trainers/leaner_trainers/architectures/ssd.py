"""Mamba2's scan by state-space duality (Dao and Gu 2024, arXiv:2405.21060, section 6), in torch.

A token writes into a state that fades, and reads from it. Within a chunk of tokens that is
attention with fading weights; between chunks the state is handed on. Rows may hold several
documents, which do not see each other: neither state nor convolution goes on over a start.

Shapes: B rows, T tokens, K taps, G groups of H heads, P channels of a head, N entries of the state;
for the scan, C chunks of Q tokens each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 64
"""Tokens of a chunk: larger ones cost more within, smaller ones more between chunks."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Who sees whom in a batch of rows; made once and used in every layer."""

    of_token: Tensor
    """(B, T): the number of a token's document."""
    sees: Tensor
    """(B, C, 1, Q, Q), boolean: whether the first token sees the second, of the same chunk."""
    spans: Tensor
    """The same as numbers: in double precision, where there is any."""
    continues: Tensor
    """(B, C, Q, 1), boolean: whether a token's document began before its chunk."""
    goes_on: Tensor
    """(B, C, Q, 1), boolean: whether a token's document is that of the chunk's last token."""


def find_documents(position_ids: Tensor) -> Documents:
    """From positions (B, T): a document starts with each token whose position is 0."""
    of_token = (position_ids == 0).cumsum(1)
    chunks = _chunks(of_token)  # (B, C, Q)
    last = chunks[:, :, -1:]
    before = F.pad(last[:, :-1], (0, 0, 1, 0), value=-1)
    sees = (chunks[:, :, :, None] == chunks[:, :, None, :]).tril()
    precise = torch.float32 if position_ids.device.type == "mps" else torch.float64
    return Documents(
        of_token=of_token,
        sees=sees[:, :, None],
        spans=sees.to(precise),
        continues=(chunks == before)[..., None],
        goes_on=(chunks == last)[..., None],
    )


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, documents: Documents) -> Tensor:
    """Each channel of x (B, T, D) by itself with weight (D, K): a token and the K - 1 before it."""
    number, reach = documents.of_token, weight.shape[1] - 1
    result = x * weight[:, reach]
    for back in range(1, min(reach + 1, x.shape[1])):
        is_same = (F.pad(number, (back, -back), value=-1) == number)[..., None]  # (B, T, 1)
        before = F.pad(x, (0, 0, back, -back))
        result = torch.addcmul(result, before, is_same * weight[:, reach - back])
    return (result if bias is None else result + bias).to(x.dtype)


def scan(
    x: Tensor, step: Tensor, rate: Tensor, write: Tensor, read: Tensor, documents: Documents
) -> Tensor:
    """What the tokens read from the state: (B, T, G * H, P), in float32.

    After token t the state of a head is h_t = exp(step_t * rate) * h_{t-1} + step_t * write_t x_t,
    with h = 0 before a document; the token reads read_t h_t. `x` is (B, T, G * H, P), `step`
    (B, T, G * H), `rate` (G * H), negative; `write` and `read` are (B, T, G, N). Steps, rates and
    all sums are float32, whatever autocast does to the products.
    """
    n_tokens, n_groups = x.shape[1], write.shape[2]
    step = step.float()
    fading = _fading(_chunks(step * rate.float()), documents)  # (B, C, Q, G * H)
    # Masked before exp: what is no weight may be infinite.
    into_state = fading[:, :, -1:] - fading
    into_state = into_state.masked_fill_(~documents.goes_on, -torch.inf).exp_()
    from_state = fading.exp() * documents.continues

    values = _chunks((x * step[..., None]).to(x.dtype))  # (B, C, Q, G * H, P)
    write, read = (_chunks(each).transpose(2, 3) for each in (write, read))  # (B, C, G, Q, N)
    # Within a chunk.
    by_head = fading.transpose(2, 3)  # (B, C, G * H, Q)
    weights = by_head[..., None] - by_head[..., None, :]
    weights = weights.masked_fill_(~documents.sees, -torch.inf).exp_()  # (B, C, G * H, Q, Q)
    alike = read @ write.transpose(3, 4)  # (B, C, G, Q, Q)
    weights = (weights.unflatten(2, (n_groups, -1)) * alike[:, :, :, None]).flatten(2, 3)
    result = (weights.to(x.dtype) @ values.transpose(2, 3)).float().transpose(2, 3)  # as values
    # Between chunks: nothing was written before the first, and nothing reads after the last.
    if values.shape[1] > 1:
        written = values[:, :-1] * into_state[:, :-1, ..., None]
        states = write[:, :-1].transpose(3, 4) @ _by_group(written.to(x.dtype), n_groups)
        states = _hand_on(states, from_state[:, 1:-1, -1])  # (B, C - 1, G, N, H * P)
        carried = (read[:, 1:] @ states.to(x.dtype)).transpose(2, 3)  # (B, C - 1, Q, G, H * P)
        carried = carried.reshape(result[:, 1:].shape)
        later = torch.addcmul(result[:, 1:], carried, from_state[:, 1:, ..., None])
        result = torch.cat([result[:, :1], later], dim=1)
    return result.flatten(1, 2)[:, :n_tokens]


def _fading(rates: Tensor, documents: Documents) -> Tensor:
    """Sums of (B, C, Q, G * H) from where a token's document, or the chunk, begins up to the token.

    In double precision and over tokens of the same document alone, so that not even the rounding
    depends on its neighbours. exp(sum_i - sum_j) of what token j wrote is left at token i.
    """
    with torch.autocast(rates.device.type, enabled=False):
        return (documents.spans @ rates.to(documents.spans.dtype)).float()


def _hand_on(states: Tensor, kept: Tensor) -> Tensor:
    """From what chunks add, the states after them, which the next ones read; float32.

    All but the last chunk add: (B, C - 1, G, N, H * P). Of the state before a chunk, all but these
    first and last, `kept` is left after it: (B, C - 2, G * H).
    """
    n_groups, n_channels = states.shape[2], states.shape[4]
    kept = kept.unflatten(2, (n_groups, 1, -1))  # (B, C - 2, G, 1, H)
    kept = kept.repeat_interleave(n_channels // kept.shape[-1], dim=-1)
    first, *others = states.float().unbind(1)
    found = [first]
    for added, share in zip(others, kept.unbind(1), strict=True):
        found.append(torch.addcmul(added, found[-1], share))
    return torch.stack(found, dim=1)


def _by_group(x: Tensor, n_groups: int) -> Tensor:
    """(B, C, Q, G * H, P) as (B, C, G, Q, H * P)."""
    return x.flatten(3).unflatten(3, (n_groups, -1)).transpose(2, 3)


def _chunks(x: Tensor) -> Tensor:
    """(B, T, ...) as (B, C, Q, ...), filled up with zeros."""
    n_tokens = x.shape[1]
    size = min(CHUNK, n_tokens)
    missing = -n_tokens % size
    if missing:
        x = F.pad(x, (0, 0) * (x.ndim - 2) + (0, missing))
    return x.unflatten(1, (-1, size))
