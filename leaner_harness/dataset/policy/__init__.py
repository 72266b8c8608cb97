"""Names, places, times and works replaced by policy, the same throughout a document.

The replacements are derived once, from the whole document: its chunks may then be rewritten in any
order, by any rewriter. Policy after TinyHelen (arXiv 2501.00522); all lists are our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from leaner_harness.dataset.policy import names, places, times
from leaner_harness.dataset.policy.names import FEMALE, MALE, stand_ins, starts_sentence
from leaner_harness.dataset.records import PASS, WARN, Finding

VERSION = 1
"""Of the policy: bump it with any change of what is replaced by what."""
_ROUNDS = 5
_LEFT, _COUNTRIES, _YEARS = 0.05, 0.5, 1.0
"""What is remarked on: share of names left; countries and years left for each 1,000 words."""
_NAMES_KEPT = 0.5
"""Share of the people of a source that should still be there: less is remarked on."""
_KINDS = ("people", "places", "works", "years")
_ARROW = " -> "
_WORK = re.compile(r"(?<!\w)([\"“])([A-Z][^\"“”\n]{1,60}?)([\"”])(?!\w)")
_KIND = re.compile(
    r"\b(movie|film|song|album|single|book|novel|poem|play|opera|musical|show|series|magazine"
    r"|newspaper|painting|story|game)s?\b"
)
_DEFINES = re.compile(r",? (?:is|was|are|were) (?:an?|the)\b| [A-Z]")
_HEADING = 15
"""Words of a first line that may be a title."""
_DETERMINER = re.compile(r"\b(?:the|an?|his|her|its|their|this|'s) (?:\w+ )?\Z", re.I)
_KIND_TWICE = re.compile(r"\b(?:the )?([a-z]+) of ([A-Z]{2}) \1\b")
_CAPITAL_BEHIND = re.compile(r" [A-Z][A-Za-z]")
_WITH_THE = re.compile(
    r"\A(?:Netherlands|Philippines|Maldives|Gambia|Seychelles|Comoros|Congo|Sudan|Ukraine|U\.?S.*"
    r"|U\.?K.*)\Z|Republic|Union|United|Empire|Islands|Britain"
)
"""Countries that have an article in English."""
_SAYS = re.compile(
    r"\b(?:languages?|speaks?|speaking|spoken|spoke|English|Latin|translated|dialects?)\b"
    r"|\b(?:[Ii]n|into|learn|learning) \Z"
)
_NO_NOUN = re.compile(r"\W*\Z|[^\w\s]| (?:and|or|but|is|was|as|by|with|for|called|than)\b")
_ELSEWHERE = re.compile(r"\b(?:South|North|Latin|Central|African|Native) \Z")
"""Before `American`: not of the United States."""
_NOUN_BEHIND = re.compile(r" (?!(?:is|was|has|had|and|or|in|to|for|with|on|as|by|from|at)\b)[a-z]")
_NEAR = 60
"""Characters before a title in which its kind is looked for."""


@dataclass(frozen=True)
class Replacements:
    """What stands for what in one document."""

    people: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    works: Mapping[str, str] = field(default_factory=dict)
    years: Mapping[str, str] = field(default_factory=dict)
    """Those that stay as they are: the text is about them."""

    @cached_property
    def all(self) -> dict[str, str]:
        """All of them; a work goes before a place, a place before a person."""
        return {**self.people, **self.places, **self.works}

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Matches what is to be replaced."""
        return _any_of(self.all)


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    """Matches some forms, the longest first, as whole words."""
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    if not ordered:
        return None
    inside = "|".join(map(re.escape, ordered))
    number = r"(?: (?:[IVX]{2,4}|V|X|I(?= of|[,.;)])|Jr\.?|Sr\.?)(?![\w'’]))?"
    return re.compile(rf"(?<![\w@/#-])((?:[Tt]he|[Aa]n?) )?({inside}){number}(?![\w@]|-[a-z])")


