"""Examples: a prompt and the answer to it, packed whole into blocks of one length."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leaner_harness import Document
from leaner_trainers.encoding import ID_BYTES, Encoder

_WAITING = 64  # examples that a block is chosen from


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the answer to it, as stored ids."""

    prompt: bytes
    answer: bytes
    is_whole: bool
    """Whether the answer has its end."""

    @property
    def tokens(self) -> int:
        """Ids of both together."""
        return (len(self.prompt) + len(self.answer)) // ID_BYTES


def make_examples(
    documents: Sequence[Document], encoder: Encoder, room: int, counts: Counter[str]
) -> Iterator[Example]:
    """Documents as examples of at most `room` ids.

    Prompt and answer are tokenised apart, so that no token lies in both. What is too long loses the
    beginning of its prompt, and then the end of its answer. `counts` tells how many were
    `truncated`, and how many left out because they have no answer: `dropped_empty`.
    """
    prompts = encoder([document.text[: document.prompt] for document in documents])
    answers = encoder([document.text[document.prompt :] for document in documents])
    for document, prompt, answer in zip(documents, prompts, answers, strict=True):
        if not document.text[document.prompt :].strip() or not answer:
            counts["dropped_empty"] += 1
            continue
        counts["truncated"] += len(prompt) + len(answer) > room * ID_BYTES
        kept = answer[: room * ID_BYTES]
        left = room * ID_BYTES - len(kept)
        yield Example(prompt[max(0, len(prompt) - left) :], kept, len(kept) == len(answer))


def pack(examples: Iterable[Example], size: int, margin: int) -> Iterator[list[Example]]:
    """The examples of one block after another.

    A block holds `size` tokens, an example takes `margin` more than it has. The next example begins
    a block; of those after it, some that leave least of the block free come along.
    """
    rest = iter(examples)
    waiting = list(itertools.islice(rest, _WAITING))
    while waiting:
        chosen = _fullest([example.tokens + margin for example in waiting], size)
        yield [waiting[place] for place in chosen]
        kept = [example for place, example in enumerate(waiting) if place not in chosen]
        waiting = [*kept, *itertools.islice(rest, len(chosen))]


def _fullest(lengths: Sequence[int], size: int) -> list[int]:
    """Places of lengths, the first among them, whose sum is the largest up to `size`."""
    # Bit n of the i-th number: whether the first length and some of the next i together make n.
    reach, up_to_size = [1 << lengths[0]], (2 << size) - 1
    for length in lengths[1:]:
        if reach[-1] >> size:
            break
        reach.append(reach[-1] | (reach[-1] << length) & up_to_size)
    total, chosen = reach[-1].bit_length() - 1, []
    for place in range(len(reach) - 1, 0, -1):
        if not reach[place - 1] >> total & 1:
            chosen.append(place)
            total -= lengths[place]
    return [0, *reversed(chosen)]
