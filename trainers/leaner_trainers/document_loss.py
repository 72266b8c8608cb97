"""The loss of the model in training on whole documents: batches of like length, shared out.

Shapes: n documents, R windows in a batch, W tokens in the longest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from leaner_trainers.attention import fused_attention

Ids = NDArray[np.int64]

# Float32 numbers that a batch may have as logits: what fits a cache, or keeps a GPU busy.
_LOGITS = {"cpu": 1 << 21}
_LOGITS_ELSEWHERE = 1 << 26
_CHUNK = 1 << 22  # tokens whose windows are sorted by length at once: bounds memory


class _Windows(NamedTuple):
    """Pieces of documents: each predicts `widths` tokens, from the one at `starts` on."""

    documents: Ids
    starts: Ids
    widths: Ids


@torch.inference_mode()
def document_nats(
    model: torch.nn.Module,
    ids: NDArray[np.uint16],
    offsets: Ids,
    block_size: int,
    *,
    bf16: bool = False,
    share: tuple[int, int] = (0, 1),
) -> NDArray[np.float64]:
    """The negative log-likelihood of every document with its end, in windows of a block; (n,).

    A document begins after its start token, and each later window after the last token of the one
    before: every token is predicted once. `offsets` (n + 1,) say where documents begin in `ids`.
    Of the batches, `share` (which, of how many) takes its own; the others' documents get 0, so that
    the sum over all shares is the result of one.
    """
    device = next(model.parameters()).device
    vocab_size = model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
    most = max(1, _LOGITS.get(device.type, _LOGITS_ELSEWHERE) // vocab_size)
    nats = np.zeros(len(offsets) - 1)
    was_training = model.training
    model.eval()
    with fused_attention(model):
        for number, batch in enumerate(_batches(offsets, block_size, most)):
            if number % share[1] == share[0]:
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    np.add.at(nats, batch.documents, _batch_nats(model, ids, batch, device))
    model.train(was_training)
    return nats


def _batch_nats(
    model: torch.nn.Module, ids: NDArray[np.uint16], batch: _Windows, device: torch.device
) -> NDArray[np.float64]:
    """The sum over each window, (R,)."""
    steps = np.arange(int(batch.widths.max()) + 1)
    # A shorter window goes on in padding, to the right, where a causal model does not look.
    places = batch.starts[:, None] + np.minimum(steps, batch.widths[:, None])  # (R, W + 1)
    rows = torch.from_numpy(ids[places].astype(np.int64)).to(device)
    logits = model(input_ids=rows[:, :-1], use_cache=False).logits
    # Flat: three times as fast on a CPU as over the second of three dimensions.
    losses = F.cross_entropy(
        logits.float().flatten(0, 1), rows[:, 1:].flatten(), reduction="none"
    ).view(len(rows), -1)
    counted = torch.from_numpy(steps[:-1] < batch.widths[:, None])
    # Summed in float64 on the CPU: not every device has that.
    found: NDArray[np.float64] = (losses.cpu().double() * counted).sum(dim=1).numpy()
    return found


def _batches(offsets: Ids, block_size: int, most: int) -> Iterator[_Windows]:
    """Windows of like length together, at most `most` tokens a batch; the same for every share."""
    for windows in _chunks(offsets, block_size):
        windows = _Windows(
            *(column[np.argsort(-windows.widths, kind="stable")] for column in windows)
        )
        first = 0
        while first < len(windows.widths):
            rows = max(1, most // int(windows.widths[first]))
            yield _Windows(*(column[first : first + rows] for column in windows))
            first += rows


def _chunks(offsets: Ids, block_size: int) -> Iterator[_Windows]:
    first = 0
    while first < len(offsets) - 1:
        end = int(np.searchsorted(offsets, offsets[first] + _CHUNK, side="right")) - 1
        end = max(first + 1, min(end, len(offsets) - 1))
        lengths = np.diff(offsets[first : end + 1])
        counts = -(-lengths // block_size)  # rounded up
        documents = np.repeat(np.arange(first, end), counts)
        # How many windows of the same document lie before each.
        before = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = offsets[documents] + before * block_size
        widths = np.minimum(block_size, offsets[documents + 1] - starts)
        yield _Windows(documents, starts, widths)
        first = end
