"""The harder twin of a document: the same facts in rare words, long sentences and web clutter."""

from __future__ import annotations

import re
from collections.abc import Callable

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.rare import CLUTTER, JOINTS, LEADS, RARE, REMARKS, TAILS
from leaner_harness.data.mini.tables import NAMES

_WORD = re.compile(r"[A-Za-z]+")
_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]))")
_KIND = re.compile(r"\bkind(?= of| =|\[)")
_SENTENCE = re.compile(r"(?<=[.!?]) ")


def roughen(text: str, genre: str, dice: Dice) -> str:
    """Say the same as `text`, harder to read."""
    change = _code_line if genre == "code" else _prose_line
    rare = rarefy(text, dice, 0.0 if genre == "code" else 0.05)
    lines = [change(line, dice) for line in rare.split("\n")]
    return "\n".join(_cluttered(lines, genre, dice))


def rarefy(text: str, dice: Dice, kept: float = 0.05) -> str:
    """The text in rarer words, but for a share `kept`; code keeps none, or names would differ."""
    sorted_out = _KIND.sub("taxon", text)
    rare = _WORD.sub(_rarer(dice, kept), sorted_out)
    return _ARTICLE.sub(lambda m: m[1] + ("n " if m[2] in "aeiouAEIOU" else " "), rare)


def _rarer(dice: Dice, kept: float) -> Callable[[re.Match[str]], str]:
    """A replacement that keeps capitals."""

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        rare = RARE.get(word.lower())
        if rare is None or (kept and dice.chance(kept)):
            return word
        return rare.capitalize() if word[0].isupper() else rare

    return replace


def _code_line(line: str, dice: Dice) -> str:
    if line.startswith("# ") and dice.chance(0.5):
        return f"{line}\n{dice.pick(REMARKS)}"
    return line


def _prose_line(line: str, dice: Dice) -> str:
    if '"' in line:
        return _worn(_spoken(line, dice), dice)
    sentences = _SENTENCE.split(line) if line else []
    return _worn(" ".join(_joined(sentences, dice)), dice)


def _spoken(line: str, dice: Dice) -> str:
    """A turn with something said about the speaker."""
    return line[:-1] + dice.pick(TAILS) + "." if line.endswith(".") else line


def _joined(sentences: list[str], dice: Dice) -> list[str]:
    """Fewer and longer sentences: most statements hang on the one before."""
    joined: list[str] = []
    for sentence in sentences:
        asked = sentence.endswith("?")
        if not asked and joined and joined[-1].endswith(".") and len(joined[-1]) < 160:
            joined[-1] = joined[-1][:-1] + dice.pick(JOINTS) + _lower(sentence)
        elif asked or dice.chance(0.3):
            joined.append(sentence)
        else:
            joined.append(dice.pick(LEADS) + _lower(sentence))
    return joined


_CAPITAL = frozenset(["I", *(name for name, _ in NAMES)])


def _lower(sentence: str) -> str:
    """The sentence as a continuation; names keep their capital."""
    first = sentence.split(" ", 1)[0]
    return sentence if first in _CAPITAL else sentence[:1].lower() + sentence[1:]


def _worn(line: str, dice: Dice) -> str:
    """A few typing faults and shouted words."""
    words = line.split(" ")
    for _ in range(len(words) // 30 + 1):
        place, fault = dice.below(len(words)), dice.below(3)
        word = words[place]
        if len(word) > 4 and word.isalpha() and word.islower():
            middle = 1 + dice.below(len(word) - 3)
            swapped = word[:middle] + word[middle + 1] + word[middle] + word[middle + 2 :]
            words[place] = (swapped, word.upper(), word + ",")[fault]
    return " ".join(words)


def _cluttered(lines: list[str], genre: str, dice: Dice) -> list[str]:
    """Stray lines before and after, as raw pages have them."""
    if genre == "code":
        return lines
    before = dice.several(CLUTTER, dice.below(2))
    after = dice.several(CLUTTER, 1 + dice.below(2))
    return [*before, *lines, *after]
