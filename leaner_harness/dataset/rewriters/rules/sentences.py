"""Lines and sentences taken apart: what may be dropped or cut without knowing what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from leaner_harness.dataset.chunk import sentence_ends

_MARK = re.compile(
    r"\s*(?:(?:[-*+•>]|\d{1,3}[.)]|[A-Za-z][.)])\s+)?"
    r"(?:\*\*[^*\n]{1,60}\*\*:? *|[A-Z][\w ]{0,24}: +)?"
)
_HEADING_WORDS = 12
_BRACKET = re.compile(r"[ \t]*\(([^()\n]{0,240})\)(?!\w)")
_CITATION = re.compile(r" ?\[(?:\d+(?:[,–-] ?\d+)*|citation needed|note \d+)\]")
_LABEL = re.compile(r"(?:[A-Za-z]|[ivx]+|\d{1,2}|[A-Z])\Z")
_FORMULA = re.compile(r"[=+^*<>|\\]|\d/\d")
_SHORT = re.compile(r"[A-Z][A-Za-z]*[A-Z]s?\Z")
_SUBJECT = r"(?:I|you|he|she|it|we|they)"
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|do|does|did"
    r"|became|began|came|made|took|went|got|gave|said|told|wrote|found|left|won|lost|grew|knew"
    r"|died|lived|moved|worked|started|played|used|called|wanted|asked|helped|married|means|makes"
    rf"|helps|needs|gets|goes|takes|gives)\b|\b{_SUBJECT} [a-z]+"
)
_JOINED = re.compile(rf", (and|but|so) (?={_SUBJECT}(?:['’][a-z]+)? [a-z]+)")
_PAUSE = re.compile(
    r"; (?=\w)| [-–—] (?=(?:[Tt]h(?:e|is|ese|ere|ey)|[Aa]n?|[Ii]t|[Hh]e|[Ss]he|[Ww]e) )"
)
_BOUND = re.compile(
    r"\b(?:if|when|whenever|unless|whether|although|though|while|because|since|as|both|either"
    r"|neither|not only|until|before|after|once|that|who|which|so|how|what|where|why|let|imagine"
    r"|suppose|whatever|whoever|even)\b",
    re.I,
)
_LEANS = re.compile(
    r"(?:(?:But|And|So|Also|Still|Then|However|Therefore|Thus|In this|At this)\b,? ?)*"
    r"(?:it|its|they|their|them|he|his|she|her|this|these|those|that|such|both|another|other|others"
    r"|one|some|also|but|and|so|still|instead|for example)\b",
    re.I,
)
_LEAST = 3
"""Words that each part of a sentence that is cut has at least."""


class Line(NamedTuple):
    """A line of a text."""

    mark: str
    """Bullet, number or label, with the space after it."""
    body: str
    heading: bool


def line_of(text: str) -> Line:
    """A line taken apart; one that ends in no mark of a sentence and is short is a heading."""
    match = _MARK.match(text)
    mark = match[0] if match else ""
    body = text[len(mark) :]
    short = len(body.split()) <= _HEADING_WORDS
    plain = not re.search(r"[.!?;,][\"'”’)*]*\s*\Z", body)
    return Line(mark, body, text.lstrip().startswith(("#", "|")) or (short and plain))


def sentences(body: str) -> Iterator[str]:
    """The sentences of a line, each with the white space behind it."""
    start = 0
    for end in sentence_ends(body):
        behind = re.compile(r"\s*").match(body, end)
        end = behind.end() if behind else end
        if end > start:
            yield body[start:end]
        start = end


def without_brackets(body: str, whole: str) -> str:
    """A line without brackets and citations.

    Labels, formulas and short forms that the `whole` text uses again stay.
    """

    def kept(match: re.Match[str]) -> str:
        inside = match[1].strip()
        near = match.string[max(0, match.start() - 3) : match.start()]
        label = _LABEL.match(inside.strip("\"'“”‘’")) or (match.start() == 0 and len(inside) < 4)
        used = _SHORT.match(inside) and len(re.findall(rf"\b{inside.rstrip('s')}", whole)) > 1
        attached = match[0][0] == "(" and match.start() and near[-1:].isalnum()
        meaning = near.endswith(('"', "”")) and inside.islower()
        formula = _FORMULA.search(inside) or _FORMULA.search(near)
        return match[0] if label or used or attached or meaning or formula else ""

    found = _BRACKET.sub(kept, _CITATION.sub("", body))
    return re.sub(r"(\b[A-Z]\.)\.(?=\s|\Z)", r"\1", found).lstrip() if found != body else body


def cut(sentence: str) -> list[str]:
    """A sentence as the shorter ones that it joins; itself where it is not safe to cut."""
    core = sentence.rstrip()
    if core.endswith("?") or core.count('"') + core.count("“"):
        return [sentence]
    pauses = list(_PAUSE.finditer(core))
    matches = [*_JOINED.finditer(core), *(pauses if len(pauses) == 1 else [])]
    parts, start = [], 0
    for match in sorted(matches, key=lambda found: found.start()):
        left, right = core[start : match.start()], core[match.end() :]
        if _stands(left, bound=bool(match.lastindex)) and _stands(right, bound=False):
            word = match[1] if match.lastindex else ""
            parts.append(_capital(left) + ".")
            start = match.end() - (len(word) + 1 if word and word != "and" else 0)
    if not parts:
        return [sentence]
    return [*(f"{part} " for part in parts), _capital(core[start:]) + sentence[len(core) :]]


def leans(sentence: str) -> bool:
    """Whether a sentence may speak of what the one before it named."""
    return _LEANS.match(sentence) is not None


def _stands(part: str, bound: bool) -> bool:
    """Whether a part can stand alone: it has words and a verb, and nothing open.

    One that is `bound` by a word of its own, such as `if`, cannot be parted from what follows.
    """
    whole = len(part.split()) >= _LEAST and part.count("(") == part.count(")")
    if not whole or part[-1:] in ",:;" or _FINITE.search(part) is None:
        return False
    return not (bound and _BOUND.search(part))


def _capital(part: str) -> str:
    return part[:1].upper() + part[1:]
