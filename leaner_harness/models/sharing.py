"""Rows of tokens: a context once, with all the choices that were asked of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

Tokens = tuple[int, ...]


class Asked(NamedTuple):
    """One request: the log-probability of a choice's tokens."""

    request: int
    """Its number among the requests."""
    choice: Tokens
    places: list[int]
    """Where in the row each of these tokens is predicted."""


class Row(NamedTuple):
    """A context, the branches in which it goes on, and the requests that these answer.

    No branch is the beginning of another. Logits are needed at `places` positions: place 0 is the
    context's last token, then come the tokens of all branches, one branch after the other. A
    choice's last token is in no branch: nothing is predicted from it.
    """

    context: Tokens
    branches: list[Tokens]
    asked: list[Asked]

    @property
    def places(self) -> int:
        """How many positions need logits."""
        return 1 + sum(map(len, self.branches))

    @property
    def length(self) -> int:
        """Tokens of the row, each branch counted."""
        return len(self.context) - 1 + self.places


def shared_rows(requests: Iterable[tuple[Tokens, Tokens]], longest: int) -> Iterator[Row]:
    """One row for each context, where that saves work, else one for each of its branches.

    `requests` are (context, choice). A row of several branches has at most `longest` tokens, and
    computes at most half of what its branches in rows of their own would: attention grows with the
    square of a row, so a short context is no reason to lay long choices end to end.
    """
    choices = defaultdict(list)
    for number, (context, choice) in enumerate(requests):
        choices[context].append((number, choice))
    for context, asked in choices.items():
        row = one_row(context, asked)
        saved = (len(row.branches) - 1) * len(context)
        if row.length <= longest and saved >= row.places - 1:
            yield row
        else:
            yield from apart(row)


def one_row(context: Tokens, asked: Sequence[tuple[int, Tokens]]) -> Row:
    """The row of a context and (request, choice) pairs; equal beginnings share a branch."""
    branches = _without_beginnings({choice[:-1] for _, choice in asked})
    starts = list(accumulate(map(len, branches), initial=1))
    row = Row(context, branches, [])
    for request, choice in asked:
        start = starts[_branch_of(choice, branches)]
        row.asked.append(Asked(request, choice, [0, *range(start, start + len(choice) - 1)]))
    return row


def apart(row: Row) -> Iterator[Row]:
    """The same requests in rows of one branch each, in the order of the branches."""
    along = defaultdict(list)
    for request, choice, _ in row.asked:
        along[_branch_of(choice, row.branches)].append((request, choice))
    for number in sorted(along):
        yield one_row(row.context, along[number])


def _without_beginnings(branches: set[Tokens]) -> list[Tokens]:
    # In order, a beginning stands right before what goes on from it.
    ordered = sorted(branches)
    last = len(ordered) - 1
    return [
        branch
        for n, branch in enumerate(ordered)
        if n == last or ordered[n + 1][: len(branch)] != branch
    ]


def _branch_of(choice: Tokens, branches: list[Tokens]) -> int:
    before = choice[:-1]
    return next(n for n, branch in enumerate(branches) if branch[: len(before)] == before)
