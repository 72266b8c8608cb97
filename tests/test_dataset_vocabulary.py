from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.data.text import read_documents
from leaner_harness.dataset import vocabulary as vocabularies
from leaner_harness.dataset.lemmas import candidates, lemma
from leaner_harness.dataset.vocabulary import Vocabulary
from leaner_harness.errors import DataError, UsageError

KNOWN = frozenset(
    "walk hope hop plan box make horse city try die carry big happy fast child go be do knife see "
    "agree need farm farmer new news even evening thing friend can leaf leave".split()
)
FORMS = {
    "walked": "walk",
    "hoped": "hope",
    "hopped": "hop",
    "hoping": "hope",
    "planning": "plan",
    "boxes": "box",
    "makes": "make",
    "horses": "horse",
    "cities": "city",
    "tried": "try",
    "dies": "die",
    "died": "die",
    "dying": "die",
    "bigger": "big",
    "happiest": "happy",
    "faster": "fast",
    "children": "child",
    "went": "go",
    "goes": "go",
    "was": "be",
    "knives": "knife",
    "seeing": "see",
    "agreed": "agree",
    "needed": "need",
    "don't": "do",
    "can’t": "can",
    "friend's": "friend",
    "farmers": "farmer",
    "farmer": "farmer",  # no degree of farm
    "news": "news",
    "evening": "evening",
    "thing": "thing",
}


@pytest.mark.parametrize(("form", "expected"), FORMS.items())
def test_lemmas_of_forms(form: str, expected: str) -> None:
    assert lemma(form, KNOWN) == expected


def test_a_form_may_have_two_lemmas() -> None:
    assert {"leaf", "leave"} <= set(candidates("leaves"))


@given(st.text(max_size=30))
def test_every_word_is_its_own_last_candidate(word: str) -> None:
    found = candidates(word)
    assert found and all(isinstance(some, str) for some in found)
    assert lemma(word, ()) in found


def test_words_outside_names_and_numbers_are_counted_apart() -> None:
    allowed = Vocabulary(frozenset({"the", "girl", "see", "a", "and", "in"}))
    counts = allowed.count(
        "The girl saw a mitochondrion, and Lydia saw 2 mitochondrions in 1945. FR city."
    )
    assert counts.outside == {"mitochondrion": 1, "mitochondrions": 1, "city": 1}
    assert counts.names == {"Lydia": 1, "FR": 1}
    assert counts.numbers == 2
    assert counts.inside == 7
    share, outside = allowed.coverage("The girl saw a mitochondrion.")
    assert (share, outside) == (0.8, {"mitochondrion": 1})


def test_a_name_of_the_policy_is_one_at_a_sentence_start_too() -> None:
    lemmas = frozenset({"sleep"})
    assert Vocabulary(lemmas).count("Lydia slept.").outside == {"lydia": 1}
    counts = Vocabulary(lemmas, names=frozenset({"Lydia"})).count("Lydia slept.")
    assert not counts.outside
    assert counts.names == {"Lydia": 1}


def test_what_follows_a_digit_is_no_word() -> None:
    assert not Vocabulary(frozenset({"in"})).count("in 20th").outside


@given(st.text())
def test_coverage_of_any_text_is_a_share(text: str) -> None:
    counts = vocabularies.packaged().count(text)
    words = counts.inside + counts.outside.total() + counts.names.total()
    assert 0 <= counts.share <= 1
    assert counts.inside >= 0 and words == len(vocabularies.WORD.findall(text))


def test_a_text_without_words_is_all_inside() -> None:
    assert vocabularies.packaged().coverage("") == (1.0, {})


def test_derive_takes_the_commonest_lemmas_and_leaves_names() -> None:
    texts = ["I saw dogs and a dog. We like Lydia and Lydia.", "He will see Lydia. A dog sees me."]
    assert vocabularies.derive(texts, 2).lemmas == {"see", "dog"}
    everything = vocabularies.derive(texts, 100)
    assert "lydia" not in everything.lemmas
    assert {"i", "dog", "and"} <= everything.lemmas
    assert "dogs" not in everything.lemmas


def test_derive_does_not_depend_on_how_texts_are_cut() -> None:
    texts = [d.text for d in read_documents("mini", "train", words=5_000)]
    whole = vocabularies.derive(["\n".join(texts)], 300)
    assert vocabularies.derive(texts, 300) == vocabularies.Vocabulary(whole.lemmas, "a corpus")


@pytest.mark.parametrize(("texts", "size", "error"), [([""], 5, DataError), (["a"], 0, UsageError)])
def test_nothing_to_derive_from(texts: list[str], size: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        vocabularies.derive(texts, size)


def test_a_list_is_saved_and_loaded(tmp_path: Path) -> None:
    made = Vocabulary(frozenset({"b", "a"}), "some\ntext")
    made.save(tmp_path / "list.txt")
    lines = (tmp_path / "list.txt").read_text().splitlines()
    assert lines[0].endswith("some text") and lines[1].endswith(made.sha256)
    assert lines[2:] == ["a", "b"]
    loaded = vocabularies.load(tmp_path / "list.txt")
    assert loaded.lemmas == made.lemmas and loaded.sha256 == made.sha256


def test_a_plain_list_is_one(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\nCat\n\ndog\n")
    assert vocabularies.load(tmp_path / "list.txt").lemmas == {"cat", "dog"}


@pytest.mark.parametrize("damage", ["missing", "empty", "changed", "bytes"])
def test_a_damaged_list_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "list.txt"
    if damage == "empty":
        path.write_text("# nothing\n")
    elif damage == "changed":
        Vocabulary(frozenset({"a"})).save(path)
        path.write_text(path.read_text() + "b\n")
    elif damage == "bytes":
        path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError):
        vocabularies.load(path)


def test_the_packaged_list() -> None:
    packaged = vocabularies.packaged()
    assert 1_500 <= len(packaged.lemmas) <= 2_000
    assert {"tool", "toy", "brave", "bug", "scary", "the"} <= packaged.lemmas
    assert all(word.isascii() and word.isalpha() and word.islower() for word in packaged.lemmas)


def test_the_packaged_list_covers_the_embedded_text_and_no_hard_one() -> None:
    packaged = vocabularies.packaged()
    text = "\n".join(d.text for d in read_documents("mini", "validation", words=20_000))
    assert packaged.coverage(text)[0] > 0.99
    hard = "Quantum electrodynamics postulates renormalised propagators mediating interactions."
    assert packaged.coverage(hard)[0] < 0.2


def test_published_text_is_covered(tinyhelen: Path) -> None:
    shares = {}
    for side in ("leaner", "ori"):
        source = str(tinyhelen / "data" / side)
        text = "\n".join(d.text for d in read_documents(source, "validation", ["wiki"]))
        shares[side] = vocabularies.packaged().coverage(text)[0]
    assert shares["leaner"] > 0.94
    assert shares["leaner"] > shares["ori"] + 0.08
