"""Names, places, times and works replaced by policy: alike through a document, and for good."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaner_harness.dataset import policy
from leaner_harness.dataset.policy import names, places
from leaner_harness.dataset.records import PASS, WARN

STORY = (
    "Margaret Hale met John Thornton in Berlin. Mr Thornton was from Germany. Margaret liked the "
    "German tea, and John had bought it in Munich. Later Jane Eyre came with James."
)


def applied(text: str) -> str:
    return policy.apply(text, policy.derive(text))


def test_the_lists_have_a_name_for_each_letter() -> None:
    for gender in (names.MALE, names.FEMALE):
        assert [name[0] for name in names.stand_ins(gender)] == list(string.ascii_uppercase)
        assert all(names.genders()[name] == gender for name in names.stand_ins(gender))
    assert len(names.all_stand_ins()) == 52


def test_someone_has_one_name_of_the_same_initial_and_gender() -> None:
    people = policy.derive(STORY).people
    assert people["Margaret Hale"] == people["Margaret"] == people["Hale"] == "Maria"
    assert people["John Thornton"] == people["John"] == people["Thornton"] == "Jacob"
    assert people["Jane Eyre"] == "Julia"


def test_no_two_people_get_the_same_name_while_there_are_names() -> None:
    people = policy.derive(STORY).people
    assert people["James"] != people["John"]
    text = "I met Adam and Alan and Albert and Alfred and Andrew."
    given = {policy.derive(text).people[name] for name in ("Adam", "Alan", "Albert", "Alfred")}
    assert len(given) == 4 and policy.derive(text).people["Adam"] == "Adam"


def test_chunks_are_rewritten_alike_in_any_order() -> None:
    whole, again = policy.derive(STORY), policy.derive(STORY)
    chunks = [f"{part}." for part in STORY.rstrip(".").split(". ")]
    backwards = [policy.apply(chunk, again) for chunk in reversed(chunks)]
    assert " ".join(reversed(backwards)) == policy.apply(STORY, whole)
    assert "Margaret" not in policy.apply(STORY, whole)


def test_what_a_model_is_told_is_read_back() -> None:
    text = f'The year 1984\n{STORY} He sang the song "Red Sky" in 1984. "Red Sky" was good.'
    whole = policy.derive(text)
    told = policy.wording(whole)
    assert policy.apply(text, policy.read_wording(told)) == policy.apply(text, whole)
    assert "Margaret Hale -> Maria" in told and "Germany -> GE country" in told
    assert "1984 -> 1984" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He lives in France.", "He lives in FR country."),
        ("It is an Italian word.", "It is an IT country word."),
        ("It is an American car.", "It is a UN country car."),
        ("They left the Netherlands by ship.", "They left NE country by ship."),
        ("She is the French queen.", "She is the FR country queen."),
        ("Many Germans saw it.", "Many GE country people saw it."),
        ("The book is in French.", "The book is in the FR country language."),
        ("He is French.", "He is FR country."),
        ("A South American bird sings.", "A South American bird sings."),
        ("He saw Austria and Australia.", "He saw AU country and AS country."),
        ("She flew to New York from Chicago.", "She flew to NE city from CH city."),
        ("He read the New York Times.", "He read the New York Times."),
        ("They swam in the Hudson River.", "They swam in the HU river."),
        ("He studied at Harvard University.", "He studied at HA school."),
        ("They moved to Springfield, Ohio.", "They moved to SP city, OH state."),
        ("They live in the province of Ontario.", "They live in the province of ON state."),
        ("He lives in the U.S. It is big.", "He lives in UN country. It is big."),
        ("We visited the city of Foobar.", "We visited FO city."),
    ],
)  # fmt: skip
def test_places(text: str, expected: str) -> None:
    assert applied(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He died in 1994.", "He died a long time ago."),
        ("In May 2004, he left.", "Some years ago, he left."),
        ("On 4 July 1776 it began.", "A long time ago it began."),
        ("He ruled from 1821 to 1831.", "He ruled for some years."),
        ("It was there since 1990.", "It was there for a long time."),
        ("It was old by 1990.", "It was old by that time."),
        ("It is from the 19th century.", "It is from a time long ago."),
        ("In the late 1980s he sang.", "A long time ago he sang."),
        ("A 1998 album came out.", "An album came out."),
        ("We meet at 9:30 a.m. in town.", "We meet in the morning in town."),
        ("Open from 9 am to 5 pm every day.", "Open from the morning to the afternoon every day."),
        ("It will open in 2030.", "It will open at a later time."),
        ("In 1913 James left.", "A long time ago Jacob left."),
        ("They ran in 1500 homes.", "They ran in 1500 homes."),
        ("He has 1999 books, 3 cats and 7.5 kg.", "He has 1999 books, 3 cats and 7.5 kg."),
        ("They were out in 1598 and 1600.", "They were out a long time ago."),
        ("See https://a.org/b?c=1 now.", "See a web page now."),
        ("Write to me@home.org or call 555-123-4567.",
         "Write to an email address or call a phone number."),
        ("Read [the page](https://a.org).", "Read the page."),
    ],
)  # fmt: skip
def test_times_and_links(text: str, expected: str) -> None:
    assert applied(text) == expected


def test_a_year_in_the_title_is_needed() -> None:
    text = "1972 election\nIn 1972 they voted. In 1976 they voted again."
    assert applied(text) == "1972 election\nIn 1972 they voted. A long time ago they voted again."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He wrote the song "Red Sky" here.', "He wrote the song here."),
        ('It is in the "Red Sky" series.', "It is in the series."),
        ('He made a film. "Red Sky" won.', 'He made a film. "Red Sky" won.'),
        ('His films are good, such as "Red Sky" too.', "His films are good, such as a film too."),
        ('The movie says "come home" twice.', 'The movie says "come home" twice.'),
    ],
)
def test_works(text: str, expected: str) -> None:
    assert applied(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The Bohr model is old.", "Will they come?", "In May it rains.", 
        "They saw the Stanley Cup.",
        "It was a good mark.", "General Motors makes cars.",
    ],
)  # fmt: skip
def test_what_is_no_name_stays(text: str) -> None:
    assert applied(text) == text


def test_countries_know_their_adjectives() -> None:
    known = places.countries()
    assert known["Danish"].name == "Denmark" and known["Danes"].after == " people"
    assert known["USA"].name == known["American"].name == "United States"
    assert known["South African"].name == "South Africa"


def findings(source: str, text: str) -> dict[str, tuple[str, float]]:
    found = policy.comply(source, text, policy.derive(source))
    return {each.check: (each.verdict, each.value) for each in found}


def test_compliance_is_measured_and_never_fails() -> None:
    text = f"{STORY} See https://a.org in 1984."
    echo = findings(text, text)
    assert echo["names_left"] == (WARN, 1.0)
    assert {verdict for verdict, _ in echo.values()} == {WARN}
    kept = findings(text, applied(text))
    assert kept.pop("names_kept") == (PASS, 1.0)
    assert set(kept.values()) == {(PASS, 0.0)}
    assert findings("", "").pop("names_kept") == (PASS, 1.0)
    gone = findings(text, "A man went home.")
    assert gone["names_kept"] == (WARN, 0.0) and gone["names_left"] == (PASS, 0.0)


def test_names_that_stay_are_to_stay() -> None:
    (found,) = policy.comply("Mary met Peter Brown.", "Mary met a man.", None)
    assert (found.check, found.verdict, found.value, found.note) == (
        "names_kept", PASS, 0.5, "Peter Brown",
    )  # fmt: skip


PIECES = st.sampled_from(
    "Tom Tom_Hill Mary Adam Maria France French the The a an in In on from to 1990 2005 1500 U.S. "
    "US UK London Paris New_York River University Mr Mrs Dr King film song , . ; ( ) - said is was "
    "and of May 4 9:30 p.m. https://a.org x@y.org [1] II 'Ann' “ ” Élodie 10th century".split()
    + ['"Red Sky"', '"', "\n"]
).map(lambda piece: piece.replace("_", " "))
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map(" ".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("B Adam Adam Adam:Adam Adam")
def test_any_text_is_replaced_once_and_for_all(text: str) -> None:
    known = policy.derive(text)
    assert known == policy.derive(text)
    once = policy.apply(text, known)
    assert policy.apply(once, known) == once
    policy.comply(text, once, known)
    assert policy.apply(text, policy.read_wording(policy.wording(known))) == once
