"""Filters of source documents, before anything is paid for: text that is no running English."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from leaner_harness.dataset.checks.grading import at_least, at_most
from leaner_harness.dataset.records import Finding
from leaner_harness.dataset.vocabulary import WORD


@dataclass(frozen=True)
class Limits:
    """What a source is held against: `warn` is only written down, `fail` rejects.

    Each was set so that fewer than one in a hundred of the published sources of wiki and textbook
    are rejected by it; they had passed the authors' own choice.
    """

    words: int = 15
    """Fewer make no article: the published set keeps rewrites of more than 100 characters."""
    numbers_warn: float = 0.10
    """As in TinyHelen's filter of low quality, which was never called: it would have rejected a
    sixth of the encyclopedia, short lives with two dates."""
    numbers_fail: float = 0.25
    letters_warn: float = 0.75
    letters_fail: float = 0.60
    repeated_warn: float = 0.10
    repeated_fail: float = 0.30
    boilerplate_warn: float = 0.0
    boilerplate_fail: float = 1.0
    """Phrases in a hundred words: a page that is little else."""
    capitals_warn: float = 0.15
    capitals_fail: float = 0.30
    markup_warn: float = 0.0
    markup_fail: float = 0.10
    unended_warn: float = 0.20
    unended_fail: float = 0.80
    english_warn: float = 0.20
    english_fail: float = 0.10
    """Running English has .30 to .50, a line of names less."""


DEFAULT = Limits()
_UNENDED = 100
"""Words in a row without the end of a sentence or a line: lists of links and tags."""
_BARE = re.compile(
    r"[($£€#]*\d[\d.,:/%+-]*[)%.,;:]*\Z"
    r"|\W*(?:https?://\S+|www\.\S+|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|info|io|co)\b\S*)\Z",
    re.I,
)
_BOILERPLATE = re.compile(
    r"\b(?:all rights reserved|terms of (?:use|service)\b|privacy policy|(?:we|site) uses? cookies"
    r"|accept (?:all )?cookies|cookie (?:policy|settings)|subscribe (?:to|now)\b|unsubscribe"
    r"|sign up (?:for|now|today)\b|log ?in to\b|click here|add to cart|buy now|free shipping"
    r"|newsletter|share (?:this|on) (?:post|page|article|facebook|twitter)|follow us on\b"
    r"|posted (?:by|on|in)\b|leave a (?:comment|reply)|related posts?\b|read more\b"
    r"|enable javascript|powered by\b|skip to (?:main )?content|site ?map\b)|©"
)
"""In lower case."""
_MARKUP = re.compile(
    r"</?[a-zA-Z][^<>\n]{0,200}>|<!--.{0,500}?-->|&(?:[a-z]{2,8}|#\d{1,6});"
    r"|\{\{[^{}]{0,500}\}\}|\[\[[^\[\]]{0,200}\]\]|\[/?[a-z]{1,8}(?:=[^\]\n]{0,200})?\]",
    re.S,
)
_END = re.compile(r"[.!?][\"')\]]*(?=\s|\Z)|\n")
_ENGLISH = frozenset(
    "the of and a to in is was it for on that as with by at from he be this are or his an they "
    "which you have had not but one i we all their has were her she there been if more when who "
    "will would what so can no my your its do about up out them some him into than could other "
    "then these our also me how any may".split()
)


def judge_source(text: str, genre: str, limits: Limits = DEFAULT) -> list[Finding]:
    """All filters of a document's text, in a fixed order; never raises on any text.

    Code and maths are held only against length and repetition: the rest asks for prose. An
    instruction may be as short as it likes.
    """
    filters = _ANY if genre in {"code", "math"} else (*_ANY, *_PROSE)
    return [judge(text, limits) for judge in filters if genre != "instruction" or judge != _words]


def _words(text: str, limits: Limits) -> Finding:
    """Pieces between white space: a sum has few words."""
    return at_least("words", float(len(text.split())), limits.words, limits.words)


def _repeated_lines(text: str, limits: Limits) -> Finding:
    """Share of lines that occurred before; brackets alone are no line."""
    lines = Counter(line.strip() for line in text.splitlines() if WORD.search(line))
    share = 1 - len(lines) / lines.total() if lines else 0.0
    note = lines.most_common(1)[0][0][:80] if share > limits.repeated_warn else ""
    return at_most("repeated_lines", share, limits.repeated_warn, limits.repeated_fail, note)


def _numbers_and_domains(text: str, limits: Limits) -> Finding:
    """Share of the words that are bare numbers or names of domains."""
    words = text.split()
    share = sum(1 for word in words if _BARE.match(word)) / max(len(words), 1)
    return at_most("numbers_and_domains", share, limits.numbers_warn, limits.numbers_fail)


def _letters(text: str, limits: Limits) -> Finding:
    """Share of the characters, white space apart, that are letters."""
    signs = Counter(text)
    letters = sum(times for sign, times in signs.items() if sign.isalpha())
    space = sum(times for sign, times in signs.items() if sign.isspace())
    share = letters / max(len(text) - space, 1)
    return at_least("letters", share, limits.letters_warn, limits.letters_fail)


def _boilerplate(text: str, limits: Limits) -> Finding:
    """Phrases of cookie banners, adverts and menus in a hundred words."""
    found = Counter(match.lower() for match in _BOILERPLATE.findall(text.lower()))
    rate = 100 * found.total() / max(len(WORD.findall(text)), 1)
    note = ", ".join(phrase for phrase, _ in found.most_common(10))
    return at_most("boilerplate", rate, limits.boilerplate_warn, limits.boilerplate_fail, note)


def _capitals(text: str, limits: Limits) -> Finding:
    """Share of the letters that are capitals."""
    signs = Counter(text)
    letters = sum(times for sign, times in signs.items() if sign.isalpha())
    capitals = sum(times for sign, times in signs.items() if sign.isalpha() and sign.isupper())
    return at_most(
        "capitals", capitals / max(letters, 1), limits.capitals_warn, limits.capitals_fail
    )


def _markup(text: str, limits: Limits) -> Finding:
    """Share of the characters that are tags, entities or templates."""
    found = [match[0] for match in _MARKUP.finditer(text)]
    share = sum(map(len, found)) / max(len(text), 1)
    note = " ".join(some[:40] for some, _ in Counter(found).most_common(5))
    return at_most("markup", share, limits.markup_warn, limits.markup_fail, note)


def _unended(text: str, limits: Limits) -> Finding:
    """Share of the words in stretches of a hundred and more without an end of sentence or line."""
    stretches = [len(WORD.findall(stretch)) for stretch in _END.split(text)]
    share = sum(words for words in stretches if words >= _UNENDED) / max(sum(stretches), 1)
    return at_most("unended", share, limits.unended_warn, limits.unended_fail)


def _english(text: str, limits: Limits) -> Finding:
    """Share of the words that are among the commonest of English: a guess at the language."""
    words = WORD.findall(text.lower())
    share = sum(1 for word in words if word in _ENGLISH) / max(len(words), 1)
    return at_least("english", share, limits.english_warn, limits.english_fail)


_Filter = Callable[[str, Limits], Finding]
_ANY: tuple[_Filter, ...] = (_words, _repeated_lines)
_PROSE: tuple[_Filter, ...] = (
    _numbers_and_domains,
    _letters,
    _boilerplate,
    _capitals,
    _markup,
    _unended,
    _english,
)