def derive(text: str) -> Replacements:
    """The replacements of a document."""
    works = _works(text)
    found = places.places(text)
    people = names.people(text, no_people=[*found, *works])
    return Replacements(names.assign(people), places.assign(found), works, _years(text))


def _years(text: str) -> dict[str, str]:
    """Years of the first line: what is headed by them makes no sense without them."""
    head, line_end, _ = text.strip().partition("\n")
    if not line_end or head.endswith((".", "!", "?")) or len(head.split()) > _HEADING:
        return {}
    return {
        year: year for year in dict.fromkeys(re.findall(r"\d{4}", head)) if times.YEAR.match(year)
    }


def _works(text: str) -> dict[str, str]:
    """Titles in quotation marks near a word that says what they are of."""
    found: dict[str, str] = {}
    for match in _WORK.finditer(text):
        before = text[max(0, match.start() - _NEAR) : match.start()].rpartition(".")[2]
        behind = _KIND.match(text, match.end() + 1)
        kinds = [behind[1]] if behind else _KIND.findall(before)
        named = behind or (kinds and before.rstrip(", ").endswith(kinds[-1]))
        determined = _DETERMINER.search(before) and not named
        if kinds and _is_title(match[2].rstrip(".,")) and not determined:
            found.setdefault(match[0], _a(kinds[-1]))
    return found


def _is_title(words: str) -> bool:
    return all(word[0].isupper() or len(word) < 5 for word in re.findall(r"[^\W\d_]+", words))


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def apply(text: str, replacements: Replacements) -> str:
    """A text of the document with all replaced. Applied again, it changes nothing more."""
    text = _without_titles(times.without_contacts(text), replacements.works)
    text = times.vague(text, replacements.years)
    if replacements.pattern:
        # Once more where what was put in makes a name with what is beside it: `Adam Adam Adam`.
        for _ in range(_ROUNDS):
            before = text
            text = replacements.pattern.sub(lambda match: _stand_in(match, replacements), text)
            if text == before:
                break
    return _KIND_TWICE.sub(r"\2 \1", text)


def _without_titles(text: str, works: Mapping[str, str]) -> str:
    """`the film "X"` and `the "X" film` as `the film`, and `"X"` alone as `a film`."""
    for title, phrase in works.items():
        kind, quoted = phrase.split()[1], re.escape(title)
        text = re.sub(rf"\b({kind}),? {quoted}|{quoted} ({kind}s?)\b", _kind_of, text)
        text = re.sub(quoted, partial(_phrase, phrase=phrase), text)
    return text


def _kind_of(match: re.Match[str]) -> str:
    return match[1] or match[2]


def _phrase(match: re.Match[str], phrase: str) -> str:
    """The phrase for a title that has no article or such before it."""
    before = match.string[: match.start()]
    defined = _DEFINES.match(match.string, match.end())
    if defined or _DETERMINER.search(before[-40:]):
        return match[0]
    opens = re.search(r"(?:\A|\n|[.!?] )\Z", before)
    return phrase[0].upper() + phrase[1:] if opens else phrase


def _stand_in(match: re.Match[str], replacements: Replacements) -> str:
    """The new name, and the article that it needs: none for a country, `an` before a vowel."""
    article, form = match[1] or "", match[2]
    new = replacements.all[form]
    if form.endswith(".") and starts_sentence(match.string[match.end() :]):
        new += "."
    if new == form or (form.startswith("American") and _ELSEWHERE.search(_before(match))):
        return match[0]
    if _is_part(form, new) and _CAPITAL_BEHIND.match(match.string, match.end()):
        return match[0]
    if article.lower() == "the ":
        if _is_part(form, new) and form in replacements.people:
            return match[0]  # `the Bohr model` is not about someone
        of_it = form.isupper() and _NOUN_BEHIND.match(match.string, match.end())
        return new if _WITH_THE.search(form) and not of_it else article + new
    if not article and _is_language(match, form):
        return f"the {new} language"
    if article:
        article = article[0] + ("n " if new[0].lower() in "aeio" else " ")
    return article + new


