"""The judge card as Markdown: what was checked, what was found, and what that does not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leaner_harness.judge.card import LEAST, MOST_ALIKE, MOST_SHIFT, MOST_UPLIFT
from leaner_harness.judge.invariances import LEAST_KAPPA, MOST_EFFECT, MOST_FLIPS
from leaner_harness.judge.verdicts import DIMENSIONS, HIGHEST

_MEANING = {
    "gross": "good answers above shuffled, off-topic, looping, echoed, generic and list answers, "
    "above nine words in ten replaced, and above a tiny model's babble",
    "subtle": "good answers above a false fact, broken grammar, a cut-off end, and one word in ten "
    "replaced",
    "floor": "among corrupted answers, the less corrupted above the more",
    "babble": "a tiny model's babble, which is off topic but of whole sentences, above words in no "
    "order",
}
_LONGEST = 60  # letters of a judge's name
_RESULT = {True: "holds", False: "**fails**", None: "not applicable"}

Card = Mapping[str, Any]


def title(card: Card) -> str:
    """Whose card it is, in letters that can be shown, and whether the judge passes."""
    judge = card["judge"]
    named = " ".join(str(judge[key]) for key in ("kind", "model") if key in judge)
    shown = "".join(letter if letter.isprintable() else "?" for letter in named)
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
    return f"Judge card: {shown} {'passes' if card['passed'] else 'FAILS'}"


def markdown(card: Card, picture: str = "") -> str:
    """The card for people; `picture` is the picture's name beside the page, if there is one."""
    states = ", ".join(f"{state} {count}" for state, count in card["states"].items())
    parts = [
        f"# {_plain(title(card))}",
        f"![Shares of pairs in order, and grades over the ladder]({picture})" if picture else "",
        f"{card['answers']} planted answers; {card['coverage']:.1%} of all that was asked has "
        f"grades ({_mark(card, 'coverage')}; states: {states}). In brackets: exact 95 % intervals. "
        "A tie is no order.",
        _orderings(card),
        _ladder(card),
        _uplifts(card),
        _retest(card),
        _order(card),
        _labels(card),
        _spread(card),
        "No agreement with people was measured. The answers are our own and say nothing about "
        "other questions; a card that passes says that a judge can tell these apart, no more.",
    ]
    return "\n\n".join(part for part in parts if part)


def _orderings(card: Card) -> str:
    levels = [
        (_MEANING[level], _share(card["orderings"][level]), least, _mark(card, level))
        for level, least in LEAST.items()
    ]
    pairs = [
        (pair["better"], pair["worse"], pair["dimension"], _share(pair))
        for level in LEAST
        for pair in card["orderings"][level]["pairs"]
    ]
    dimensions = [(name, _share(card["dimensions"][name])) for name in DIMENSIONS]
    return "\n\n".join(
        (
            _table(("pairs in order", "share", "at least", ""), levels),
            _table(("dimension", "pairs in order, of all levels"), dimensions),
            _table(("better", "worse", "dimension", "in order"), pairs),
        )
    )


def _ladder(card: Card) -> str:
    rows = [
        (rung["rung"], *(_number(rung["means"].get(name)) for name in DIMENSIONS), rung["n"])
        for rung in card["ladder"]
    ]
    said = (
        "The ladder at the floor: mean grades as more of a good answer's words are replaced by "
        "words of others. Beside it a tiny model's babble; nothing written is 0 by rule."
    )
    return f"{said}\n\n{_table(('rung', *DIMENSIONS, 'n'), rows)}"


def _uplifts(card: Card) -> str:
    found = (
        ("an order in the answer", card["uplift"]["ordered"], MOST_UPLIFT, "ordered"),
        ("a verdict in the answer", card["uplift"]["break_out"], MOST_UPLIFT, "break_out"),
        ("empty words after a good answer", card["length_effect"], MOST_UPLIFT, "length"),
        ("other white space", card["whitespace_effect"], f"{MOST_SHIFT} up or down", "whitespace"),
    )
    rows = [
        (what, *(_number(by.get(name), "+.2f") for name in DIMENSIONS), most, _mark(card, check))
        for what, by, most, check in found
    ]
    return _table(("what raises a grade", *DIMENSIONS, "at most", ""), rows)


def _retest(card: Card) -> str:
    rows = [
        (name, _number(found["kappa"]), f"{found['agreement']:.1%}", found["n"])
        for name, found in ((name, card["retest"][name]) for name in DIMENSIONS)
    ]
    said = (
        f"Judged a second time: kappa, weighted by squared distance, at least {LEAST_KAPPA} in "
        f"each: {_mark(card, 'retest')}."
    )
    return f"{said}\n\n{_table(('dimension', 'kappa', 'same grade', 'n'), rows)}"


def _order(card: Card) -> str:
    if card["order"] is None:
        return "Order and labels: not applicable, answers are judged alone."
    found = card["order"]
    said = (
        "For mode `paper` only, where answers share a prompt: of the pairs that one order tells "
        f"apart, another turns round {_share(found['flips'])}; at most {MOST_FLIPS}. No place may "
        f"add more to the sum than {MOST_EFFECT}, up or down: {_mark(card, 'order')}."
    )
    return f"{said}\n\n{_effects('place', found['places'])}"


def _labels(card: Card) -> str:
    if card["labels"] is None:
        return ""
    found = card["labels"]
    mean = _effect(found["mean"]) if found["mean"] else "-"
    said = (
        f"For mode `paper` only: other labels in the same order change the sum by {mean} on "
        f"average; no label by more than {MOST_EFFECT}, up or down: {_mark(card, 'labels')}."
    )
    return f"{said}\n\n{_effects('change', found['labels'])}"


def _effects(what: str, found: Sequence[Card]) -> str:
    rows = [(each[what], _effect(each), each["n"]) for each in found]
    return _table((what, "adds to the sum (standard error)", "n"), rows)


def _spread(card: Card) -> str:
    rows = [
        (name, *card["histogram"][name], f"{card['same_grade'][name]:.0%}") for name in DIMENSIONS
    ]
    said = (
        f"How often each grade was given; the commonest to at most {MOST_ALIKE:.0%} of the "
        f"answers: {_mark(card, 'spread')}."
    )
    heads = ("dimension", *map(str, range(HIGHEST + 1)), "commonest")
    return f"{said}\n\n{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _share(found: Card) -> str:
    if not found["n"]:
        return "-"
    low, high = found["interval"]
    return f"{found['share']:.3f} [{low:.3f}, {high:.3f}], n = {found['n']}"


def _effect(found: Card) -> str:
    return f"{found['effect']:+.2f} ({found['error']:.2f})"


def _number(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)


def _mark(card: Card, check: str) -> str:
    return _RESULT[card["checks"][check]]


def _plain(text: str) -> str:
    """A text that Markdown reads as it stands: names of models may hold anything."""
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#" else letter for letter in text)
