"""Word baselines: what they score is what an independent reckoning gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn import metrics as sk
from small_glue import ScoredLM, evaluate, write_glue

from leaner_harness import baselines
from leaner_harness.data import sources
from leaner_harness.data.glue import TASKS
from leaner_harness.data.rows import Row

WORDS = "ant bee cat dog eel fox gnu hen ibis jay".split()


def pair_rows(task: str, n: int, seed: int, label: Callable[[float], float]) -> list[Row]:
    """Rows of ten words each, more or fewer of them shared; the label follows from the share."""
    chance = random.Random(seed)
    first, second = TASKS[task].fields
    rows = []
    for i in range(n):
        shared = i % 10 + 1
        one = chance.sample(WORDS, 10)
        other = one[:shared] + [f"{word}s" for word in one[shared:]]
        share = shared / (20 - shared)
        rows.append({first: " ".join(one), second: " ".join(other), "label": label(share)})
    return rows


def test_jaccard_is_a_share_of_words() -> None:
    task = TASKS["rte"]
    texts = {"sentence1": "The cat sat.", "sentence2": "the CAT, it sat: on a mat"}
    assert baselines.jaccard(task, texts) == 3 / 7
    assert baselines.jaccard(task, {"sentence1": "", "sentence2": "?"}) == 0


def test_one_cut_is_found_whichever_side_is_which() -> None:
    for name, over in (("rte", 0), ("mrpc", 1)):
        rows = pair_rows(name, 60, 1, lambda share, over=over: over if share > 0.4 else 1 - over)
        assert baselines.score(TASKS[name], rows, rows)["jaccard"] == 1


def test_two_cuts_tell_three_classes_in_any_order() -> None:
    def label(share: float) -> int:
        return 1 if share < 0.2 else 2 if share < 0.5 else 0

    train, rows = pair_rows("mnli", 90, 1, label), pair_rows("mnli", 50, 2, label)
    rows = [row | {"part": ("matched", "mismatched")[i % 2]} for i, row in enumerate(rows)]
    assert baselines.score(TASKS["mnli"], train, rows)["jaccard"] == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 1)), min_size=2, max_size=25))
def test_no_cut_is_better_on_the_training_rows(pairs: list[tuple[int, int]]) -> None:
    rows = [
        {"question1": " ".join(WORDS[:shared]), "question2": " ".join(WORDS), "label": label}
        for shared, label in pairs
    ]
    gold = [label for _, label in pairs]
    best = 0.0
    for cut, over in product(range(11), (0, 1)):
        found = [over if shared >= cut else 1 - over for shared, _ in pairs]
        f1 = sk.f1_score(gold, found, zero_division=0)
        best = max(best, (sk.accuracy_score(gold, found) + f1) / 2)
    assert baselines._jaccard(TASKS["qqp"], rows, rows) == pytest.approx(best)


def test_the_jaccard_score_of_stsb_needs_no_training_rows() -> None:
    rows = pair_rows("stsb", 40, 3, lambda share: round(5 * share))
    shares = [baselines.jaccard(TASKS["stsb"], row) for row in rows]
    gold = [row["label"] for row in rows]
    expected = (scipy_stats.pearsonr(shares, gold)[0] + scipy_stats.spearmanr(shares, gold)[0]) / 2
    found = baselines.score(TASKS["stsb"], [], rows)
    assert found["jaccard"] == pytest.approx(expected) and found["words"] is None


def test_word_counts_learn_which_words_decide() -> None:
    def rows(words: list[str]) -> list[Row]:
        return [{"sentence": f"{w} is {how}", "label": int(how == "good")}
                for w in words for how in ("good", "bad")]  # fmt: skip

    for task in ("sst2", "cola"):
        found = baselines.score(TASKS[task], rows(WORDS[:5]), rows(WORDS[5:]))
        assert found == {"jaccard": None, "words": 1.0}
        assert baselines.score(TASKS[task], [], rows(WORDS)) == {"jaccard": None, "words": None}


def test_features_keep_the_two_texts_apart() -> None:
    row = {"sentence1": "A cat", "sentence2": "a dog ran"}
    assert baselines.features(TASKS["rte"], row) == {
        "0: a": 1, "0: cat": 1, "0: a cat": 1,
        "1: a": 1, "1: dog": 1, "1: ran": 1, "1: a dog": 1, "1: dog ran": 1,
        "first alone: cat": 1, "second alone: dog": 1, "second alone: ran": 1,
        "jaccard": 1 / 4, "first alone": 1 / 2, "second alone": 2 / 3, "longer": -1 / 5,
    }  # fmt: skip
    assert baselines.features(TASKS["cola"], {"sentence": "So so"}) == {"0: so": 1, "0: so so": 1}


def test_word_counts_see_what_one_text_has_alone() -> None:
    def rows(words: list[str]) -> list[Row]:
        texts = [(f"a {w} ran", f"a {w} ran") for w in words]
        texts += [(f"a {w} ran", f"a {w} never ran") for w in words]
        return [
            {"sentence1": one, "sentence2": other, "label": int("never" in other)}
            for one, other in texts
        ]

    found = baselines.score(TASKS["rte"], rows(WORDS[:5]), rows(WORDS[5:]))
    assert found["words"] == 1


@pytest.mark.parametrize("name", TASKS)
def test_odd_rows_are_scored_too(name: str) -> None:
    """No text at all, or one class and one overlap only: as good as a constant, no error."""
    task = TASKS[name]
    empty = [dict.fromkeys(task.fields, "?") | {"label": i % 2} for i in range(4)]
    one_class = [dict.fromkeys(task.fields, "a b") | {"label": 1} for _ in range(4)]
    for train in (empty, one_class):
        found = baselines.score(task, train, empty)
        assert all(value is None or -1 <= value <= 1 for value in found.values())


def test_the_same_rows_give_the_same_baselines() -> None:
    train, rows = (sources.load("rte", split, source="mini").rows for split in ("train", "test"))
    first = baselines.score(TASKS["rte"], train[:300], rows[:200])
    assert baselines.score(TASKS["rte"], train[:300], rows[:200]) == first


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the tasks of one evaluation say of their data; rte has no training rows."""
    folder = write_glue(tmp_path_factory.mktemp("glue"))
    (folder / "rte_train.jsonl").unlink()
    metadata = {"leaner_data": str(folder), "leaner_split": "validation"}
    names = ("cola", "stsb", "rte")
    found = evaluate(ScoredLM(lambda *_: -1.0), [f"leaner_glue_{n}" for n in names], metadata)
    return {n: found["configs"][f"leaner_glue_{n}"]["metadata"]["leaner"] for n in names}