def _is_language(match: re.Match[str], form: str) -> bool:
    """Whether something is said `in French`, or about languages, without a noun behind."""
    place = places.countries().get(form)
    if place is None or not place.adjective or not _NO_NOUN.match(match.string, match.end()):
        return False
    return _SAYS.search(_before(match).rpartition(". ")[2]) is not None


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _NEAR) : match.start()]


def _is_part(form: str, new: str) -> bool:
    """Whether a capitalised word behind makes this a part of a longer name."""
    return new.endswith((" city", " state", " region")) or (" " not in new and " " not in form)


def wording(replacements: Replacements) -> str:
    """What a language model is told: the policy, then a line for each name of the document."""
    policy = (
        f"Other men and boys get the name with their initial of these: {' '.join(stand_ins(MALE))}",
        f"Other women and girls, of these: {' '.join(stand_ins(FEMALE))}",
        "Other places become two capital letters and what they are, such as FR country or NE city.",
        "Dates, years and times of day become vague, unless the text makes no sense without them.",
        "Titles of works become common phrases such as a film. Links, mail addresses and phone "
        "numbers are left out.",
    )
    return "\n".join([*_lines(replacements), *policy])


def _lines(replacements: Replacements) -> Iterator[str]:
    for form, new in {**replacements.all, **replacements.years}.items():
        if form != new or form in replacements.years:
            yield f"{form}{_ARROW}{new}"


def read_wording(told: str) -> Replacements:
    """The replacements that `wording` told."""
    kinds: dict[str, dict[str, str]] = {name: {} for name in _KINDS}
    for line in told.splitlines():
        form, arrow, new = line.partition(_ARROW)
        if arrow:
            kinds[_kind(form, new)][form] = new
    kinds["people"] |= {new: new for new in [*kinds["people"].values()]}
    return Replacements(**kinds)


def _kind(form: str, new: str) -> str:
    if form.isdigit():
        return "years"
    return "works" if form[:1] in '"“' else "places" if " " in new else "people"


def comply(source: str, text: str, replacements: Replacements | None) -> list[Finding]:
    """How far a rewrite keeps to the policy. Advisory.

    Whether people are still there, under the names that they were to get; names, countries, years
    and links left. Without `replacements`, where names stay as they are: the first alone.
    """
    if replacements is None:
        return [_names_kept(source, text, {form: form for form in derive(source).people})]
    words = max(len(text.split()), 1)
    replaced = [form for form, new in replacements.people.items() if form != new]
    pattern = _any_of(replaced)
    before, after = (len(pattern.findall(each)) if pattern else 0 for each in (source, text))
    named = {match[2] for match in pattern.finditer(text)} if pattern else set()
    countries = places.countries_in(text)
    years = times.YEAR.findall(text)
    links = times.LINK.findall(text) + (times.MAIL.findall(text) if "@" in text else [])
    return [
        _names_kept(source, text, replacements.people),
        _finding("names_left", after / before if before else 0.0, _LEFT, named),
        _finding("countries_left", 1000 * len(countries) / words, _COUNTRIES, countries),
        _finding("years_left", 1000 * len(years) / words, _YEARS, years),
        _finding("links_left", len(links), 0, links),
    ]


def _names_kept(source: str, text: str, people: Mapping[str, str]) -> Finding:
    """Share of the people in a source whose new names stand in its rewrite."""
    pattern = _any_of(people)
    named = {people[match[2]] for match in pattern.finditer(source)} if pattern else set()
    lost = sorted(name for name in named if name not in text)
    value = 1 - len(lost) / len(named) if named else 1.0
    verdict = WARN if value < _NAMES_KEPT else PASS
    return Finding("names_kept", value, verdict, _NAMES_KEPT, VERSION, " ".join(lost))


def _finding(check: str, value: float, most: float, left: Iterable[str]) -> Finding:
    verdict, note = (WARN, " ".join(sorted(set(left)))) if value > most else (PASS, "")
    return Finding(check, value, verdict, most, VERSION, note)
