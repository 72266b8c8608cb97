import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.data.text import GENRES, read_documents
from leaner_harness.dataset.checks import DEFAULT, Thresholds, verify
from leaner_harness.dataset.records import FAIL, PASS, WARN, Chunk, Finding
from leaner_harness.dataset.vocabulary import Vocabulary, packaged

TEXT = "The girl saw 3 dogs in the garden. She did not like them. She went home with her mother."
PYTHON = (
    "### CODING INPUT:\nAdd.\n\n```python\ndef add(a, b):\n    return a + b\n```\nThe end of it."
)


def found(
    source: str, text: str, check: str, genre: str = "wiki", prompt: str = "", **limits: float
) -> Finding:
    chunk = Chunk("d", 0, genre, source)
    findings = verify(chunk, text, packaged(), prompt, Thresholds(**limits))  # type: ignore[arg-type]
    return {finding.check: finding for finding in findings}[check]


def test_a_text_is_a_good_rewrite_of_itself() -> None:
    findings = verify(Chunk("d", 0, "wiki", TEXT), TEXT, packaged())
    assert {finding.verdict for finding in findings} == {PASS}
    assert len({finding.check for finding in findings}) == len(findings) == 10


PIECES = st.sampled_from(
    [TEXT, PYTHON, "<end>", "EDITED:", '{"a": 1}', "```", "\\n", "\n", "\x00", "é", "no 1,000.5 "]
)
ANY_TEXT = st.one_of(st.text(), st.lists(PIECES, max_size=6).map("".join))


@given(ANY_TEXT, ANY_TEXT, st.sampled_from([*GENRES, "?"]), ANY_TEXT)
def test_any_text_has_its_findings(source: str, text: str, genre: str, prompt: str) -> None:
    findings = verify(Chunk("d", 0, genre, source), text, packaged(), prompt)
    assert len(findings) == 10
    for finding in findings:
        assert finding.row()["verdict"] in {PASS, WARN, FAIL}
        assert finding.value >= 0
        if finding.check not in {"length_ratio", "refusal", "leftover_markers"}:
            assert finding.value <= 1


@pytest.mark.parametrize("text", ["", " \n", "12 34 ...", "<end>"])
def test_an_empty_rewrite_fails(text: str) -> None:
    findings = verify(Chunk("d", 0, "web", TEXT), text, packaged())
    assert FAIL in {finding.verdict for finding in findings}


def test_a_megabyte_is_read_and_fails() -> None:
    findings = verify(Chunk("d", 0, "wiki", TEXT), "word " * 200_000, packaged())
    assert FAIL in {finding.verdict for finding in findings}


def test_vocabulary_names_the_words_outside_the_commonest_first() -> None:
    text = "the zyx saw a qux and the zyx"
    finding = found(TEXT, text, "vocabulary")
    assert (finding.value, finding.verdict) == (5 / 8, FAIL)
    assert finding.note == "zyx, qux"
    long = " ".join(f"{a}{b}zzq" for a in "abcdef" for b in "abcdef")
    assert len(found(TEXT, long, "vocabulary").note.split(", ")) == 20


@pytest.mark.parametrize(
    ("outside", "expected"), [(0, PASS), (5, PASS), (6, WARN), (10, WARN), (11, FAIL)]
)
def test_vocabulary_is_held_against_both_thresholds(outside: int, expected: str) -> None:
    text = "the " * (100 - outside) + "zyx " * outside
    finding = found(TEXT, text, "vocabulary")
    assert finding.verdict == expected
    assert finding.threshold == (0.90 if expected == FAIL else 0.95)


def test_code_is_no_vocabulary() -> None:
    assert found(PYTHON, PYTHON, "vocabulary", "code").value == 1
    assert found(PYTHON, PYTHON, "vocabulary", "wiki").value < 1


@pytest.mark.parametrize(
    ("share", "genre", "expected"),
    [
        (0.39, "wiki", FAIL),
        (0.4, "wiki", PASS),
        (1.6, "wiki", PASS),
        (1.61, "wiki", FAIL),
        (0.1, "web", PASS),
        (0.09, "web", FAIL),
    ],
)
def test_length(share: float, genre: str, expected: str) -> None:
    finding = found("word " * 100, "word " * round(100 * share), "length_ratio", genre)
    assert (finding.value, finding.verdict) == (pytest.approx(share), expected)


