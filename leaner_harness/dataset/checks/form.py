"""How a rewrite looks: refusals, echoes, left-over marks, lost marks, loops, foreign characters."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from leaner_harness.dataset.checks import code_blocks
from leaner_harness.dataset.checks.grading import Thresholds, at_least, at_most
from leaner_harness.dataset.checks.reading import Reading, Run
from leaner_harness.dataset.records import FAIL, PASS, Finding

_REFUSALS = re.compile(
    r"as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|i(?:'m| am) (?:sorry|afraid),? (?:but )?i(?:'m| am)? ?(?:can|could|not|unable|won)"
    r"|i(?:'m| am) (?:unable|not able) to (?:assist|help|rewrite|comply|fulfil|provide|process)"
    r"|i (?:can(?:'t|not| not)|won't|will not) "
    r"(?:assist|comply|fulfil|rewrite|simplify|process|provide|help (?:you )?with th)"
    r"|content policy|against my (?:guidelines|programming)"
    r"|no (?:text|article|passage) (?:was|has been) (?:provided|given)"
    r"|please provide (?:the|me|a) (?:text|article|passage)\b"
)
"""In lower case, apostrophes straight."""
_LEFT = re.compile(
    r"EDITED\s*:|<end>|<split>|<error_(?:start|end)>|<\|[a-z_]+\|>|</?s>|</?think>"
    r"|\[/?(?:TASK|INPUT|RESPONSE|INST)\]"
)
_FIRST = re.compile(
    r"\s*[{\[]\s*\"\w+\"\s*:|\s*(?:Sure|Certainly|Of course|Okay)[!,.]? (?:[Hh]ere|I)\b[^\n]*"
    r"|\s*[Hh]ere(?:'s| is| are) (?:the|a|your|my) [^\n]*(?:rewrit|simpl|edit|version)[^\n]*:"
)
_LAST = re.compile(r"\"\s*[}\]]\s*\Z")
_LEFT_IN_PROSE = re.compile(r"```|(?<!\\)\\n")
_TURN = re.compile(r"(?m)^[ \t]*(?:[\"“'‘]|[-–—][ \t]|[A-Z][\w. ]{0,30}:[ \t])")
_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]|[-*•][ \t]|\d{1,3}[.)][ \t]|Lesson:)")
_TAIL = 20
"""Characters at the end that may be the end of JSON."""
_ECHO, _LOOP = 8, 6
"""Words in a row: eight in common are no chance, six come back in a text that loops."""
_SHORT_LOOP = 40
"""Runs of words below which a text is too short to loop."""


def refusal(source: Reading, new: Reading) -> Finding:
    """Phrases by which a model declines or talks of itself; those of the source do not count."""
    before, after = (some.lower.replace("’", "'") for some in (source, new))
    return _none_allowed("refusal", _new(_REFUSALS, before, after))


def prompt_echo(source: Reading, new: Reading, prompt: str, limits: Thresholds) -> Finding:
    """Share of the rewrite's runs of eight words that are in the prompt and not in the source."""
    given, runs = _runs_of(prompt), new.runs(_ECHO) if prompt else []
    echoed = [run for run in runs if run in given]
    if echoed:
        own = set(source.runs(_ECHO))
        echoed = [run for run in echoed if run not in own]
    note = " ".join(echoed[0]) if echoed else ""
    share = len(echoed) / max(len(runs), 1)
    return at_most("prompt_echo", share, limits.echo_warn, limits.echo_fail, note)


def leftover_markers(source: str, text: str, genre: str) -> Finding:
    """Marks of the exchange with the model: EDITED:, <end>, JSON, fences where there is no code."""
    found = _new(_LEFT, source, text)
    opening, end = _FIRST.match(text), _LAST.search(text[-_TAIL:])
    if opening and not _FIRST.match(source):
        found.append(opening[0])
    if end and not _LAST.search(source[-_TAIL:]):
        found.append(end[0])
    if genre not in {"code", "math", "instruction"}:
        found += _new(_LEFT_IN_PROSE, source, text)
    return _none_allowed("leftover_markers", found)


def genre_markers(source: str, text: str, genre: str, limits: Thresholds) -> Finding:
    """Share of the source's marks that the rewrite has, too, by number.

    Conversation: beginnings of turns. Code: blocks of Python that parse, and that there are blocks.
    Any other genre: headings and list items, which are only advised on.
    """
    if genre == "code":
        return _code_kept(source, text)
    mark, fail = (_TURN, limits.marks_fail) if genre == "conversation" else (_MARK, None)
    before, after = (sum(1 for _ in mark.finditer(some)) for some in (source, text))
    note = f"{before} before, {after} after" if after < before else ""
    return at_least("genre_markers", _kept(before, after), limits.marks_warn, fail, note)


def repetition(source: Reading, new: Reading, limits: Thresholds) -> Finding:
    """Share of the runs of six words that occurred before; a high one less the source's."""
    value = _repeated(new)
    if value > limits.repetition_warn:
        value = max(value - _repeated(source), 0.0)
    loops = value > limits.repetition_warn
    note = " ".join(Counter(new.runs(_LOOP)).most_common(1)[0][0]) if loops else ""
    return at_most("repetition", value, limits.repetition_warn, limits.repetition_fail, note)


def ascii_share(text: str, limits: Thresholds) -> Finding:
    """Share of characters that are ASCII; the note names the commonest others."""
    others = Counter("" if text.isascii() else filter(_foreign, text))
    share = 1 - others.total() / len(text) if text else 1.0
    note = " ".join(f"U+{ord(sign):04X}" for sign, _ in others.most_common(10))
    return at_least("ascii", share, limits.ascii_warn, limits.ascii_fail, note)


def _new(pattern: re.Pattern[str], source: str, text: str) -> list[str]:
    """What is found in a text more often than in its source."""
    after = Counter(match[0] for match in pattern.finditer(text))
    if after:
        after.subtract(match[0] for match in pattern.finditer(source))
    return sorted((+after).elements())


def _none_allowed(check: str, found: list[str]) -> Finding:
    note = "; ".join(repr(some[:80]) for some in dict.fromkeys(found))
    return Finding(check, float(len(found)), FAIL if found else PASS, 0.0, note=note)


def _code_kept(source: str, text: str) -> Finding:
    if code_blocks.blocks(source) and not code_blocks.blocks(text):
        return at_least("genre_markers", 0.0, 1.0, 1.0, "no block of code")
    before, before_wrong = _python(source)
    after, after_wrong = _python(text)
    newly_wrong = max(after_wrong - before_wrong, 0)
    value = _kept(max(before, after + newly_wrong), after)
    note = "Python that does not parse" if newly_wrong else "fewer blocks of Python"
    return at_least("genre_markers", value, 1.0, 1.0, note if value < 1 else "")


def _python(text: str) -> tuple[int, int]:
    """Blocks that parse, and that do not."""
    taken = [code_blocks.parses(block) for block in code_blocks.python_blocks(text)]
    return sum(taken), len(taken) - sum(taken)


def _kept(before: int, after: int) -> float:
    return min(after / before, 1.0) if before else 1.0


@lru_cache(maxsize=32)
def _runs_of(prompt: str) -> frozenset[Run]:
    """Of a prompt, which many chunks share."""
    return frozenset(Reading(prompt).runs(_ECHO))


def _repeated(text: Reading) -> float:
    runs = text.runs(_LOOP)
    return 1 - len(set(runs)) / len(runs) if len(runs) >= _SHORT_LOOP else 0.0


def _foreign(sign: str) -> bool:
    return not sign.isascii()
