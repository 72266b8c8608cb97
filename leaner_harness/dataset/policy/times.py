"""Years, dates and times of day made vague; links, mail addresses and phone numbers taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.?|Feb\.?|Mar\.?|Apr\.?|Jun\.?|Jul\.?|Aug\.?|Sept?\.?|Oct\.?|Nov\.?|Dec\.?)"
)
_YEAR = r"(?<![\d.,$£€])(?:1\d{3}|20\d{2})(?![\d%°]|[.,:/-]\d)(?: (?:BCE?|AD|CE)\b)?"
YEAR = re.compile(rf"{_YEAR}(?!\w)")
"""A number that reads as a year, from 1000 to 2099."""
_DAY = r"\d{1,2}(?:st|nd|rd|th)?(?:[-–]\d{1,2}\b)?"
_DATE = rf"(?:(?:{_DAY} (?:of )?)?{_MONTH}(?: {_DAY})?,?(?: of)? {_YEAR})"
_TH = r"\d{1,2}(?:st|nd|rd|th)"
_CENTURY = (
    r"the (?:(?:early|late|mid|middle|beginning of the|end of the)[ -])?"
    rf"(?:{_TH}(?:(?:,| and| to)(?: the)? {_TH})* centur(?:y|ies)|1\d{{3}}s|20\d0s)"
    r"(?: (?:BCE?|AD|CE)\b)?"
)
_WHEN = rf"(?:{_DATE}|{_YEAR}|{_CENTURY})(?:(?:, (?:and )?| and | or )(?:{_DATE}|{_YEAR}))*"
_PLURAL = r"(?!was\b|is\b|has\b|as\b|his\b|its\b|this\b|does\b)(?-i:[a-z]+s\b)"
_END = rf"(?! {_PLURAL})(?!\w)"
"""No `1500 metres`: what stands before a plural counts it."""
_ABOUT = r"(?: (?:around|about|or before|late|early))?"
_ARTICLE = r"\b([Tt]he|[Aa]n?|[Hh]is|[Hh]er|[Ii]ts|[Tt]heir)"
_HOUR = r"(?P<hour>\d{1,2})(?:[:.]\d\d)?"
_RECENT = 2000
AGO, SOON_AGO, LATER = "a long time ago", "some years ago", "at a later time"
_TO_COME = re.compile(r"\b(?:will|shall|scheduled|expected|planned|plans?) ")


def _ago(match: re.Match[str]) -> str:
    """How long ago the last year of a match was, in words; what is still to come is later."""
    years = [int(year) for year in re.findall(r"\d{4}", match[0])]
    if not years or max(years) < _RECENT:
        return AGO
    sentence = match.string[max(0, match.start() - 200) : match.start()].rpartition(". ")[2]
    return LATER if _TO_COME.search(sentence) else SOON_AGO


def _clock(match: re.Match[str]) -> str:
    hour, late = int(match["hour"]), match["half"][0].lower() == "p"
    part = "evening" if late and 6 <= hour < 12 else "afternoon" if late else "morning"
    dot = "." if match[0].endswith(".") and _ends(match) else ""
    word = match["word"] or ""
    if word.lower() in ("at ", "around ", "about ", "by ", ""):
        return f"in the {part}{dot}"
    return f"{word}the {part}{dot}"


def _ends(match: re.Match[str]) -> bool:
    return re.match(r"\s*(?:\Z|\s[A-Z\n])", match.string[match.end() :]) is not None


def _without_year(match: re.Match[str]) -> str:
    article, letter = match[1], match[2]
    if article.lower() in ("a", "an"):
        article = article[0] + ("n" if letter[0].lower() in "aeio" else "")
    return f"{article} "


_By = Callable[[re.Match[str]], str] | str
_Step = tuple[re.Pattern[str], _By]
_VAGUE: tuple[_Step, ...] = (
    (re.compile(rf"\bfrom {_WHEN} (?:to|until|through) {_WHEN}{_END}", re.I), "for some years"),
    (re.compile(rf"\bfrom {_YEAR} ?[-–] ?{_YEAR}{_END}", re.I), "for some years"),
    (re.compile(rf"\bbetween {_WHEN}{_END}", re.I), _ago),
    (re.compile(rf"\bsince {_WHEN}{_END}", re.I), "for a long time"),
    (re.compile(rf"\b(?:until|till) {_WHEN}{_END}", re.I), "until some time later"),
    (re.compile(rf"\b(before|after|by) {_WHEN}{_END}", re.I),
     lambda match: f"{match[1]} that time"),
    (re.compile(rf"\b(?:in )?the (?:\w+ )?(spring|summer|autumn|fall|winter) of {_YEAR}", re.I),
     lambda match: f"one {match[1]}"),
    (re.compile(rf"\b(?:in|on|during|around|circa|c\.){_ABOUT} {_WHEN}{_END}", re.I), _ago),
    (re.compile(rf"{_DATE}(?: ?[-–] ?{_DATE})?"), _ago),
    (re.compile(_CENTURY, re.I), "a time long ago"),
    (re.compile(rf"\b{_TH}[- ]century\b"), "old"),
    (re.compile(rf"\bon (?:{_MONTH} {_DAY}|(?:the )?{_DAY} (?:of )?{_MONTH})(?!\w)", re.I),
     "on a certain day"),
    (re.compile(rf"{_ARTICLE} {_YEAR} (?=([A-Za-z])(?!o\b|nd\b|r\b|hrough\b))"), _without_year),
    (re.compile(rf"\b(?P<word>at |around |about |by |from |until |to |till )?{_HOUR} ?"
                r"(?P<half>[ap]\.?m\b\.?)(?: [A-Z]{2,3}T\b)?", re.I), _clock),
    (re.compile(r"\bat (?:[01]?\d|2[0-3]):[0-5]\d(?![\d:])"), "at some time"),
)  # fmt: skip
LINK = re.compile(
    r"<?(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]'*_]>?"
    r"|\b[a-z0-9-]+\.(?:com|org|net|edu|gov|co\.uk)\b(?:/[^\s<>\",;)]*[^\s<>\".,;:!?)\]'])?"
)
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"(?<![\w.-])(?:\+?\d{1,3}[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])")
_TAKEN: tuple[_Step, ...] = (
    (re.compile(r"!?\[([^\]\n]*)\]\((?:https?:|www\.|/|#)[^)\s]*\)"), lambda m: m[1]),
    (re.compile(r" ?\((?:https?://|www\.)[^)\s]*\)"), ""),
    (MAIL, "an email address"),
    (LINK, "a web page"),
    (PHONE, "a phone number"),
)


def _replaced(text: str, steps: tuple[_Step, ...], needed: Collection[str] = ()) -> str:
    for pattern, by in steps:
        text = pattern.sub(partial(_new, by=by, needed=needed), text)
    return text


def _new(match: re.Match[str], by: _By, needed: Collection[str]) -> str:
    if needed and any(year in needed for year in re.findall(r"\d{4}", match[0])):
        return match[0]
    return _like(match, by)


def _like(match: re.Match[str], by: _By) -> str:
    """The replacement, with a capital where the match had one and it can be a sentence's."""
    new = by if isinstance(by, str) else by(match)
    return new[:1].upper() + new[1:] if match[0][:1].isupper() and _opens(match) else new


def _opens(match: re.Match[str]) -> bool:
    """Whether a sentence begins with the match."""
    before = match.string[: match.start()].rstrip(" \"'“”‘’*_(")
    return not before or before[-1] in ".!?:\n#-"


def vague(text: str, needed: Collection[str] = ()) -> str:
    """Years, dates and times of day as vague words; a bare year elsewhere stays, and what needs it.

    `needed` are years that stay.
    """
    return _replaced(text, _VAGUE, needed) if re.search(r"\d", text) else text


def without_contacts(text: str) -> str:
    """Links, mail addresses and phone numbers as common phrases."""
    return _replaced(text, _TAKEN)