def test_nothing_is_too_short_whatever_the_threshold() -> None:
    assert found("", "", "length_ratio", ratio_low=0.0).verdict == FAIL
    assert found("word " * 10, "word", "length_ratio", ratio_low=0.0).verdict == PASS


@pytest.mark.parametrize(
    ("source", "text", "value", "note"),
    [
        ("It has 3 dogs.", "It has three dogs.", 1, ""),
        ("It has 21 dogs.", "It has twenty-one dogs.", 1, ""),
        ("The 2nd of 4.", "The second of four.", 1, ""),
        ("1,000 men", "1000 men", 1, ""),
        ("2.50 miles", "2.5 miles", 1, ""),
        ("1945 and 12", "1946 and 12", 0.5, "lost 1945; new 1946"),
        ("At 10:30 on 5 May", "In the morning on May 5", 0.5, "lost 10:30"),
        ("three dogs", "3 dogs", 1, ""),
        ("some dogs", "7 dogs", 1, "new 7"),
        ("1. One dog\n2. Two cats", "A dog. Cats.", 1, ""),
    ],
)
def test_numbers(source: str, text: str, value: float, note: str) -> None:
    finding = found(source, text, "numbers_kept")
    assert (finding.value, finding.note) == (value, note)
    assert finding.verdict == (PASS if value == 1 else WARN)


def test_lost_numbers_fail_where_that_is_asked_for() -> None:
    assert found("3 of 5", "of 5", "numbers_kept", numbers_fail=0.9).verdict == FAIL


@pytest.mark.parametrize(
    ("source", "text", "value"),
    [
        ("I do not go. I can't see. None came.", "I never go. He doesn’t see. No one came.", 1),
        ("I do not go. I can't see. None came.", "I go. I see. He came.", 0),
        ("I do not, not go. Nor you.", "I do not go. Nor you.", 1),
        ("I know a knot. The nose is now noble.", "I know.", 1),
        ("I cannot go\nwithout you", "I cannot go without you", 0.5),
    ],
)
def test_negations(source: str, text: str, value: float) -> None:
    finding = found(source, text, "negation_kept")
    assert finding.value == value
    assert finding.verdict == (WARN if value < 0.5 else PASS)


def test_one_negation_more_or_less_says_nothing() -> None:
    finding = found("It is not far.", "It is near.", "negation_kept")
    assert (finding.value, finding.verdict) == (0, PASS)


@pytest.mark.parametrize(
    "phrase",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot rewrite this text.",
        "As an AI language model, I have no opinion.",
        "I am unable to assist with this request.",
        "I’m unable to help you.",
        "Please provide the text you want me to rewrite.",
    ],
)
def test_refusals(phrase: str) -> None:
    finding = found(TEXT, f"{phrase} {TEXT}", "refusal")
    assert (finding.verdict, finding.value) == (FAIL, 1)
    assert found(f"{phrase} {TEXT}", f"{phrase} {TEXT}", "refusal").verdict == PASS


@pytest.mark.parametrize(
    "text", ["I am sorry that you fell.", "I can not help it.", "Is there no text on the page?"]
)
def test_what_a_child_says_is_no_refusal(text: str) -> None:
    assert found(TEXT, text, "refusal").verdict == PASS


PROMPT = "Write the text again with easy words that a small child would know, and keep the story."


def test_an_echo_of_the_prompt() -> None:
    finding = found(TEXT, f"{PROMPT} {TEXT}", "prompt_echo", prompt=f"{PROMPT}\n{TEXT}")
    assert finding.verdict == FAIL and finding.note.startswith("write the text again")
    assert found(TEXT, TEXT, "prompt_echo", prompt=f"{PROMPT}\n{TEXT}").value == 0
    assert found(TEXT, f"{PROMPT} {TEXT}", "prompt_echo").value == 0


