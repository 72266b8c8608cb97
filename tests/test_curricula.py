"""The pools of every curriculum, over random corpora, seeds and plans."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaner_trainers.controls import Following, reversed_scores, shuffled_scores
from leaner_trainers.curricula.iterative import Iterative
from leaner_trainers.curricula.paced import PACINGS, Competence, Sorted
from leaner_trainers.curricula.random import Random
from leaner_trainers.curricula.subset import Subset

from leaner_harness import KEEP, RESCORE, Progress, Ranking, UsageError

STEPS = 60
corpora = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), min_size=1, max_size=50).map(
    lambda rows: (np.float32([s for s, _ in rows]), np.int64([w for _, w in rows]))
)
units = st.sampled_from(["tokens", "documents"])
equal_shares = st.integers(1, 12).map(lambda n: [1 / n] * n)
any_shares = st.lists(st.integers(1, 9), min_size=1, max_size=8).map(
    lambda parts: [part / sum(parts) for part in parts]
)
losses = st.lists(st.floats(0.5, 3), min_size=STEPS, max_size=STEPS)

full_at = st.floats(0.1, (STEPS - 1) / STEPS)  # later ones are refused before a run begins

iteratives = st.builds(
    Iterative,
    shares=st.one_of(equal_shares, any_shares),
    rule=st.sampled_from(["plateau", "fixed"]),
    patience=st.integers(1, 3),
    max_steps=st.sampled_from([None, 1, 7, 50]),
    full_at=full_at,
    nested=st.booleans(),
    unit=units,
)
paced = st.one_of(
    st.builds(
        Sorted,
        start_share=st.floats(0.01, 1),
        full_at=full_at,
        increments=st.integers(1, 25),
        pacing=st.sampled_from(PACINGS),
        unit=units,
    ),
    st.builds(Competence, full_at=full_at, increments=st.integers(1, 25)),
)
whole = st.one_of(iteratives, paced, st.just(Random()))
subsets = st.builds(Subset, share=st.floats(0.01, 1), unit=units)


def walk(curriculum, scores, weights, losses):
    """Pools and states of a run, each state having been through JSON."""
    state = curriculum.start(len(weights), weights, 0)
    found = [curriculum.pool(state, Ranking(scores, weights))]
    wishes = []
    for step in range(1, STEPS):  # a pool chosen after the last step is never read
        before = state
        state, wish = curriculum.observe(state, Progress(step, STEPS, losses[step - 1]))
        again = curriculum.observe(
            json.loads(json.dumps(before)), Progress(step, STEPS, losses[step - 1])
        )
        assert (state, wish) == again and json.loads(json.dumps(state)) == state
        wishes.append(wish)
        if wish != KEEP:
            found.append(curriculum.pool(state, Ranking(scores, weights, before=found[-1])))
    return found, wishes


@given(whole, corpora, losses)
def test_pools_only_grow_to_the_whole_set(curriculum, corpus, losses):
    scores, weights = corpus
    pools, wishes = walk(curriculum, scores, weights, losses)
    for smaller, larger in zip(pools, pools[1:], strict=False):
        assert set(smaller) <= set(larger)
    for pool in pools:
        assert (np.diff(pool) > 0).all() and 0 <= pool[0] and pool[-1] < len(scores)
    assert len(pools[-1]) == len(scores)


@given(whole, corpora, losses)
def test_every_id_is_in_exactly_the_pools_its_rank_implies(curriculum, corpus, losses):
    scores, weights = corpus
    pools, _ = walk(curriculum, scores, weights, losses)
    rank = np.empty(len(scores), int)
    rank[sorted(range(len(scores)), key=lambda i: (scores[i], i))] = np.arange(len(scores))
    for pool in pools:
        assert sorted(rank[pool]) == list(range(len(pool)))


@given(st.one_of(whole, subsets), corpora, losses, st.integers(0, 9))
def test_controls_have_pools_of_the_same_sizes(curriculum, corpus, losses, seed):
    scores, weights = corpus
    pools, wishes = walk(curriculum, scores, weights, losses)
    for dealt in (reversed_scores(scores), shuffled_scores(scores, seed)):
        assert sorted(dealt) == sorted(scores)
        others, same_wishes = walk(curriculum, dealt, weights, losses)
        assert wishes == same_wishes and len(pools) == len(others)
        for pool, other in zip(pools, others, strict=True):
            if getattr(curriculum, "unit", "documents") == "documents":
                assert len(pool) == len(other)
            else:
                # In tokens they are the same but for part of a document.
                gap = abs(int(weights[pool].sum()) - int(weights[other].sum()))
                assert gap < weights.max()


@given(st.one_of(iteratives, paced), corpora, losses, st.integers(0, 9))
def test_a_control_that_follows_reads_as_much_at_the_same_steps(curriculum, corpus, losses, seed):
    scores, weights = corpus
    unit = getattr(curriculum, "unit", "documents")
    pools, wishes = walk(curriculum, scores, weights, losses)
    begins = [0, *(step for step, wish in enumerate(wishes, 1) if wish != KEEP)]
    sizes = [len(pool) if unit == "documents" else int(weights[pool].sum()) for pool in pools]
    follower = Following(tuple(begins), tuple(sizes), unit)
    others, same = walk(follower, shuffled_scores(scores, seed), weights, [9.0] * STEPS)
    assert [wish != KEEP for wish in same] == [wish != KEEP for wish in wishes]
    for pool, other in zip(pools, others, strict=True):
        if unit == "documents":
            assert len(pool) == len(other)
        else:
            assert 0 <= weights[other].sum() - weights[pool].sum() < weights.max()


@given(any_shares, corpora)
def test_shares_sum_to_one_and_add_up(shares, corpus):
    scores, weights = corpus
    curriculum = Iterative(shares=shares, rule="fixed", max_steps=1)
    pools, _ = walk(curriculum, scores, weights, [1.0] * STEPS)
    assert len(pools) == len(shares) and len(pools[-1]) == len(scores)
    for number, pool in enumerate(pools[:-1]):
        share = sum(shares[: number + 1])
        assert weights[pool].sum() >= share * weights.sum() * (1 - 1e-6)


@given(corpora, st.floats(0.01, 1), units)
def test_a_subset_is_one_stage_of_its_share(corpus, share, unit):
    scores, weights = corpus
    pools, wishes = walk(Subset(share=share, unit=unit), scores, weights, [1.0] * STEPS)
    assert set(wishes) == {KEEP} and len(pools) == 1
    assert pools[0].tolist() == Ranking(scores, weights).easiest(share, unit).tolist()


@given(corpora)
def test_reversed_twice_is_the_order_itself_up_to_ties(corpus):
    scores, _ = corpus
    distinct = scores + np.arange(len(scores), dtype=np.float32) / 1000
    assert (reversed_scores(reversed_scores(distinct)) == distinct).all()
    assert np.argmax(reversed_scores(distinct)) == np.argmin(distinct)


def test_competence_takes_what_is_as_hard_together():
    scores = np.float32([0, 0, 0, 1, 1, 2])
    ranking = Ranking(scores, np.ones(6, np.int64))
    curriculum = Competence(increments=10)
    sizes = {len(curriculum.pool({"stage": stage}, ranking)) for stage in range(11)}
    assert sizes == {3, 5, 6}


def test_pacings_are_those_of_the_paper():
    shares = {name: Sorted(start_share=0.2, pacing=name).share(0.5) for name in PACINGS}
    assert shares["linear"] == pytest.approx(0.6)
    assert shares["root"] == pytest.approx(0.2 + 0.8 * 0.5**0.5)
    assert shares["step"] == 0.2 and Sorted(start_share=0.2, pacing="step").share(1) == 1
    assert shares["exponential"] == pytest.approx(0.2 + 0.8 * (np.e**5 - 1) / (np.e**10 - 1))
    assert Competence(start_share=0.01).share(0.25) == pytest.approx(
        (0.25 * 0.9999 + 0.0001) ** 0.5
    )


def iterate(curriculum, losses, steps=100):
    """The steps after which stages end, and the answers."""
    state, found = curriculum.start(10, np.ones(10, int), 0), []
    for step, loss in enumerate(losses, start=1):
        state, wish = curriculum.observe(state, Progress(step, steps, loss))
        if wish != KEEP:
            assert wish == RESCORE
            found.append(step)
    return found


def test_a_plateau_is_the_papers():
    """The first evaluation that is not below the lowest of all stages ends one."""
    losses = [3, None, 2, None, 2.5, 2.2, 1.9, 1.9]
    assert iterate(Iterative(stages=5), losses) == [5, 6, 8]
    assert iterate(Iterative(stages=5, patience=2), losses) == [6]
    assert iterate(Iterative(stages=5, min_delta=0.5), losses) == [5, 6, 7, 8]
    assert iterate(Iterative(stages=2), losses) == [5]


def test_a_stage_lasts_no_longer_than_it_may():
    falling = [1 / step for step in range(1, 101)]
    assert not Iterative(rule="fixed").watches_loss
    assert iterate(Iterative(stages=5), falling) == [20, 40, 60, 80]
    assert iterate(Iterative(stages=5, max_steps=7), falling) == [7, 14, 21, 28]
    fixed = Iterative(stages=3, rule="fixed", advance_at=(4, 50))
    assert iterate(fixed, [1.0] * 100) == [4, 50]
    assert iterate(Iterative(stages=4, rule="fixed", full_at=0.3), [1.0] * 100) == [10, 20, 30]


def test_without_nesting_new_scores_take_documents_out():
    weights = np.ones(4, np.int64)
    before = np.array([0])
    new = Ranking(np.float32([9, 1, 2, 3]), weights, before=before)
    assert Iterative(stages=4).pool({"stage": 1}, new).tolist() == [1, 2]
    assert Iterative(stages=4, nested=True).pool({"stage": 1}, new).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Iterative, {"shares": [0.5, 0.4]}, "sum to 1"),
        (Iterative, {"shares": [1.5, -0.5]}, "above 0"),
        (Iterative, {"rule": "often"}, "one of .'plateau', 'fixed'"),
        (Iterative, {"stages": 3, "advance_at": [5, 9]}, "rule 'fixed'"),
        (Iterative, {"stages": 3, "rule": "fixed", "advance_at": [9, 5]}, "2 rising steps"),
        (Iterative, {"patience": 0}, "at least 1"),
        (Sorted, {"pacing": "slow"}, "'linear', 'root', 'step', 'exponential'"),
        (Sorted, {"start_share": 0.0}, "above 0"),
        (Competence, {"increments": 0}, "at least 1"),
        (Subset, {"share": 1.2}, "at most 1"),
        (Subset, {"unit": "words"}, "'tokens' or 'documents'"),
    ],
)
def test_a_wrong_option_is_named(make, options, message):
    with pytest.raises(UsageError, match=message):
        make(**options)


def test_the_next_share_is_of_new_scores():
    state, wish = Sorted(increments=4).observe({"stage": 0}, Progress(20, 100))
    assert (state, wish) == ({"stage": 1}, RESCORE)


@given(iteratives.filter(lambda c: c.nested), corpora, losses, st.integers(0, 9))
def test_nested_pools_grow_whatever_the_new_scores(curriculum, corpus, losses, seed):
    scores, weights = corpus
    draw = np.random.default_rng(seed)
    state, pool = curriculum.start(len(weights), weights, 0), np.empty(0, np.int64)
    for step in range(1, STEPS + 1):
        state, wish = curriculum.observe(state, Progress(step, STEPS, losses[step - 1]))
        if wish != KEEP:
            new = draw.random(len(scores)).astype(np.float32)
            grown = curriculum.pool(state, Ranking(new, weights, before=pool))
            assert set(pool) <= set(grown)
            pool = grown
    assert len(pool) in (0, len(scores))  # 0: one stage


def test_all_is_in_at_the_latest_step():
    """Also with more stages than steps, or steps that are too many."""
    crowded = Iterative(stages=40, full_at=0.5)
    assert len(iterate(crowded, [1 / n for n in range(1, 25)], 24)) == 12
    assert iterate(Iterative(stages=5, max_steps=30), [1 / n for n in range(1, 101)]) == [
        30,
        60,
        80,
    ]
    late = Iterative(stages=3, rule="fixed", advance_at=(50, 95))
    assert iterate(late, [1.0] * 100) == [50, 80]