def test_an_evaluation_puts_them_beside_its_scores(records: dict[str, Any]) -> None:
    for name, record in records.items():
        found = record["baselines"]
        if name == "rte":
            assert found["jaccard"] is None and found["words"] is None
            assert found["state"] == "missing_file" and "rte_train.jsonl" in found["reason"]
            continue
        assert found["state"] == "ok" and found["train_source"] == "local"
        assert (found["jaccard"] is None) == (len(TASKS[name].fields) == 1)
        assert -1 <= found["words"] <= 1


def test_a_limited_run_and_a_listed_task_do_not_wait_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(baselines, "score", never)
    metadata = {"leaner_data": str(write_glue(tmp_path)), "leaner_split": "validation"}
    found = evaluate(ScoredLM(lambda *_: -1.0), ["leaner_glue_rte"], metadata, limit=4)
    assert "baselines" not in found["configs"]["leaner_glue_rte"]["metadata"]["leaner"]
    with pytest.raises(AssertionError, match="computed"):
        evaluate(ScoredLM(lambda *_: -1.0), ["leaner_glue_rte"], metadata)


def test_published_rows_give_the_figures_known_of_them(tinyhelen: Path) -> None:
    """Word overlap alone correlates .66 to .67 with the labels of the stsb validation rows."""
    known = {"stsb": ("jaccard", 0.66, 0.67), "mrpc": ("words", 0.73, 0.85)}
    for name, (baseline, low, high) in known.items():
        train, rows = (
            sources.load(name, split, folder=str(tinyhelen)).rows
            for split in ("train", "validation")
        )
        found = baselines.score(TASKS[name], train, rows)[baseline]
        assert found is not None and low < found < high