@pytest.mark.parametrize(
    "text",
    [
        f"EDITED: {TEXT}",
        f"{TEXT} <end>",
        f'{{"text": "{TEXT}"}}',
        f'{TEXT}"}}',
        f"```\n{TEXT}\n```",
        f"{TEXT}\\nAnd so on.",
        f"Sure! Here is the text:\n{TEXT}",
        f"Here's the simplified version:\n{TEXT}",
        f"<|im_start|>{TEXT}",
        f"[RESPONSE]{TEXT}",
    ],
)
def test_marks_that_are_left(text: str) -> None:
    assert found(TEXT, text, "leftover_markers").verdict == FAIL
    assert found(text, text, "leftover_markers").verdict == PASS


def test_a_fence_is_no_leftover_in_code() -> None:
    assert found("Add.", PYTHON, "leftover_markers", "code").verdict == PASS


def test_turns_of_a_conversation_are_kept() -> None:
    source = '"Hello."\n"Who is there?"\n"It is me."\n"Come in."'
    assert found(source, source, "genre_markers", "conversation").verdict == PASS
    told = '"Hello."\nHe came in.'
    assert found(source, told, "genre_markers", "conversation").value == 0.25
    assert found(source, told, "genre_markers", "conversation").verdict == FAIL
    assert found(source, told, "genre_markers", "book").value == 1


def test_headings_and_items_are_advice() -> None:
    source = "# Dogs\n- a dog\n* a cat\n1. a cow\n"
    finding = found(source, "# Dogs\nmany", "genre_markers", "textbook")
    assert (finding.value, finding.verdict, finding.note) == (0.25, WARN, "4 before, 1 after")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (PYTHON, 1),
        (PYTHON.replace("a + b", "b + a"), 1),
        (PYTHON.replace("(a, b):", "(a, b)"), 0),
        (PYTHON.replace("```python", "```"), 1),
        (PYTHON + "\n```python\nif\n```\n", 0.5),
        ("Add the two numbers.", 0),
        ("```sql\nSELECT 1;\n```", 0),
    ],
)
def test_code_still_parses(text: str, value: float) -> None:
    finding = found(PYTHON, text, "genre_markers", "code")
    assert (finding.value, finding.verdict) == (value, PASS if value == 1 else FAIL)


def test_code_that_did_not_parse_need_not() -> None:
    old = PYTHON.replace("return a + b", "print a")
    assert found(old, old, "genre_markers", "code").verdict == PASS


@pytest.mark.parametrize("code", ["(" * 90_000, "x\x00", "-" * 90_000 + "1", "f'{" * 500])
def test_no_code_stops_the_parser(code: str) -> None:
    text = f"```python\n{code}\n```"
    assert found(PYTHON, text, "genre_markers", "code").verdict == FAIL


def test_loops() -> None:
    finding = found(TEXT, f"{TEXT} " + "She went home again and again. " * 20, "repetition")
    assert finding.verdict == FAIL and "again and again" in finding.note
    looped = "She went home again and again. " * 20
    assert found(looped, looped, "repetition").verdict == PASS


def test_letters_of_another_script() -> None:
    assert found(TEXT, TEXT + "é", "ascii").verdict == WARN
    finding = found(TEXT, "Девочка", "ascii")
    assert (finding.value, finding.verdict) == (0, FAIL)
    assert "U+0435" in finding.note


def test_thresholds_are_the_users() -> None:
    empty = Vocabulary(frozenset({"the"}))
    lax = Thresholds(coverage_warn=0.0, coverage_fail=0.0)
    findings = verify(Chunk("d", 0, "wiki", TEXT), TEXT, empty, thresholds=lax)
    assert {finding.verdict for finding in findings} == {PASS}
    assert DEFAULT.coverage_fail == 0.90


def test_published_text_shows_no_refusal_echo_or_loop(tinyhelen) -> None:
    source = str(tinyhelen / "data" / "leaner")
    allowed = packaged()
    for genre in ("web", "code"):
        for document in read_documents(source, "validation", [genre]):
            findings = verify(Chunk(document.id, 0, genre, document.text), document.text, allowed)
            failed = {finding.check for finding in findings if finding.verdict == FAIL}
            assert failed <= {"vocabulary"}
