"""The learning rate's course, and the milestones on the way."""

from __future__ import annotations

import pytest
from leaner_trainers.milestones import milestone_steps, parse_milestone
from leaner_trainers.recipe import Recipe
from leaner_trainers.schedule import rate_share, time_is_up

from leaner_harness import UsageError


@pytest.mark.parametrize(
    ("schedule", "middle", "late"),
    [("cosine", 0.5, 0.0245), ("linear", 0.5, 0.1), ("wsd", 1.0, 0.4)],
)
def test_the_rate_rises_and_falls_to_zero(schedule, middle, late):
    recipe = Recipe(schedule=schedule, warmup=10, steps=110, decay=0.25)
    shares = [rate_share(recipe, step, 0.0) for step in range(110)]
    assert shares[:10] == sorted(shares[:10]) and shares[0] == pytest.approx(1 / 11)
    assert shares[10] == max(shares) == 1.0
    assert shares[60] == pytest.approx(middle) and shares[100] == pytest.approx(late, abs=1e-4)
    assert shares[10:] == sorted(shares[10:], reverse=True) and 0 < shares[-1] < 0.05


def test_a_budget_of_time_hurries_the_rate():
    recipe = Recipe(schedule="linear", warmup=0, steps=1000, minutes=1.0)
    assert rate_share(recipe, 10, 0.0) == 0.99
    assert rate_share(recipe, 10, 45.0) == 0.25
    assert rate_share(recipe, 900, 45.0) == pytest.approx(0.1)
    assert rate_share(recipe, 10, 90.0) == 0.0
    assert [time_is_up(recipe, seconds) for seconds in (59.0, 61.0)] == [False, True]
    assert not time_is_up(Recipe(), 1e9)


def test_milestones_in_words_tokens_and_steps():
    texts = ["1k words", "4000 tokens", "7 steps", "0.5k words"]
    found = milestone_steps(texts, tokens_per_step=100, words_per_token=0.5, steps=40)
    assert found == {20: ["1k-words"], 40: ["4000-tokens"], 7: ["7-steps"], 10: ["0.5k-words"]}
    # 7,000 words at 70 a step are a hundred steps, whatever floats make of it.
    assert milestone_steps(["7k words"], 100, 0.7, 100) == {100: ["7k-words"]}
    assert milestone_steps(["1 words"], 100, 0.5, 10) == {1: ["1-words"]}
    assert milestone_steps(["1M words", "1000k words"], 100, 1.0, 10_000) == {
        10_000: ["1M-words", "1000k-words"]
    }


@pytest.mark.parametrize(
    "text", ["10M", "ten words", "10 Mwords", "0 steps", "-1 steps", "5 bytes"]
)
def test_what_is_no_milestone_is_named(text):
    with pytest.raises(UsageError, match=f"holds '{text}', which is no milestone"):
        parse_milestone(text)


def test_a_milestone_beyond_the_end_is_refused():
    with pytest.raises(UsageError, match="5k-words lies beyond the end of the run, 4,000 words"):
        milestone_steps(["5k words"], 100, 1.0, 40)
